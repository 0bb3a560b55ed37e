// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The twin's replies: the sheet's captures come out of a machine in that state, byte for byte.
#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "virtual_frame.hpp"
#include "virtual_machine.hpp"
#include "virtual_support.hpp"

using namespace mesura::axpert::twin;
using namespace mesura::axpert::test;

namespace {

std::string wire(const std::string& payload) { return seal("(" + payload, CrcStyle::esc3); }

std::size_t fields_of(const std::string& payload) {
  std::size_t n = 0;
  bool in = false;
  for (const char c : payload) {
    if (c != ' ' && !in) ++n;
    in = c != ' ';
  }
  return n;
}

/// A9: a classic in battery mode.
Live capture_a9() {
  Live l;
  l.mode = 'B';
  l.out_dv = 2300;
  l.out_chz = 5000;
  l.va = 322;
  l.w = 221;
  l.load_percent = 6;
  l.bus_v = 425;
  l.battery_cv = 5280;
  l.charge_a = 11;
  l.soc = 100;
  l.heatsink_c = 40;
  l.pv[0] = {84, 1006, 844, 16, 5278};
  l.load_on = l.solar_charging = true;
  return l;
}

Live capture_a11() {
  Live l;
  l.mode = 'L';
  l.grid_dv = 2272;
  l.grid_chz = 5000;
  l.out_dv = 2303;
  l.out_chz = 5000;
  l.va = 829;
  l.w = 751;
  l.load_percent = 10;
  l.bus_v = 447;
  l.battery_cv = 5450;
  l.charge_a = 20;
  l.soc = 83;
  l.heatsink_c = 54;
  l.pv[0] = {27, 3236, 879, 0, 0};
  l.pv[1] = {31, 3273, 1026, 0, 0};
  l.load_on = l.solar_charging = true;
  return l;
}

std::map<std::string, double> numbers(const std::vector<Truth>& truth) {
  std::map<std::string, double> out;
  for (const Truth& t : truth)
    if (!t.is_text) out[t.channel + "/" + std::string{t.quantity}] = t.number;
  return out;
}

std::map<std::string, std::string> texts(const std::vector<Truth>& truth) {
  std::map<std::string, std::string> out;
  for (const Truth& t : truth)
    if (t.is_text) out[t.channel + "/" + std::string{t.quantity}] = t.text;
  return out;
}

}  // namespace

TEST_CASE("twin reply: QPIGS of a classic (A9), 110 bytes") {
  Machine m = machine_of("pi30");
  m.plant.hold(capture_a9());
  m.configuration_changed = true;
  const std::string reply = wire(ask(m, "QPIGS"));
  CHECK(reply ==
        hex("28 30 30 30 2E 30 20 30 30 2E 30 20 32 33 30 2E 30 20 35 30 2E 30 20 30 33 32 32 20 30 32 32 31 20 30 30 "
            "36 20 34 32 35 20 35 32 2E 38 30 20 30 31 31 20 31 30 30 20 30 30 34 30 20 30 30 31 36 20 31 30 30 2E 36 "
            "20 35 32 2E 37 38 20 30 30 30 30 30 20 30 31 31 31 30 31 31 30 20 30 30 20 30 30 20 30 30 38 34 34 20 30 "
            "31 30 98 EA 0D"));
  CHECK(reply.size() == 110);
}

TEST_CASE("twin reply: QPIGS of a classic (A10)") {
  Machine m = machine_of("pi30");
  Live l = capture_a9();
  l.out_chz = 4990;
  l.va = 161;
  l.w = 119;
  l.load_percent = 3;
  l.bus_v = 460;
  l.battery_cv = 5750;
  l.charge_a = 12;
  l.heatsink_c = 69;
  l.pv[0] = {0, 1038, 856, 14, 5745};
  m.plant.hold(l);
  CHECK(wire(ask(m, "QPIGS")) ==
        "(000.0 00.0 230.0 49.9 0161 0119 003 460 57.50 012 100 0069 0014 103.8 57.45 00000 00110110 00 00 00856 010" +
            hex("24 8C 0D"));
}

TEST_CASE("twin reply: QPIGS of a MAX with 21 fields (A11), QPIGS2 (A13)") {
  Machine m = machine_of("pi30max");
  m.qpigs_fields = 21;
  m.dust_proof_kit = false;
  m.plant.hold(capture_a11());
  CHECK(wire(ask(m, "QPIGS")) ==
        "(227.2 50.0 230.3 50.0 0829 0751 010 447 54.50 020 083 0054 02.7 323.6 00.00 00000 00010110 00 00 00879 010" +
            hex("F1 8C 0D"));
  CHECK(wire(ask(m, "QPIGS2")) == "(03.1 327.3 01026 " + hex("C9 8B 0D"));
}

