// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Local time and its calendar, by IANA zone. Inside, time is UTC in ns since 1970; a zone always comes from the
// configuration, never from the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.hpp"

namespace date {
class time_zone;
}  // namespace date

namespace mesura::model {

/// A wall clock reading, with the offset that makes it one instant.
struct LocalTime {
  int year = 1970;
  int month = 1;        ///< 1..12
  int day = 1;          ///< 1..31
  int hour = 0;         ///< 0..23
  int minute = 0;       ///< 0..59
  int second = 0;       ///< 0..59
  int nanosecond = 0;   ///< 0..999 999 999
  int offset_s = 0;     ///< local = UTC + offset
  bool summer = false;  ///< daylight saving time is in force
};

/// [start, end): from start_ns on, before end_ns.
struct Window {
  std::int64_t start_ns;
  std::int64_t end_ns;

  friend bool operator==(const Window&, const Window&) = default;
};

/// Which of two instants a wall clock reading of the repeated hour means.
enum class Repeated { first, second };

enum class TimeStyle {
  iso,   ///< 2026-06-14T14:45:01.000+02:00
  table  ///< 2026-06-14 14:45:01.000
};

/// An IANA time zone. Cheap to copy; calls are thread-safe and take well below a microsecond.
///
/// source  the system's tzdata; its days are as long as the clock says: 23 or 25 hours when it changes.
/// range   1677-11 to 2262-03: times beyond (within 40 days of what ns in 64 bits hold) are taken as the nearest of
/// these
class Zone {
 public:
  /// Null and the reason in `problem` if there is no such zone. Names are case-sensitive.
  static std::optional<Zone> find(std::string_view name, Problem* problem = nullptr);
  static Zone utc();
  /// All zones of this system, sorted, to propose one.
  static std::vector<std::string> names();

  [[nodiscard]] const std::string& name() const;

  [[nodiscard]] LocalTime to_local(std::int64_t utc_ns) const;
  /// Null if the members make no date and time, or one out of range. `offset_s` and `summer` are not read. A reading in
  /// the hour that a clock change skips means the instant of the change.
  [[nodiscard]] std::optional<std::int64_t> to_utc(const LocalTime& local, Repeated choice = Repeated::first) const;

  /// The local quarter of an hour, day or calendar month that holds this instant.
  [[nodiscard]] Window quarter(std::int64_t utc_ns) const;
  [[nodiscard]] Window day(std::int64_t utc_ns) const;
  [[nodiscard]] Window month(std::int64_t utc_ns) const;

  /// Milliseconds, or 6 or 9 digits if the time has finer ones.
  [[nodiscard]] std::string format(std::int64_t utc_ns, TimeStyle style = TimeStyle::iso) const;

 private:
  explicit Zone(const date::time_zone* zone) : zone_(zone) {}

  const date::time_zone* zone_;  ///< lives as long as the program
};

}  // namespace mesura::model
