// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Replies that tell what is measured: the sheet's vectors and what firmware makes of them.
#include "sheet.hpp"
#include "support/catch.hpp"

using namespace sheet;

TEST_CASE("A9: QPIGS of a classic unit") {
  const Decoded d(kA9, "QPIGS");
  CHECK(kA9.size() == 110);
  CHECK(d.all_faults == 0);
  CHECK(d.frames == 1);
  CHECK(d.number("grid/voltage") == 0);
  CHECK(d.number("grid/frequency") == 0);
  CHECK(d.number("ac_output/voltage") == 230);
  CHECK(d.number("ac_output/frequency") == 50);
  CHECK(d.number("ac_output/apparent_power") == 322);
  CHECK(d.number("ac_output/active_power") == 221);
  CHECK(d.number("ac_output/load_level") == 6);
  CHECK(d.number("bus/voltage") == 425);
  CHECK(d.number("battery/voltage") == 52.8);
  CHECK(d.number("battery/charge_current") == 11);
  CHECK(d.number("battery/discharge_current") == 0);
  CHECK(d.number("battery/state_of_charge") == 100);
  CHECK(d.number("heatsink/temperature") == 40);
  CHECK(d.number("pv1/charge_current") == 16);
  CHECK_FALSE(d.has("pv1/current"));
  CHECK(d.number("pv1/voltage") == 100.6);
  CHECK(d.number("pv1/active_power") == 844);
  CHECK(d.number("scc1/voltage") == 52.78);
  CHECK(d.text("total/device_status") == "01110110");
  CHECK(d.number("total/sbu_priority_version") == 0);
  CHECK(d.number("total/configuration_changed") == 1);
  CHECK(d.number("total/scc_firmware_updated") == 1);
  CHECK(d.number("ac_output/load_on") == 1);
  CHECK(d.number("battery/battery_voltage_steady") == 0);
  CHECK(d.number("battery/charging") == 1);
  CHECK(d.number("pv1/charging") == 1);
  CHECK(d.number("grid/charging") == 0);
  CHECK(d.text("battery/charge_source") == "solar");
  CHECK(d.number("fan/fan_on_voltage_offset") == 0);
  CHECK(d.text("@eeprom_version") == "00");
  CHECK(d.text("total/device_status2") == "010");
  CHECK(d.number("battery/float_stage") == 0);
  CHECK(d.number("total/switched_on") == 1);
  CHECK_FALSE(d.has("total/dust_proof_kit"));
  CHECK(d.number("battery/direct_current") == 11);
  CHECK(d.number("battery/active_power") == Approx(580.8));
  CHECK(d.quality("battery/direct_current") == MESURA_DERIVED);
  CHECK(d.quality("battery/active_power") == MESURA_DERIVED);
  CHECK(d.quality("battery/voltage") == MESURA_GOOD);
  CHECK(kA9 == hex("28 30 30 30 2E 30 20 30 30 2E 30 20 32 33 30 2E 30 20 35 30 2E 30 20 30 33 32 32 20 30 32 32 31 20 "
                   "30 30 36 20 34 32 35 20 35 32 2E 38 30 20 30 31 31 20 31 30 30 20 30 30 34 30 20 30 30 31 36 20 31 "
                   "30 30 2E 36 20 35 32 2E 37 38 20 30 30 30 30 30 20 30 31 31 31 30 31 31 30 20 30 30 20 30 30 20 30 "
                   "30 38 34 34 20 30 31 30 98 EA 0D"));
}

TEST_CASE("A10: the next one") {
  const Decoded d(kA10, "QPIGS");
  CHECK(d.all_faults == 0);
  CHECK(d.number("ac_output/apparent_power") == 161);
  CHECK(d.number("ac_output/active_power") == 119);
  CHECK(d.number("ac_output/load_level") == 3);
  CHECK(d.number("battery/voltage") == 57.5);
  CHECK(d.number("battery/charge_current") == 12);
  CHECK(d.number("heatsink/temperature") == 69);
  CHECK(d.number("pv1/charge_current") == 14);
  CHECK(d.number("pv1/voltage") == 103.8);
  CHECK(d.number("pv1/active_power") == 856);
  CHECK(d.number("total/configuration_changed") == 0);
  CHECK(d.number("total/scc_firmware_updated") == 1);
  CHECK(d.number("ac_output/load_on") == 1);
  CHECK(d.text("battery/charge_source") == "solar");
}