TEST_CASE("twin reply: QPIGS with 24 fields (A12), 120 bytes") {
  Machine m = machine_of("pi30max");
  Live l = capture_a11();
  l.grid_dv = l.out_dv = 2300;
  l.grid_chz = l.out_chz = 4990;
  l.va = 805;
  l.load_percent = 20;
  l.bus_v = 448;
  l.battery_cv = 2900;
  l.charge_a = 0;
  l.discharge_a = 7;
  l.soc = 100;
  l.heatsink_c = 37;
  l.pv[0] = {23, 2711, 647, 0, 0};
  l.solar_charging = false;
  m.plant.hold(l);
  const std::string reply = wire(ask(m, "QPIGS"));
  CHECK(reply ==
        "(230.0 49.9 230.0 49.9 0805 0751 020 448 29.00 000 100 0037 02.3 271.1 00.00 00007 00010000 00 00 00647 011 0 "
        "00 0000" +
            hex("00 E7 0D"));
  CHECK(reply.size() == 120);
}

TEST_CASE("twin reply: QPIGS with 17 fields, 94 bytes") {
  Machine m = machine_of("pi30");
  m.qpigs_fields = 17;
  m.plant.hold(capture_a9());
  const std::string reply = wire(ask(m, "QPIGS"));
  CHECK(reply.size() == 94);
  CHECK(fields_of(ask(m, "QPIGS")) == 17);
}

TEST_CASE("twin reply: modes (A4)") {
  Machine m = machine_of("pi30");
  Live l;
  for (const char mode : {'B', 'L', 'S'}) {
    l.mode = mode;
    m.plant.hold(l);
    CHECK(wire(ask(m, "QMOD")).size() == 5);
    CHECK(ask(m, "QMOD") == std::string(1, mode));
  }
  l.mode = 'B';
  m.plant.hold(l);
  CHECK(wire(ask(m, "QMOD")) == hex("28 42 E7 C9 0D"));
}

TEST_CASE("twin reply: identity (A3, A5, A6, A7)") {
  Machine m = machine_of("pi30");
  CHECK(wire(ask(m, "QPI")) == "(PI30" + hex("9A 0B 0D"));
  CHECK(wire(ask(m, "QID")) == "(92931905106463" + hex("49 CB 0D"));
  CHECK(wire(ask(m, "QVFW")) == "(VERFW:00072.70" + hex("53 A7 0D"));
  CHECK(wire(ask(m, "QFLAG")) == "(EakxyDbjuvz" + hex("2F 29 0D"));  // A8
  MachineSetup setup = setup_of("pi30max");
  setup.serial = "92932105105335";
  Machine max{setup};
  CHECK(wire(ask(max, "QSID")) == "(1492932105105335005535" + hex("94 0E 0D"));
}

TEST_CASE("twin reply: QPIRI of a classic (A14) and a MAX (A15)") {
  Machine m = machine_of("pi30");
  m.settings = m.factory;
  m.settings.input_range = 1;
  m.settings.own() = {0, 10, 10};
  CHECK(wire(ask(m, "QPIRI")) ==
        "(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 6 01 0 0 54.0 0 1" +
            hex("6F 7E 0D"));
  Machine max = machine_of("pi30max");
  Settings& s = max.settings;
  s.recharge_dv = 480;
  s.bulk_dv = 540;
  s.float_dv = 525;
  s.battery_type = 2;
  s.input_range = 1;
  s.output_priority = 2;
  s.own() = {2, 30, 10};
  s.redischarge_dv = 500;
  s.cv_minutes = 480;
  s.max_discharge_a = 70;
  CHECK(wire(ask(max, "QPIRI")) ==
        "(230.0 34.7 230.0 50.0 34.7 8000 8000 48.0 48.0 42.0 54.0 52.5 2 010 030 1 2 2 9 01 0 0 50.0 0 1 480 0 070" +
            hex("D9 60 0D"));
}

TEST_CASE("twin reply: the number of fields of QPIRI is the model's") {
  for (const auto& [model, fields] : std::map<std::string, std::size_t>{
           {"pi30", 25}, {"pi30-duo", 25}, {"pi30-tri", 25}, {"pi30-mk", 27}, {"pi30max", 28}, {"pi41", 26}}) {
    Machine m = machine_of(model);
    INFO(model);
    CHECK(fields_of(ask(m, "QPIRI")) == fields);
    m.dash = true;
    CHECK(ask(m, "QPIRI").find(" - ") != std::string::npos);
  }
}

