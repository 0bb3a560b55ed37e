// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The twin's model: what a reply shows must agree with itself, whatever the house does.
#include <cstdlib>
#include <string>

#include "support/catch.hpp"
#include "virtual_calendar.hpp"
#include "virtual_machine.hpp"
#include "virtual_support.hpp"

using namespace mesura::axpert::twin;
using namespace mesura::axpert::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Machine machine_in(std::string_view profile, std::string_view model, std::int64_t pv = 4000) {
  MachineSetup setup = setup_of(model);
  mesura::virtual_house::Setup house;
  house.start = kStart;
  house.pv_watts = pv;
  house.seed = 3;
  setup.plant.house = mesura::virtual_house::make_profile(profile, house);
  setup.plant.counting = profile == "count";
  Machine m{setup};
  m.refresh();
  return m;
}

void check_agreement(const Machine& m) {
  const Live& l = m.live();
  const int legs = m.model->profile == kSplit ? 2 : 1;
  INFO("mode " << l.mode << " V " << l.battery_cv << " in " << l.charge_a << " out " << l.discharge_a << " pv "
               << l.pv_w() << " ac " << l.ac_charge_w << " dc " << l.dc_load_w);
  CHECK(l.load_percent == std::max(l.w * 100 / (m.model->rated_w / legs), l.va * 100 / (m.model->rated_va / legs)));
  CHECK(l.va >= l.w);
  for (int i = 0; i < m.model->trackers; ++i) {
    const Tracker& t = l.pv[static_cast<std::size_t>(i)];
    CHECK(t.w == (m.model->tracker_current ? t.da * t.dv / 100 : t.battery_a * t.scc_cv / 100));
  }
  // pv + grid charging - load / efficiency = V * I, to half an ampere.
  const std::int64_t net = l.pv_w() + l.ac_charge_w - l.dc_load_w;
  const std::int64_t shown = static_cast<std::int64_t>(l.battery_cv) * (l.charge_a - l.discharge_a) / 100;
  CHECK(std::abs(net - shown) <= l.battery_cv / 200 + 1);
  CHECK((l.charge_a == 0 || l.discharge_a == 0));
  CHECK(l.charge_a <= m.settings.own().max_charge_a + 1);
  CHECK(l.ac_charge_a <= m.settings.own().max_ac_charge_a);
  CHECK(l.ac_charging == (l.ac_charge_a > 0));
  CHECK((l.soc >= 0 && l.soc <= 100));
  CHECK(l.battery_cv <= std::max(m.settings.bulk_dv * 10, 4 * 1280));
  if (l.mode == 'B' && l.load_on) CHECK(l.dc_load_w == l.load_w() * 100 / kEfficiencyPercent);
}

}  // namespace

TEST_CASE("twin calendar: days and dates") {
  CHECK(day_of({1970, 1, 1}) == 0);
  CHECK(day_of({2026, 1, 1}) * 86400 == kStart);
  for (std::int64_t day = -200'000; day < 200'000; day += 37) {
    const Date d = date_of(day);
    CHECK(day_of(d) == day);
    CHECK((d.day >= 1 && d.day <= days_in_month(d.year, d.month)));
  }
  CHECK(write_clock(kStart - 1) == "20251231235959");
  CHECK(read_clock("260101000000") == kStart);
  CHECK(read_clock("20260101000000") == kStart);
}

TEST_CASE("twin model: a reply agrees with itself through whole days") {
  for (const char* model : {"pi30", "pi30-tri", "pi30-mk", "pi30max", "pi41", "pi18"})
    for (const char* priority : {"POP00", "POP01", "POP02"}) {
      Machine m = machine_in("house", model);
      static_cast<void>(apply_setter(m, priority));
      if (m.model->profile == kPi18) m.settings.output_priority = priority[4] - '0';
      for (int step = 0; step < 2 * 24 * 12; ++step) {
        m.advance((kStart + 150 * 86400 + step * 300) * kSecond);
        INFO(model << " " << priority << " step " << step);
        check_agreement(m);
      }
    }
}

