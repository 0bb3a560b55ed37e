// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/quarter_meter.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

constexpr double kNone = DemandSample::kUnknown;

/// A meter with registers of whole Wh.
struct House {
  double wms = 0;  // Ws
  double first_wh = 1'000'000;
  [[nodiscard]] double wh() const { return first_wh + std::floor(wms / 3600); }
};

/// Seconds from..to of a load; `sample` may leave out what it likes, or return false for silence.
std::vector<QuarterDemand> measure(std::int64_t from, std::int64_t to, const std::function<double(std::int64_t)>& load,
                                   const std::function<bool(DemandSample&)>& sample = {},
                                   std::optional<std::int64_t> finish = {}) {
  QuarterMeter meter;
  std::vector<QuarterDemand> done;
  House house;
  for (std::int64_t t = from; t <= to; t += kSecondNs) {
    const double watts = load(t);
    DemandSample s{t, std::max(0.0, watts), house.wh(), kNone};
    if (!sample || sample(s)) meter.push(s, done);
    house.wms += std::max(0.0, watts);
  }
  if (finish) meter.finish(*finish, done);
  return done;
}

bool without_register(DemandSample& s) {
  s.register_wh = kNone;
  return true;
}

const std::int64_t kStart = utc(2024, 2, 12, 17);

double s1_load(std::int64_t t) {
  constexpr double watts[] = {1600, 4800, 800, 2400};
  return watts[(t - kStart) / kQuarterNs % 4];
}

}  // namespace

TEST_CASE("scenario S1 from registers") {
  const auto done = measure(kStart, kStart + kHourNs, s1_load);
  REQUIRE(done.size() == 4);
  const double expected[] = {1600, 4800, 800, 2400};
  for (std::size_t i = 0; i < 4; ++i) {
    INFO(i);
    CHECK(done[i].start_ns == kStart + static_cast<std::int64_t>(i) * kQuarterNs);
    CHECK(done[i].average_w == expected[i]);
    CHECK(done[i].origin == DemandOrigin::registers);
    CHECK(done[i].complete);
    CHECK_FALSE(done[i].estimated);
    CHECK_FALSE(done[i].running);
    CHECK(done[i].samples == 900);
    CHECK(done[i].min_w == expected[i]);
    CHECK(done[i].max_w == expected[i]);
  }
}

TEST_CASE("import and export in one quarter: only import counts") {
  const auto load = [](std::int64_t t) { return t - kStart < 450 * kSecondNs ? 1600.0 : -2000.0; };
  const auto done = measure(kStart, kStart + kQuarterNs, load);
  REQUIRE(done.size() == 1);
  CHECK(done[0].average_w == 800);
  const auto by_power = measure(kStart, kStart + kQuarterNs, load, without_register);
  REQUIRE(by_power.size() == 1);
  CHECK(by_power[0].average_w == Approx(800).margin(4));
  CHECK(by_power[0].origin == DemandOrigin::power);
}

TEST_CASE("a border takes a reading at most 10 s late") {
  const auto steady = [](std::int64_t) { return 3600.0; };
  for (const std::int64_t late : {10, 11}) {
    INFO(late);
    const auto done = measure(kStart, kStart + 2 * kQuarterNs, steady, [&](DemandSample& s) {
      const std::int64_t into = (s.time_ns - kStart - kQuarterNs) / kSecondNs;
      return into < -5 || into >= late;
    });
    REQUIRE(done.size() == 2);
    CHECK(done[0].estimated == (late > 10));
    CHECK(done[0].average_w == Approx(late > 10 ? 3600 : 3640));
    CHECK(done[1].average_w == Approx(late > 10 ? 3600 : 3560));
    CHECK(done[0].complete);  // 6 s before its end something was heard
    CHECK(done[1].complete == (late <= 10));
  }
}