TEST_CASE("twin reply: QPIWS (A16, A17), length by model, fault digits") {
  Machine m = machine_of("pi30");
  m.automatic_warnings = false;
  m.warnings = 1U << 5U | 1U << 16U;
  CHECK(wire(ask(m, "QPIWS")) == "(00000100000000001000000000000000" + hex("56 A6 0D"));
  Machine max = machine_of("pi30max");
  max.automatic_warnings = false;
  max.warnings = 1;
  CHECK(wire(ask(max, "QPIWS")) == "(100000000000000000000000000000000000" + hex("15 CF 0D"));
  max.fault_code = 58;
  CHECK(ask(max, "QPIWS") == "100000000000000000000000000000005800");
  max.battery_volts = 24;
  CHECK(ask(max, "QPIWS") == "100000000000000000000000000000058000");
  Machine duo = machine_of("pi30-tri");
  CHECK(ask(duo, "QPIWS").size() == 38);
}

TEST_CASE("twin reply: factory defaults (A18)") {
  Machine m = machine_of("pi41");
  m.factory.output_dv = 2300;
  m.factory.output_dhz = 500;
  CHECK(wire(ask(m, "QDI")) ==
        "(230.0 50.0 0030 42.0 54.0 56.4 46.0 60 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1 000" + hex("9E 60 0D"));
  const std::map<std::string, std::size_t> fields{{"pi30", 25}, {"pi30-duo", 29}, {"pi30-mk", 27}, {"pi30max", 27}};
  for (const auto& [model, n] : fields) {
    Machine other = machine_of(model);
    INFO(model);
    CHECK(fields_of(ask(other, "QDI")) == n);
  }
}

TEST_CASE("twin reply: QPGS has 133 bytes, on a MAX 143, and repeats the totals") {
  Machine m = machine_of("pi30", 3);
  m.plant.hold(capture_a9());
  CHECK(wire(ask(m, "QPGS0")).size() == 133);
  CHECK(ask(m, "QPGS1") ==
        "1 92931905106464 B 00 000.0 00.00 230.0 50.00 0322 0221 006 52.8 011 100 100.6 033 00966 00663 006 10100010 1 "
        "2 060 120 30 08 000");
  for (const char* query : {"QPGS0", "QPGS1", "QPGS2"})
    CHECK(ask(m, query).find(" 033 00966 00663 006 ") != std::string::npos);
  CHECK(ask(m, "QPGS3").substr(0, 18) == "0 00000000000000 P");
  CHECK(wire(ask(m, "QPGS9")).size() == 133);
  CHECK(ask(m, "QPGSx") == "NAK");
  Machine max = machine_of("pi30max");
  max.plant.hold(capture_a11());
  CHECK(wire(ask(max, "QPGS0")).size() == 143);
  CHECK(ask(max, "QPGS0").front() == '0');  // a single unit is not part of a system
  CHECK(wire(ask(max, "QPGS1")).size() == 143);
}

TEST_CASE("twin reply: the second half of PI41 and Duo") {
  Machine m = machine_of("pi41", 2);
  CHECK(fields_of(ask(m, "QPIGS2")) == 11);
  CHECK(fields_of(ask(m, "QP2GS0")) == 17);
  CHECK(ask(m, "QP2GS0").substr(0, 2) == "11");
  CHECK(ask(m, "QPI") == "PI41");
  Machine duo = machine_of("pi30-duo", 2);
  CHECK(fields_of(ask(duo, "QPIGS2")) == 12);
  CHECK(fields_of(ask(duo, "QP2GS1")) == 9);
}

TEST_CASE("twin reply: equalisation (A21), output mode (A23), clock (A24), lists (A26), BMS (A27)") {
  Machine m = machine_of("pi30max");
  m.settings.equalisation = {true, false, 30, 30, 80, 5540, 30, 234};
  CHECK(wire(ask(m, "QBEQI")) == "(1 030 030 080 021 55.40 224 030 0 0234" + hex("79 3F 0D"));
  m.clock_offset = 1'627'302'366 - kStart;
  CHECK(wire(ask(m, "QT")) == "(20210726122606" + hex("4A 46 0D"));
  Live l = capture_a11();
  l.soc = 100;
  m.plant.hold(l);
  m.settings.bulk_dv = m.settings.float_dv = 532;
  m.settings.under_dv = 450;
  CHECK(wire(ask(m, "QBMS")) == "(0 100 0 0 1 532 532 450 0000 0030" + hex("0E 5E 0D"));
  Machine c = machine_of("pi30", 2);
  CHECK(wire(ask(c, "QOPM")) == "(01" + hex("0C 80 0D"));
  Machine king = machine_of("pi30-mk");
  CHECK(wire(ask(king, "QMUCHGCR")) == "(002 010 020 030 040 050 060 070 080" + hex("76 62 0D"));
  CHECK(fields_of(ask(king, "QOPPT")) == 28);
  CHECK(fields_of(ask(king, "QCHPT")) == 28);
  CHECK(fields_of(ask(m, "QLED")) == 6);
}

