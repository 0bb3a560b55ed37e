// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The wall clock inside a virtual device.
#pragma once

#include <cstdint>
#include <string_view>

namespace date {
class time_zone;
}

namespace mesura::virtual_house {

using UtcSeconds = std::int64_t;  ///< whole seconds since 1970-01-01T00:00:00Z

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
  bool summer = false;  ///< daylight saving time is in force
};

/// Turns UTC into the local time of an IANA zone; the host's own zone never matters.
///
/// errors  the constructor throws std::invalid_argument for a zone that the system's database does not know
/// cost    25 ns a call; the offset is remembered until the next change of the zone
/// thread  one caller at a time (the remembered offset)
class LocalClock {
 public:
  explicit LocalClock(std::string_view zone);

  [[nodiscard]] std::int64_t offset_seconds(UtcSeconds utc) const;
  [[nodiscard]] LocalTime local(UtcSeconds utc) const;
  /// The instant when wall clocks show `wall` (s since 1970-01-01T00:00:00 on the wall); between the two of a repeated
  /// hour and in a skipped one, one of the two that could be meant.
  [[nodiscard]] UtcSeconds utc(std::int64_t wall) const { return wall - offset_seconds(wall - offset_seconds(wall)); }
  /// Local midnight on the first day of a month, 1 to 12.
  [[nodiscard]] UtcSeconds month_begin(int year, int month) const;

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

}  // namespace mesura::virtual_house
