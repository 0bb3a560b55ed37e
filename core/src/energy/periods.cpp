// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/periods.hpp"

#include <algorithm>

namespace mesura::energy {
namespace {

constexpr std::int64_t kDayNs = 24 * kHourNs;

TimeRange range_of(model::Window window) { return {window.start_ns, window.end_ns}; }

/// 0: Monday.
int weekday(const model::LocalTime& local) {
  // Days since 1970-01-01, a Thursday, of a date in the Gregorian calendar.
  const int y = local.year - (local.month <= 2 ? 1 : 0);
  const int era = (y >= 0 ? y : y - 399) / 400;
  const int of_era = y - era * 400;
  const int of_year = (153 * (local.month + (local.month > 2 ? -3 : 9)) + 2) / 5 + local.day - 1;
  const int days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
  return ((days + 3) % 7 + 7) % 7;
}

TimeRange week(std::int64_t time_ns, const model::Zone& zone) {
  // Day by day, so that days of 23 and 25 hours need no thought.
  TimeRange out = range_of(zone.day(time_ns));
  const int today = weekday(zone.to_local(time_ns));
  for (int i = 0; i < today; ++i) out.from_ns = zone.day(out.from_ns - 1).start_ns;
  for (int i = today; i < 6; ++i) out.to_ns = zone.day(out.to_ns).end_ns;
  return out;
}

TimeRange year(std::int64_t time_ns, const model::Zone& zone) {
  const auto first_of = [&](int number) {
    model::LocalTime first;
    first.year = number;
    return zone.to_utc(first);
  };
  const int number = zone.to_local(time_ns).year;
  const TimeRange month = range_of(zone.month(time_ns));
  return {first_of(number).value_or(month.from_ns), first_of(number + 1).value_or(month.to_ns)};
}

/// No window of this period is shorter; for an estimate of how many there are.
double shortest_ns(Period period) {
  constexpr auto day = static_cast<double>(kDayNs);
  switch (period) {
    case Period::quarter_hour: return static_cast<double>(kQuarterNs);
    case Period::hour: return static_cast<double>(kHourNs);
    case Period::day: return day * 23 / 24;
    case Period::week: return 6.9 * day;
    case Period::month: return 27.9 * day;
    default: return 364.9 * day;
  }
}

}  // namespace

TimeRange period_window(Period period, std::int64_t time_ns, const model::Zone& zone) {
  switch (period) {
    case Period::quarter_hour: {
      const std::int64_t start = floor_to(time_ns, kQuarterNs);
      return {start, start + kQuarterNs};
    }
    case Period::hour: {
      const std::int64_t start = floor_to(time_ns, kHourNs);
      return {start, start + kHourNs};
    }
    case Period::day: return range_of(zone.day(time_ns));
    case Period::week: return week(time_ns, zone);
    case Period::month: return range_of(zone.month(time_ns));
    default: return year(time_ns, zone);
  }
}

std::optional<std::vector<TimeRange>> period_windows(Period period, TimeRange range, const model::Zone& zone,
                                                     std::size_t most) {
  std::vector<TimeRange> out;
  if (range.from_ns >= range.to_ns) return out;
  if (period == Period::whole) {
    out.push_back(range);
    return out;
  }
  // As doubles: the difference of two far instants does not fit.
  const double span = static_cast<double>(range.to_ns) - static_cast<double>(range.from_ns);
  if (span / shortest_ns(period) > static_cast<double>(most) * 1.1 + 2) return std::nullopt;
  for (std::int64_t at = range.from_ns; at < range.to_ns;) {
    if (out.size() == most) return std::nullopt;
    // Beyond what the calendar knows (2262) the rest is one window.
    const std::int64_t end = period_window(period, at, zone).to_ns;
    out.push_back({at, end > at ? std::min(end, range.to_ns) : range.to_ns});
    at = out.back().to_ns;
  }
  return out;
}

}  // namespace mesura::energy