TEST_CASE("twin reply: charger internals (A25)") {
  Machine m = machine_of("pi30");
  Live l = capture_a9();
  l.charge_a = 0;
  l.heatsink_c = 45;
  l.load_percent = 20;
  l.pv[0].w = 580;
  l.float_stage = true;
  m.plant.hold(l);
  CHECK(wire(ask(m, "Q1")) ==
        "(00000 00000 01 01 00 059 045 053 068 00 00 000 0040 0580 0000 50.00 13" + hex("39 B9 0D"));
}

TEST_CASE("twin reply: energy (A22)") {
  Machine m = machine_of("pi30max");
  const std::int64_t day = kStart / 86400;
  m.plant.energy().add_wh(day, 238'000, 1'000);
  m.plant.energy().add_wh(day - 1, 849, 250);  // 31 December of the year before
  CHECK(wire(ask(m, "QET")) == "(00238800" + hex("21 4A 0D"));
  CHECK(ask(m, "QEY2026") == "00238000");
  CHECK(ask(m, "QEY2025") == "00000800");
  CHECK(ask(m, "QEM202601") == "00238000");
  CHECK(ask(m, "QEM202512") == "00000800");
  CHECK(ask(m, "QED20260101") == "00238000");
  CHECK(ask(m, "QED20251231") == "00000800");
  CHECK(ask(m, "QLT") == "00001200");
  CHECK(ask(m, "QLD20260101") == "00001000");
  CHECK(ask(m, "QLM202512") == "00000200");
  CHECK(ask(m, "QLY2026") == "00001000");
  for (const char* bad : {"QED20260132", "QED20261301", "QEM202600", "QEY20", "QEDxxxxxxxx", "QED20230229"})
    CHECK(ask(m, bad) == "NAK");
  CHECK(set(m, "RTEY"));
  CHECK(ask(m, "QET") == "00000000");
}

TEST_CASE("twin reply: what a model does not know is refused") {
  const std::map<std::string, std::vector<std::string>> refused{
      {"pi30",
       {"QPIGS2", "QSID", "QVFW3", "QT", "QBEQI", "QMN", "QGMN", "QET", "QBMS", "QLED", "QCST", "QMSCHGCR", "QALL"}},
      {"pi30-duo", {"QSID", "QT", "QET", "Q1", "QBEQI"}},
      {"pi30-mk", {"QPIGS2", "QET", "QBMS", "QOPM", "Q1", "QBOOT"}},
      {"pi30max", {"Q1", "QVFW2", "QBOOT", "QOPM", "QCST", "QP2GS0"}},
      {"pi41", {"QT", "QET", "Q1", "QVFW3"}},
      {"pi30revo", {"QID", "QPIWS", "QFLAG", "QPGS0"}}};
  for (const auto& [model, queries] : refused) {
    Machine m = machine_of(model);
    for (const std::string& q : queries) {
      INFO(model << " " << q);
      CHECK(ask(m, q) == "NAK");
    }
  }
}

TEST_CASE("twin reply: what a model knows is answered with printable text") {
  const std::map<std::string, std::vector<std::string>> known{
      {"pi30",
       {"QPI", "QID", "QVFW", "QVFW2", "QPIRI", "QFLAG", "QPIGS", "QMOD", "QPIWS", "QDI", "QMCHGCR", "QMUCHGCR",
        "QPGS0", "QBOOT", "QOPM", "Q1"}},
      {"pi30-duo", {"QVFW2", "QVFW3", "QVFW4", "QPIGS2", "QMSCHGCR", "QP2GS0", "QCST", "QCVT", "QBOOT", "QOPM"}},
      {"pi30-mk", {"QSID", "QVFW2", "QVFW3", "VERFW:", "QT", "QBEQI", "QMN", "QGMN", "QOPPT", "QCHPT"}},
      {"pi30max", {"QSID", "QVFW3", "VERFW:", "QPIGS2", "QT", "QBEQI", "QMN", "QGMN", "QET", "QLT", "QBMS", "QLED"}},
      {"pi41", {"QSID", "QVFW2", "QPIGS2", "QP2GS0", "QOPM", "QBEQI", "QMN", "QGMN"}},
      {"pi30revo", {"QPI", "QPIRI", "QPIGS", "QMOD", "QALL"}}};
  for (const auto& [model, queries] : known) {
    Machine m = machine_of(model);
    for (const std::string& q : queries) {
      INFO(model << " " << q);
      const std::string payload = ask(m, q);
      CHECK(payload != "NAK");
      for (const char c : payload) CHECK((c >= 0x20 && c < 0x7F));
    }
  }
}

