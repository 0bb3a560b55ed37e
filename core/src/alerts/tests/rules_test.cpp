// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include <fstream>

using namespace mesura;
using namespace mesura::alerts;

TEST_CASE("above fires once after its time and ends behind the hysteresis") {
  Bench b;
  b.apply("alerts: {peak: {above: {series: grid/total/active_power, limit: 4 kW, for: 10s, hysteresis: 500 W}}}");
  const auto power = b.add("grid");
  b.say_for(power, 3000, 3);
  b.say_for(power, 4100, 10);
  CHECK(b.told().empty());  // 9 s so far
  b.say_for(power, 4100, 1);
  CHECK(b.told() == "+peak/grid/total/active_power");
  CHECK(b.last_message() == "grid/total/active_power is 4100 W, above 4000 W for 10 s");
  CHECK(b.active() == "peak/grid/total/active_power");
  b.say_for(power, 5000, 20);
  b.say_for(power, 3800, 20);  // between: stays
  CHECK(b.told().empty());
  b.say_for(power, 3500, 1);
  CHECK(b.told() == "-peak/grid/total/active_power");
  CHECK(b.last_message() == "grid/total/active_power is 3500 W, not above 4000 W any more (after 41 s)");
  CHECK(b.active().empty());
  b.say_for(power, 4100, 5);
  b.say_for(power, 3900, 1);  // a break starts the count anew
  b.say_for(power, 4100, 10);
  CHECK(b.told().empty());
  CHECK(b.logged.size() == 2);
  CHECK(b.logged[0].substr(0, 14) == "alert-active: ");
  CHECK(b.logged[1].substr(0, 15) == "alert-cleared: ");
}

TEST_CASE("below, two subjects of a glob, and other units are left alone") {
  Bench b;
  b.apply("alerts: {cold: {below: {series: \"*/battery\", limit: 5 Cel}}}");
  const auto one = b.add("one", "battery", "temperature", "Cel");
  const auto two = b.add("two", "battery", "temperature", "Cel");
  const auto volts = b.add("two", "battery", "voltage", "V");
  b.say({{one, 4}});
  b.say({{two, 6}, {volts, 1}});
  CHECK(b.told() == "+cold/one/battery/temperature");
  b.pass(1);
  b.say({{two, 4.5}, {volts, 1}});
  b.say({{one, 3}});
  CHECK(b.told() == "+cold/two/battery/temperature");
  CHECK(b.active() == "cold/one/battery/temperature cold/two/battery/temperature");
  b.pass(1);
  b.say({{one, 5}});
  CHECK(b.told() == "-cold/one/battery/temperature");
}

TEST_CASE("a gap in the data starts the count anew") {
  Bench b;
  b.apply("alerts: {peak: {above: {series: grid, limit: 4 kW, for: 10s}}}");
  const auto power = b.add("grid");
  b.say_for(power, 5000, 8);
  b.pass(60);
  b.say_for(power, 5000, 5);
  CHECK(b.told().empty());
  b.say_for(power, 5000, 6);
  CHECK(b.told() == "+peak/grid/total/active_power");
  b.pass(600);  // silence ends nothing: nobody knows
  CHECK(b.told().empty());
}

TEST_CASE("late and repeated values are not judged") {
  Bench b;
  b.apply("alerts: {peak: {above: {series: grid, limit: 4 kW}}}");
  const auto power = b.add("grid");
  b.say_for(power, 3000, 3);
  b.say({{power, 9000}});  // at the time of the last
  CHECK(b.told().empty());
}

