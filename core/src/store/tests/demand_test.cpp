// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/quarter_meter.hpp"
#include "energy/tests/times.hpp"
#include "store/tests/memory_archive.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

namespace mesura::store {
namespace {

using energy::brussels;
using energy::kHourNs;
using energy::kQuarterNs;
using energy::kSecondNs;
using energy::utc;
using test::MemoryArchive;

const std::int64_t kStart = utc(2024, 2, 12, 17);

/// What a Belgian meter stores.
struct Meter {
  std::unique_ptr<MemoryArchive> archive;
  MemoryArchive* memory;
  std::uint32_t t1, t2, total, power, demand, peak;
  double ws = 0;

  explicit Meter(bool with_total = true, double cadence_s = 1)
      : archive(std::make_unique<MemoryArchive>(brussels(), cadence_s)), memory(archive.get()) {
    t1 = archive->add("t1", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.1");
    t2 = archive->add("t2", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.2");
    total = with_total ? archive->add("total", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.1") : t2;
    power = archive->add("total", "active_power_import", "W");
    demand = archive->add("total", "active_demand_import", "W");
    peak = archive->add("total", "active_demand_import_month_max", "W");
  }
  void second(std::int64_t t, double watts, bool say = true) {
    if (say) {
      const double wh = 1'000'000 + std::floor(ws / 3600);
      memory->put(t, t1, wh - 300'000);
      memory->put(t, t2, 300'000);
      if (total != t2) memory->put(t, total, wh);
      memory->put(t, power, watts);
    }
    ws += watts;
  }
};

double s1_load(std::int64_t t) {
  constexpr double watts[] = {1600, 4800, 800, 2400};
  return watts[(t - kStart) / kQuarterNs % 4];
}

}  // namespace

TEST_CASE("scenario S1 from what is stored") {
  for (const bool with_total : {true, false}) {
    for (const bool rollups : {true, false}) {
      INFO(with_total << rollups);
      Meter meter{with_total};
      for (std::int64_t t = kStart; t <= kStart + kHourNs + 300 * kSecondNs; t += kSecondNs)
        meter.second(t, s1_load(t));
      const std::int64_t now = kStart + kHourNs + 300 * kSecondNs;
      if (rollups) meter.memory->rolled_up_to(now);
      Store store{std::move(meter.archive)};
      const auto answer = store.demand({"grid", "total", {kStart, kStart + 2 * kHourNs}, now});
      REQUIRE(answer.quarters.size() == 5);
      const double expected[] = {1600, 4800, 800, 2400};
      for (std::size_t i = 0; i < 4; ++i) {
        const QuarterDemand& quarter = answer.quarters[i];
        CHECK(quarter.start_ns == kStart + static_cast<std::int64_t>(i) * kQuarterNs);
        CHECK(quarter.average_w == expected[i]);
        CHECK(quarter.origin == DemandOrigin::registers);
        CHECK(quarter.complete);
        CHECK_FALSE(quarter.estimated);
        CHECK(quarter.samples == 900);
        CHECK(quarter.min_w == expected[i]);
        CHECK(quarter.max_w == expected[i]);
      }
      CHECK(answer.quarters[4].running);
      CHECK(answer.quarters[4].average_w == Approx(1600.0 / 3).margin(4));
      REQUIRE(answer.months.size() == 1);
      CHECK(answer.months[0].average_w == 4800);
      CHECK_FALSE(answer.months[0].from_meter);
      CHECK(answer.months[0].since_ns == kStart);
    }
  }
}

TEST_CASE("what is stored says the same as what was heard live, gaps and all") {
  const auto heard = [](std::int64_t t) {
    const std::int64_t into = (t - kStart) / kSecondNs;
    return !(into > 2000 && into < 2709) && !(into > 4500 && into < 8200) && into % 9000 != 7;
  };
  const auto load = [](std::int64_t t) { return static_cast<double>((t / kSecondNs * 7919) % 6000); };
  Meter meter;
  energy::QuarterMeter live;
  std::vector<QuarterDemand> expected;
  const std::int64_t end = kStart + 4 * kHourNs;
  for (std::int64_t t = kStart; t <= end; t += kSecondNs) {
    const double wh = 1'000'000 + std::floor(meter.ws / 3600);
    if (heard(t)) live.push({t, load(t), wh, NAN}, expected);
    meter.second(t, load(t), heard(t));
  }
  meter.memory->rolled_up_to(end);
  Store store{std::move(meter.archive)};
  const auto answer = store.demand({"grid", "total", {kStart, end}, end + kHourNs});
  REQUIRE(answer.quarters.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(i);
    CHECK(answer.quarters[i].start_ns == expected[i].start_ns);
    CHECK(std::isnan(answer.quarters[i].average_w) == std::isnan(expected[i].average_w));
    if (!std::isnan(expected[i].average_w)) CHECK(answer.quarters[i].average_w == Approx(expected[i].average_w));
    CHECK(answer.quarters[i].complete == expected[i].complete);
    CHECK(answer.quarters[i].estimated == expected[i].estimated);
    CHECK(answer.quarters[i].samples == expected[i].samples);
  }
  CHECK(std::any_of(expected.begin(), expected.end(), [](const auto& q) { return std::isnan(q.average_w); }));
  CHECK(std::any_of(expected.begin(), expected.end(), [](const auto& q) { return q.estimated; }));
}

TEST_CASE("without registers: the meter's demand, or power") {
  const auto ask = [](bool demand, const std::string& channel, const std::string& role) {
    auto archive = std::make_unique<MemoryArchive>(brussels(), 5);
    const auto power = archive->add(channel, "active_power", "W", Kind::gauge, "PRMS", role);
    const auto running = demand ? archive->add(channel, "active_demand_import", "W") : 0;
    for (std::int64_t t = kStart; t <= kStart + kHourNs; t += 5 * kSecondNs) {
      const auto into = static_cast<double>((t - kStart) % kQuarterNs) / 1e9;
      archive->put(t, power, into < 450 ? 3000 : -1000);
      if (demand) archive->put(t, running, std::min(into, 450.0) * 3000 / 900);
    }
    archive->rolled_up_to(kStart + kHourNs);
    Store store{std::move(archive)};
    return store.demand({"grid", channel, {kStart, kStart + kHourNs}, kStart + 2 * kHourNs});
  };
  const auto by_demand = ask(true, "total", "grid");
  REQUIRE(by_demand.quarters.size() == 4);
  CHECK(by_demand.quarters[1].origin == DemandOrigin::meter);
  CHECK(by_demand.quarters[1].average_w == 1500);
  CHECK_FALSE(by_demand.quarters[1].estimated);
  const auto clamp = ask(false, "ct1", "");
  REQUIRE(clamp.quarters.size() == 4);
  CHECK(clamp.quarters[1].origin == DemandOrigin::power);
  CHECK(clamp.quarters[1].average_w == Approx(1500).epsilon(0.01));
  CHECK_FALSE(clamp.quarters[1].estimated);
  REQUIRE(clamp.months.size() == 1);
  CHECK(clamp.months[0].average_w == Approx(1500).epsilon(0.01));
  const auto solar = ask(false, "ct2", "solar");
  CHECK(solar.quarters[1].average_w == Approx(500).epsilon(0.01));
}

TEST_CASE("month peaks: the meter's count, the end of a month is its own") {
  for (const std::int64_t rolled : {utc(2024, 2, 29, 23), utc(2023, 1, 1)}) {
    Meter meter{true, 10};
    // 98.1.0 of vector D, and a peak that ends with February.
    meter.memory->put(utc(2023, 10, 31, 18, 30), meter.peak, 3918);
    meter.memory->put(utc(2023, 11, 30, 22, 59, 59), meter.peak, 0);
    meter.memory->put(utc(2023, 12, 25, 17, 30), meter.peak, 5204);
    meter.memory->put(utc(2024, 1, 19, 6, 45), meter.peak, 2407);
    meter.memory->put(utc(2024, 2, 5, 16, 45), meter.peak, 4216);
    meter.memory->put(utc(2024, 2, 29, 23), meter.peak, 5000);
    const std::int64_t now = utc(2024, 2, 29, 23, 10);
    for (std::int64_t t = utc(2024, 2, 29, 22); t <= now; t += 10 * kSecondNs) meter.second(t, 720);
    meter.memory->rolled_up_to(rolled);
    Store store{std::move(meter.archive)};
    const auto answer = store.demand({"grid", "total", {utc(2024, 1, 31, 23), utc(2024, 3, 2)}, now});
    REQUIRE(answer.months.size() == 2);
    CHECK(answer.months[0].from_meter);
    CHECK(answer.months[0].average_w == 5000);
    CHECK(answer.months[0].quarter_ns == utc(2024, 2, 29, 22, 45));
    CHECK_FALSE(answer.months[1].from_meter);
    CHECK(std::isnan(answer.months[1].average_w));

    const CapacityYear year = store.capacity_year("grid", utc(2024, 2, 29, 22, 59), 2500, 45.0);
    REQUIRE(year.months.size() == 5);
    CHECK(year.months[0].quarter_ns == utc(2023, 10, 31, 18, 15));
    CHECK(std::isnan(year.months[1].average_w));
    CHECK(year.months[1].from_meter);
    CHECK(year.months[2].average_w == 5204);
    CHECK(year.months[3].average_w == 2407);
    CHECK(year.mean_w * 5 == Approx(3918 + 2500 + 5204 + 2500 + 5000));
    CHECK(*year.cost_eur == Approx(year.mean_w * 0.045));
  }
}

TEST_CASE("a month's highest quarter is found among all of them, with gaps that look higher") {
  Meter meter{true, 10};
  const std::int64_t from = utc(2024, 1, 31, 23);
  const std::int64_t to = from + 6 * 24 * kHourNs;
  double best = 0;
  std::int64_t best_at = 0;
  for (std::int64_t quarter = from; quarter < to; quarter += kQuarterNs) {
    const auto number = static_cast<double>((quarter / kQuarterNs * 2654435761 % 3000));
    if (number > best) best = number, best_at = quarter;
    // A night without anything: its energy comes with the first telegram after it.
    const bool silent = quarter > from + 30 * kHourNs && quarter < from + 40 * kHourNs;
    for (std::int64_t t = quarter; t < quarter + kQuarterNs; t += 10 * kSecondNs) {
      meter.second(t, number, !silent);
      meter.ws += 9 * number;
    }
    if (silent && number == best) best = 0;
  }
  meter.memory->rolled_up_to(to);
  Store store{std::move(meter.archive)};
  const auto year = store.capacity_year("grid", to, 0, {});
  REQUIRE(year.months.size() == 1);
  CHECK(year.months[0].quarter_ns == best_at);
  CHECK(year.months[0].average_w == Approx(best).margin(4));
  CHECK(year.months[0].since_ns == from);
}

TEST_CASE("both nights of clock changes: 100 and 92 quarters") {
  const model::Zone zone = brussels();
  for (const std::int64_t noon : {utc(2025, 10, 26, 12), utc(2026, 3, 29, 12)}) {
    const model::Window day = zone.day(noon);
    Meter meter{true, 10};
    for (std::int64_t t = day.start_ns; t <= day.end_ns; t += 10 * kSecondNs) {
      meter.second(t, 720);
      meter.ws += 9 * 720;
    }
    meter.memory->rolled_up_to(day.end_ns);
    Store store{std::move(meter.archive)};
    const auto answer = store.demand({"grid", "total", {day.start_ns, day.end_ns}, day.end_ns + kHourNs});
    CHECK(answer.quarters.size() == static_cast<std::size_t>((day.end_ns - day.start_ns) / kQuarterNs));
    CHECK(std::all_of(answer.quarters.begin(), answer.quarters.end(),
                      [](const auto& q) { return q.complete && q.average_w == 720; }));
  }
}

TEST_CASE("demand of what is not there") {
  Meter meter;
  meter.second(kStart, 100);
  Store store{std::move(meter.archive)};
  CHECK_THROWS_AS(store.demand({"nobody", "total", {0, 1}, kStart}), StoreError);
  CHECK_THROWS_AS(store.demand({"grid", "total", {0, kStart}, kStart}), StoreError);  // 54 years
  const auto none = store.demand({"grid", "total", {kStart - 5 * kHourNs, kStart - kHourNs}, kStart});
  CHECK(none.quarters.empty());
  CHECK(store.demand({"grid", "total", {kStart, kStart}, kStart}).quarters.empty());
}

}  // namespace mesura::store
