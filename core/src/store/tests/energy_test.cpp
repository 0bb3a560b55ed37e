// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/tests/times.hpp"
#include "store/tests/memory_archive.hpp"

#include <cmath>
#include <memory>

namespace mesura::store {
namespace {

using energy::brussels;
using energy::kHourNs;
using energy::kSecondNs;
using energy::utc;
using test::MemoryArchive;

constexpr std::int64_t kCadence = 10 * kSecondNs;

/// Import of 360 W by day and 1 Wh every ten seconds: 1 Wh a row.
struct House {
  std::unique_ptr<MemoryArchive> archive = std::make_unique<MemoryArchive>(brussels(), 10);
  MemoryArchive* memory = archive.get();
  std::uint32_t import = archive->add("total", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.0");
  std::uint32_t t1 = archive->add("t1", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.1");
  std::uint32_t t2 = archive->add("t2", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.2");
  std::uint32_t power = archive->add("total", "active_power", "W");

  void fill(std::int64_t from, std::int64_t to, double wh = 5'000'000) {
    for (std::int64_t t = from; t <= to; t += kCadence, wh += 1) {
      memory->put(t, import, wh);
      const bool day = (t / kHourNs) % 24 >= 6;
      (day ? first : second) += 1;
      memory->put(t, t1, first);
      memory->put(t, t2, second);
      memory->put(t, power, 360);
    }
  }
  double first = 1000, second = 2000;
};

EnergyTrace trace(const std::vector<EnergyTrace>& all, const std::string& name) {
  for (const EnergyTrace& t : all)
    if (t.series.info.name() == name) return t;
  FAIL("no trace " << name);
  return {};
}

}  // namespace

TEST_CASE("energy per day over both clock changes, from rollups and a few rows") {
  for (const bool autumn : {true, false}) {
    const std::int64_t from = autumn ? utc(2025, 10, 24, 22) : utc(2026, 3, 27, 23);
    const std::int64_t to = autumn ? utc(2025, 10, 27, 23) : utc(2026, 3, 30, 22);
    for (const bool rollups : {true, false}) {
      House house;
      house.fill(from - kHourNs, to + kHourNs);
      if (rollups) house.memory->rolled_up_to(to);
      Store store{std::move(house.archive)};
      const auto all = store.energy({{"grid/*/active_energy_import"}, {from, to}, Period::day, to + kHourNs});
      REQUIRE(all.size() == 3);
      const EnergyTrace total = trace(all, "grid/total/active_energy_import");
      CHECK(total.origin == EnergyOrigin::meter);
      REQUIRE(total.windows.size() == 3);
      CHECK(total.windows[0].amount == 8640);
      CHECK(total.windows[1].amount == (autumn ? 9000 : 8280));
      CHECK(total.windows[2].amount == 8640);
      const EnergyTrace t1 = trace(all, "grid/t1/active_energy_import");
      const EnergyTrace t2 = trace(all, "grid/t2/active_energy_import");
      for (std::size_t i = 0; i < 3; ++i) {
        CHECK(t1.windows[i].amount + t2.windows[i].amount == total.windows[i].amount);
        CHECK(t2.windows[i].amount == 2160);
        CHECK(total.windows[i].completeness == Approx(1).margin(1e-3));
        CHECK(total.windows[i].epochs == 0);
        CHECK_FALSE(total.windows[i].estimated);
      }
      if (rollups) CHECK(house.memory->visited < 1000);
    }
  }
}

TEST_CASE("an hour of silence, a reset and another meter within a month of days") {
  House house;
  const std::int64_t from = utc(2026, 1, 31, 23);
  const auto day = [&](int n) { return from + n * 24 * kHourNs; };
  house.fill(from, day(1) + 12 * kHourNs);                             // then an hour nothing
  house.fill(day(1) + 13 * kHourNs, day(3) + 6 * kHourNs, 5'013'320);  // as if it had run on
  house.fill(day(3) + 6 * kHourNs + kCadence, day(5) + kHourNs, 100);  // a new one
  house.fill(day(5) + kHourNs + kCadence, day(7), 90'000'000);         // and one with a past
  house.memory->rolled_up_to(day(7));
  Store store{std::move(house.archive)};
  const auto all = store.energy({{"grid/total"}, {from, day(7)}, Period::day, day(7)});
  REQUIRE(all.size() == 1);
  const auto& windows = all[0].windows;
  REQUIRE(windows.size() == 7);
  CHECK(windows[0].amount == 8640);
  CHECK(windows[1].amount == 8640);
  CHECK(windows[1].completeness == Approx(23.0 / 24).margin(2e-3));
  CHECK(windows[2].amount == 8640);
  CHECK(windows[3].amount == 8639);
  CHECK(windows[3].epochs == 1);
  CHECK(windows[4].amount == 8640);
  CHECK(windows[5].amount == 8639);
  CHECK(windows[5].epochs == 1);
  CHECK(windows[6].amount == 8640);
  CHECK(windows[6].epochs == 0);
  const auto whole = store.energy({{"grid/total"}, {from, day(7)}, Period::whole, day(7)});
  CHECK(whole[0].windows[0].amount == 7 * 8640 - 2);
  CHECK(whole[0].windows[0].epochs == 2);
}

TEST_CASE("a border within a gap is estimated") {
  House house;
  const std::int64_t from = utc(2026, 1, 31, 23);
  house.fill(from, from + 20 * kHourNs);
  house.fill(from + 28 * kHourNs, from + 48 * kHourNs, 5'000'000 + 28 * 360);
  house.memory->rolled_up_to(from + 48 * kHourNs);
  Store store{std::move(house.archive)};
  const auto all = store.energy({{"grid/total"}, {from, from + 48 * kHourNs}, Period::day, 0});
  for (const Growth& growth : all[0].windows) {
    CHECK(growth.amount == Approx(8640));
    CHECK(growth.estimated);
    CHECK(growth.completeness == Approx(20.0 / 24).margin(2e-3));
  }
}

TEST_CASE("raw rows have expired: rollups say nearly the same") {
  House house;
  const std::int64_t from = utc(2026, 1, 31, 23);
  const std::int64_t to = from + 6 * 24 * kHourNs;
  house.fill(from - kHourNs, to + kHourNs);
  house.memory->rolled_up_to(to);
  house.memory->expire_raw(from + 3 * 24 * kHourNs);
  Store store{std::move(house.archive)};
  const auto all = store.energy({{"grid/total"}, {from, to}, Period::day, to});
  REQUIRE(all[0].windows.size() == 6);
  for (const Growth& growth : all[0].windows) {
    CHECK(growth.amount == Approx(8640).margin(1.01));  // one telegram
    CHECK_FALSE(growth.estimated);
    CHECK(growth.completeness == Approx(1).margin(1e-3));
  }
}

TEST_CASE("the running day, and days to come") {
  House house;
  const std::int64_t from = utc(2026, 1, 31, 23);
  const std::int64_t now = from + 30 * kHourNs + 7 * 60 * kSecondNs;
  house.fill(from, now);
  house.memory->rolled_up_to(now);
  Store store{std::move(house.archive)};
  const auto all = store.energy({{"grid/total"}, {from, from + 72 * kHourNs}, Period::day, now});
  const auto& windows = all[0].windows;
  REQUIRE(windows.size() == 3);
  CHECK(windows[1].amount == 6 * 360 + 42);
  CHECK(windows[1].completeness == Approx(1).margin(2e-2));
  CHECK(windows[2].amount == 0);
  CHECK(windows[2].completeness == 0);
}

TEST_CASE("a clamp without registers: power, both directions, sign by role") {
  for (const std::string role : {"", "solar"}) {
    for (const bool rollups : {true, false}) {
      auto archive = std::make_unique<MemoryArchive>(brussels(), 10);
      const auto power = archive->add("ct1", "active_power", "W", Kind::gauge, "PRMS", role);
      const std::int64_t from = utc(2026, 1, 31, 23);
      const std::int64_t to = from + 24 * kHourNs;
      // 20 hours of 1000 W, 3 of -500 W, one that changes its sign every five minutes.
      for (std::int64_t t = from; t <= to; t += kCadence) {
        const std::int64_t hour = (t - from) / kHourNs;
        const bool odd = (t / (300 * kSecondNs)) % 2 == 1;
        archive->put(t, power, hour < 20 ? 1000 : hour < 23 ? -500 : odd ? 600 : -600);
      }
      if (rollups) archive->rolled_up_to(to);
      Store store{std::move(archive)};
      const auto all = store.energy({{"grid"}, {from, to}, Period::day, to});
      REQUIRE(all.size() == 2);
      const bool solar = role == "solar";
      const auto plus = trace(all, solar ? "grid/ct1/active_energy_export" : "grid/ct1/active_energy_import");
      const auto minus = trace(all, solar ? "grid/ct1/active_energy_import" : "grid/ct1/active_energy_export");
      CHECK(plus.origin == EnergyOrigin::power);
      CHECK(plus.series.info.unit == "Wh");
      CHECK(plus.windows[0].amount == Approx(20'300).epsilon(0.002));
      CHECK(minus.windows[0].amount == Approx(1800).epsilon(0.005));
      CHECK(plus.windows[0].completeness == Approx(1).margin(2e-3));
    }
  }
}

TEST_CASE("a register that we keep goes back to when we began, older powers before it") {
  auto archive = std::make_unique<MemoryArchive>(brussels(), 10);
  const auto power = archive->add("ct1", "active_power", "W");
  const auto import = archive->add("ct1", "active_energy_import", "Wh", Kind::reg, "integrated");
  const std::int64_t from = utc(2026, 1, 31, 23);
  const std::int64_t began = from + 24 * kHourNs;
  const std::int64_t to = from + 48 * kHourNs;
  double wh = 0;
  for (std::int64_t t = from; t <= to; t += kCadence) {
    archive->put(t, power, 360);
    if (t >= began) archive->put(t, import, wh++);
  }
  archive->rolled_up_to(to);
  Store store{std::move(archive)};
  const auto both = store.energy({{"grid/ct1/active_energy_import"}, {from, to}, Period::day, to});
  REQUIRE(both.size() == 1);
  CHECK(both[0].origin == EnergyOrigin::power);
  CHECK(both[0].windows[0].amount == Approx(8640).epsilon(0.001));
  CHECK(both[0].windows[1].amount == 8640);
  const auto later = store.energy({{"grid/ct1/active_energy_import"}, {began, to}, Period::day, to});
  CHECK(later[0].origin == EnergyOrigin::integrated);
}

TEST_CASE("a slow register is interpolated and no estimate for that") {
  auto archive = std::make_unique<MemoryArchive>(brussels(), 3600);
  const auto gas = archive->add("mbus1", "gas_volume", "m3", Kind::reg);
  const std::int64_t from = utc(2026, 1, 31, 23);
  for (int hour = -2; hour < 75; ++hour) archive->put(from + hour * kHourNs + 300 * kSecondNs, gas, 100 + 0.5 * hour);
  archive->rolled_up_to(from + 72 * kHourNs);
  Store store{std::move(archive)};
  const auto all = store.energy({{"grid"}, {from, from + 72 * kHourNs}, Period::day, 0});
  REQUIRE(all.size() == 1);
  for (const Growth& growth : all[0].windows) {
    CHECK(growth.amount == Approx(12));
    CHECK_FALSE(growth.estimated);
  }
}

TEST_CASE("questions that have no answer") {
  House house;
  house.fill(utc(2026, 1, 1), utc(2026, 1, 1, 1));
  Store store{std::move(house.archive)};
  const TimeRange range{utc(2026, 1, 1), utc(2026, 1, 2)};
  const auto cause = [&](const EnergyQuery& query) {
    try {
      static_cast<void>(store.energy(query));
    } catch (const StoreError& error) {
      INFO(error.what());
      return std::optional{error.cause()};
    }
    return std::optional<StoreError::Cause>{};
  };
  CHECK(cause({{"nobody"}, range, Period::day, 0}) == StoreError::Cause::unknown);
  CHECK(cause({{"a/b/c/d"}, range, Period::day, 0}) == StoreError::Cause::question);
  CHECK(cause({{"*"}, {utc(1970, 1, 1), utc(2030, 1, 1)}, Period::quarter_hour, 0}) == StoreError::Cause::question);
  CHECK(store.energy({{"*"}, {range.to_ns, range.from_ns}, Period::day, 0}).empty());
  // Nothing is stored of that time.
  const auto none = store.energy({{"grid/total"}, {utc(2025, 1, 1), utc(2025, 1, 3)}, Period::day, 0});
  REQUIRE(none.size() == 1);
  CHECK(none[0].windows[0].amount == 0);
  CHECK(none[0].windows[0].completeness == 0);
}

}  // namespace mesura::store
