// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// source  sheet dsmr_p1 11.3
#include "energy/capacity.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

std::vector<store::MonthPeak> year() {
  std::vector<store::MonthPeak> out;
  for (const double kw : {2.407, 3.918, 0.0, 5.204, 4.216, 2.750, 2.100, 1.980, 3.305, 2.640, 6.112, 2.500}) {
    store::MonthPeak month;
    month.average_w = kw > 0 ? kw * 1000 : std::numeric_limits<double>::quiet_NaN();
    out.push_back(month);
  }
  return out;
}

}  // namespace

TEST_CASE("vector D: forecast and allowed power") {
  // 18:17:42, t = 162 s, D = 0.422 kW, P = 2.345 kW, L = 4.216 kW.
  const std::int64_t quarter = utc(2024, 2, 12, 17, 15);
  const store::Forecast f = forecast(quarter, utc(2024, 2, 12, 17, 17, 42), 422, 2345, 4216);
  CHECK(f.elapsed_s == 162);
  CHECK(f.so_far_w * 900 / 3600 == 105.5);  // Wh
  CHECK(f.forecast_w == Approx(2344.9).margin(0.05));
  CHECK(f.forecast_w < f.limit_w);
  CHECK(f.allowed_w == Approx(4626.8).margin(0.1));  // 4.627 kW
}

TEST_CASE("allowed power ends before the quarter does, and is never negative") {
  CHECK(std::isnan(forecast(0, 870 * kSecondNs, 100, 100, 4000).allowed_w));
  CHECK(forecast(0, 869 * kSecondNs, 0, 100, 1000).allowed_w == Approx(900'000.0 / 31));
  CHECK(forecast(0, 600 * kSecondNs, 5000, 100, 4000).allowed_w == 0);
}

TEST_CASE("scenario S1 at 18:20: 1.6 + 4.8 * 600 / 900") {
  CHECK(forecast(0, 300 * kSecondNs, 1600, 4800, 4216).forecast_w == Approx(4800));
}

TEST_CASE("the year of the sheet") {
  const auto months = year();
  const store::CapacityYear y = capacity_year(months, 2500, 45.0);
  CHECK(y.months.size() == 12);
  CHECK(y.mean_w * 12 == Approx(40645));
  CHECK(y.mean_w == Approx(3387.1).margin(0.05));
  REQUIRE(y.cost_eur);
  CHECK(*y.cost_eur == Approx(152.42).margin(0.005));
  CHECK_FALSE(capacity_year(months, 2500, std::nullopt).cost_eur);
}

TEST_CASE("the last twelve months count, fewer are a mean of fewer") {
  auto months = year();
  months.insert(months.begin(), store::MonthPeak{{}, 99'000, 0, true, 0});
  CHECK(capacity_year(months, 2500, {}).mean_w * 12 == Approx(40645));
  CHECK(capacity_year(std::span{months}.last(2), 2500, {}).mean_w == Approx((6112.0 + 2500) / 2));
  CHECK(capacity_year({}, 2500, 45.0).months.empty());
  CHECK_FALSE(capacity_year({}, 2500, 45.0).cost_eur);
}

TEST_CASE("what a new peak costs") {
  // (F - max(L, floor)) / 12 * price
  CHECK(new_peak_cost(4800, 4216, 2500, 45) == Approx(0.584 / 12 * 45));
  CHECK(new_peak_cost(3000, 1000, 2500, 48) == Approx(2.0));
  CHECK(new_peak_cost(3000, std::numeric_limits<double>::quiet_NaN(), 2500, 48) == Approx(2.0));
  CHECK(new_peak_cost(2000, 1000, 2500, 48) == 0);
}

TEST_CASE("the last minute's mean") {
  LastMinute minute;
  CHECK(std::isnan(minute.mean(0)));
  for (int second = 0; second <= 120; ++second) minute.add(second * kSecondNs, second <= 60 ? 1000 : 3000);
  CHECK(minute.mean(120 * kSecondNs) == 3000);
  CHECK(minute.mean(150 * kSecondNs) == 3000);
  CHECK(std::isnan(minute.mean(180 * kSecondNs)));
  minute.add(119 * kSecondNs, 9e9);  // late
  minute.add(121 * kSecondNs, NAN);
  CHECK(minute.mean(120 * kSecondNs) == 3000);
  minute.add(0, 500);  // the clock was set back
  CHECK(minute.mean(0) == 500);
}

}  // namespace mesura::energy