TEST_CASE("A11: a PV current with a decimal point is the tracker's") {
  const Decoded d(kA11, "QPIGS");
  CHECK(d.all_faults == 0);
  CHECK(d.number("pv1/current") == 2.7);
  CHECK_FALSE(d.has("pv1/charge_current"));
  CHECK(d.number("pv1/voltage") == 323.6);
  CHECK(d.number("pv1/active_power") == 879);
  CHECK(d.number("battery/charge_current") == 20);
  CHECK(d.number("battery/state_of_charge") == 83);
  CHECK(d.number("total/dust_proof_kit") == 0);
}

TEST_CASE("A12: 24 fields, and a zero byte in the CRC") {
  CHECK(kA12.size() == 120);
  const Decoded d(kA12, "QPIGS");
  CHECK(d.all_faults == 0);
  CHECK(d.number("battery/discharge_current") == 7);
  CHECK(d.number("battery/direct_current") == -7);
  CHECK(d.number("battery/active_power") == -203);
  CHECK(d.number("total/dust_proof_kit") == 1);
  CHECK(d.number("grid/feeding_grid") == 0);
  CHECK(d.number("total/country_regulation") == 0);
  CHECK(d.number("grid/active_power_export") == 0);
  CHECK(d.text("battery/charge_source") == "none");
}

TEST_CASE("17 fields: what old firmware leaves out is not there") {
  const Decoded d(framed("(230.1 50.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 00010000"),
                  "QPIGS");
  CHECK(d.all_faults == 0);
  CHECK(d.number("grid/voltage") == 230.1);
  CHECK(d.number("ac_output/load_on") == 1);
  CHECK_FALSE(d.has("fan/fan_on_voltage_offset"));
  CHECK_FALSE(d.has("pv1/active_power"));
}

TEST_CASE("more fields than documented are published raw") {
  const Decoded d(
      framed("(230.0 49.9 230.0 49.9 0805 0751 020 448 29.00 000 100 0037 02.3 271.1 00.00 00007 00010000 00 "
             "00 00647 011 0 00 0000 X7 0012"),
      "QPIGS");
  CHECK(d.number("battery/discharge_current") == 7);
  CHECK(d.text("extra25/raw_value") == "X7");
  CHECK(d.text("extra26/raw_value") == "0012");
  CHECK(d.faults("extra_field") == 2);
  CHECK(d.all_faults == 2);
}

TEST_CASE("wider fields of large units, and values that are not there") {
  const Decoded d(framed("(NA - 230.0 50.0 11000 10500 095 425 52.80 -- 100 0040 0016 100.6 52.78 00000 00010000 00 00 "
                         "00844 010"),
                  "QPIGS");
  CHECK(d.all_faults == 0);
  CHECK_FALSE(d.has("grid/voltage"));
  CHECK_FALSE(d.has("grid/frequency"));
  CHECK_FALSE(d.has("battery/charge_current"));
  CHECK_FALSE(d.has("battery/direct_current"));
  CHECK(d.number("ac_output/apparent_power") == 11000);
  CHECK(d.number("ac_output/active_power") == 10500);
}

TEST_CASE("letters in a number cost that number") {
  const Decoded d(framed("(230.0 49.9 230.0 49.9 0805 0751 020 448 29.00 000 100 0037 02.3 271.1 00.00 00007 00010000 "
                         "00 00 0x647 011"),
                  "QPIGS");
  CHECK(d.faults("bad_field") == 1);
  CHECK_FALSE(d.has("pv1/active_power"));
  CHECK(d.number("heatsink/temperature") == 37);
}

TEST_CASE("an impossible value drops the reply whole") {
  for (const char* reply :
       {"(999.0 00.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010",
        "(000.0 99.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010",
        "(000.0 00.0 230.0 50.0 0322 0221 006 425 52.80 011 101 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010",
        "(000.0 00.0 230.0 50.0 0322 0221 006 425 52.80 9999 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010",
        "(000.0 00.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0151 0016 100.6 52.78 00000 01110110 00 00 00844 "
        "010"}) {
    INFO(reply);
    const Decoded d(framed(reply), "QPIGS");
    CHECK(d.faults("implausible") == 1);
    CHECK(d.size() == 0);
  }
  // What was dropped is told by the next reply: nothing was remembered of it.
  const Decoded d(framed("(000.0 00.0 230.0 50.0 0322 0221 006 425 52.80 9999 100 0040 0016 100.6 52.78 00000 01110110 "
                         "00 00 00844 010") +
                      kA9,
                  "QPIGS");
  CHECK(d.text("total/device_status") == "01110110");
  CHECK(d.text("@eeprom_version") == "00");
}

