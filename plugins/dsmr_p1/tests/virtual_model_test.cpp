// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the virtual meter measures and remembers.
#include "virtual_model.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "support/catch.hpp"
#include "virtual_house/parse.hpp"

using namespace mesura::dsmr_p1::twin;
using mesura::virtual_house::make_profile;
using mesura::virtual_house::parse_utc;
using mesura::virtual_house::Setup;

namespace {

UtcSeconds utc(std::string_view text) { return parse_utc(text).value(); }

/// A meter with its clock and its house.
struct Bench {
  Bench(const char* zone, const char* profile, ModelSetup setup, std::int64_t pv = 0) : clock(zone) {
    Setup p;
    p.phases = setup.phases;
    p.start = setup.start;
    p.seed = setup.seed;
    p.pv_watts = pv;
    p.zone = zone;
    load = make_profile(profile, p);
    model = std::make_unique<MeterModel>(std::move(setup), clock, *load);
  }
  Reading at(std::string_view time) {
    model->advance(utc(time));
    return model->reading();
  }

  MeterClock clock;
  std::unique_ptr<mesura::virtual_house::Profile> load;
  std::unique_ptr<MeterModel> model;
};

ModelSetup belgian(std::string_view start) {
  ModelSetup setup;
  setup.start = utc(start);
  setup.day_tariff = 1;
  setup.night_tariff = 2;
  return setup;
}

std::string temporary_file(std::string_view text) {
  std::string path = (std::filesystem::temp_directory_path() / "mesura-profile-XXXXXX").string();
  const int fd = mkstemp(path.data());
  REQUIRE(fd >= 0);
  REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
  return path;
}

std::int64_t sum(const PerTariff& registers) { return registers[0] + registers[1] + registers[2] + registers[3]; }

}  // namespace

TEST_CASE("twin scenario S1: quarters of 1600, 4800, 800 and 2400 W") {
  ModelSetup setup = belgian("2024-02-12T17:00:00Z");
  setup.import_wh = {1'000'000, 0, 0, 0};
  setup.month_peak = {utc("2024-02-05T16:45:00Z"), 4216};
  Bench bench{"Europe/Brussels", "quarter:1600,4800,800,2400", setup};

  Reading r = bench.at("2024-02-12T17:00:00Z");
  CHECK(sum(r.import_wh) == 1'000'000);
  CHECK(r.power_w == 1600);

  r = bench.at("2024-02-12T17:14:59Z");
  CHECK(r.demand.import_w == 1598);

  r = bench.at("2024-02-12T17:15:00Z");
  CHECK(sum(r.import_wh) == 1'000'400);
  CHECK(r.demand.import_w == 0);
  CHECK(r.last_demand.import_w == 1600);
  CHECK(r.month_peak == Peak{utc("2024-02-05T16:45:00Z"), 4216});

  r = bench.at("2024-02-12T17:20:00Z");
  CHECK(sum(r.import_wh) == 1'000'800);
  CHECK(r.demand.import_w == 1600);
  CHECK(r.power_w == 4800);
  CHECK(r.month_peak.watts == 4216);

  r = bench.at("2024-02-12T17:30:00Z");
  CHECK(sum(r.import_wh) == 1'001'600);
  CHECK(r.demand.import_w == 0);
  CHECK(r.month_peak == Peak{utc("2024-02-12T17:30:00Z"), 4800});

  r = bench.at("2024-02-12T17:45:00Z");
  CHECK(sum(r.import_wh) == 1'001'800);
  CHECK(r.month_peak.watts == 4800);
  CHECK(r.last_demand.import_w == 800);

  r = bench.at("2024-02-12T18:00:00Z");
  CHECK(sum(r.import_wh) == 1'002'400);
  CHECK(r.last_demand.import_w == 2400);
}

TEST_CASE("twin month end: the last quarter belongs to the month that ends") {
  ModelSetup setup = belgian("2024-02-29T22:45:00Z");
  for (int i = 0; i < 13; ++i) setup.peak_history.push_back({1000 + i, {500 + i, 100 + i}});
  Bench bench{"Europe/Brussels", "quarter:5000,1000", setup};

  Reading r = bench.at("2024-02-29T22:59:59Z");
  CHECK(r.month_peak == Peak{});
  CHECK(r.peak_history.size() == 13);

  r = bench.at("2024-02-29T23:00:00Z");
  CHECK(bench.clock.stamp(r.time) == "240301000000W");
  REQUIRE(r.peak_history.size() == 13);
  CHECK(r.peak_history.front().peak.watts == 101);  // the oldest left
  CHECK(r.peak_history.back() == MonthPeak{utc("2024-02-29T23:00:00Z"), {utc("2024-02-29T23:00:00Z"), 5000}});
  CHECK(r.month_peak == Peak{});

  CHECK(bench.at("2024-02-29T23:14:59Z").month_peak == Peak{});
  CHECK(bench.at("2024-02-29T23:15:00Z").month_peak == Peak{utc("2024-02-29T23:15:00Z"), 1000});
}

