// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every set command of the sheet: what is accepted, what is refused, and what a query shows afterwards.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "virtual_machine.hpp"
#include "virtual_support.hpp"

using namespace mesura::axpert::twin;
using namespace mesura::axpert::test;

namespace {

std::vector<std::string> split(const std::string& text, char separator = ' ') {
  std::vector<std::string> out{""};
  for (const char c : text) {
    if (c == separator)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

/// Field `n` (from 1) of QPIRI.
std::string rating(Machine& m, std::size_t n) { return split(ask(m, "QPIRI")).at(n - 1); }

void accepts(Machine& m, const std::vector<std::string>& commands) {
  for (const std::string& c : commands) {
    INFO(m.model->name << " " << c);
    CHECK(apply_setter(m, c) == SetResult::accepted);
  }
}

void refuses(Machine& m, const std::vector<std::string>& commands) {
  for (const std::string& c : commands) {
    INFO(m.model->name << " " << c);
    const std::string before = ask(m, "QPIRI") + ask(m, "QFLAG");
    CHECK(apply_setter(m, c) != SetResult::accepted);
    CHECK(ask(m, "QPIRI") + ask(m, "QFLAG") == before);
  }
}

Machine user_battery(std::string_view model, int volts = 48) {
  MachineSetup setup = setup_of(model);
  setup.battery_volts = setup.plant.battery_volts = volts;
  Machine m{setup};
  m.refresh();
  return m;
}

}  // namespace

TEST_CASE("twin setter: PE and PD change QFLAG") {
  Machine m = machine_of("pi30");
  accepts(m, {"PDa"});
  CHECK(ask(m, "QFLAG") == "EkxyDabjuvz");
  accepts(m, {"PEa", "PEuvz", "PDkx"});
  CHECK(ask(m, "QFLAG") == "EauvyzDbjkx");
  refuses(m, {"PE", "PD", "PEd", "PEl", "PEA", "PEax1", "PDn", "PE;"});
  Machine max = machine_of("pi30max");
  accepts(max, {"PEd"});
  CHECK(ask(max, "QFLAG") == "EadkxyDbjuvz");
  Machine duo = machine_of("pi30-duo");
  accepts(duo, {"PEl"});
}

TEST_CASE("twin setter: PF restores the defaults") {
  Machine m = machine_of("pi30");
  accepts(m, {"POP02", "PCVV57.0", "PDa", "MCHGC020"});
  CHECK(rating(m, 17) == "2");
  accepts(m, {"PF"});
  CHECK(rating(m, 17) == "0");
  CHECK(rating(m, 11) == "56.4");
  CHECK(rating(m, 15) == "060");
  CHECK(rating(m, 13) == "0");
  refuses(m, {"PF1"});
}

TEST_CASE("twin setter: priorities, range, conditions") {
  Machine m = machine_of("pi30");
  accepts(m, {"POP01", "PCP01", "PGR01", "PPVOKC1", "PSPB0"});
  CHECK(rating(m, 17) == "1");
  CHECK(rating(m, 18) == "1");
  CHECK(rating(m, 16) == "1");
  CHECK(rating(m, 24) == "1");
  CHECK(rating(m, 25) == "0");
  accepts(m, {"POP02", "POP00", "PCP00", "PCP02", "PCP03", "PGR00"});
  refuses(m, {"POP03", "POP2", "POP002", "POP", "PCP04", "PCP1", "PGR02", "PPVOKC2", "PSPB", "PSPBx"});
  Machine max = machine_of("pi30max");
  refuses(max, {"PCP00"});
  accepts(max, {"PCP03"});
}

TEST_CASE("twin setter: PPCP names a unit") {
  Machine m = machine_of("pi30", 2);
  accepts(m, {"PPCP101", "PPCP003"});
  CHECK(rating(m, 18) == "3");
  CHECK(split(ask(m, "QPGS0")).at(21) == "3");
  CHECK(split(ask(m, "QPGS1")).at(21) == "1");
  refuses(m, {"PPCP201", "PPCP", "PPCP1", "PPCP104"});
}

TEST_CASE("twin setter: battery types of the model") {
  Machine m = machine_of("pi30");
  accepts(m, {"PBT00", "PBT01", "PBT02"});
  CHECK(rating(m, 13) == "2");
  refuses(m, {"PBT03", "PBT2", "PBT09"});
  Machine max = machine_of("pi30max");
  accepts(max, {"PBT03", "PBT07", "PBT09"});
  CHECK(rating(max, 13) == "9");
  refuses(max, {"PBT10"});
}

TEST_CASE("twin setter: back to utility, by battery") {
  Machine m = user_battery("pi30", 48);
  accepts(m, {"PBCV44.0", "PBCV51.0", "PBCV46.0"});
  CHECK(rating(m, 9) == "46.0");
  refuses(m, {"PBCV43.0", "PBCV52.0", "PBCV46.5", "PBCV46", "PBCV046.0", "PBCV46,0"});
  Machine m24 = user_battery("pi30", 24);
  accepts(m24, {"PBCV22.0", "PBCV25.5", "PBCV23.5"});
  refuses(m24, {"PBCV21.5", "PBCV26.0", "PBCV23.3", "PBCV46.0"});
  Machine m12 = user_battery("pi30", 12);
  accepts(m12, {"PBCV11.0", "PBCV11.3", "PBCV11.5", "PBCV11.8", "PBCV12.0", "PBCV12.3", "PBCV12.5", "PBCV12.8"});
  refuses(m12, {"PBCV11.1", "PBCV13.0", "PBCV10.8"});
}

TEST_CASE("twin setter: back to battery, by battery") {
  Machine m = user_battery("pi30", 48);
  accepts(m, {"PBDV48.0", "PBDV58.0", "PBDV54.0", "PBDV00.0"});
  CHECK(rating(m, 23) == "00.0");
  refuses(m, {"PBDV47.0", "PBDV59.0", "PBDV54.5", "PBDV48.6"});
  Machine m24 = user_battery("pi30", 24);
  accepts(m24, {"PBDV24.0", "PBDV29.0", "PBDV26.5", "PBDV00.0"});
  refuses(m24, {"PBDV23.5", "PBDV29.5", "PBDV54.0"});
  Machine m12 = user_battery("pi30", 12);
  accepts(m12, {"PBDV12.0", "PBDV14.5", "PBDV13.8", "PBDV00.0"});
  refuses(m12, {"PBDV14.8", "PBDV12.1"});
}

TEST_CASE("twin setter: cut-off, by battery") {
  Machine m = user_battery("pi30", 48);
  accepts(m, {"PSDV40.0", "PSDV48.0", "PSDV40.7"});
  CHECK(rating(m, 10) == "40.7");
  refuses(m, {"PSDV39.9", "PSDV48.1"});
  Machine king = user_battery("pi30-mk", 48);
  accepts(king, {"PSDV42.0"});
  refuses(king, {"PSDV41.9"});
  Machine king24 = user_battery("pi30-mk", 24);
  accepts(king24, {"PSDV21.0", "PSDV24.0"});
  refuses(king24, {"PSDV20.9", "PSDV24.1"});
  Machine m12 = user_battery("pi30", 12);
  accepts(m12, {"PSDV10.0", "PSDV12.0"});
  refuses(m12, {"PSDV09.9", "PSDV12.1"});
}

TEST_CASE("twin setter: bulk and float, by battery") {
  Machine m = user_battery("pi30", 48);
  accepts(m, {"PCVV58.4", "PCVV57.0", "PBFT48.0", "PBFT53.0"});
  CHECK(rating(m, 11) == "57.0");
  CHECK(rating(m, 12) == "53.0");
  refuses(m, {"PCVV58.5", "PBFT47.9", "PCVV60.0"});
  Machine king = user_battery("pi30-mk", 48);
  accepts(king, {"PCVV63.0", "PBFT62.9"});
  refuses(king, {"PCVV63.1"});
  Machine king24 = user_battery("pi30-mk", 24);
  accepts(king24, {"PCVV31.5", "PBFT24.0"});
  refuses(king24, {"PCVV31.6", "PBFT23.9"});
}

TEST_CASE("twin setter: float never above bulk") {
  Machine m = user_battery("pi30", 48);
  accepts(m, {"PCVV55.0", "PBFT55.0"});
  refuses(m, {"PBFT55.1", "PCVV54.9"});
}

TEST_CASE("twin setter: voltages of AGM and flooded batteries are fixed") {
  Machine m = user_battery("pi30", 48);
  for (const char* type : {"PBT00", "PBT01"}) {
    accepts(m, {type});
    refuses(m, {"PBFT53.0", "PCVV57.0", "PSDV42.0"});
    accepts(m, {"PBCV46.0", "PBDV54.0"});  // when to change the source is nobody's chemistry
  }
  accepts(m, {"PBT02", "PBFT53.0", "PCVV57.0", "PSDV42.0"});
  Machine max = user_battery("pi30max", 48);
  accepts(max, {"PBT03", "PBFT53.0"});
}

TEST_CASE("twin setter: charge currents come from the unit's own list") {
  Machine m = machine_of("pi30");
  accepts(m, {"MCHGC010", "MCHGC120", "MNCHGC0120"});
  CHECK(rating(m, 15) == "120");
  refuses(m, {"MCHGC015", "MCHGC130", "MCHGC10", "MCHGC0010", "MNCHGC120", "MNCHGC0130", "MCHGCxxx"});
  accepts(m, {"MUCHGC002", "MUCHGC020"});
  CHECK(rating(m, 14) == "20");
  refuses(m, {"MUCHGC070", "MUCHGC003", "MUCHGC0020", "MUCHGC20"});
  Machine king = machine_of("pi30-mk");
  accepts(king, {"MNCHGC080", "MUCHGC080"});
  CHECK(rating(king, 14) == "080");
  refuses(king, {"MNCHGC0080", "MNCHGC120"});
  Machine max = machine_of("pi30max");
  accepts(max, {"MUCHGC0100", "MUCHGC020", "MUCHGC120"});
  CHECK(rating(max, 14) == "120");
  refuses(max, {"MUCHGC0130"});
  Machine duo = machine_of("pi30-duo");
  accepts(duo, {"MSCHGC060"});
  refuses(duo, {"MSCHGC065", "MSCHGC60"});
  refuses(m, {"MSCHGC060"});
}

TEST_CASE("twin setter: charge currents of one of several units") {
  Machine m = machine_of("pi30", 2);
  accepts(m, {"MCHGC020", "MCHGC130", "MNCHGC1110", "MUCHGC110"});
  CHECK(split(ask(m, "QPGS0")).at(22) == "020");
  CHECK(split(ask(m, "QPGS1")).at(22) == "110");
  CHECK(split(ask(m, "QPGS1")).at(24) == "10");
  refuses(m, {"MCHGC220", "MNCHGC2020", "MUCHGC210"});
}

TEST_CASE("twin setter: frequency, voltage and output mode only in standby") {
  Machine m = machine_of("pi30max");
  REQUIRE(m.live().mode == 'L');
  refuses(m, {"F60", "V240", "POPM01"});
  m.plant.overrides.switched_on = false;
  m.refresh();
  REQUIRE(m.live().mode == 'S');
  accepts(m, {"F60", "V240", "POPM01", "F50", "F60"});
  CHECK(rating(m, 3) == "240.0");
  CHECK(rating(m, 4) == "60.0");
  CHECK(rating(m, 22) == "1");
  refuses(m, {"F55", "F5", "V235", "V120", "V24", "POPM08", "POPM1"});
  Machine classic = machine_of("pi30");
  classic.plant.overrides.mode = 'S';
  classic.refresh();
  accepts(classic, {"POPM01", "F60"});
  refuses(classic, {"POPM11", "POPM08", "V230"});
  Machine split = machine_of("pi41");
  split.plant.overrides.mode = 'S';
  split.refresh();
  accepts(split, {"V110", "V127", "V120", "POPM06"});
  refuses(split, {"V230", "POPM07"});
}

TEST_CASE("twin setter: operation logic, CV time, charge stage") {
  Machine king = machine_of("pi30-mk");
  accepts(king, {"POPLG00", "POPLG02", "POPLG01", "PCVT060", "PCVT900", "PCVT000"});
  CHECK(rating(king, 27) == "1");
  CHECK(rating(king, 26) == "000");
  refuses(king, {"POPLG03", "PCVT061", "PCVT905", "PCVT60"});
  Machine duo = machine_of("pi30-duo");
  accepts(duo, {"PCST02", "PCVT255", "PCVT060"});
  CHECK(ask(duo, "QCST") == "02");
  CHECK(ask(duo, "QCVT") == "060");
  refuses(duo, {"PCST03", "PCVT065", "PCVT900", "POPLG01"});
  Machine classic = machine_of("pi30");
  refuses(classic, {"PCVT060", "PCST01", "POPLG01"});
}

TEST_CASE("twin setter: equalisation changes QBEQI") {
  Machine m = machine_of("pi30max");
  accepts(m, {"PBEQE1", "PBEQT060", "PBEQOT120", "PBEQP030", "PBEQV58.40", "PBEQA1"});
  CHECK(ask(m, "QBEQI") == "1 060 030 060 021 58.40 224 120 1 0000");
  refuses(m, {"PBEQE2", "PBEQT004", "PBEQT061", "PBEQT905", "PBEQOT003", "PBEQP091", "PBEQV61.05", "PBEQV47.95",
              "PBEQV58.4"});
  Machine m24 = user_battery("pi30max", 24);
  accepts(m24, {"PBEQV24.00", "PBEQV31.50"});
  refuses(m24, {"PBEQV31.55", "PBEQV58.40"});
}

TEST_CASE("twin setter: discharge limit and control") {
  Machine m = machine_of("pi30max");
  accepts(m, {"PBATMAXDISC150"});
  CHECK(rating(m, 28) == "150");
  accepts(m, {"PBATMAXDISC030", "PBATMAXDISC000"});
  refuses(m, {"PBATMAXDISC029", "PBATMAXDISC151", "PBATMAXDISC50"});
  accepts(m, {"PBATCD111", "PBATCD011", "PBATCD101", "PBATCD110", "PBATCD010", "PBATCD100", "PBATCD000"});
  refuses(m, {"PBATCD001", "PBATCD11", "PBATCD112"});
  Machine classic = machine_of("pi30");
  refuses(classic, {"PBATMAXDISC150", "PBATCD111"});
}

TEST_CASE("twin setter: the clock with 12 or 14 digits") {
  Machine m = machine_of("pi30max");
  accepts(m, {"DAT240315123456"});
  CHECK(ask(m, "QT") == "20240315123456");
  accepts(m, {"DAT20240229000000"});
  CHECK(ask(m, "QT") == "20240229000000");
  m.advance((kStart + 61) * 1'000'000'000);
  CHECK(ask(m, "QT") == "20240229000101");
  refuses(m, {"DAT230229000000", "DAT241301000000", "DAT240101240000", "DAT2401010000", "DATxxxxxxxxxxxx"});
}

TEST_CASE("twin setter: light bar changes QLED") {
  Machine m = machine_of("pi30max");
  accepts(m, {"PLEDE0", "PLEDS2", "PLEDM3", "PLEDB9", "PLEDT2", "PLEDC1001002003"});
  CHECK(ask(m, "QLED") == "0 2 3 9 2 001002003255255255");
  accepts(m, {"PLEDC3160032240", "PLEDT3"});
  CHECK(ask(m, "QLED") == "0 2 3 9 3 001002003255255255160032240");
  refuses(m,
          {"PLEDE2", "PLEDS3", "PLEDM1", "PLEDB0", "PLEDT4", "PLEDC4001002003", "PLEDC1256002003", "PLED", "PLEDX1"});
}

TEST_CASE("twin setter: the host plays the BMS") {
  Machine m = machine_of("pi30max");
  accepts(m, {"PBMS0 100 0 0 1 532 532 450 0000 0030"});
  CHECK(ask(m, "QBMS") == "0 100 0 0 1 532 532 450 0000 0030");
  refuses(m, {"PBMS0 100 0 0 1 532 532 450 0000", "PBMS", "PBMS0 100 0 0 1 532 532 450 0000 0030 ",
              "PBMSx 100 0 0 1 532 532 450 0000 0030"});
}

TEST_CASE("twin setter: calibration, saving, erasing, test mode") {
  Machine m = machine_of("pi30max");
  accepts(m, {"BTA+09", "BTA-09", "PSAVE", "RTDL", "RTEY", "ATE1"});
  CHECK(m.test_mode);
  accepts(m, {"ATE0"});
  CHECK_FALSE(m.test_mode);
  refuses(m, {"BTA09", "BTA+19", "BTA+0", "PSAVE1", "RTEY1", "ATE2"});
  const int before = m.live().battery_cv;
  accepts(m, {"BTA+09"});
  m.advance((kStart + 10) * 1'000'000'000);
  m.plant.overrides.load_w = 0;
  CHECK(m.live().battery_cv >= before + 45);
}

TEST_CASE("twin setter: b6 stays set until QPIRI is read") {
  Machine m = machine_of("pi30");
  const auto b6 = [&] { return split(ask(m, "QPIGS")).at(16).at(1); };
  CHECK(b6() == '0');
  accepts(m, {"POP01"});
  CHECK(b6() == '1');
  CHECK(b6() == '1');
  static_cast<void>(ask(m, "QFLAG"));
  CHECK(b6() == '1');
  static_cast<void>(ask(m, "QPIRI"));
  CHECK(b6() == '0');
  CHECK(apply_setter(m, "POP09") == SetResult::refused);
  CHECK(b6() == '0');
}

TEST_CASE("twin setter: what is no setter is unknown") {
  Machine m = machine_of("pi30");
  for (const char* text : {"", "X", "QPIGS", "P", "MC", "pop02", "LON1"}) {
    INFO(text);
    CHECK(apply_setter(m, text) == SetResult::unknown);
  }
}