TEST_CASE("power beyond the rating, and temperatures of small units that are none") {
  PluginOptions options;
  const std::string small =
      framed("(230.0 13.0 230.0 50.0 13.0 3000 2400 24.0 23.0 21.0 28.2 27.0 0 30 50 1 0 0 - 01 0 0 27.0 0 1");
  const std::string raw = framed(
      "(000.0 00.0 230.0 50.0 0322 0221 006 425 26.80 011 100 0560 0016 100.6 52.78 00000 01110110 00 00 00844 010");
  const std::string much = framed(
      "(000.0 00.0 230.0 50.0 5322 0221 006 425 26.80 011 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010");
  const Decoded ntc(small + raw);
  CHECK(ntc.all_faults == 0);
  CHECK(ntc.number("battery/voltage") == 26.8);
  CHECK_FALSE(ntc.has("heatsink/temperature"));
  CHECK_FALSE(ntc.has("total/parallel_max_units"));
  const Decoded above(small + much);
  CHECK(above.faults("implausible") == 1);
  CHECK_FALSE(above.has("battery/voltage"));
  CHECK(Decoded(much).faults("implausible") == 0);  // the rating is not known
}

TEST_CASE("A13: the second tracker of a MAX, with the space in front of the CRC") {
  const std::string qpigs2 = reply("(03.1 327.3 01026 ", "C9 8B");
  CHECK(qpigs2.size() == 21);
  const Decoded d(kA11 + qpigs2);
  CHECK(d.all_faults == 0);
  CHECK(d.number("pv2/current") == 3.1);
  CHECK(d.number("pv2/voltage") == 327.3);
  CHECK(d.number("pv2/active_power") == 1026);
  CHECK(d.number("pv/active_power") == 879 + 1026);
  CHECK(d.quality("pv/active_power") == MESURA_DERIVED);
  CHECK(Decoded(reply("(03.1 327.3 01026 ", "C5 64"), "QPIGS2").faults("crc_error") == 1);
  CHECK(Decoded(reply("(03.1 327.3 01026", "C5 64"), "QPIGS2").number("pv2/active_power") == 1026);
}

TEST_CASE("QPIGS2 of three trackers and of a split phase") {
  const Decoded duo(framed("(0016 100.6 52.78 00844 00011000 010 00530 0012 98.5 52.70 00640 02328"), "QPIGS2");
  CHECK(duo.all_faults == 0);
  CHECK(duo.number("pv2/current") == 16);
  CHECK(duo.number("scc2/voltage") == 52.78);
  CHECK(duo.number("pv2/active_power") == 844);
  CHECK(duo.number("pv2/charging") == 1);
  CHECK(duo.number("pv3/charging") == 0);
  CHECK(duo.number("ac_charger/charge_current") == 10);
  CHECK(duo.number("ac_charger/active_power") == 530);
  CHECK(duo.number("pv3/voltage") == 98.5);
  CHECK(duo.number("pv3/active_power") == 640);
  CHECK(duo.number("pv/active_power") == 2328);
  CHECK(duo.quality("pv/active_power") == MESURA_GOOD);

  const Decoded split(framed("(120.1 60.0 119.9 60.0 0300 0280 012 015 250.5 52.70 10100010"), "QPIGS2");
  CHECK(split.all_faults == 0);
  CHECK(split.number("grid_l2/voltage") == 120.1);
  CHECK(split.number("ac_output_l2/active_power") == 280);
  CHECK(split.number("ac_output_l2/load_level") == 12);
  CHECK(split.number("pv2/charge_current") == 15);
  CHECK(split.number("battery_l2/voltage") == 52.7);
  CHECK(split.number("scc2/charger_ok") == 1);
  CHECK(split.number("pv2/charging") == 1);
  CHECK(split.number("grid_l2/charging") == 0);
  CHECK(split.number("ac_output_l2/load_on") == 1);
}

TEST_CASE("status bits of PI41 mean other things") {
  const Decoded d(
      framed("(120.0 60.0 120.0 60.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 11010111 00 "
             "00 00844 010"),
      "QPIGS", "pi41");
  CHECK(d.number("scc1/charger_ok") == 1);
  CHECK(d.number("grid/charging") == 1);
  CHECK(d.number("pv1/charging") == 0);
  CHECK(d.number("battery/battery_open") == 1);
  CHECK(d.number("battery/battery_under") == 0);
  CHECK(d.number("grid/line_lost") == 1);
  CHECK(d.number("ac_output/load_on") == 1);
  CHECK(d.number("total/configuration_changed") == 1);
  CHECK(d.text("battery/charge_source") == "utility");
  CHECK_FALSE(d.has("total/sbu_priority_version"));
}

