// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The two metering chips of the virtual CT6: registers, resolution and calibration (sheet, sections 2.3 and 5).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "virtual_config.hpp"
#include "virtual_loads.hpp"

namespace mesura::ct6::twin {

/// One port as the unit reads it, or means of that.
struct PortReading {
  double irms_a = 0, ipeak_a = 0, vrms_v = 0;
  double active_w = 0, reactive_var = 0, apparent_va = 0;
  double factor = 0;
  double chip_celsius = 0, frequency_hz = 0;
};

/// All of one 200 ms reading, or means of several.
struct Reading {
  std::vector<PortReading> ports;
  double read_us = 0, rssi_dbm = 0, board_celsius = 0;
};

/// What the registers would have to hold for true readings: a fact of a unit, its adapter and its clamps.
struct TrueGains {
  std::array<int, 2> voltage{};  ///< CS4, CS0
  std::vector<int> current;      ///< by port
};
[[nodiscard]] TrueGains true_gains(std::uint64_t seed, int ports, int input_gain);

class Chips {
 public:
  Chips(TrueGains gains, std::uint64_t seed) : gains_(std::move(gains)), seed_(seed) {}

  /// Loads the calibration registers. false: the firmware stops there (a gain of 0, a mains frequency other than 50 or
  /// 60, a text that is no number), and `why` says where.
  bool load(const Config& config, std::string& why);
  void replace(TrueGains gains) { gains_ = std::move(gains); }

  /// What sample `index` reads from `loads`, which looks at its instant already.
  void read(const Loads& loads, std::int64_t index, Reading& out) const;

  [[nodiscard]] const std::array<int, 2>& voltage_gain() const { return voltage_gain_; }
  [[nodiscard]] const std::vector<int>& current_gain() const { return current_gain_; }
  [[nodiscard]] const std::vector<int>& current_offset() const { return current_offset_; }
  [[nodiscard]] int line_hz() const { return line_hz_; }

 private:
  void read_port(const Loads& loads, int port, std::int64_t index, PortReading& out) const;

  TrueGains gains_;
  std::uint64_t seed_;
  std::array<int, 2> voltage_gain_{1, 1};
  std::vector<int> current_gain_, current_offset_;
  int line_hz_ = 50;
};

/// The chip of a port: 0 is CS4 (ct1 to ct3), 1 is CS0 (ct4 to ct6); stacked boards repeat that.
[[nodiscard]] constexpr int chip_of(int port) { return (port - 1) / 3 % 2; }

}  // namespace mesura::ct6::twin