TEST_CASE("twin model: without grid the battery feeds, an empty one switches off") {
  Machine m = machine_in("constant:1000", "pi30", 0);
  CHECK(m.live().mode == 'L');
  CHECK(m.live().w == 1000);
  CHECK(m.live().out_dv == m.live().grid_dv);
  m.plant.overrides.grid = false;
  m.refresh();
  CHECK(m.live().mode == 'B');
  CHECK(m.live().grid_dv == 0);
  CHECK(m.live().discharge_a > 0);
  CHECK(ask(m, "QPIWS").at(5) == '1');
  m.advance((kStart + 24 * 3600) * kSecond);
  CHECK(m.live().mode == 'B');  // 46 V at rest is above the cut-off of 42 V
  m.settings.under_dv = 470;
  m.advance((kStart + 24 * 3600 + 10) * kSecond);
  CHECK(m.live().mode == 'S');
  CHECK(m.live().w == 0);
  CHECK_FALSE(m.live().load_on);
  m.plant.overrides.grid.reset();
  m.refresh();
  CHECK(m.live().mode == 'L');
}

TEST_CASE("twin model: SBU goes to the grid at PBCV and back at PBDV") {
  Machine m = machine_in("constant:1000", "pi30", 0);
  REQUIRE(set(m, "POP02"));
  m.refresh();
  CHECK(m.live().mode == 'B');
  const auto at = [&](int centivolts) {
    m.plant.overrides.battery_cv = centivolts;
    m.refresh();
    return m.live().mode;
  };
  CHECK(at(4700) == 'B');
  CHECK(at(4601) == 'B');
  CHECK(at(4600) == 'L');
  CHECK(at(4700) == 'L');
  CHECK(at(5399) == 'L');
  CHECK(at(5400) == 'B');
  CHECK(at(4700) == 'B');
  REQUIRE(set(m, "PBDV00.0"));  // only when full
  CHECK(at(4500) == 'L');
  CHECK(at(5600) == 'L');
  m.plant.set_soc(1000);
  m.refresh();
  CHECK(at(5600) == 'B');
}

TEST_CASE("twin model: utility first stays on the grid") {
  Machine m = machine_in("constant:1000", "pi30", 0);
  m.advance((kStart + 10 * 3600) * kSecond);
  CHECK(m.live().mode == 'L');
  CHECK(m.live().discharge_a == 0);
}

TEST_CASE("twin model: who charges") {
  Machine m = machine_in("constant:500", "pi30", 0);
  m.plant.overrides.pv_w = 600;
  const auto source = [&](const char* command) {
    REQUIRE(set(m, command));
    m.refresh();
    return std::string{m.live().solar_charging ? "solar" : ""} + (m.live().ac_charging ? "+utility" : "");
  };
  CHECK(source("PCP00") == "+utility");
  CHECK(source("PCP01") == "solar");
  CHECK(source("PCP02") == "solar+utility");
  CHECK(source("PCP03") == "solar");
  m.plant.overrides.pv_w = 0;
  CHECK(source("PCP01") == "+utility");
  CHECK(source("PCP03").empty());
  CHECK(ask(m, "QPIGS").find(" 01110000 ") != std::string::npos);
  CHECK(source("PCP02") == "+utility");
  REQUIRE(set(m, "MUCHGC010"));
  m.refresh();
  CHECK(m.live().ac_charge_a == 10);
  CHECK(m.live().charge_a == 10);
  static_cast<void>(ask(m, "QPIRI"));
  CHECK(ask(m, "QPIGS").find(" 00110101 ") != std::string::npos);
}