TEST_CASE("status bits of a King, and Sorotec's fields") {
  const Decoded king(
      framed("(120.0 60.0 120.0 60.0 0322 0221 006 425 52.80 011 100 0040 01.6 100.6 52.78 00000 10010111 "
             "00 00 00844 010"),
      "QPIGS", "pi30mk");
  CHECK(king.number("ac_output/source_feeds_load") == 1);
  CHECK_FALSE(king.has("total/sbu_priority_version"));
  CHECK(king.text("battery/charge_source") == "solar+utility");
  const Decoded revo(
      framed("(230.0 50.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0844 100.6 52.78 01234 00010110 "
             "00 00 00000 010"),
      "QPIGS", "pi30revo");
  CHECK(revo.number("pv1/active_power") == 844);
  CHECK(revo.number("pv/active_energy_export_day") == 1234);
  CHECK_FALSE(revo.has("battery/discharge_current"));
  CHECK_FALSE(revo.has("battery/direct_current"));
  CHECK(revo.text("extra20/raw_value") == "00000");
}

TEST_CASE("A19: a parallel unit") {
  CHECK(kA19.size() == 133);
  const Decoded d(kA19, "QPGS0");
  CHECK(d.all_faults == 0);
  CHECK(d.number("unit0_total/present") == 1);
  CHECK(d.text("@unit0_serial") == "92931701100510");
  CHECK(d.text("unit0_total/operating_mode") == "battery");
  CHECK(d.number("unit0_total/fault_code") == 0);
  CHECK(d.number("unit0_grid/voltage") == 0);
  CHECK(d.number("unit0_ac_output/voltage") == 230.6);
  CHECK(d.number("unit0_ac_output/frequency") == 50);
  CHECK(d.number("unit0_ac_output/apparent_power") == 275);
  CHECK(d.number("unit0_ac_output/active_power") == 141);
  CHECK(d.number("unit0_ac_output/load_level") == 5);
  CHECK(d.number("unit0_battery/voltage") == 51.4);
  CHECK(d.number("unit0_battery/charge_current") == 1);
  CHECK(d.number("unit0_battery/state_of_charge") == 100);
  CHECK(d.number("unit0_pv1/voltage") == 83.3);
  CHECK(d.number("system_battery/charge_current") == 2);
  CHECK(d.number("system_ac_output/apparent_power") == 574);
  CHECK(d.number("system_ac_output/active_power") == 312);
  CHECK(d.number("system_ac_output/load_level") == 3);
  CHECK(d.text("unit0_total/device_status") == "10100110");
  CHECK(d.number("unit0_scc1/charger_ok") == 1);
  CHECK(d.number("unit0_grid/charging") == 0);
  CHECK(d.number("unit0_pv1/charging") == 1);
  CHECK(d.number("unit0_battery/battery_open") == 0);
  CHECK(d.number("unit0_battery/battery_under") == 0);
  CHECK(d.number("unit0_grid/line_lost") == 1);
  CHECK(d.number("unit0_ac_output/load_on") == 1);
  CHECK(d.text("unit0_ac_output/output_mode") == "parallel");
  CHECK(d.text("unit0_battery/charger_source_priority") == "solar_and_utility");
  CHECK(d.number("unit0_battery/max_charge_current") == 60);
  CHECK(d.number("unit0_battery/max_charge_current_range") == 120);
  CHECK(d.number("unit0_ac_charger/max_charge_current") == 10);
  CHECK(d.number("unit0_pv1/current") == 4);
  CHECK(d.number("unit0_battery/discharge_current") == 0);
  CHECK(d.number("unit0_battery/direct_current") == 1);
}

TEST_CASE("A20: a MAX that stands alone says that it does not exist") {
  CHECK(kA20.size() == 143);
  const Decoded d(kA20, "QPGS0");
  CHECK(d.all_faults == 0);
  CHECK(d.number("unit0_total/present") == 0);
  CHECK(d.number("unit0_pv1/voltage") == 349.8);
  CHECK(d.number("unit0_pv1/current") == 2);
  CHECK(d.number("unit0_pv2/voltage") == 275.3);
  CHECK(d.number("unit0_pv2/current") == 2);
  CHECK(d.number("unit0_battery/charge_current") == 9);
  const Decoded second(kA20, "QPGS1");
  CHECK(second.number("unit1_total/present") == 0);
  CHECK(second.size() == 1);
}

