// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The session as the host sees it: what is asked when, what comes out together.
#include <chrono>
#include <set>

#include "schedule.hpp"
#include "sheet.hpp"
#include "support/catch.hpp"

using namespace sheet;
using namespace std::chrono_literals;

namespace {

using Answers = std::map<std::string, std::string>;

const std::string kMode = reply("(B", "E7 C9");

Answers max_unit() {
  return {{"QPI", reply("(PI30", "9A 0B")},
          {"QID", reply("(92931905106463", "49 CB")},
          {"QPIRI", kA15},
          {"QPIGS", kA11},
          {"QPIGS2", reply("(03.1 327.3 01026 ", "C9 8B")},
          {"QMOD", kMode},
          {"QPIWS", reply("(100000000000000000000000000000000000", "15 CF")},
          {"QFLAG", reply("(EakxyDbjuvz", "2F 29")},
          {"QT", reply("(20210726122606", "4A 46")},
          {"QET", reply("(00238800", "21 4A")},
          {"QLT", reply("(00238800", "21 4A")},
          {"QED20210726", framed("(00012300")},
          {"QEM202107", framed("(00112300")},
          {"QEY2021", framed("(00212300")},
          {"QLD20210726", framed("(00002300")},
          {"QVFW", reply("(VERFW:00072.70", "53 A7")},
          {"QMN", framed("(MKS2-8000")},
          {"QGMN", framed("(044")},
          {"QMUCHGCR", reply("(002 010 020 030 040 050 060 070 080", "76 62")},
          {"QBMS", reply("(0 100 0 0 1 532 532 450 0000 0030", "0E 5E")}};
}

std::string unit(const char* serial, char exists = '1') {
  return framed(
      std::string{"("} + exists + " " + serial +
      " B 00 000.0 00.00 230.6 50.00 0275 0141 005 51.4 001 100 083.3 002 00574 00312 003 10100110 1 2 060 120 "
      "10 04 000");
}

struct House {
  explicit House(Answers answers, PluginOptions options = {}, const std::string& kind = "hid")
      : h(plugin(), std::move(options), live(kind)), inverter(h, kind == "hid") {
    inverter.answers = std::move(answers);
    h.open();
  }
  PluginHarness h;
  Inverter inverter;
};

}  // namespace

TEST_CASE("a whole unit: who it is, what it measures, what it is set to") {
  House x(max_unit());
  x.inverter.run(10s, 10ms);
  const Decoded d(x.h);
  CHECK(d.text("@dialect") == "pi30max");
  CHECK(d.text("@serial") == "92931905106463");
  CHECK(d.text("@model") == "MKS2-8000");
  CHECK(d.text("@model_code") == "044");
  CHECK(d.text("@firmware_version") == "00072.70");
  CHECK(d.number("pv/active_power") == 879 + 1026);
  CHECK(d.number("battery/direct_current") == 20);
  CHECK(d.text("total/operating_mode") == "battery");
  CHECK(d.text("total/warnings") == "pv_loss");
  CHECK(d.number("pv/active_energy_export") == 238800);
  CHECK(d.number("pv/active_energy_export_day") == 12300);
  CHECK(d.number("pv/active_energy_export_month") == 112300);
  CHECK(d.number("pv/active_energy_export_year") == 212300);
  CHECK(d.number("ac_output/active_energy_import_day") == 2300);
  CHECK(d.number("battery/max_discharge_current") == 70);
  CHECK(d.number("total/buzzer_enabled") == 1);
  CHECK(d.number("bms/state_of_charge") == 100);
}

TEST_CASE(
    "the status comes with every interval, warnings with every second, ratings with every minute, who it is once") {
  House x(max_unit(), PluginOptions{}.duration("interval", 5s));
  x.inverter.run(10s, 10ms);
  x.inverter.asked.clear();
  x.inverter.run(120s, 10ms);
  CHECK(x.inverter.count("QPIGS") == 24);
  CHECK(x.inverter.count("QMOD") == 24);
  CHECK(x.inverter.count("QPIGS2") == 24);
  CHECK(x.inverter.count("QPIWS") == 12);
  CHECK(x.inverter.count("QPIRI") == 2);
  CHECK(x.inverter.count("QFLAG") == 2);
  CHECK(x.inverter.count("QET") == 2);
  CHECK(x.inverter.count("QID") == 0);
  CHECK(x.inverter.count("QVFW") == 0);
  CHECK(x.inverter.count("QDI") == 0);  // refused once
  CHECK(x.inverter.count("QLED") == 0);
}

