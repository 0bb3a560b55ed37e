// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace date {
class time_zone;
}

namespace mesura::dsmr_p1 {

inline constexpr std::int64_t kSecond = 1'000'000'000;  // ns
inline constexpr std::int64_t kDay = 86'400 * kSecond;
/// "No time", the same number as MESURA_NO_TIME.
inline constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

/// A time stamp as the wire gives it: wall-clock time and what is known about its offset from UTC.
struct Stamp {
  enum class Kind : std::uint8_t {
    null,    ///< "never set": a component out of range
    winter,  ///< suffix W: the standard offset
    summer,  ///< suffix S: an hour more
    zone,    ///< no or an unknown suffix: the rules of a time zone
    utc      ///< COSEM date-time with its deviation: `wall_ns` is UTC already
  };
  Kind kind = Kind::null;
  std::int64_t wall_ns = 0;  ///< of the wall clock, as if it were UTC
};

/// Reads YYMMDDhhmmss with an optional suffix letter, or a COSEM date-time of 24 hex digits. Nothing when the text has
/// neither shape; a stamp of kind null when it has, but its components are out of range.
/// source  DSMR P1 5.0.2 (TST); IEC 62056-6-2 (date-time)
[[nodiscard]] std::optional<Stamp> parse_stamp(std::string_view text);

/// Turns stamps into UTC. A suffix fixes the offset; zone rules count only where there is none, because some meters
/// stay on standard time all year whatever their zone does.
class StampClock {
 public:
  /// standard_offset_s  seconds east of UTC in winter
  /// zone               IANA name; throws std::runtime_error when it does not exist
  StampClock(std::int64_t standard_offset_s, std::string_view zone);

  /// ns since the epoch, UTC, or kNoTime for a null stamp.
  /// In the hour that a zone repeats: the earlier of the two unless that lies before `previous_ns`, the last time of
  /// the same object; without one, that which is nearer to `received_ns`.
  [[nodiscard]] std::int64_t utc(const Stamp& stamp, std::int64_t previous_ns, std::int64_t received_ns) const;

 private:
  [[nodiscard]] std::int64_t by_zone(std::int64_t wall_ns, std::int64_t previous_ns, std::int64_t received_ns) const;

  std::int64_t winter_ns_;
  std::int64_t summer_ns_;
  const date::time_zone* zone_;
};

/// The end of the quarter that a demand stamp names: rounded down, early e-MUCS documents show unaligned ones.
[[nodiscard]] constexpr std::int64_t floor_quarter(std::int64_t ns) {
  constexpr std::int64_t quarter = 900 * kSecond;
  const std::int64_t rest = ns % quarter;
  return ns - (rest < 0 ? rest + quarter : rest);
}

}  // namespace mesura::dsmr_p1