TEST_CASE("a value that does not change is stuck, zero and silence are not") {
  Bench b;
  b.apply(
      "alerts: {stuck: {stuck: {series: \"*/total\", for: 30s}}, all: {stuck: {series: b, for: 30s, ignore_zero: "
      "false}}}");
  const auto power = b.add("a");
  const auto zero = b.add("b");
  const auto text = b.add("c", "total", "operating_mode", "text");
  for (int i = 0; i < 40; ++i) {
    b.pass(1);
    b.say({{power, i < 5 ? i : 1234}});
    b.say({{zero, 0}});
    b.say_text(text, i < 20 ? "line" : "battery");
  }
  CHECK(b.told() == "+all/b/total/active_power +stuck/a/total/active_power");
  CHECK(b.last_message() == "a/total/active_power has been 1234 W for 30 s");
  b.say_for(power, 1235, 1);
  CHECK(b.told() == "-stuck/a/total/active_power");
  b.pass(3600);
  CHECK(b.told().empty());
  for (int i = 0; i < 50; ++i) {
    b.pass(1);
    b.say_text(text, "battery");
  }
  CHECK(b.told() == "+stuck/c/total/operating_mode");
}

TEST_CASE("a stale device is told, one that still connects is not") {
  Bench b;
  b.apply("alerts: {quiet: {stale: {device: [\"g*\", roof], for: 5s}}}");
  b.devices = {{"grid", true, false, 0, b.clock.wall_ns() - 60 * kSecond, {}},
               {"roof", false, false, 0, 0, {}},
               {"other", true, false, 0, 0, {}}};
  b.pass(1);
  CHECK(b.told().empty());
  b.pass(5);
  CHECK(b.told() == "+quiet/grid");
  CHECK(b.last_message() == "grid has sent nothing for 66 s");
  b.devices[0].silent = false;  // connecting again: neither
  b.pass(1);
  CHECK(b.told().empty());
  b.devices[0].well = true;
  b.pass(1);
  CHECK(b.told() == "-quiet/grid");
  b.devices[1] = {"roof", true, false, 0, 0, "tcp-refused: no connection\n  hint      x"};
  b.pass(1);
  b.pass(5);
  CHECK(b.told() == "+quiet/roof");
  CHECK(b.last_message() == "roof has sent nothing yet: tcp-refused: no connection");
  b.devices.erase(b.devices.begin() + 1);
  b.pass(1);
  CHECK(b.told() == "-quiet/roof");
}

TEST_CASE("nobody asks for devices that no rule watches") {
  Bench b;
  b.apply("alerts: {disk: {disk_low: {free: 50B}}}");
  b.pass(1);
  CHECK(b.asked == 0);
  b.apply("alerts: {a: {stale: {}}, b: {stale: {}}}");
  b.pass(1);
  CHECK(b.asked == 1);
}

TEST_CASE("a disk is low in bytes or by share, and ends a tenth above") {
  Bench b;
  b.apply(
      "alerts: {size: {disk_low: {path: /data, free: 50B}}, share: {disk_low: {free: 5%}}, none: {disk_low: {path: "
      "/nowhere}}}");
  b.disk = {50, 1000};
  b.pass(20);
  CHECK(b.told().empty());
  b.disk = {49, 1000};
  b.pass(20);
  CHECK(b.told() == "+share/" + b.state.path().string() + " +size//data");
  CHECK(b.last_message() == "/data has 49 B free of 1000 B, less than 50B");
  b.disk = {54, 1000};
  b.pass(20);
  CHECK(b.told().empty());
  b.disk = {56, 1000};
  b.pass(20);
  CHECK(b.told() == "-share/" + b.state.path().string() + " -size//data");
}

TEST_CASE("sinks that are away and spools that grow") {
  Bench b;
  b.apply(
      "alerts: {away: {sink_away: {for: 10s}}, spool: {spool_growing: {measurements: 1000, size: 1MiB}}}\n"
      "sinks: {db: {sqlite: {path: x}}}");
  Sources::Sink sink{"db", true, false, "sink-open: no disk\n  hint", 0, 4 << 20};
  b.sinks = {sink};
  b.pass(1);
  b.pass(9);
  CHECK(b.told().empty());  // and an empty spool has a large file
  b.pass(1);
  CHECK(b.told() == "+away/db");
  CHECK(b.last_message() == "sink db has taken nothing for 10 s: sink-open: no disk");
  b.sinks[0] = {"db", false, false, {}, 1001, 4096};  // opening
  b.pass(1);
  CHECK(b.told() == "+spool/db");
  CHECK(b.last_message() == "1001 measurements wait for sink db on disk, 4.0 KiB");
  b.sinks[0] = {"db", false, true, {}, 950, 4096};
  b.pass(1);
  CHECK(b.told() == "-away/db");
  b.sinks[0].spooled = 100;
  b.pass(1);
  CHECK(b.told() == "-spool/db");
}