TEST_CASE("the schedule of single queries can be set") {
  House x(max_unit(),
          PluginOptions{}.map(
              "schedule", {{"QPIRI", "10s"}, {"QPIWS", "off"}, {"QFLAG", "once"}, {"QED", "off"}, {"QMOD", "30s"}}));
  x.inverter.run(10s, 10ms);
  CHECK(x.inverter.count("QFLAG") == 1);
  x.inverter.asked.clear();
  x.inverter.run(60s, 10ms);
  CHECK(x.inverter.count("QPIRI") == 6);
  CHECK(x.inverter.count("QPIWS") == 0);
  CHECK(x.inverter.count("QFLAG") == 0);
  CHECK(x.inverter.count("QED20210726") == 0);
  CHECK(x.inverter.count("QMOD") == 2);
}

TEST_CASE("dated counters are asked for with the inverter's own date") {
  House x(max_unit());
  x.inverter.run(10s, 10ms);
  CHECK(x.inverter.count("QED20210726") == 1);
  x.inverter.answers["QT"] = framed("(20210727000003");
  x.inverter.answers["QED20210727"] = framed("(00000000");
  x.inverter.run(65s, 10ms);
  CHECK(x.inverter.count("QED20210727") == 1);
  Answers without = max_unit();
  without.erase("QT");
  House y(without);
  y.inverter.run(10s, 10ms);
  CHECK(y.inverter.count("QED20210726") == 0);
}

TEST_CASE("status and mode of one cycle are batches of their own, each at its own time") {
  House x(max_unit());
  x.inverter.run(10s, 10ms);
  std::set<std::int64_t> status, mode;
  for (const auto& e : x.h.events(Kind::measurement)) {
    CHECK(e.time_ns == e.received_ns);
    if (e.channel == "battery" && e.quantity == "voltage") status.insert(e.received_ns);
    if (e.quantity == "operating_mode") mode.insert(e.received_ns);
  }
  CHECK(status.size() == 2);
  CHECK(mode.size() == 1);  // it did not change
  std::uint64_t batches = 0;
  PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi30"), live("serial"));
  h.open();
  h.bytes("(NAK\r");
  h.bytes("(NAK\r");
  batches = h.counts().batches;
  h.bytes(kA9);
  CHECK(h.counts().batches == batches + 1);
  h.advance(50ms);
  h.bytes(kMode);
  CHECK(h.counts().batches == batches + 2);
  CHECK(h.events(Kind::measurement).back().received_ns == h.now_ns());
}

TEST_CASE("with one tracker the total is that tracker's, with two it waits for the second") {
  Answers a = max_unit();
  a.erase("QPIGS2");
  House one(a);
  one.inverter.run(3s, 10ms);
  CHECK(Decoded(one.h).number("pv/active_power") == 879);
  for (const auto& e : one.h.events(Kind::measurement))
    if (e.channel == "pv" && e.quantity == "active_power") CHECK(e.quality == MESURA_DERIVED);
  House two(max_unit());
  two.inverter.run(3s, 10ms);
  for (const auto& e : two.h.events(Kind::measurement))
    if (e.channel == "pv" && e.quantity == "active_power") CHECK(e.value == 879 + 1026);
}