TEST_CASE("whole quarters of silence are one unknown each") {
  const auto steady = [](std::int64_t) { return 3600.0; };
  const auto done = measure(kStart, kStart + 5 * kQuarterNs, steady, [](DemandSample& s) {
    const std::int64_t into = (s.time_ns - kStart) / kSecondNs;
    return into < 600 || into >= 3000;  // quarters 1 and 2 whole
  });
  REQUIRE(done.size() == 5);
  CHECK(done[0].estimated);
  CHECK(done[0].average_w == Approx(3600).margin(4));
  CHECK_FALSE(done[0].complete);
  for (const std::size_t i : {1U, 2U}) {
    CHECK(std::isnan(done[i].average_w));
    CHECK(done[i].samples == 0);
    CHECK(done[i].start_ns == kStart + static_cast<std::int64_t>(i) * kQuarterNs);
  }
  CHECK(done[3].estimated);
  CHECK(done[3].average_w == Approx(3600).margin(4));
  CHECK_FALSE(done[4].estimated);
}

TEST_CASE("without registers the last 1.4.0 counts, then the power") {
  const auto load = [](std::int64_t t) { return t - kStart < 450 * kSecondNs ? 1000.0 : 3000.0; };
  const auto demand = measure(kStart, kStart + kQuarterNs, load, [](DemandSample& s) {
    s.register_wh = kNone;
    const auto into = static_cast<double>((s.time_ns - kStart) / kSecondNs % 900);
    s.demand_w = std::floor((std::min(into, 450.0) * 1000 + std::max(0.0, into - 450) * 3000) / 900);
    return true;
  });
  REQUIRE(demand.size() == 1);
  CHECK(demand[0].origin == DemandOrigin::meter);
  CHECK(demand[0].average_w == Approx(2000).margin(4));
  CHECK_FALSE(demand[0].estimated);

  // Values thin out in the second half: weighted by time, not by number.
  const auto power = measure(kStart, kStart + kQuarterNs, load, [](DemandSample& s) {
    s.register_wh = kNone;
    const std::int64_t into = (s.time_ns - kStart) / kSecondNs;
    return into <= 450 || into % 2 == 0;
  });
  REQUIRE(power.size() == 1);
  CHECK(power[0].origin == DemandOrigin::power);
  CHECK(power[0].average_w == Approx(2000).margin(4));
  CHECK_FALSE(power[0].estimated);

  // A gap is not zero, but a quarter of which a third is missing is an estimate.
  const auto thin = measure(
      kStart, kStart + kQuarterNs, [](std::int64_t) { return 1500.0; },
      [](DemandSample& s) {
        const std::int64_t into = (s.time_ns - kStart) / kSecondNs;
        return without_register(s) && (into < 300 || into > 600);
      });
  REQUIRE(thin.size() == 1);
  CHECK(thin[0].average_w == Approx(1500));
  CHECK(thin[0].estimated);
  CHECK(thin[0].complete);
}

TEST_CASE("registers that come beside the powers, some seconds after the border") {
  const auto steady = [](std::int64_t) { return 3600.0; };
  const auto done = measure(kStart, kStart + 3 * kQuarterNs + 30 * kSecondNs, steady, [](DemandSample& s) {
    if ((s.time_ns - kStart) / kSecondNs % 60 != 7) s.register_wh = kNone;
    return true;
  });
  REQUIRE(done.size() == 3);
  CHECK(done[1].origin == DemandOrigin::registers);
  CHECK(done[1].average_w == 3600);
  // A register that is silent for a minute after the border is not waited for.
  const auto mute = measure(kStart, kStart + 2 * kQuarterNs, steady, [](DemandSample& s) {
    if (s.time_ns - kStart > 600 * kSecondNs) s.register_wh = kNone;
    return true;
  });
  REQUIRE(mute.size() == 2);
  for (const QuarterDemand& quarter : mute) {
    CHECK(quarter.origin == DemandOrigin::power);
    CHECK(quarter.average_w == Approx(3600));
  }
}

TEST_CASE("a start within a quarter") {
  const std::int64_t from = kStart + 400 * kSecondNs;
  const auto done = measure(from, kStart + 2 * kQuarterNs, s1_load);
  REQUIRE(done.size() == 2);
  CHECK(done[0].origin == DemandOrigin::power);  // its first register is unknown
  CHECK(done[0].estimated);
  CHECK_FALSE(done[0].complete);
  CHECK(done[1].average_w == 4800);

  // While it runs nobody knows what it has used so far, unless the meter says.
  QuarterMeter meter;
  std::vector<QuarterDemand> none;
  for (int i = 0; i < 100; ++i) meter.push({from + i * kSecondNs, 1000, 5000.0, kNone}, none);
  REQUIRE(meter.running());
  CHECK(std::isnan(meter.running()->average_w));
  meter.push({from + 100 * kSecondNs, 1000, 5000, 700}, none);
  CHECK(meter.running()->average_w == 700);
  CHECK(meter.running()->running);
}

