// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/demand_watch.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

using Kind = DemandEvent::Kind;
constexpr double kNone = DemandSample::kUnknown;
const std::int64_t kStart = utc(2024, 2, 12, 17);

/// A Belgian meter: registers, 1.4.0, 1.6.0.
class Meter {
 public:
  explicit Meter(DemandWatch& watch, std::int64_t start = kStart) : watch_(watch), t_(start) {}

  /// With `own_peaks` it says nothing but its register.
  void run(int seconds, double watts, bool own_peaks = false) {
    for (int i = 0; i < seconds; ++i) {
      const std::int64_t quarter = floor_to(t_, kQuarterNs);
      if (quarter != quarter_) {
        const double average = std::floor(wms_ / 900);
        if (quarter_ != 0 && average > peak_ && !own_peaks) {
          peak_ = average;
          watch_.meter_peak(quarter, peak_, events);
        }
        wms_ = 0;
        quarter_ = quarter;
      }
      watch_.feed({t_, watts, 1'000'000 + std::floor(total_ / 3600), own_peaks ? kNone : std::floor(wms_ / 900)},
                  events);
      wms_ += watts;
      total_ += watts;
      t_ += kSecondNs;
    }
  }
  void peak(double watts) { peak_ = watts; }

  [[nodiscard]] std::vector<DemandEvent> of(Kind kind) const {
    std::vector<DemandEvent> out;
    std::copy_if(events.begin(), events.end(), std::back_inserter(out), [&](const auto& e) { return e.kind == kind; });
    return out;
  }
  std::vector<DemandEvent> events;

 private:
  DemandWatch& watch_;
  std::int64_t t_;
  std::int64_t quarter_ = 0;
  double wms_ = 0, total_ = 0, peak_ = 0;
};

}  // namespace

TEST_CASE("scenario S1: one warning at 18:16:00, one new peak at 18:30:00") {
  for (const bool own : {false, true}) {
    INFO(own);
    DemandWatch watch({}, brussels());
    Meter meter{watch};
    watch.meter_peak(utc(2024, 2, 5, 16, 45), 4216, meter.events);
    CHECK(meter.events.empty());
    meter.peak(4216);
    for (const double watts : {1600.0, 4800.0, 800.0, 2400.0}) meter.run(900, watts, own);
    meter.run(1, 1600, own);

    const auto quarters = meter.of(Kind::quarter);
    REQUIRE(quarters.size() == 4);
    const double expected[] = {1600, 4800, 800, 2400};
    for (std::size_t i = 0; i < 4; ++i) CHECK(quarters[i].quarter.average_w == expected[i]);

    const auto warnings = meter.of(Kind::warning);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].time_ns == utc(2024, 2, 12, 17, 16));
    CHECK(warnings[0].forecast.forecast_w == Approx(4800).margin(1));
    CHECK(warnings[0].forecast.limit_w == 4216);

    const auto cleared = meter.of(Kind::cleared);
    REQUIRE(cleared.size() == 1);
    CHECK(cleared[0].time_ns == utc(2024, 2, 12, 17, 30));

    const auto peaks = meter.of(Kind::new_peak);
    REQUIRE(peaks.size() == 1);
    CHECK(peaks[0].time_ns == utc(2024, 2, 12, 17, 30));
    CHECK(peaks[0].quarter.start_ns == utc(2024, 2, 12, 17, 15));
    CHECK(peaks[0].quarter.average_w == 4800);
    CHECK(peaks[0].before_w == 4216);
    CHECK(peaks[0].above_floor);
    if (!own) CHECK(watch.peaks().peak(kStart)->average_w == 4800);
  }
}

TEST_CASE("vector D: no warning") {
  DemandWatch watch({}, brussels());
  std::vector<DemandEvent> events;
  watch.meter_peak(utc(2024, 2, 5, 16, 45), 4216, events);
  watch.feed({utc(2024, 2, 12, 17, 17, 42), 2345, 1'234'567, 422}, events);
  CHECK(events.empty());
  REQUIRE(watch.forecast());
  CHECK(watch.forecast()->forecast_w == Approx(2344.9).margin(0.05));
  CHECK(watch.forecast()->limit_w == 4216);
  CHECK(watch.forecast()->allowed_w == Approx(4626.8).margin(0.1));
}

TEST_CASE("a warning comes once a quarter and goes at 95 % of the limit") {
  DemandWatch watch({2500, 4000.0}, brussels());
  Meter meter{watch};
  meter.run(59, 6000);
  meter.run(1, 6000);
  CHECK(meter.of(Kind::warning).empty());  // not in the first 60 s
  meter.run(1, 6000);
  REQUIRE(meter.of(Kind::warning).size() == 1);
  CHECK(watch.warning());
  meter.run(239, 6000);  // 2000 W of the quarter are used
  meter.run(120, 2900);  // comes to 3933 W: below the limit, not below 95 % of it
  CHECK(watch.warning());
  CHECK(meter.of(Kind::cleared).empty());
  meter.run(120, 1500);
  CHECK_FALSE(watch.warning());
  REQUIRE(meter.of(Kind::cleared).size() == 1);
  CHECK(meter.of(Kind::cleared)[0].forecast.forecast_w < 3800);
  meter.run(300, 9000);
  CHECK(watch.forecast()->forecast_w > 4000);
  CHECK(meter.of(Kind::warning).size() == 1);
  meter.run(200, 9000);
  CHECK(meter.of(Kind::warning).size() == 2);  // of the next quarter
}