TEST_CASE("parallel units: each under its number and serial, what is said of all once, no more than there are") {
  Answers a = max_unit();
  a["QPGS0"] = unit("92931701100510");
  a["QPGS1"] = unit("92931701100511");
  a["QPGS2"] = unit("00000000000000", '0');
  House x(a);
  x.inverter.run(20s, 10ms);
  const Decoded d(x.h);
  CHECK(d.text("@unit0_serial") == "92931701100510");
  CHECK(d.text("@unit1_serial") == "92931701100511");
  CHECK(d.text("@unit2_serial") == "(none)");
  CHECK(d.number("unit1_ac_output/active_power") == 141);
  CHECK(d.number("unit2_total/present") == 0);
  CHECK_FALSE(d.has("unit2_ac_output/active_power"));
  CHECK(d.number("system_ac_output/active_power") == 312);
  x.inverter.asked.clear();
  x.h.clear();
  x.inverter.run(60s, 10ms);
  CHECK(x.inverter.count("QPGS0") == 12);
  CHECK(x.inverter.count("QPGS1") == 12);
  CHECK(x.inverter.count("QPGS2") == 1);
  CHECK(x.inverter.count("QPGS3") == 0);
  int totals = 0;
  for (const auto& e : x.h.events(Kind::measurement))
    totals += e.channel == "system_ac_output" && e.quantity == "active_power";
  CHECK(totals == 12);
}

TEST_CASE("a lonely unit is seldom asked for its neighbours") {
  Answers a = max_unit();
  a["QPGS0"] = kA20;
  House x(a);
  x.inverter.run(10s, 10ms);
  CHECK(Decoded(x.h).number("unit0_pv2/voltage") == 275.3);
  x.inverter.asked.clear();
  x.inverter.run(60s, 10ms);
  CHECK(x.inverter.count("QPGS0") == 1);
  CHECK(x.inverter.count("QPGS1") == 0);
}

TEST_CASE("a link that is lost and back is asked who it is again") {
  House x(max_unit());
  x.inverter.run(10s, 10ms);
  x.h.close(false);
  x.h.advance(30s);
  x.inverter.asked.clear();
  x.h.clear();
  x.h.open();
  x.inverter.run(5s, 10ms);
  CHECK(x.inverter.asked[0] == "QPI");
  CHECK(x.inverter.count("QVFW") == 1);
  // States are told anew: what changed meanwhile is not known.
  CHECK(Decoded(x.h).text("total/operating_mode") == "battery");
}

TEST_CASE("a step of the clock back stops nothing, one forward catches up on nothing") {
  using namespace mesura::axpert;
  constexpr std::int64_t kHour = 3'600'000'000'000;
  Settings settings;
  settings.interval = 5s;
  settings.ratings_interval = 60s;
  Schedule schedule(settings);
  schedule.tick(100 * kHour);
  schedule.start(Dialect::pi30, {});
  const auto ask_all = [&] {
    int n = 0;
    for (; Schedule::Entry* entry = schedule.due(); ++n) schedule.asked(*entry);
    return n;
  };
  CHECK(ask_all() > 10);
  CHECK(schedule.due_in() == 5s);
  schedule.tick(99 * kHour);
  CHECK(schedule.due_in() == 5s);
  schedule.fired();
  CHECK(ask_all() == 3);  // QPIGS, QMOD, QPIGS2
  schedule.tick(105 * kHour);
  const int all = ask_all();
  CHECK(all > 3);
  CHECK(all < 12);
  CHECK(schedule.due_in() <= 5s);
}

TEST_CASE("a line that is too slow for everything starves nothing") {
  House x(max_unit(), PluginOptions{}.duration("interval", 1s), "serial");
  // 300 ms for each reply: a cycle takes longer than its interval.
  for (int i = 0; i < 400; ++i) {
    x.inverter.serve(1);
    x.h.advance(300ms);
  }
  CHECK(x.inverter.count("QPIRI") >= 2);
  CHECK(x.inverter.count("QLT") >= 1);
  CHECK(x.inverter.count("QPIGS") >= 20);
}

TEST_CASE("an impossible live reply is dropped, the next one counts") {
  House x(max_unit());
  x.inverter.spoil = [](const std::string& command, const std::string& answer, int) {
    if (command != "QPIGS") return answer;
    return framed(
        "(999.9 50.0 230.3 50.0 0829 0751 010 447 54.50 020 083 0054 02.7 323.6 00.00 00000 00010110 00 00 00879 010");
  };
  x.inverter.run(4s, 10ms);
  CHECK(Decoded(x.h).faults("implausible") == 1);
  CHECK_FALSE(Decoded(x.h).has("battery/voltage"));
  x.inverter.spoil = nullptr;
  x.inverter.run(5s, 10ms);
  CHECK(Decoded(x.h).number("battery/voltage") == 54.5);
}