TEST_CASE("what the running quarter has used so far") {
  const auto so_far = [](bool registers) {
    QuarterMeter meter;
    std::vector<QuarterDemand> none;
    for (int i = 0; i <= 300; ++i)
      meter.push({kStart + i * kSecondNs, 3600, registers ? 5000.0 + i : kNone, kNone}, none);
    return meter.running()->average_w;
  };
  CHECK(so_far(true) == 1200);
  CHECK(so_far(false) == Approx(1200));
  CHECK_FALSE(QuarterMeter{}.running());
}

TEST_CASE("a register that is reset, rolls over or is another meter's") {
  const auto steady = [](std::int64_t) { return 3600.0; };
  const auto done = [&](double before, double after) {
    return measure(kStart, kStart + 2 * kQuarterNs, steady, [&](DemandSample& s) {
      const auto into = static_cast<double>((s.time_ns - kStart) / kSecondNs);
      s.register_wh = into < 450 ? before + into : after + into - 450;
      return true;
    });
  };
  const auto over = done(999'999'550, 0);  // 1 Wh a second
  REQUIRE(over.size() == 2);
  CHECK(over[0].average_w == 3600);
  CHECK(over[0].estimated);
  CHECK(over[1].average_w == 3600);
  CHECK_FALSE(over[1].estimated);
  for (const double after : {5.0, 70'000'000.0}) {
    const auto swap = done(12'000'000, after);
    REQUIRE(swap.size() == 2);
    CHECK(swap[0].average_w == Approx(3600).margin(4.1));
    CHECK(swap[0].estimated);
    CHECK(swap[1].average_w == 3600);
  }
}

TEST_CASE("late and repeated samples change nothing, a clock set back begins anew") {
  QuarterMeter meter;
  std::vector<QuarterDemand> done;
  for (int i = 0; i <= 900; ++i) {
    meter.push({kStart + i * kSecondNs, 3600, 5000.0 + i, kNone}, done);
    if (i == 500) meter.push({kStart + 100 * kSecondNs, 1e6, 9e9, kNone}, done);
    if (i == 600) meter.push({kStart + 600 * kSecondNs, 1e6, 9e9, kNone}, done);
  }
  REQUIRE(done.size() == 1);
  CHECK(done[0].average_w == 3600);
  CHECK(done[0].samples == 900);
  CHECK(done[0].max_w == 3600);

  done.clear();
  const std::int64_t back = kStart - 86400 * kSecondNs;
  for (int i = 0; i <= 900; ++i) meter.push({back + i * kSecondNs, 1800, 7000.0 + i / 2, kNone}, done);
  REQUIRE(done.size() == 1);
  CHECK(done[0].start_ns == back);
  CHECK(done[0].average_w == Approx(1800).margin(4));
}

TEST_CASE("both nights of clock changes: 100 and 92 quarters") {
  const model::Zone zone = brussels();
  const auto count = [&](std::int64_t noon) {
    const model::Window day = zone.day(noon);
    const auto done = measure(day.start_ns, day.end_ns, [](std::int64_t) { return 720.0; });
    CHECK(std::all_of(done.begin(), done.end(), [](const auto& q) { return q.complete && q.average_w == 720; }));
    return done.size();
  };
  CHECK(count(utc(2025, 10, 26, 12)) == 100);
  CHECK(count(utc(2026, 3, 29, 12)) == 92);
  CHECK(count(utc(2026, 3, 30, 12)) == 96);
}

TEST_CASE("finish closes what is over and nothing else") {
  const auto steady = [](std::int64_t) { return 3600.0; };
  CHECK(measure(kStart, kStart + 600 * kSecondNs, steady, {}, kStart + 800 * kSecondNs).empty());
  const auto over = measure(kStart, kStart + 895 * kSecondNs, steady, {}, kStart + 900 * kSecondNs);
  REQUIRE(over.size() == 1);
  CHECK(over[0].average_w == Approx(3580));
  CHECK(over[0].estimated);
  CHECK(over[0].complete);
}

}  // namespace mesura::energy
