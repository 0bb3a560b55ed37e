// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/query/grid.hpp"

#include <algorithm>
#include <array>

namespace mesura::store {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::int64_t kDayNs = 86'400'000'000'000;
// 1969-12-29, so that seven days are a week as people count it.
constexpr std::int64_t kMonday = -3;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Lengths that people read off an axis, and of which the windows of rollups are parts.
constexpr std::array kHandy{
    nanoseconds{1ms},   nanoseconds{2ms},   nanoseconds{5ms},   nanoseconds{10ms},  nanoseconds{20ms},
    nanoseconds{50ms},  nanoseconds{100ms}, nanoseconds{200ms}, nanoseconds{500ms}, nanoseconds{1s},
    nanoseconds{2s},    nanoseconds{5s},    nanoseconds{10s},   nanoseconds{15s},   nanoseconds{20s},
    nanoseconds{30s},   nanoseconds{1min},  nanoseconds{2min},  nanoseconds{3min},  nanoseconds{5min},
    nanoseconds{10min}, nanoseconds{15min}, nanoseconds{30min}, nanoseconds{1h},    nanoseconds{2h},
    nanoseconds{3h},    nanoseconds{4h},    nanoseconds{6h},    nanoseconds{12h}};
constexpr std::array<std::int64_t, 9> kHandyDays{1, 2, 7, 14, 28, 91, 182, 364, 1820};

}  // namespace

nanoseconds length_of(Resolution resolution) {
  switch (resolution) {
    case Resolution::raw: return 0s;
    case Resolution::minute: return 1min;
    case Resolution::quarter_hour: return 15min;
    case Resolution::hour: return 1h;
    case Resolution::day: return 24h;
  }
  return 0s;
}

Grid::Grid(nanoseconds every, const model::Zone& zone)
    : length_(every), days_(every.count() % kDayNs == 0 ? every.count() / kDayNs : 0), zone_(zone) {}

Grid Grid::for_points(TimeRange range, std::size_t points, nanoseconds shortest, const model::Zone& zone) {
  for (const nanoseconds length : kHandy) {
    if (length < shortest) continue;
    const Grid grid{length, zone};
    if (grid.windows(range) <= points) return grid;
  }
  for (const std::int64_t days : kHandyDays) {
    const Grid grid{nanoseconds{days * kDayNs}, zone};
    if (grid.windows(range) <= points) return grid;
  }
  // The last resort of someone who wants one point of centuries.
  return {nanoseconds{(range.to_ns / kDayNs - range.from_ns / kDayNs + 2) * kDayNs}, zone};
}

TimeRange Grid::window(std::int64_t time_ns) const {
  if (days_ == 0) {
    const std::int64_t start = floor_div(time_ns, length_.count()) * length_.count();
    return {start, start + length_.count()};
  }
  const model::LocalTime local = zone_.to_local(time_ns);
  const std::chrono::sys_days date{std::chrono::year{local.year} / local.month / local.day};
  const std::int64_t number = date.time_since_epoch().count();
  const std::int64_t first = floor_div(number - kMonday, days_) * days_ + kMonday;
  // By noon, which no clock change touches.
  const auto day = [&](std::int64_t n) {
    const std::chrono::year_month_day ymd{std::chrono::sys_days{std::chrono::days{n}}};
    model::LocalTime noon;
    noon.year = static_cast<int>(ymd.year());
    noon.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
    noon.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
    noon.hour = 12;
    return zone_.day(zone_.to_utc(noon).value_or(n * kDayNs)).start_ns;
  };
  return {day(first), day(first + days_)};
}

bool Grid::holds(Resolution resolution, TimeRange range) const {
  if (resolution == Resolution::raw) return true;
  if (resolution == Resolution::day) return days_ > 0;
  const std::int64_t length = length_of(resolution).count();
  if (days_ == 0) return length_.count() % length == 0;
  // Days of a zone with half hours begin within an hour of UTC.
  const std::int64_t second = 1'000'000'000;
  return zone_.to_local(range.from_ns).offset_s * second % length == 0 &&
         zone_.to_local(range.to_ns).offset_s * second % length == 0;
}

std::size_t Grid::windows(TimeRange range) const {
  if (range.from_ns >= range.to_ns) return 0;
  if (days_ == 0) {
    return static_cast<std::size_t>(floor_div(range.to_ns - 1, length_.count()) -
                                    floor_div(range.from_ns, length_.count()) + 1);
  }
  // A day may be an hour shorter: a window more than counted does no harm.
  const std::int64_t length = days_ * kDayNs;
  return static_cast<std::size_t>((range.to_ns / 2 - range.from_ns / 2) / (length / 2) + 2);
}

}  // namespace mesura::store
