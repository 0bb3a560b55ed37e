// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/month_peaks.hpp"

#include <cmath>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

QuarterDemand quarter(std::int64_t start, double watts) {
  QuarterDemand q;
  q.start_ns = start;
  q.average_w = watts;
  q.complete = true;
  return q;
}

}  // namespace

TEST_CASE("vector D: 1.6.0 and 98.1.0 by month") {
  MonthPeaks peaks{brussels()};
  CHECK(peaks.meter(utc(2024, 2, 5, 16, 45), 4216));     // 240205174500W
  CHECK(peaks.meter(utc(2023, 10, 31, 18, 30), 3918));   // 231031193000W
  CHECK(peaks.meter(utc(2023, 11, 30, 22, 59, 59), 0));  // null: stands in its month
  CHECK(peaks.meter(utc(2023, 12, 25, 17, 30), 5204));
  CHECK(peaks.meter(utc(2024, 1, 19, 6, 45), 2407));
  CHECK_FALSE(peaks.meter(utc(2024, 1, 19, 6, 45), 2407));

  const auto all = peaks.all();
  REQUIRE(all.size() == 5);
  CHECK(all[0].average_w == 3918);
  CHECK(all[0].quarter_ns == utc(2023, 10, 31, 18, 15));  // 19:15 local
  CHECK(std::isnan(all[1].average_w));
  CHECK(all[1].from_meter);
  CHECK(all[1].month.from_ns == utc(2023, 10, 31, 23));
  CHECK(all[2].average_w == 5204);
  CHECK(all[2].quarter_ns == utc(2023, 12, 25, 17, 15));  // 18:15 local
  CHECK(all[3].average_w == 2407);
  CHECK(all[3].quarter_ns == utc(2024, 1, 19, 6, 30));  // 07:30 local
  CHECK(all[4].average_w == 4216);
  CHECK(all[4].quarter_ns == utc(2024, 2, 5, 16, 30));  // 17:30 local
}

TEST_CASE("a quarter that ends with the month is the month's") {
  MonthPeaks peaks{brussels()};
  peaks.meter(utc(2024, 2, 29, 23), 5000);  // 240301000000W
  const auto february = peaks.peak(utc(2024, 2, 10));
  REQUIRE(february);
  CHECK(february->average_w == 5000);
  CHECK(february->quarter_ns == utc(2024, 2, 29, 22, 45));
  CHECK_FALSE(peaks.peak(utc(2024, 2, 29, 23)));  // March has none
  peaks.own(quarter(utc(2024, 2, 29, 23), 700));
  CHECK(peaks.peak(utc(2024, 3, 1))->average_w == 700);
  // In summer time the border is at 22:00Z.
  peaks.meter(utc(2024, 7, 31, 22), 3000);
  CHECK(peaks.peak(utc(2024, 7, 1))->average_w == 3000);
}

TEST_CASE("what the meter says counts, even that there is none") {
  MonthPeaks peaks{brussels()};
  peaks.own(quarter(utc(2024, 2, 3, 10), 3000));
  peaks.own(quarter(utc(2024, 2, 2, 10), 2000));
  const auto own = peaks.peak(utc(2024, 2, 5));
  REQUIRE(own);
  CHECK(own->average_w == 3000);
  CHECK_FALSE(own->from_meter);
  CHECK(own->since_ns == utc(2024, 2, 2, 10));
  // The meter was there when we were not.
  peaks.meter(utc(2024, 2, 1, 8), 4000);
  CHECK(peaks.peak(utc(2024, 2, 5))->average_w == 4000);
  CHECK(peaks.peak(utc(2024, 2, 5))->from_meter);
  CHECK(peaks.peak_without(utc(2024, 2, 1, 7, 45))->from_meter);
  CHECK(std::isnan(peaks.peak_without(utc(2024, 2, 1, 7, 45))->average_w));
  CHECK(peaks.meter(utc(2024, 2, 6, 8), 4100));
  CHECK(peaks.peak_without(utc(2024, 2, 6, 7, 45))->average_w == 4000);
  peaks.own(quarter(utc(2024, 2, 7), 9000));
  CHECK(peaks.peak(utc(2024, 2, 5))->average_w == 4100);
}

TEST_CASE("what is no peak") {
  MonthPeaks peaks{brussels()};
  peaks.own(quarter(utc(2024, 2, 3), NAN));
  CHECK_FALSE(peaks.peak(utc(2024, 2, 5)));
  QuarterDemand thin = quarter(utc(2024, 2, 3), 9000);
  thin.origin = DemandOrigin::power;
  thin.estimated = true;
  peaks.own(thin);
  REQUIRE(peaks.peak(utc(2024, 2, 5)));
  CHECK(std::isnan(peaks.peak(utc(2024, 2, 5))->average_w));
  QuarterDemand running = quarter(utc(2024, 2, 4), 9000);
  running.running = true;
  peaks.own(running);
  CHECK(std::isnan(peaks.peak(utc(2024, 2, 5))->average_w));
  CHECK_FALSE(peaks.meter(utc(2024, 2, 5), NAN));
}

TEST_CASE("peaks of a store, and old ones forgotten") {
  MonthPeaks a{brussels()};
  a.meter(utc(2024, 1, 19, 6, 45), 2407);
  a.meter(utc(2023, 11, 30, 22, 59, 59), 0);
  a.own(quarter(utc(2024, 2, 3, 10), 3000));
  MonthPeaks b{brussels()};
  for (const MonthPeak& peak : a.all()) b.known(peak);
  REQUIRE(b.all().size() == 3);
  CHECK(b.peak(utc(2024, 1, 5))->quarter_ns == utc(2024, 1, 19, 6, 30));
  CHECK(b.peak(utc(2024, 1, 5))->from_meter);
  CHECK(b.peak(utc(2023, 11, 5))->from_meter);
  CHECK(b.peak(utc(2024, 2, 5))->since_ns == utc(2024, 2, 3, 10));
  b.forget_before(utc(2024, 2, 1));
  CHECK(b.all().size() == 1);
}

}  // namespace mesura::energy
