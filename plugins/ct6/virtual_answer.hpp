// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The stats object of the virtual CT6: in UDP answers, MQTT payloads and HTTP replies (sheet, section 2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtual_chips.hpp"
#include "virtual_config.hpp"
#include "virtual_firmware.hpp"

namespace mesura::ct6::twin {

/// What an answer carried, by number; NaN where it carried nothing that counts. Nine numbers a port, then the unit's.
using TruthValues = std::vector<double>;

/// Channel and quantity of a truth value, in the vocabulary's words.
[[nodiscard]] std::pair<std::string, std::string_view> truth_name(std::size_t index, int ports);
[[nodiscard]] std::size_t truth_size(int ports);

class AnswerWriter {
 public:
  /// How one answer differs from the others.
  struct Shape {
    bool header = false;                 ///< with the keys that only UDP answers have
    bool single = false;                 ///< one sample: what the device reads as an int is printed as one
    std::optional<std::int64_t> time_s;  ///< the unit's clock, for TIMESENT
    int nan_port = 0;                    ///< prints nan as this port's power; 0: none
  };

  /// To be called when configuration or address changed.
  void rebuild(const Config& config, const Firmware& firmware, int ports, std::string_view address);

  /// Appends the answer to `out`. `reading` has one entry for each port.
  void write(std::string& out, const Reading& reading, const Shape& shape);
  /// Of the last answer written.
  [[nodiscard]] const TruthValues& truth() const { return truth_; }

 private:
  void write_port(std::string& out, const PortReading& reading, std::size_t index, const Shape& shape);
  void write_unit(std::string& out, const Reading& reading, const Shape& shape);
  void write_time(std::string& out, std::int64_t time_s);
  [[nodiscard]] bool factor_forced(double active_w) const;

  std::string header_;
  std::vector<std::string> ports_;  ///< each up to the first number
  std::string tail_;
  FactorRule rule_ = FactorRule::none;
  bool time_sent_ = true;
  double threshold_ = 0;
  double shown_threshold_ = 0;  ///< as its digits read
  double active_ = 0;
  TruthValues truth_;
};

}  // namespace mesura::ct6::twin