TEST_CASE("twin month end: registers are frozen for the Hungarian snapshot") {
  ModelSetup setup = belgian("2024-06-30T21:45:00Z");
  setup.import_wh = {7'000, 40'000, 0, 0};
  Bench bench{"Europe/Budapest", "constant:2000", setup};
  CHECK(bench.clock.stamp(bench.at("2024-06-30T21:45:00Z").snapshot.stamp) == "240601000000S");
  const Reading r = bench.at("2024-06-30T22:05:00Z");
  CHECK(bench.clock.stamp(r.snapshot.stamp) == "240701000000S");
  CHECK(r.snapshot.import_wh == PerTariff{7'000, 40'500, 0, 0});
  CHECK(r.snapshot.import_peak_w == PerTariff{0, 2000, 0, 0});
}

TEST_CASE("twin demand: export never subtracts from the quarter") {
  ModelSetup setup = belgian("2024-06-10T10:00:00Z");
  Bench bench{"Europe/Brussels", "quarter:1600,-2000", setup};
  bench.at("2024-06-10T10:15:00Z");
  const Reading r = bench.at("2024-06-10T10:30:00Z");
  CHECK(r.last_demand.import_w == 0);
  CHECK(r.last_demand.export_w == 2000);
  CHECK(sum(r.export_wh) == 500);
  CHECK(r.month_peak.watts == 1600);
}

TEST_CASE("twin tariff: 07:00 and 22:00 local on weekdays, numbered as the country does") {
  struct Row {
    const char* time;
    bool day;
  };
  // Friday 2024-06-14 in summer time, the weekend, Monday.
  const Row rows[] = {{"2024-06-14T04:59:59Z", false}, {"2024-06-14T05:00:00Z", true},  {"2024-06-14T19:59:59Z", true},
                      {"2024-06-14T20:00:00Z", false}, {"2024-06-15T10:00:00Z", false}, {"2024-06-16T10:00:00Z", false},
                      {"2024-06-17T05:00:00Z", true}};
  ModelSetup belgium = belgian("2024-06-14T00:00:00Z");
  ModelSetup netherlands;
  netherlands.start = belgium.start;
  Bench be{"Europe/Brussels", "constant:3600", belgium};
  Bench nl{"Europe/Amsterdam", "constant:3600", netherlands};
  for (const Row& row : rows) {
    INFO(row.time);
    CHECK(be.at(row.time).tariff == (row.day ? 1 : 2));
    CHECK(nl.at(row.time).tariff == (row.day ? 2 : 1));
  }
  // One full Friday: fifteen hours of day, nine of night, at 3600 W.
  Bench friday{"Europe/Brussels", "constant:3600", belgian("2024-06-13T22:00:00Z")};
  CHECK(friday.at("2024-06-14T22:00:00Z").import_wh == PerTariff{54'000, 32'400, 0, 0});
}

