// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The twin as an InfiniSolar V: its own frames, words and setters.
#include <algorithm>
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

std::size_t values_of(const std::string& data) {
  return 1 + static_cast<std::size_t>(std::count(data.begin(), data.end(), ','));
}

bool set18(Machine& m, std::string_view command) { return apply_pi18_setter(m, command) == SetResult::accepted; }

}  // namespace

TEST_CASE("twin pi18: every query of the sheet has its number of values") {
  Machine m = machine_of("pi18", 2);
  const std::map<std::string, std::size_t> queries{
      {"PI", 1},     {"T", 1},       {"ET", 1},   {"EY2026", 1}, {"EM202601", 1}, {"ED20260101", 1}, {"ID", 1},
      {"VFW", 3},    {"PIRI", 25},   {"GS", 28},  {"MOD", 1},    {"FWS", 17},     {"FLAG", 9},       {"DI", 24},
      {"MCHGCR", 8}, {"MUCHGCR", 9}, {"PRI1", 7}, {"PGS0", 29},  {"ACCT", 2},     {"ACLT", 2}};
  for (const auto& [query, values] : queries) {
    INFO(query);
    const std::string data = ask18(m, query);
    CHECK(data != "NAK");
    CHECK(values_of(data) == values);
    for (const char c : data) CHECK(((c >= '0' && c <= '9') || c == ','));
  }
  for (const char* bad : {"", "QPI", "GS1", "PRI2", "PGS9", "EY20", "EM202613", "ED20260230", "XX"})
    CHECK(ask18(m, bad) == "NAK");
}

TEST_CASE("twin pi18: lengths and literal answers") {
  Machine m = machine_of("pi18");
  CHECK(ask18(m, "PI") == "18");
  CHECK(seal_pi18(ask18(m, "PI"), CrcStyle::esc3).substr(0, 7) == "^D00518");
  CHECK(seal_pi18(ask18(m, "ID"), CrcStyle::esc3).substr(0, 21) == "^D0251492931905106463");
  CHECK(seal_pi18(ask18(m, "GS"), CrcStyle::esc3).substr(0, 5) == "^D106");
  CHECK(seal_pi18(ask18(m, "MCHGCR"), CrcStyle::esc3).substr(0, 36) == "^D034010,020,030,040,050,060,070,080");
  CHECK(ask18(m, "T") == "20260101000000");
  CHECK(ask18(m, "MOD") == "05");
  m.plant.overrides.grid = false;
  m.refresh();
  CHECK(ask18(m, "MOD") == "03");
  CHECK(ask18(m, "FWS").substr(0, 4) == "00,1");
  m.fault_code = 2;
  m.refresh();
  CHECK(ask18(m, "MOD") == "04");
  CHECK(ask18(m, "FWS").substr(0, 3) == "02,");
}

TEST_CASE("twin pi18: GS in tenths, its truth in units") {
  Machine m = machine_of("pi18");
  Live l;
  l.mode = 'B';
  l.out_dv = 2300;
  l.out_chz = 4990;
  l.va = 971;
  l.w = 710;
  l.load_percent = 19;
  l.battery_cv = 5280;
  l.discharge_a = 15;
  l.dc_load_w = 770;
  l.soc = 87;
  l.heatsink_c = 44;
  l.pv[0] = {27, 1941, 520, 0, 0};
  l.load_on = true;
  m.plant.hold(l);
  const auto answer = answer_pi18_query(m, "GS");
  REQUIRE(answer);
  CHECK(answer->text ==
        "0000,000,2300,499,0971,0710,019,528,000,000,015,000,087,044,000,000,0520,0000,1941,0000,0,1,1,1,2,2,0,0");
  std::map<std::string, double> n;
  for (const Truth& t : answer->truth) n[t.channel + "/" + std::string{t.quantity}] = t.number;
  CHECK(n["ac_output/voltage"] == 230.0);
  CHECK(n["ac_output/frequency"] == 49.9);
  CHECK(n["battery/voltage"] == 52.8);
  CHECK(n["pv1/voltage"] == 194.1);
  CHECK(n["battery/discharge_current"] == 15);
}

TEST_CASE("twin pi18: energies in kWh, a day in Wh") {
  Machine m = machine_of("pi18");
  m.plant.energy().add_wh(kStart / 86400, 12'345, 0);
  CHECK(ask18(m, "ET") == "00000012");
  CHECK(ask18(m, "EY2026") == "00000012");
  CHECK(ask18(m, "EM202601") == "0000012");
  CHECK(ask18(m, "ED20260101") == "012345");
  CHECK(answer_pi18_query(m, "ET")->truth.at(0).number == 12'000);
}

TEST_CASE("twin pi18: setters change PIRI, and b6 of GS until it is read") {
  Machine m = machine_of("pi18");
  m.settings.battery_type = 2;
  const auto changed = [&] { return ask18(m, "GS").substr(88, 1); };
  CHECK(set18(m, "POP1"));
  CHECK(set18(m, "PSP0"));
  CHECK(set18(m, "PCP0,2"));
  CHECK(set18(m, "MCHGC0,030"));
  CHECK(set18(m, "MUCHGC0,020"));
  CHECK(set18(m, "MCHGV552,540"));
  CHECK(set18(m, "PSDV450"));
  CHECK(set18(m, "BUCD440,480"));
  CHECK(set18(m, "PEI"));
  CHECK(set18(m, "PGR1"));
  CHECK(changed() == "1");
  CHECK(ask18(m, "PIRI") == "2300,217,2300,500,217,5000,5000,480,440,480,450,552,540,2,020,030,1,1,2,9,1,0,0,0,2");
  CHECK(changed() == "0");
  CHECK(set18(m, "PDA"));
  CHECK(ask18(m, "FLAG") == "0,0,1,0,0,1,1,0,0");
  CHECK(set18(m, "PEH"));
  CHECK(ask18(m, "FLAG") == "0,0,1,0,0,1,1,1,0");
  CHECK(set18(m, "DAT240315123456"));
  CHECK(ask18(m, "T") == "20240315123456");
  CHECK(set18(m, "LON0"));
  m.refresh();
  CHECK(set18(m, "F60"));
  CHECK(set18(m, "V2400"));
  CHECK(set18(m, "POPM0,1"));
  CHECK(set18(m, "PF"));
  for (const char* bad : {"POP2",       "POP",         "PSP2",        "PCP1,0",       "PCP0,3",
                          "MCHGC0,035", "MCHGC1,030",  "MUCHGC0,090", "MCHGV540,552", "MCHGV600,540",
                          "PSDV390",    "BUCD445,480", "BUCD440,590", "PEJ",          "PE",
                          "PGR2",       "PBT3",        "DAT1",        "XX",           ""}) {
    INFO(bad);
    CHECK_FALSE(set18(m, bad));
  }
}

TEST_CASE("twin pi18: standby and battery type") {
  Machine m = machine_of("pi18");
  m.settings.battery_type = 0;
  CHECK_FALSE(set18(m, "MCHGV552,540"));
  CHECK_FALSE(set18(m, "PSDV450"));
  CHECK_FALSE(set18(m, "F60"));
  CHECK_FALSE(set18(m, "V2400"));
  CHECK(set18(m, "PBT2"));
  CHECK(set18(m, "PSDV450"));
}