TEST_CASE("the limit is the peak, at least the floor, or what is configured") {
  std::vector<DemandEvent> events;
  const auto limit = [&](DemandWatch watch, std::optional<double> peak) {
    if (peak) watch.meter_peak(utc(2024, 2, 5, 16, 45), *peak, events);
    watch.feed({kStart, 100, 5000, 0}, events);
    return watch.forecast()->limit_w;
  };
  CHECK(limit(DemandWatch({}, brussels()), std::nullopt) == 2500);
  CHECK(limit(DemandWatch({}, brussels()), 1800) == 2500);
  CHECK(limit(DemandWatch({}, brussels()), 4000) == 4000);
  CHECK(limit(DemandWatch({2500, 3000.0}, brussels()), 4000) == 3000);
  CHECK(limit(DemandWatch({2500, 1000.0}, brussels()), 4000) == 2500);
}

TEST_CASE("the end of a month: the last quarter is its, the new one begins without a peak") {
  const std::int64_t start = utc(2024, 2, 29, 22, 45);
  DemandWatch watch({}, brussels());
  Meter meter{watch, start};
  watch.meter_peak(utc(2024, 2, 5, 16, 45), 4216, meter.events);
  meter.peak(4216);
  meter.run(901, 5000);
  const auto peaks = meter.of(Kind::new_peak);
  REQUIRE(peaks.size() == 1);
  CHECK(peaks[0].before_w == 4216);
  CHECK(watch.peaks().peak(start)->average_w == 5000);
  CHECK(watch.peaks().peak(start)->quarter_ns == start);
  // 1.6.0 may be a null stamp (nothing arrives), or zero.
  watch.meter_peak(utc(2024, 2, 29, 23), 0, meter.events);
  REQUIRE(watch.forecast());
  CHECK(watch.forecast()->limit_w == 2500);
  CHECK(watch.peaks().peak(start)->average_w == 5000);
  meter.peak(0);
  meter.run(900, 1000);
  REQUIRE(meter.of(Kind::new_peak).size() == 2);
  CHECK(std::isnan(meter.of(Kind::new_peak)[1].before_w));
  CHECK_FALSE(meter.of(Kind::new_peak)[1].above_floor);
}

TEST_CASE("where the meter keeps the peak, a few watts more by our sum are none") {
  const auto peaks = [](double watts, bool meter_says) {
    DemandWatch watch({}, brussels());
    Meter meter{watch};
    watch.meter_peak(utc(2024, 2, 5, 16, 45), 3000, meter.events);
    meter.peak(meter_says ? 3000 : 9000);
    meter.run(900, watts);
    meter.run(5, watts);
    return meter.of(Kind::new_peak).size();
  };
  CHECK(peaks(3004, false) == 0);
  CHECK(peaks(3004, true) == 1);
  CHECK(peaks(3010, false) == 1);
  CHECK(peaks(2990, true) == 0);
}

TEST_CASE("a restart within the quarter, and silence") {
  DemandWatch watch({}, brussels());
  std::vector<DemandEvent> events;
  for (int i = 300; i < 600; ++i) watch.feed({kStart + i * kSecondNs, 9000, 1e6 + i * 2.5, kNone}, events);
  CHECK_FALSE(watch.forecast());  // nobody knows what the first five minutes were
  CHECK(events.empty());
  for (int i = 4000; i < 4100; ++i) watch.feed({kStart + i * kSecondNs, 1000, 1'002'450, kNone}, events);
  CHECK(std::count_if(events.begin(), events.end(), [](const auto& e) { return std::isnan(e.quarter.average_w); }) ==
        3);
  CHECK(std::none_of(events.begin(), events.end(), [](const auto& e) { return e.kind == Kind::warning; }));
}

TEST_CASE("with 1.4.0, 1.6.0 and 98.1.0 left out the peak quarter is the same within 4 W") {
  std::uint32_t seed = 1;
  std::vector<double> loads;
  for (int i = 0; i < 96; ++i) {
    seed = seed * 1664525 + 1013904223;
    loads.push_back(200 + seed / 1e6);  // up to 4.5 kW
  }
  MonthPeak found[2];
  for (const bool own : {false, true}) {
    DemandWatch watch({}, brussels());
    Meter meter{watch};
    for (const double watts : loads) {
      meter.run(333, watts, own);
      meter.run(567, watts / 3, own);
    }
    meter.run(1, 0, own);
    found[own ? 1 : 0] = watch.peaks().peak(kStart).value();
  }
  CHECK(found[0].from_meter);
  CHECK_FALSE(found[1].from_meter);
  CHECK(found[0].quarter_ns == found[1].quarter_ns);
  CHECK(found[0].average_w == Approx(found[1].average_w).margin(4));
}

}  // namespace mesura::energy