TEST_CASE("twin clock: quarters are counted through the repeated and the missing hour") {
  Bench autumn{"Europe/Brussels", "constant:1000", belgian("2025-10-25T22:00:00Z")};
  CHECK(sum(autumn.at("2025-10-26T23:00:00Z").import_wh) == 25'000);
  CHECK(autumn.clock.stamp(utc("2025-10-26T23:00:00Z")) == "251027000000W");
  Bench spring{"Europe/Brussels", "constant:1000", belgian("2026-03-28T23:00:00Z")};
  CHECK(sum(spring.at("2026-03-29T22:00:00Z").import_wh) == 23'000);
  CHECK(spring.clock.stamp(utc("2026-03-29T22:00:00Z")) == "260330000000S");
}

TEST_CASE("twin registers: a day in the house integrates to what the meter shows, at any pace") {
  const auto phases = GENERATE(1, 3);
  ModelSetup setup = belgian("2024-06-10T00:00:00Z");
  setup.phases = phases;
  setup.seed = 7;
  Bench bench{"Europe/Brussels", "house", setup, 4000};
  Bench leaps{"Europe/Brussels", "house", setup, 4000};
  std::int64_t import_mws = 0;
  std::int64_t export_mws = 0;
  for (UtcSeconds t = setup.start; t < setup.start + kDaySeconds; ++t) {
    bench.model->advance(t);
    const mesura::virtual_house::Instant now = bench.load->at(t);
    const std::int64_t total = now.grid_mw(0) + now.grid_mw(1) + now.grid_mw(2);
    (total >= 0 ? import_mws : export_mws) += std::abs(total);
    if (t % 60 == 0) {
      const Reading r = bench.model->reading();
      const std::int64_t parts = r.phase_power_w[0] + r.phase_power_w[1] + r.phase_power_w[2];
      CHECK(std::abs(parts - r.power_w) <= 2);
    }
  }
  const Reading r = bench.at("2024-06-11T00:00:00Z");
  CHECK(r.import_total_wh == import_mws / 3'600'000);
  CHECK(r.export_total_wh == export_mws / 3'600'000);
  CHECK(r.import_total_wh > 3'000);
  CHECK(r.export_total_wh > 3'000);
  const Reading jump = leaps.at("2024-06-11T00:00:00Z");
  CHECK(jump.import_wh == r.import_wh);
  CHECK(jump.export_wh == r.export_wh);
  CHECK(jump.reactive_quadrant_varh == r.reactive_quadrant_varh);
  CHECK(jump.month_peak == r.month_peak);
  CHECK(jump.voltage_dv == r.voltage_dv);
}

TEST_CASE("twin registers: phase rounding never takes the total away by more than 2 W") {
  const std::string path = temporary_file(
      "second,l1,l2,l3\n0,0.499,0.499,0.499\n1,0.5,0.5,0.5\n2,-0.5,1000.499,-0.499\n10,100,-300,50.25\n");
  ModelSetup setup = belgian("2024-06-10T10:00:00Z");
  setup.phases = 3;
  Bench bench{"Europe/Brussels", ("csv:" + path).c_str(), setup};
  std::remove(path.c_str());
  for (int second = 0; second < 12; ++second) {
    bench.model->advance(setup.start + second);
    const Reading r = bench.model->reading();
    CHECK(std::abs(r.phase_power_w[0] + r.phase_power_w[1] + r.phase_power_w[2] - r.power_w) <= 2);
  }
  const Reading r = bench.model->reading();
  CHECK(r.phase_power_w == PerPhase{100, -300, 50});
  CHECK(r.power_w == -150);
}

TEST_CASE("twin events: sags, swells and failures are counted, the log keeps the last ten long ones") {
  ModelSetup setup = belgian("2024-06-10T10:00:00Z");
  setup.phases = 3;
  using Kind = MeterEvent::Kind;
  setup.events = {{Kind::sag, 10, 2, 0}, {Kind::sag, 20, 3, 0}, {Kind::swell, 30, 2, 2}, {Kind::failure, 60, 179, 0}};
  for (int i = 0; i < 12; ++i) setup.events.push_back({Kind::failure, 1000 + i * 1000, 200 + i, 0});
  Bench bench{"Europe/Brussels", "constant:3600", setup};

  Reading r = bench.at("2024-06-10T10:00:11Z");
  CHECK(r.sags[0].count == 1);
  CHECK(r.voltage_dv[0] == 1840);
  CHECK(r.voltage_dv[1] > 2200);
  r = bench.at("2024-06-10T10:00:45Z");
  CHECK(r.sags[0].count == 2);
  CHECK(r.sags[0].seconds == 3);
  CHECK(r.sags[1].count == 0);
  CHECK(r.swells[2].count == 1);
  CHECK(r.voltage_dv[0] > 2200);

  bench.at("2024-06-10T10:01:00Z");
  CHECK_FALSE(bench.model->powered());
  bench.at("2024-06-10T10:03:58Z");
  CHECK_FALSE(bench.model->powered());
  r = bench.at("2024-06-10T10:03:59Z");
  CHECK(bench.model->powered());
  CHECK(r.failures == 1);
  CHECK(r.long_failures == 0);
  CHECK(r.failure_log.empty());
  CHECK(r.import_total_wh == 60);  // 60 W s/s for a minute, then nothing

  r = bench.at("2024-06-10T16:00:00Z");
  CHECK(r.failures == 13);
  CHECK(r.long_failures == 12);
  REQUIRE(r.failure_log.size() == 10);
  CHECK(r.failure_log[0].seconds == 211);
  CHECK(r.failure_log[0].end == setup.start + 12'000 + 211);
  CHECK(r.failure_log[9].seconds == 202);
}

TEST_CASE("twin events: overlapping failures are one") {
  ModelSetup setup = belgian("2024-06-10T10:00:00Z");
  using Kind = MeterEvent::Kind;
  setup.events = {{Kind::failure, 100, 200, 0},
                  {Kind::failure, 250, 150, 0},
                  {Kind::failure, 400, 180, 0}};  // begins as the power comes back
  Bench bench{"Europe/Brussels", "constant:3600", setup};
  const Reading r = bench.at("2024-06-10T11:00:00Z");
  CHECK(r.failures == 2);
  REQUIRE(r.failure_log.size() == 2);
  CHECK(r.failure_log[1].seconds == 300);
  CHECK(r.failure_log[0].seconds == 180);
  CHECK(r.import_total_wh == 3120);
}

TEST_CASE("twin events: a new meter has the next serial and begins at zero") {
  ModelSetup setup = belgian("2024-06-10T10:00:00Z");
  setup.serial = "1SAG0000000199";
  setup.import_wh = {5'000, 0, 0, 0};
  setup.month_peak = {utc("2024-06-05T16:45:00Z"), 4216};
  setup.events = {{MeterEvent::Kind::swap, 3600, 0, 0}};
  Bench bench{"Europe/Brussels", "constant:1000", setup};
  CHECK(bench.at("2024-06-10T10:59:59Z").serial == "1SAG0000000199");
  Reading r = bench.at("2024-06-10T11:00:00Z");
  CHECK(r.serial == "1SAG0000000200");
  CHECK(r.import_total_wh == 0);
  CHECK(r.month_peak == Peak{});
  CHECK(bench.at("2024-06-10T12:00:00Z").import_total_wh == 1000);
}

TEST_CASE("twin events: a clock that is set moves the stamps, never the energy") {
  ModelSetup setup = belgian("2024-06-10T10:00:00Z");
  using Kind = MeterEvent::Kind;
  setup.events = {{Kind::clock, 600, 3600, 0}, {Kind::clock, 1200, -3630, 0}};
  Bench bench{"Europe/Brussels", "constant:3600", setup};
  CHECK(bench.at("2024-06-10T10:09:59Z").time == utc("2024-06-10T10:09:59Z"));
  Reading r = bench.at("2024-06-10T10:10:00Z");
  CHECK(r.time == utc("2024-06-10T11:10:00Z"));
  CHECK(r.import_total_wh == 600);
  // The quarter in which it was set ended there, with ten minutes' energy.
  CHECK(r.last_demand.import_w == 2400);
  CHECK(r.month_peak == Peak{utc("2024-06-10T11:00:00Z"), 2400});
  CHECK(r.demand.import_w == 0);
  r = bench.at("2024-06-10T10:20:00Z");
  CHECK(r.time == utc("2024-06-10T10:19:30Z"));
  CHECK(r.import_total_wh == 1200);
  CHECK(r.last_demand.import_w == 1200);
  CHECK(r.demand.import_w == 0);
}

TEST_CASE("twin events: a clock set over the end of a month ends it once") {
  ModelSetup setup = belgian("2024-02-29T22:40:00Z");
  using Kind = MeterEvent::Kind;
  setup.events = {{Kind::clock, 300, 7200, 0}, {Kind::clock, 600, -7200, 0}};
  Bench bench{"Europe/Brussels", "constant:3600", setup};
  const Reading r = bench.at("2024-02-29T23:40:00Z");
  REQUIRE(r.peak_history.size() == 1);
  CHECK(r.peak_history[0].capture == utc("2024-02-29T23:00:00Z"));
}

TEST_CASE("twin M-Bus: live, late, frozen, stale and empty slots") {
  ModelSetup setup = belgian("2024-02-12T17:17:42Z");
  MbusSlot gas;
  gas.serial = "GAS0000001";
  gas.interval = 300;
  gas.lag = 2;
  gas.first_milli = 876'543;
  gas.milli_per_hour = 1200;
  MbusSlot frozen = gas;
  frozen.channel = 2;
  frozen.frozen = true;
  MbusSlot stale = gas;
  stale.channel = 3;
  stale.state = MbusSlot::State::stale;
  MbusSlot empty = gas;
  empty.channel = 4;
  empty.state = MbusSlot::State::empty;
  setup.mbus = {gas, frozen, stale, empty};
  Bench bench{"Europe/Brussels", "flat", setup};

  Reading r = bench.at("2024-02-12T17:17:42Z");
  CHECK(r.mbus[0].stamp == utc("2024-02-12T17:15:02Z"));
  CHECK(r.mbus[0].milli == 876'543);
  CHECK(r.mbus[2].stamp == utc("2024-01-13T17:15:02Z"));
  CHECK(r.mbus[3].stamp == kNever);

  r = bench.at("2024-02-12T17:20:01Z");  // the new reading arrives two seconds after the grid
  CHECK(r.mbus[0].stamp == utc("2024-02-12T17:15:02Z"));
  r = bench.at("2024-02-12T17:20:02Z");
  CHECK(r.mbus[0].stamp == utc("2024-02-12T17:20:02Z"));
  CHECK(r.mbus[0].milli == 876'643);

  r = bench.at("2024-02-12T18:20:02Z");
  CHECK(r.mbus[0].milli == 877'843);
  CHECK(r.mbus[1].stamp == utc("2024-02-12T17:15:02Z"));
  CHECK(r.mbus[1].milli == 876'543);
  CHECK(r.mbus[2].stamp == utc("2024-01-13T17:15:02Z"));
  CHECK(r.mbus[2].milli == 876'543);
  CHECK(r.mbus[3].stamp == kNever);
}
