// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Energy and demand of a file that the sqlite sink has written.
#include "energy/tests/times.hpp"
#include "sinks/tests/rollup_feed.hpp"
#include "store/tests/homes.hpp"

#include <cmath>

using namespace mesura;
using namespace mesura::store;
using namespace mesura::store::test;
using energy::kHourNs;
using energy::kQuarterNs;
using energy::kSecondNs;
using energy::utc;
using sinks::test::as_register;
using sinks::test::attempt;
using sinks::test::Feed;

namespace {

/// A meter of a house that tells what it has counted every ten seconds.
class House {
 public:
  explicit House(std::int64_t start) : sink_(home_.sink(feed_.table())), time_(start) {}

  /// Until then at this power; silent: nothing of it is stored.
  void run(std::int64_t until, double watts, bool silent = false) {
    std::vector<BatchPtr> batches;
    for (; time_ < until; time_ += 10 * kSecondNs) {
      const double wh = std::floor(ws_ / 3600);
      const bool day = (time_ / kHourNs) % 24 >= 6;
      (day ? t1_wh_ : t2_wh_) += wh - wh_;
      wh_ = wh;
      ws_ += watts * 10;
      if (silent) continue;
      batches.push_back(feed_.batch(time_, {{total_, 1'000'000 + wh}, {t1_, t1_wh_}, {t2_, t2_wh_}, {power_, watts}}));
      if (batches.size() == 5000) commit(batches);
    }
    commit(batches);
  }
  void peak(std::int64_t end_ns, double watts) {
    std::vector<BatchPtr> batches{feed_.batch(end_ns, {{peak_, watts}})};
    commit(batches);
  }
  Store store() {
    for (int i = 0; i < 1000; ++i) sink_->maintain(INT64_MAX / 2);
    sink_->close();
    return home_.store();
  }

 private:
  void commit(std::vector<BatchPtr>& batches) {
    if (batches.empty()) return;
    const auto done = attempt(*sink_, batches);
    INFO(done.reason);
    REQUIRE(done.committed);
    batches.clear();
  }

  SqliteHome home_;
  Feed feed_;
  std::uint32_t total_ = as_register(feed_, feed_.number("grid", "total", "active_energy_import", "Wh"));
  std::uint32_t t1_ = as_register(feed_, feed_.number("grid", "t1", "active_energy_import", "Wh"));
  std::uint32_t t2_ = as_register(feed_, feed_.number("grid", "t2", "active_energy_import", "Wh"));
  std::uint32_t power_ = feed_.number("grid", "total", "active_power_import", "W");
  std::uint32_t peak_ = feed_.number("grid", "total", "active_demand_import_month_max", "W");
  std::unique_ptr<Sink> sink_;
  std::int64_t time_;
  double ws_ = 0, wh_ = 0, t1_wh_ = 5000, t2_wh_ = 7000;
};

}  // namespace

TEST_CASE("energy per day and quarters of a stored house over the night of 25 hours", "[sqlite]") {
  const std::int64_t from = utc(2025, 10, 24, 22);
  const std::int64_t to = utc(2025, 10, 27, 23);
  House house{from - kHourNs};
  house.run(utc(2025, 10, 26, 9), 720);
  house.run(utc(2025, 10, 26, 9, 15), 4800);
  house.run(utc(2025, 10, 26, 12), 720);
  house.run(utc(2025, 10, 26, 13), 720, true);
  house.run(to + kHourNs, 720);
  Store store = house.store();

  const auto days = store.energy({{"grid/*/active_energy_import"}, {from, to}, Period::day, to});
  REQUIRE(days.size() == 3);
  const auto at = [&](const std::string& channel, std::size_t day) {
    for (const EnergyTrace& trace : days)
      if (trace.series.info.channel == channel) return trace.windows.at(day);
    FAIL("no " << channel);
    return Growth{};
  };
  const double expected[] = {17'280, 18'000 + 1020, 17'280};
  for (std::size_t i = 0; i < 3; ++i) {
    INFO(i);
    CHECK(at("total", i).amount == Approx(expected[i]).margin(1));
    CHECK(at("t1", i).amount + at("t2", i).amount == Approx(at("total", i).amount).margin(1));
    CHECK_FALSE(at("total", i).estimated);
    CHECK(at("total", i).epochs == 0);
    CHECK(at("total", i).completeness == Approx(i == 1 ? 24.0 / 25 : 1).margin(2e-3));
  }

  const auto demand = store.demand({"grid", "total", {utc(2025, 10, 25, 22), utc(2025, 10, 26, 23)}, to});
  REQUIRE(demand.quarters.size() == 100);
  for (const QuarterDemand& quarter : demand.quarters) {
    const std::int64_t silent = quarter.start_ns - utc(2025, 10, 26, 12);
    if (silent >= 0 && silent < kHourNs) {
      CHECK(std::isnan(quarter.average_w));
    } else {
      CHECK(quarter.average_w == Approx(quarter.start_ns == utc(2025, 10, 26, 9) ? 4800 : 720).margin(4));
      CHECK(quarter.samples == 90);
      CHECK(quarter.complete);
    }
  }
  REQUIRE(demand.months.size() == 1);
  CHECK(demand.months[0].quarter_ns == utc(2025, 10, 26, 9));
  CHECK(demand.months[0].average_w == Approx(4800).margin(4));
  CHECK_FALSE(demand.months[0].from_meter);
  CHECK(store.cross_checks("grid", {from, to}).empty());
}

TEST_CASE("peaks that the meter told are found where they were stored", "[sqlite]") {
  House house{utc(2024, 2, 29, 20)};
  house.run(utc(2024, 2, 29, 21), 500);
  house.peak(utc(2023, 10, 31, 18, 30), 3918);
  house.peak(utc(2023, 11, 30, 22, 59, 59), 0);
  house.peak(utc(2024, 2, 5, 16, 45), 4216);
  house.run(utc(2024, 2, 29, 23, 20), 500);
  house.peak(utc(2024, 2, 29, 23), 5000);
  Store store = house.store();
  const CapacityYear year = store.capacity_year("grid", utc(2024, 2, 29, 23, 20), 2500, 45.0);
  REQUIRE(year.months.size() == 4);
  CHECK(year.months[0].average_w == 3918);
  CHECK(year.months[0].quarter_ns == utc(2023, 10, 31, 18, 15));
  CHECK(std::isnan(year.months[1].average_w));
  CHECK(year.months[1].from_meter);
  CHECK(year.months[2].average_w == 5000);
  CHECK(year.months[2].quarter_ns == utc(2024, 2, 29, 22, 45));
  CHECK_FALSE(year.months[3].from_meter);
  CHECK(year.months[3].average_w == Approx(500).margin(4));
  CHECK(*year.cost_eur == Approx((3918 + 2500 + 5000 + 2500) / 4.0 * 0.045));
}
