// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The wall clock inside the virtual P1 meter.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace mesura::dsmr_p1::twin {

using UtcSeconds = std::int64_t;  ///< whole seconds since 1970-01-01T00:00:00Z

/// A stamp that was never set: month peaks before the first quarter, slots that never answered.
inline constexpr UtcSeconds kNever = std::numeric_limits<UtcSeconds>::min();

inline constexpr std::int64_t kQuarterSeconds = 900;
inline constexpr std::int64_t kDaySeconds = 86400;

/// Local wall-clock fields of one instant.
struct LocalTime {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int weekday = 4;      ///< 0 = Sunday
  bool summer = false;  ///< what the meter prints as S
};

/// Turns UTC into the local time of an IANA zone; the host's own zone never matters.
///
/// errors  the constructor throws std::invalid_argument for a zone that the system's database does not know
/// cost    25 ns a call; the offset is remembered until the next change of the zone
/// thread  one caller at a time (the remembered offset)
class MeterClock {
 public:
  explicit MeterClock(std::string_view zone);

  [[nodiscard]] std::int64_t offset_seconds(UtcSeconds utc) const;
  [[nodiscard]] LocalTime local(UtcSeconds utc) const;
  /// Local midnight on the first day of a month, 1 to 12.
  [[nodiscard]] UtcSeconds month_begin(int year, int month) const;
  /// `YYMMDDhhmmssX` with X = S or W; kNever gives the null stamp `632525252525W`.
  [[nodiscard]] std::string stamp(UtcSeconds utc) const;
  /// The same without the suffix, as DSMR 2.2 writes it.
  [[nodiscard]] std::string stamp_without_suffix(UtcSeconds utc) const { return stamp(utc).substr(0, 12); }

 private:
  void look_up(UtcSeconds utc) const;

  const date::time_zone* zone_;
  mutable UtcSeconds begin_ = 0;  // the remembered offset holds in [begin_, end_)
  mutable UtcSeconds end_ = 0;
  mutable std::int64_t offset_ = 0;
  mutable bool summer_ = false;
};

/// Floor to the grid of `step`, also for instants before 1970.
constexpr std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return rest < 0 ? value - rest - step : value - rest;
}

}  // namespace mesura::dsmr_p1::twin
