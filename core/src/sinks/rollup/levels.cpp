// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/rollup/levels.hpp"

#include <algorithm>
#include <limits>

namespace mesura::sinks::rollup {

std::string_view suffix(Level level) {
  switch (level) {
    case Level::minute: return "1m";
    case Level::quarter_hour: return "15m";
    case Level::hour: return "1h";
    case Level::day: return "1d";
  }
  return "";
}

Span Calendar::window(Level level, std::int64_t time) const {
  const auto plain = [&](std::int64_t unit) {
    const std::int64_t start = floor_to(time, unit);
    return Span{start, start + unit};
  };
  switch (level) {
    case Level::minute: return plain(kMinuteUs);
    case Level::quarter_hour: return plain(kQuarterUs);
    case Level::hour: return plain(kHourUs);
    case Level::day: break;
  }
  // The quarter hour that holds the first instant which fits into ns begins before it.
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min() / 1000;
  const model::Window day = zone_.day(std::max(floor_to(time, kQuarterUs), kFirst) * 1000);
  // Before there were time zones, a town's offset had odd minutes and seconds.
  return {floor_to(day.start_ns / 1000, kQuarterUs), floor_to(day.end_ns / 1000, kQuarterUs)};
}

Level Calendar::source(Level level, Span window) {
  if (level == Level::day) {
    return floor_to(window.start, kHourUs) == window.start && floor_to(window.end, kHourUs) == window.end
               ? Level::hour
               : Level::quarter_hour;
  }
  return level == Level::hour ? Level::quarter_hour : Level::minute;
}

}  // namespace mesura::sinks::rollup