TEST_CASE("twin reply: lengths of the sheet's overview") {
  const std::map<std::string, std::size_t> lengths{{"QPI", 8},    {"QID", 18},   {"QVFW", 18},
                                                   {"QVFW2", 19}, {"QFLAG", 15}, {"QMOD", 5},
                                                   {"QPIWS", 36}, {"QOPM", 6},   {"Q1", 74}};
  Machine m = machine_of("pi30");
  for (const auto& [query, length] : lengths) {
    INFO(query);
    CHECK(wire(ask(m, query)).size() == length);
  }
  Machine max = machine_of("pi30max");
  CHECK(wire(ask(max, "QSID")).size() == 26);
  CHECK(wire(ask(max, "QT")).size() == 18);
  CHECK(wire(ask(max, "QBEQI")).size() == 42);
  CHECK(wire(ask(max, "QGMN")).size() == 7);
  CHECK(wire(ask(max, "QET")).size() == 12);
  CHECK(wire(ask(max, "QBMS")).size() == 37);
}

TEST_CASE("twin reply: QALL of a REVO") {
  Machine m = machine_of("pi30revo");
  m.plant.hold(capture_a9());
  const auto answer = answer_query(m, "QALL");
  REQUIRE(answer);
  CHECK(answer->chk);
  CHECK(answer->text == "000 00.0 230 50.0 0221 006 52.8 100 011 000 100 08.4 0844 000000 000000 B 00 00");
  CHECK(fields_of(ask(m, "QPIGS")) == 21);
  CHECK(ask(m, "QPIGS").find(" 0844 100.6 52.78 00000 ") != std::string::npos);  // power, and energy of today
}

TEST_CASE("twin truth: what QPIGS carried, as on the wire") {
  Machine m = machine_of("pi30");
  m.plant.hold(capture_a9());
  const auto answer = answer_query(m, "QPIGS");
  REQUIRE(answer);
  auto n = numbers(answer->truth);
  CHECK(n["grid/voltage"] == 0);
  CHECK(n["ac_output/voltage"] == 230.0);
  CHECK(n["ac_output/frequency"] == 50.0);
  CHECK(n["ac_output/apparent_power"] == 322);
  CHECK(n["ac_output/active_power"] == 221);
  CHECK(n["ac_output/load_level"] == 6);
  CHECK(n["bus/voltage"] == 425);
  CHECK(n["battery/voltage"] == 52.80);
  CHECK(n["battery/charge_current"] == 11);
  CHECK(n["battery/direct_current"] == 11);
  CHECK(n["battery/state_of_charge"] == 100);
  CHECK(n["heatsink/temperature"] == 40);
  CHECK(n["pv1/charge_current"] == 16);
  CHECK(n["pv1/voltage"] == 100.6);
  CHECK(n["pv1/active_power"] == 844);
  CHECK(n["scc1/voltage"] == 52.78);
  CHECK(n["pv1/charging"] == 1);
  CHECK(n["grid/charging"] == 0);
  CHECK(texts(answer->truth)["battery/charge_source"] == "solar");
  CHECK(texts(answer->truth)["total/device_status"] == "00110110");
  Machine max = machine_of("pi30max");
  max.plant.hold(capture_a11());
  n = numbers(answer_query(max, "QPIGS")->truth);
  CHECK(n["pv1/current"] == 2.7);
  CHECK(n.count("pv1/charge_current") == 0);
  n = numbers(answer_query(max, "QPIGS2")->truth);
  CHECK(n["pv2/current"] == 3.1);
  CHECK(n["pv2/active_power"] == 1026);
  CHECK(texts(answer_query(max, "QPIRI")->truth)["battery/battery_type"] == "user");
  CHECK(texts(answer_query(max, "QMOD")->truth)["total/operating_mode"] == "line");
}
