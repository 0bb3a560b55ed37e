// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Times and durations as people ask for them: `from`, `to`, `every`, `resolution`. API and command line read the same
// words.
#pragma once

#include <mesura/store.hpp>

#include "model/problem.hpp"
#include "model/zones.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::store {

/// Which end of a span a word means that stands for one: "today" is its first instant as `from` and its end as `to`.
enum class Bound : std::uint8_t { from, to };

/// An instant, UTC in ns. Null with the reason for anything else than:
///
///     2026-06-14T14:45:01.5+02:00  RFC 3339, with 'Z' or an offset; seconds may be left out; a blank for the 'T'
///     2026-06-14T14:45             without an offset: on the clock of the zone (the first, where an hour comes twice)
///     2026-06-14, 2026-06, 2026    a day, month or year of the zone
///     1781441101, 1781441101.5     seconds since 1970; whole numbers of 12 to 14 digits are ms, of 15 to 17 us,
///                                  of 18 and 19 ns (2026 and the like, four digits, is a year)
///     now, -5m, +1h30m, now-1d     from now; days and weeks are 24 and 168 hours
///     today, yesterday, tomorrow
///     this_hour, this_week, this_month, this_year, last_hour, last_week, last_month, last_year  (weeks begin on
///     Monday)
///
/// Spans give their begin as `from` and their end as `to`, so from=yesterday&to=yesterday is that day. Years 1678 to
/// 2261.
[[nodiscard]] std::optional<std::int64_t> parse_instant(std::string_view text, Bound bound, std::int64_t now_ns,
                                                        const model::Zone& zone, model::Problem* problem = nullptr);

/// "15m", "1h", "1d": what the configuration takes for durations, and "15min", "hour", "day", "week" beside. More
/// than 0.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_every(std::string_view text,
                                                                  model::Problem* problem = nullptr);

/// "raw", "1m", "15m", "1h", "1d"; null for "auto", too, which is no problem.
[[nodiscard]] std::optional<Resolution> parse_resolution(std::string_view text, model::Problem* problem = nullptr);

}  // namespace mesura::store
