// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/wall_clock.hpp"

#include "runtime/time_text.hpp"

#include <string>
#include <string_view>

namespace mesura::importing {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kQuarter = 15 * kMinute;  // clocks change on quarters of an hour
constexpr std::int64_t kBack = kMinute;          // so far no clock is set back by hand or NTP while it runs
constexpr std::int64_t kNear = 10 * kMinute;     // readings so close follow one another

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

/// The clock's reading at an instant, as if it were UTC.
std::int64_t shown_at(const model::Zone& zone, std::int64_t utc_ns) {
  return utc_ns + zone.to_local(utc_ns).offset_s * kSecond;
}

}  // namespace

WallMeaning WallZone::meaning(std::int64_t wall_ns) {
  const std::int64_t quarter = floor_to(wall_ns, kQuarter);
  if (quarter == quarter_) return {WallMeaning::Kind::plain, wall_ns - offset_ns_, 0};
  // A zone's offset is within a day; the two offsets around the reading are all that it can have.
  constexpr std::int64_t kDay = 24 * 60 * kMinute;
  const std::int64_t early = zone_.to_local(wall_ns - kDay).offset_s * kSecond;
  const std::int64_t late = zone_.to_local(wall_ns + kDay).offset_s * kSecond;
  const bool as_before = shown_at(zone_, wall_ns - early) == wall_ns;
  const bool as_after = shown_at(zone_, wall_ns - late) == wall_ns;
  if (as_before && as_after && early != late) {
    quarter_ = INT64_MIN;
    return {WallMeaning::Kind::repeated, wall_ns - early, wall_ns - late};
  }
  if (!as_before && !as_after) {
    quarter_ = INT64_MIN;
    return {WallMeaning::Kind::skipped, wall_ns - early, 0};
  }
  quarter_ = quarter;
  offset_ns_ = as_before ? early : late;
  return {WallMeaning::Kind::plain, wall_ns - offset_ns_, 0};
}

Passes find_passes(const std::vector<std::int64_t>& wall_ns, std::optional<std::int64_t> before,
                   std::optional<std::int64_t> after, std::size_t& split) {
  for (std::size_t i = 1; i < wall_ns.size(); ++i) {
    if (wall_ns[i] >= wall_ns[i - 1] - kBack) continue;
    split = i;
    return Passes::two;
  }
  const auto follows = [](std::int64_t a, std::int64_t b) { return b >= a && b - a <= kNear; };
  const bool joins_before = before && follows(*before, wall_ns.front());
  const bool joins_after = after && follows(wall_ns.back(), *after);
  if (joins_before == joins_after) return Passes::unknown;
  return joins_before ? Passes::first : Passes::second;
}

std::optional<std::int64_t> parse_wall(std::string_view text) {
  std::string whole{text};
  if (whole.size() == 10) whole += " 00:00:00";
  if (whole.size() == 16) whole += ":00";
  if (whole.size() < 19 || whole.back() < '0' || whole.back() > '9') return std::nullopt;
  // A numeric offset would make it an instant and not a reading.
  if (whole.find_first_of("+Zz", 10) != std::string::npos || whole.find('-', 10) != std::string::npos)
    return std::nullopt;
  return runtime::parse_time(whole + "Z");
}

}  // namespace mesura::importing