TEST_CASE("twin model: a full battery floats and takes nothing") {
  Machine m = machine_in("constant:300", "pi30", 0);
  m.plant.overrides.pv_w = 3000;
  m.advance((kStart + 20 * 3600) * kSecond);
  CHECK(m.live().soc >= 99);
  CHECK(m.live().float_stage);
  CHECK(m.live().battery_cv == 5400);
  CHECK(m.live().charge_a <= 1);
}

TEST_CASE("twin model: the counters hold what the replies showed") {
  Machine m = machine_in("constant:1000", "pi30max", 0);
  m.plant.overrides.pv_w = 2000;
  REQUIRE(set(m, "POP02"));
  std::int64_t pv_ws = 0;
  std::int64_t load_ws = 0;
  for (int s = 0; s < 7200; ++s) {
    m.advance((kStart + s) * kSecond);
    pv_ws += m.live().pv_w();
    load_ws += m.live().load_w();
  }
  m.advance((kStart + 7200) * kSecond);
  CHECK(m.plant.energy().total_wh(EnergyLog::Of::pv) == pv_ws / 3600);
  CHECK(m.plant.energy().total_wh(EnergyLog::Of::load) == load_ws / 3600);
  CHECK(m.plant.energy().total_wh(EnergyLog::Of::load) == 2000);
  CHECK(ask(m, "QLD20260101") == "00002000");
}

TEST_CASE("twin model: the same instants, however often asked") {
  Machine often = machine_in("house", "pi30");
  Machine once = machine_in("house", "pi30");
  for (int s = 1; s <= 4000; ++s) often.advance((kStart + s) * kSecond);
  once.advance((kStart + 4000) * kSecond);
  CHECK(ask(often, "QPIGS") == ask(once, "QPIGS"));
  CHECK(often.plant.energy().total_wh(EnergyLog::Of::load) == once.plant.energy().total_wh(EnergyLog::Of::load));
}

TEST_CASE("twin model: parallel units share the house") {
  MachineSetup setup = setup_of("pi30", 4);
  Machine m{setup};
  m.refresh();
  CHECK(m.live().w == 250);
  CHECK(ask(m, "QPGS2").find(" 01000 ") != std::string::npos);  // all four together
}

TEST_CASE("twin model: faults and forced modes") {
  Machine m = machine_of("pi30");
  m.fault_code = 7;
  m.refresh();
  CHECK(ask(m, "QMOD") == "F");
  CHECK(ask(m, "QPIWS").at(1) == '1');
  CHECK(m.live().w == 0);
  CHECK(ask(m, "QPGS0").find(" F 07 ") != std::string::npos);
  m.fault_code = 0;
  m.plant.overrides.mode = 'H';
  m.refresh();
  CHECK(ask(m, "QMOD") == "H");
}

TEST_CASE("twin model: no discharge, no charge on demand") {
  Machine m = machine_of("pi30max");
  REQUIRE(set(m, "POP02"));
  m.refresh();
  REQUIRE(m.live().mode == 'B');
  REQUIRE(set(m, "PBATCD011"));
  m.refresh();
  CHECK(m.live().mode == 'L');
  REQUIRE(set(m, "PBATCD110"));
  m.plant.overrides.grid_dv = 2300;
  m.refresh();
  CHECK(m.live().charge_a == 0);
}

TEST_CASE("twin count: reply k shows step k in fields that carry it exactly") {
  for (const char* model : {"pi30", "pi30max", "pi41", "pi30revo"}) {
    Machine m = machine_in("count", model);
    Machine same = machine_in("count", model);
    std::string before;
    for (int k = 0; k < 3000; ++k) {
      m.advance((kStart + k) * kSecond);
      const auto answer = answer_query(m, "QPIGS");
      REQUIRE(answer);
      CHECK(answer->text != before);
      CHECK(answer->text == ask(same, "QPIGS"));  // whatever the time
      before = answer->text;
      if (m.model->profile != kSplit) CHECK(m.live().w == k % m.model->rated_w);
      CHECK(m.live().load_percent <= 100);
    }
  }
}