TEST_CASE("a quarter hour that will end above the limit is told once, and ends with it") {
  Bench b;
  b.apply("alerts: {demand: {demand_forecast: {series: grid/total/active_power, limit: 4 kW}}}");
  b.clock.set_wall(kBase - kBase % (900 * kSecond));
  const auto power = b.add("grid");
  b.say_for(power, 3000, 300);
  CHECK(b.told().empty());
  b.say_for(power, 6000, 90);
  CHECK(b.told() == "+demand/grid/total/active_power");
  INFO(b.last_message());
  CHECK(b.last_message().find("the limit is 4000 W") != std::string::npos);
  b.say_for(power, 6000, 100);
  CHECK(b.told().empty());
  b.say_for(power, 0, 450);
  CHECK(b.told() == "-demand/grid/total/active_power");
  b.say_for(power, 6000, 200);
  CHECK(b.told() == "+demand/grid/total/active_power");
}

TEST_CASE("the capacity tariff's figures count where the rule says none") {
  Bench b;
  b.apply("capacity: {floor_w: 2500, limit_w: 10000}\nalerts: {demand: {demand_forecast: {series: grid}}}");
  b.clock.set_wall(kBase - kBase % (900 * kSecond));
  const auto power = b.add("grid");
  b.say_for(power, 9000, 899);
  CHECK(b.told().empty());
  b.pass(1);
  b.say_for(power, 11000, 120);
  CHECK(b.told() == "+demand/grid/total/active_power");
}

