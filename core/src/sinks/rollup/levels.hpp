// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The windows over which measurements are rolled up. Times are UTC in microseconds since 1970.
#pragma once

#include "model/zones.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mesura::sinks::rollup {

enum class Level : std::uint8_t { minute, quarter_hour, hour, day };
inline constexpr std::array kLevels{Level::minute, Level::quarter_hour, Level::hour, Level::day};
[[nodiscard]] std::string_view suffix(Level level);  ///< "1m", "15m", "1h", "1d"

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
inline constexpr std::int64_t kQuarterUs = 15 * kMinuteUs;
inline constexpr std::int64_t kHourUs = 60 * kMinuteUs;
inline constexpr std::int64_t kDayUs = 24 * kHourUs;

/// The multiple of `unit` at or before `time`, also before 1970.
[[nodiscard]] constexpr std::int64_t floor_to(std::int64_t time, std::int64_t unit) {
  const std::int64_t rest = time % unit;
  return time - (rest < 0 ? rest + unit : rest);
}

/// [start, end)
struct Span {
  std::int64_t start;
  std::int64_t end;
  [[nodiscard]] bool contains(std::int64_t time) const { return start <= time && time < end; }
  friend bool operator==(const Span&, const Span&) = default;
};

/// Which window holds an instant: up to the hour they are those of UTC; a day is one of the site's zone, with 23 or 25
/// hours when the clock changes. Every window is made of whole quarter hours in all zones of today.
class Calendar {
 public:
  explicit Calendar(model::Zone zone) : zone_(zone) {}
  [[nodiscard]] Span window(Level level, std::int64_t time) const;
  /// What the rows of `level` (not minute) in this window are made of: of the hour, unless days begin between two.
  [[nodiscard]] static Level source(Level level, Span window);
  [[nodiscard]] const model::Zone& zone() const { return zone_; }

 private:
  model::Zone zone_;
};

}  // namespace mesura::sinks::rollup