TEST_CASE("totals of parallel units are told once, units are told apart by serial") {
  const auto unit = [](const char* serial) {
    return framed(std::string{"(1 "} + serial +
                  " B 00 000.0 00.00 230.6 50.00 0275 0141 005 51.4 001 100 083.3 002 00574 00312 003 10100110 1 2 060 "
                  "120 10 04 000");
  };
  PluginHarness h(plugin());
  h.open();
  h.bytes(unit("92931701100510") + unit("92931701100511") + unit("92931701100510"));
  int totals = 0, first = 0, second = 0;
  for (const auto& e : h.events(Kind::measurement)) {
    totals += e.channel == "system_ac_output" && e.quantity == "active_power";
    first += e.channel == "unit0_ac_output" && e.quantity == "active_power";
    second += e.channel == "unit1_ac_output" && e.quantity == "active_power";
  }
  CHECK(first == 2);
  CHECK(second == 1);
  CHECK(totals == 2);  // one for each round
}

TEST_CASE("QP2GS of both kinds") {
  const Decoded duo(framed("(1 00500 100.6 0016 00844 98.5 0012 00640 11110000"), "QP2GS0", "pi30duo");
  CHECK(duo.all_faults == 0);
  CHECK(duo.number("unit0_pv1/active_power") == 500);
  CHECK(duo.number("unit0_pv2/voltage") == 100.6);
  CHECK(duo.number("unit0_pv3/active_power") == 640);
  CHECK(duo.number("unit0_scc2/charger_ok") == 1);
  CHECK(duo.number("unit0_pv3/charging") == 1);
  const Decoded split(framed("(11 92931701100510 B 00 120.0 60.00 119.6 60.00 0275 0141 005 51.4 001 100 083.3 004 "
                             "10100110"),
                      "QP2GS1", "pi41");
  CHECK(split.all_faults == 0);
  CHECK(split.number("unit1_ac_output_l2/active_power") == 141);
  CHECK(split.number("unit1_pv2/current") == 4);
  CHECK(split.number("unit1_grid_l2/line_lost") == 1);
}

TEST_CASE("A25: Q1, and its later form") {
  const Decoded d(reply("(00000 00000 01 01 00 059 045 053 068 00 00 000 0040 0580 0000 50.00 13", "39 B9"), "Q1");
  CHECK(d.all_faults == 0);
  CHECK(d.number("battery/absorption_time_left") == 0);
  CHECK(d.number("scc1/charger_ok") == 1);
  CHECK(d.number("scc1/charger_allowed") == 1);
  CHECK(d.number("scc1/temperature") == 59);
  CHECK(d.number("inverter/temperature") == 45);
  CHECK(d.number("battery_board/temperature") == 53);
  CHECK(d.number("transformer/temperature") == 68);
  CHECK(d.number("fan/fan_locked") == 0);
  CHECK(d.number("fan/fan_speed") == 40);
  CHECK(d.number("scc1/active_power") == 580);
  CHECK(d.number("total/parallel_warning") == 0);
  CHECK(d.number("total/sync_frequency") == 50);
  CHECK(d.text("battery/charge_stage") == "float");
  CHECK(d.text("extra210/raw_value") == "00");
  const Decoded more(
      framed(
          "(00000 00000 01 01 00 059 045 053 068 00 00 000 0040 0580 0000 50.00 10 0 060 030 050 030 58.4 000 120 0 1"),
      "Q1");
  CHECK(more.text("battery/charge_stage") == "none");
  CHECK(more.text("extra227/raw_value") == "1");
  CHECK(more.faults("extra_field") == 10);
}

TEST_CASE("A22: energy counters") {
  CHECK(Decoded(reply("(00238800", "21 4A"), "QET").number("pv/active_energy_export") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QLT").number("ac_output/active_energy_import") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QEY2021").number("pv/active_energy_export_year") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QEM202107").number("pv/active_energy_export_month") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QED20210726").number("pv/active_energy_export_day") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QLY2021").number("ac_output/active_energy_import_year") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QLM202107").number("ac_output/active_energy_import_month") == 238800);
  CHECK(Decoded(reply("(00238800", "21 4A"), "QLD20210726").number("ac_output/active_energy_import_day") == 238800);
  const Decoded unasked(reply("(00238800", "21 4A"));
  CHECK(unasked.faults("ambiguous_reply") == 1);
  CHECK(unasked.size() == 0);
}

