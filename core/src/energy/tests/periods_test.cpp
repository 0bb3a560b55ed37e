// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/periods.hpp"

#include <limits>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

double hours(const TimeRange& range) {
  return static_cast<double>(range.to_ns - range.from_ns) / static_cast<double>(kHourNs);
}

std::vector<TimeRange> windows(Period period, TimeRange range, const model::Zone& zone) {
  const auto out = period_windows(period, range, zone, 100'000);
  REQUIRE(out);
  return *out;
}

}  // namespace

TEST_CASE("days follow the site's clock over both changes") {
  const model::Zone zone = brussels();
  // 2025-10-25 22:00Z is midnight of the 26th, which has 25 hours.
  const auto autumn = windows(Period::day, {utc(2025, 10, 24, 22), utc(2025, 10, 27, 23)}, zone);
  REQUIRE(autumn.size() == 3);
  CHECK(hours(autumn[0]) == 24);
  CHECK(hours(autumn[1]) == 25);
  CHECK(hours(autumn[2]) == 24);
  CHECK(autumn[1].from_ns == utc(2025, 10, 25, 22));
  const auto spring = windows(Period::day, {utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)}, zone);
  REQUIRE(spring.size() == 1);
  CHECK(hours(spring[0]) == 23);

  CHECK(windows(Period::quarter_hour, autumn[1], zone).size() == 100);
  CHECK(windows(Period::quarter_hour, spring[0], zone).size() == 92);
  CHECK(windows(Period::hour, autumn[1], zone).size() == 25);
}

TEST_CASE("weeks begin on Monday, months and years on their first day") {
  const model::Zone zone = brussels();
  // The ISO week of Sunday 2026-03-29 has 167 hours.
  const TimeRange week = period_window(Period::week, utc(2026, 3, 29, 12), zone);
  CHECK(week.from_ns == utc(2026, 3, 22, 23));  // Monday the 23rd, 00:00 +01:00
  CHECK(hours(week) == 7 * 24 - 1);
  CHECK(period_window(Period::week, week.from_ns, zone) == week);
  CHECK(period_window(Period::week, week.to_ns - 1, zone) == week);
  CHECK(period_window(Period::week, week.to_ns, zone).from_ns == week.to_ns);

  const TimeRange october = period_window(Period::month, utc(2025, 10, 15), zone);
  CHECK(october == TimeRange{utc(2025, 9, 30, 22), utc(2025, 10, 31, 23)});
  const TimeRange year = period_window(Period::year, utc(2026, 6, 1), zone);
  CHECK(year == TimeRange{utc(2025, 12, 31, 23), utc(2026, 12, 31, 23)});

  const auto months = windows(Period::month, {utc(2025, 1, 15), utc(2026, 1, 15)}, zone);
  REQUIRE(months.size() == 13);
  CHECK(months.front().from_ns == utc(2025, 1, 15));  // cut
  CHECK(months.back().to_ns == utc(2026, 1, 15));
  for (std::size_t i = 1; i < months.size(); ++i) CHECK(months[i].from_ns == months[i - 1].to_ns);
}

TEST_CASE("ranges that are empty, whole or too long") {
  const model::Zone zone = brussels();
  CHECK(windows(Period::day, {5, 5}, zone).empty());
  CHECK(windows(Period::day, {6, 5}, zone).empty());
  CHECK(windows(Period::whole, {5, 6}, zone) == std::vector{TimeRange{5, 6}});
  CHECK_FALSE(period_windows(Period::day, {utc(2020, 1, 1), utc(2026, 1, 1)}, zone, 1000));
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  CHECK_FALSE(period_windows(Period::quarter_hour, {-far, far}, zone, 1'000'000));
  // The end of what the calendar knows is an end, not a loop.
  CHECK(period_windows(Period::year, {-far, far}, zone, 1000).has_value());
}

}  // namespace mesura::energy
