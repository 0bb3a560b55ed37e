// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "line.hpp"
#include "telegram.hpp"
#include "value.hpp"

#include <string>
#include <vector>

namespace mesura::dsmr_p1 {

/// Reads the objects that hold several values with times of their own. They stand unchanged in telegram after telegram,
/// so only entries that the last telegram did not have are appended to `events`.
///
/// Each returns why the line is not in order, or an empty text; what could be read of a faulty line is used.
class CompositeReader {
 public:
  /// 1-0:99.97.0(z)(0-0:96.7.19)(end)(seconds*s)...
  std::string failure_log(const Line& line, const StampClock& clock, std::vector<Reading>& events);
  /// 1-0:1.6.0(end)(value), or (value)(end) from one firmware.
  std::string month_max(const Line& line, FieldId field, const StampClock& clock, std::int64_t received_ns,
                        std::vector<Reading>& events);
  /// 0-0:98.1.0: thirteen Belgian months of peaks, or Hungary's registers at the end of the month: its first content is
  /// a stamp.
  std::string history(const Line& line, const StampClock& clock, std::int64_t received_ns,
                      std::vector<Reading>& events);
  /// Israel's 1-0:99.1.0(1)(0-0:96.10.7)(code)(code)(end)(00)(kWh)(kWh): energy of the last row of the load profile.
  std::string profile_row(const Line& line, FieldId first_field, const StampClock& clock, std::int64_t received_ns,
                          std::vector<Reading>& events);
  /// A reading at its own time, told once.
  void event(const Reading& reading, std::vector<Reading>& events);

 private:
  struct Told {
    FieldId field;
    std::int64_t time_ns;
    double value;
    bool operator==(const Told&) const = default;
  };
  std::string belgian_peaks(const Line& line, const StampClock& clock, std::vector<Reading>& events);
  std::string hungarian_registers(const Line& line, std::int64_t time_ns, std::vector<Reading>& events);
  /// Tells those of `current` that `known` lacks, and remembers `current`.
  void tell_new(std::vector<Reading>& current, std::vector<Told>& known, std::vector<Reading>& events);

  std::vector<Told> known_failures_;
  std::vector<Told> known_peaks_;
  std::vector<Told> known_single_;
  std::vector<Told> told_scratch_;
  std::vector<Reading> current_;
  std::string registers_;
  std::int64_t registers_time_ns_ = kNoTime;
};

}  // namespace mesura::dsmr_p1