TEST_CASE("each new peak of a month is told, and the month's end ends it") {
  Bench b;
  b.apply("timezone: Europe/Brussels\nalerts: {peak: {month_peak: {series: grid/total/active_power}}}");
  b.clock.set_wall(kBase - kBase % (900 * kSecond));
  const auto power = b.add("grid");
  b.say_for(power, 2000, 901);
  CHECK(b.told().empty());  // below the floor
  b.say_for(power, 4000, 900);
  CHECK(b.told() == "+peak/grid/total/active_power");
  b.say_for(power, 3000, 900);
  CHECK(b.told().empty());
  b.say_for(power, 5000, 900);
  CHECK(b.told() == "-peak/grid/total/active_power +peak/grid/total/active_power");
  INFO(b.last_message());
  CHECK(b.last_message().find("is the month's new peak, it was 3998 W") != std::string::npos);
  // November 2023 ends at midnight in Brussels, an hour before it does in UTC.
  b.clock.set_wall(1'701'385'200 * kSecond - 2 * kSecond);
  b.pass(1);
  CHECK(b.told().empty());
  b.pass(2);
  CHECK(b.told() == "-peak/grid/total/active_power");
}

TEST_CASE("rules that stay keep their state over a reload, others end") {
  Bench b;
  const auto power = b.add("grid");
  b.apply(
      "alerts: {a: {above: {series: grid, limit: 1 W}}, b: {above: {series: grid, limit: 2 W}}, c: {above: {series: "
      "grid, limit: 3 W}}}");
  b.say_for(power, 10, 1);
  CHECK(b.told() == "+a/grid/total/active_power +b/grid/total/active_power +c/grid/total/active_power");
  b.apply("alerts: {a: {above: {series: grid, limit: 1 W}, to: []}, b: {above: {series: grid, limit: 4 W}}}");
  CHECK(b.told() == "-b/grid/total/active_power -c/grid/total/active_power");
  CHECK(b.last_message() == "grid/total/active_power: the rule is gone");
  CHECK(b.active() == "a/grid/total/active_power");
  b.say_for(power, 10, 1);
  CHECK(b.told() == "+b/grid/total/active_power");
}

TEST_CASE("what is active is not told again after a restart") {
  Bench b;
  const std::string yaml =
      "alerts: {peak: {above: {series: grid, limit: 1 W}}, quiet: {stale: {}}, gone: {above: {series: grid, limit: 2 "
      "W}}}";
  const auto power = b.add("grid");
  b.devices = {{"grid", true, false, 0, 0, {}}};
  b.apply(yaml);
  b.say_for(power, 10, 2);
  CHECK(b.told().size() > 10);
  const auto before = b.engine->board()->active();
  b.stop();
  b.start();
  b.forget_told();
  b.apply("alerts: {peak: {above: {series: grid, limit: 1 W}}, quiet: {stale: {}}}");
  CHECK(b.active() == "peak/grid/total/active_power quiet/grid");
  CHECK(b.engine->board()->active().front().since_ns == before[1].since_ns);
  b.say_for(power, 10, 3);
  CHECK(b.told().empty());
  b.say_for(power, 0, 1);
  b.devices[0] = {"grid", false, true, 0, 0, {}};
  b.pass(1);
  CHECK(b.told() == "-peak/grid/total/active_power -quiet/grid");
  b.stop();
  b.start();
  b.forget_told();
  b.apply(yaml);
  CHECK(b.active().empty());
}

TEST_CASE("what an earlier run has left waits for a fleet's devices to turn up") {
  Bench b;
  b.devices = {{"unit", true, false, 0, 0, {}}, {"lost", true, false, 0, 0, {}}};
  b.apply("alerts: {quiet: {stale: {}}}");
  b.pass(1);
  CHECK(b.told() == "+quiet/unit +quiet/lost");
  b.stop();
  b.start();
  b.forget_told();
  b.devices.clear();
  b.apply("alerts: {quiet: {stale: {}}}");
  b.pass(1);
  b.devices = {{"unit", true, false, 0, 0, {}}};
  b.pass(1);
  CHECK(b.told().empty());
  b.pass(15 * 60);
  CHECK(b.told() == "-quiet/lost");
}

TEST_CASE("an alert of a device that is gone ends") {
  Bench b;
  const std::string rule = "alerts: {peak: {above: {series: \"*\", limit: 1 W}}}";
  b.apply("devices: {grid: {plugin: none}, roof: {plugin: none}}\n" + rule);
  b.say_for(b.add("grid"), 5, 1);
  b.say_for(b.add("roof"), 5, 1);
  CHECK(b.told() == "+peak/grid/total/active_power +peak/roof/total/active_power");
  b.apply("devices: {roof: {plugin: none}}\n" + rule);
  CHECK(b.told() == "-peak/grid/total/active_power");
  b.stop();
  b.start();
  b.forget_told();
  b.apply("devices: {roof: {plugin: none, enabled: false}}\n" + rule);
  CHECK(b.told() == "-peak/roof/total/active_power");
}

TEST_CASE("a state file of another make changes nothing") {
  Bench b;
  std::ofstream{b.state.path() / "alerts.active"} << "rubbish\npeak\tabove\tgrid\t1\tx\n";
  b.apply("alerts: {peak: {above: {series: grid, limit: 1 W}}}");
  CHECK(b.active().empty());
  const std::vector<Alert> list{{"a", "/x\ty\\n\n", "disk_low", true, -5, "m\\"}, {"b", "s", "k", true, 7, ""}};
  const auto back = restore_alerts(save_alerts(list));
  REQUIRE(back.size() == 2);
  CHECK(back[0].subject == list[0].subject);
  CHECK(back[0].message == "m\\");
  CHECK(back[0].since_ns == -5);
  CHECK(restore_alerts("mesura-alerts 1\nhalf a li").empty());
}