TEST_CASE("A27: what the battery's own system says") {
  const Decoded d(reply("(0 100 0 0 1 532 532 450 0000 0030", "0E 5E"), "QBMS");
  CHECK(d.all_faults == 0);
  CHECK(d.number("bms/present") == 1);
  CHECK(d.number("bms/state_of_charge") == 100);
  CHECK(d.number("bms/force_charge") == 0);
  CHECK(d.number("bms/discharge_stopped") == 0);
  CHECK(d.number("bms/charge_stopped") == 1);
  CHECK(d.number("bms/bulk_voltage") == 53.2);
  CHECK(d.number("bms/float_voltage") == 53.2);
  CHECK(d.number("bms/under_voltage") == 45);
  CHECK(d.number("bms/max_charge_current") == 0);
  CHECK(d.number("bms/max_discharge_current") == 30);
}

TEST_CASE("PI18: status") {
  const Decoded d(
      infini("2232,499,2232,499,0971,0710,019,520,519,000,000,011,083,044,041,000,0520,0100,1941,1200,0,2,1,1,"
             "1,2,1,0"),
      "GS");
  CHECK(d.all_faults == 0);
  CHECK(d.number("grid/voltage") == 223.2);
  CHECK(d.number("grid/frequency") == 49.9);
  CHECK(d.number("ac_output/apparent_power") == 971);
  CHECK(d.number("ac_output/active_power") == 710);
  CHECK(d.number("ac_output/load_level") == 19);
  CHECK(d.number("battery/voltage") == 52);
  CHECK(d.number("scc1/voltage") == 51.9);
  CHECK(d.number("battery/charge_current") == 11);
  CHECK(d.number("battery/direct_current") == 11);
  CHECK(d.number("battery/active_power") == 572);
  CHECK(d.number("battery/state_of_charge") == 83);
  CHECK(d.number("heatsink/temperature") == 44);
  CHECK(d.number("pv1/temperature") == 41);
  CHECK(d.number("pv1/active_power") == 520);
  CHECK(d.number("pv2/active_power") == 100);
  CHECK(d.number("pv/active_power") == 620);
  CHECK(d.number("pv1/voltage") == 194.1);
  CHECK(d.text("pv1/charger_status") == "charging");
  CHECK(d.text("pv2/charger_status") == "idle");
  CHECK(d.number("ac_output/load_on") == 1);
  CHECK(d.text("battery/power_direction") == "charge");
  CHECK(d.text("inverter/power_direction") == "dc_to_ac");
  CHECK(d.text("grid/power_direction") == "in");
  CHECK(d.number("total/parallel_id") == 0);
}

TEST_CASE("PI18: mode, counters in kWh, warnings, units") {
  CHECK(Decoded(infini("03"), "MOD").text("total/operating_mode") == "battery");
  CHECK(Decoded(infini("05"), "MOD").text("total/operating_mode") == "hybrid");
  CHECK(Decoded(infini("00006591"), "ET").number("pv/active_energy_export") == 6591000);
  CHECK(Decoded(infini("00006591"), "EY2024").number("pv/active_energy_export_year") == 6591000);
  CHECK(Decoded(infini("00006591"), "EM202405").number("pv/active_energy_export_month") == 6591000);
  CHECK(Decoded(infini("00003537"), "ED20240501").number("pv/active_energy_export_day") == 3537);
  const Decoded w(infini("02,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0"), "FWS");
  CHECK(w.text("total/warnings") == "line_fail,battery_low");
  CHECK(w.number("total/fault_code") == 2);
  const Decoded u(
      infini("1,5,00,2387,499,2387,499,0716,0165,01232,00505,012,004,518,000,015,031,036,1137,0000,2088,0000,2,"
             "0,1,1,2,1,037"),
      "PGS0");
  CHECK(u.all_faults == 0);
  CHECK(u.text("unit0_total/operating_mode") == "hybrid");
  CHECK(u.number("unit0_ac_output/active_power") == 165);
  CHECK(u.number("system_ac_output/active_power") == 505);
  CHECK(u.number("unit0_battery/direct_current") == 15);
  CHECK(u.number("system_battery/charge_current") == 31);
  CHECK(u.number("unit0_pv1/voltage") == 208.8);
}
