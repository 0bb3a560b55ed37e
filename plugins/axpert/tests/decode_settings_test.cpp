// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Replies that tell ratings, settings, warnings and who it is.
#include "sheet.hpp"
#include "support/catch.hpp"

using namespace sheet;

TEST_CASE("A3 to A5: protocol, mode, serial") {
  CHECK(Decoded(reply("(PI30", "9A 0B"), "QPI").text("@protocol_version") == "PI30");
  CHECK(Decoded(reply("(B", "E7 C9"), "QMOD").text("total/operating_mode") == "battery");
  CHECK(Decoded(reply("(L", "06 07"), "QMOD").text("total/operating_mode") == "line");
  CHECK(Decoded(reply("(S", "E5 D9"), "QMOD").text("total/operating_mode") == "standby");
  for (const auto& [letter, mode] : std::vector<std::pair<std::string, std::string>>{{"P", "power_on"},
                                                                                     {"F", "fault"},
                                                                                     {"H", "power_saving"},
                                                                                     {"D", "shutdown"},
                                                                                     {"C", "charge"},
                                                                                     {"Y", "bypass"},
                                                                                     {"E", "eco"}})
    CHECK(Decoded(framed("(" + letter)).text("total/operating_mode") == mode);
  CHECK(Decoded(reply("(92931905106463", "49 CB"), "QID").text("@serial") == "92931905106463");
}

TEST_CASE("an unknown mode is published as such and counted") {
  const Decoded d(framed("(X"), "QMOD");
  CHECK(d.text("total/operating_mode") == "unknown_X");
  CHECK(d.faults("unknown_value") == 1);
}

TEST_CASE("A6 and A7: firmware and long serial") {
  CHECK(Decoded(reply("(VERFW:00072.70", "53 A7"), "QVFW").text("@firmware_version") == "00072.70");
  CHECK(Decoded(framed("(VERFW: 00072.70"), "QVFW").text("@firmware_version") == "00072.70");
  CHECK(Decoded(framed("(VERFW2:00012.03"), "QVFW2").text("@firmware_module_version") == "00012.03");
  CHECK(Decoded(framed("(VERFW:00001.01"), "QVFW3").text("@firmware_panel_version") == "00001.01");
  CHECK(Decoded(framed("(VERFW:00000.00"), "QVFW3").text("@firmware_panel_version") == "(none)");
  CHECK(Decoded(framed("(VERFW:00005.05"), "VERFW:").text("@firmware_bluetooth_version") == "00005.05");
  const std::string long_serial = reply("(1492932105105335005535", "94 0E");
  CHECK(Decoded(long_serial, "QSID").text("@serial") == "92932105105335");
  CHECK(Decoded(long_serial).text("@serial") == "92932105105335");
  CHECK(Decoded(reply("(1492932105105335005535", "94 0D"), "QSID").all_faults > 0);
}

TEST_CASE("A8: flags") {
  const Decoded d(reply("(EakxyDbjuvz", "2F 29"), "QFLAG");
  CHECK(d.all_faults == 0);
  for (const char* on : {"buzzer", "lcd_return", "backlight", "source_alarm"})
    CHECK(d.number("total/" + std::string{on} + "_enabled") == 1);
  for (const char* off :
       {"overload_bypass", "power_saving", "overload_restart", "over_temperature_restart", "fault_record"})
    CHECK(d.number("total/" + std::string{off} + "_enabled") == 0);
  CHECK_FALSE(d.has("total/solar_feed_enabled"));
  const Decoded odd(framed("(EakxyndD;bjuvz"), "QFLAG");
  CHECK(odd.faults("unknown_value") == 2);
  CHECK(odd.number("total/solar_feed_enabled") == 1);
  CHECK(odd.number("total/overload_bypass_enabled") == 0);
}

TEST_CASE("A14: ratings of a classic unit") {
  const Decoded d(kA14, "QPIRI");
  CHECK(d.all_faults == 0);
  CHECK(d.number("grid/rated_voltage") == 230);
  CHECK(d.number("grid/rated_current") == 21.7);
  CHECK(d.number("ac_output/rated_frequency") == 50);
  CHECK(d.number("ac_output/rated_apparent_power") == 5000);
  CHECK(d.number("ac_output/rated_active_power") == 4000);
  CHECK(d.number("battery/rated_voltage") == 48);
  CHECK(d.number("battery/recharge_voltage") == 46);
  CHECK(d.number("battery/under_voltage") == 42);
  CHECK(d.number("battery/bulk_voltage") == 56.4);
  CHECK(d.number("battery/float_voltage") == 54);
  CHECK(d.text("battery/battery_type") == "agm");
  CHECK(d.number("ac_charger/max_charge_current") == 10);
  CHECK(d.number("battery/max_charge_current") == 10);
  CHECK(d.text("grid/input_voltage_range") == "ups");
  CHECK(d.text("ac_output/output_source_priority") == "utility_first");
  CHECK(d.text("battery/charger_source_priority") == "utility_first");
  CHECK(d.number("total/parallel_max_units") == 6);
  CHECK(d.text("total/machine_type") == "off_grid");
  CHECK(d.text("total/topology") == "transformerless");
  CHECK(d.text("ac_output/output_mode") == "single");
  CHECK(d.number("battery/redischarge_voltage") == 54);
  CHECK(d.text("pv/pv_ok_condition") == "any_unit");
  CHECK(d.text("pv/pv_power_balance") == "charge_and_load");
  CHECK_FALSE(d.has("battery/max_cv_charge_time"));
}

TEST_CASE("A15: ratings of a MAX") {
  const Decoded d(kA15, "QPIRI");
  CHECK(d.all_faults == 0);
  CHECK(d.text("battery/battery_type") == "user");
  CHECK(d.text("ac_output/output_source_priority") == "sbu");
  CHECK(d.text("battery/charger_source_priority") == "solar_and_utility");
  CHECK(d.number("battery/max_cv_charge_time") == 480 * 60);
  CHECK(d.text("total/operation_logic") == "automatic");
  CHECK(d.number("battery/max_discharge_current") == 70);
}

TEST_CASE("ratings of 24 to 28 fields, a dash, and a maker's own extension") {
  const std::string begin = "(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 ";
  const Decoded short_one(framed(begin + "- 01 0 0 54.0 0"), "QPIRI");
  CHECK(short_one.all_faults == 0);
  CHECK_FALSE(short_one.has("total/parallel_max_units"));
  CHECK(short_one.text("pv/pv_ok_condition") == "any_unit");
  CHECK_FALSE(short_one.has("pv/pv_power_balance"));
  CHECK(Decoded(framed(begin + "6 01 0 0 54.0 0 1 120"), "QPIRI").number("battery/max_cv_charge_time") == 7200);
  CHECK(Decoded(framed(begin + "6 01 0 0 54.0 0 1 120 1"), "QPIRI").text("total/operation_logic") == "on_line");
  const Decoded oem(framed(begin + "6 01 0 0 54.0 0 1 46.0 10 44.0"), "QPIRI");
  CHECK_FALSE(oem.has("battery/max_cv_charge_time"));
  CHECK_FALSE(oem.has("total/operation_logic"));
  CHECK(oem.text("extra126/raw_value") == "46.0");
  CHECK(oem.text("extra128/raw_value") == "44.0");
  CHECK(oem.text("pv/pv_power_balance") == "charge_and_load");
  const Decoded more(framed(begin + "6 01 0 0 54.0 0 1 120 1 070 5"), "QPIRI");
  CHECK(more.text("extra129/raw_value") == "5");
}

TEST_CASE("unknown values of settings are told with their number") {
  const Decoded d(
      framed("(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 12 10 010 1 0 0 6 01 0 9 54.0 0 1"),
      "QPIRI");
  CHECK(d.text("battery/battery_type") == "unknown_12");
  CHECK(d.text("ac_output/output_mode") == "unknown_9");
  CHECK(d.faults("unknown_value") == 2);
  CHECK(d.text("battery/charger_source_priority") == "utility_first");
}

TEST_CASE("priorities count differently on an LV6548, output modes on a PI41") {
  const std::string qpiri = framed(
      "(120.0 54.1 120.0 60.0 54.1 6500 6500 48.0 48.0 42.0 54.0 52.5 2 010 030 1 2 0 9 01 0 5 50.0 0 1 480 0 070");
  CHECK(Decoded(qpiri, "QPIRI", "lv6548").text("battery/charger_source_priority") == "solar_first");
  CHECK(Decoded(qpiri, "QPIRI", "pi30max").text("battery/charger_source_priority") == "unknown_0");
  CHECK(Decoded(qpiri, "QPIRI", "pi30").text("battery/charger_source_priority") == "utility_first");
  CHECK(Decoded(qpiri, "QPIRI", "pi41").text("ac_output/output_mode") == "parallel_120");
  CHECK(Decoded(qpiri, "QPIRI", "pi30max").text("ac_output/output_mode") == "phase_1_of_2");
}

TEST_CASE("A16 and A17: warnings") {
  const Decoded d(reply("(00000100000000001000000000000000", "56 A6"), "QPIWS");
  CHECK(d.all_faults == 0);
  CHECK(d.text("total/warnings") == "line_fail,overload");
  CHECK(d.text("total/faults") == "");
  CHECK_FALSE(d.has("total/fault_code"));
  const Decoded loss(reply("(100000000000000000000000000000000000", "15 CF"), "QPIWS");
  CHECK(loss.all_faults == 0);
  CHECK(loss.text("total/warnings") == "pv_loss");
  CHECK(loss.number("total/fault_code") == 0);
}

TEST_CASE("warnings depend on the fault bit, the model and the battery") {
  CHECK(Decoded(framed("(01000100000000001000000000000000"), "QPIWS").text("total/faults") ==
        "inverter_fault,overload");
  CHECK(Decoded(framed("(00000010000000000000000000000000"), "QPIWS").text("total/warnings") == "output_short");
  CHECK(Decoded(framed("(000000100000000000000000000000000000"), "QPIWS").text("total/faults") == "output_short");
  CHECK(Decoded(framed("(00000000000000000000000000010000"), "QPIWS").text("total/warnings") == "mppt_overload_fault");
  CHECK(Decoded(framed("(000000000000000000000000000100000000"), "QPIWS", "pi30mk").text("total/faults") ==
        "mppt_overload_fault");
  // Digits of a fault code are no flags.
  const Decoded king(framed("(000000000000000000000000000000000900"), "QPIWS", "pi30mk");
  CHECK(king.text("total/warnings") == "low_pv_energy");
  const Decoded code(framed("(010000000000000000000000000000005000"), "QPIWS", "pi30mk");
  CHECK(code.number("total/fault_code") == 5);
  const Decoded max(framed("(010000000000000000000000000000005200"), "QPIWS", "pi30max");
  CHECK(max.number("total/fault_code") == 52);
  CHECK(max.text("total/warnings") == "");
  CHECK(max.text("total/faults") == "inverter_fault");
  const std::string low = framed(
      "(230.0 13.0 230.0 50.0 13.0 3000 2400 24.0 23.0 21.0 28.2 27.0 0 30 50 1 1 1 - 01 0 0 27.0 0 1 000 0 000");
  const Decoded small(low + framed("(010000000000000000000000000000052000"));
  CHECK(small.number("total/fault_code") == 52);
  const Decoded tri(framed("(00000000000000000000000000000011111111"), "QPIWS");
  CHECK(tri.text("total/warnings") ==
        "pv2_voltage_high,mppt2_overload_fault,mppt2_overload_warning,battery_too_low_to_charge_2,pv3_voltage_high,"
        "mppt3_overload_fault,mppt3_overload_warning,battery_too_low_to_charge_3");
  const Decoded reserved(framed("(00000000000001000000000000000000"), "QPIWS");
  CHECK(reserved.text("total/warnings") == "unknown_13");
  CHECK(reserved.faults("unknown_value") == 1);
  CHECK(Decoded(framed("(00000000000001000000000000000000"), "QPIWS", "pi41").text("total/faults") == "over_charge");
}

TEST_CASE("A18: factory defaults") {
  const std::string qdi =
      reply("(230.0 50.0 0030 42.0 54.0 56.4 46.0 60 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1 000", "9E 60");
  const Decoded d(qdi, "QDI");
  CHECK(d.all_faults == 0);
  CHECK(d.number("ac_output/default_voltage") == 230);
  CHECK(d.number("ac_charger/default_max_charge_current") == 30);
  CHECK(d.number("battery/default_max_charge_current") == 60);
  CHECK(d.number("battery/default_under_voltage") == 42);
  CHECK(d.number("battery/default_float_voltage") == 54);
  CHECK(d.number("battery/default_bulk_voltage") == 56.4);
  CHECK(d.number("battery/default_recharge_voltage") == 46);
  CHECK(d.number("total/default_buzzer_enabled") == 1);
  CHECK(d.text("battery/default_charger_source_priority") == "solar_and_utility");
  CHECK(d.text("grid/default_input_voltage_range") == "appliance");
  CHECK(d.number("total/default_backlight_enabled") == 1);
  CHECK(d.number("battery/default_redischarge_voltage") == 54);
  CHECK(d.number("battery/default_max_cv_charge_time") == 0);
  CHECK(Decoded(qdi).number("battery/default_float_voltage") == 54);
  const Decoded duo(framed("(230.0 50.0 0060 42.0 54.0 56.4 46.0 30 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1 00 1 060 255"),
                    "QDI", "pi30duo");
  CHECK(duo.number("battery/default_max_charge_current") == 60);
  CHECK(duo.number("ac_charger/default_max_charge_current") == 30);
  CHECK(duo.text("battery/default_charge_stages") == "auto");
  CHECK(duo.number("total/default_data_log_popup_enabled") == 1);
  CHECK(duo.number("pv/default_max_charge_current") == 60);
  CHECK(duo.number("battery/default_max_cv_charge_time") == 0);
  const std::string longer = "(230.0 50.0 0030 42.0 54.0 56.4 46.0 60 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1 060 2";
  CHECK(Decoded(framed(longer), "QDI", "pi30mk").text("total/default_operation_logic") == "eco");
  CHECK(Decoded(framed(longer), "QDI", "pi30max").number("battery/default_max_discharge_current") == 2);
}

TEST_CASE("A21, A23, A24, A26: equalisation, output mode, clock, lists") {
  const Decoded q(reply("(1 030 030 080 021 55.40 224 030 0 0234", "79 3F"), "QBEQI");
  CHECK(q.all_faults == 0);
  CHECK(q.number("battery/equalisation_enabled") == 1);
  CHECK(q.number("battery/equalisation_time") == 1800);
  CHECK(q.number("battery/equalisation_period") == 30 * 86400);
  CHECK(q.number("battery/equalisation_max_current") == 80);
  CHECK(q.number("battery/equalisation_voltage") == 55.4);
  CHECK(q.number("battery/equalisation_timeout") == 1800);
  CHECK(q.number("battery/equalisation_active") == 0);
  CHECK(q.number("battery/equalisation_elapsed") == 234 * 3600);
  CHECK(Decoded(reply("(01", "0C 80"), "QOPM").text("ac_output/output_mode") == "parallel");
  CHECK(Decoded(reply("(01", "0C 80")).faults("ambiguous_reply") == 1);
  CHECK(Decoded(reply("(20210726122606", "4A 46"), "QT").number("total/device_time") == 1627302366);
  CHECK(Decoded(reply("(20210726122606", "4A 46")).number("total/device_time") == 1627302366);
  CHECK(Decoded(reply("(20210726122606", "4A 46"), "QT", {}, PluginOptions{}.text("zone", "Europe/Brussels"))
            .number("total/device_time") == 1627302366 - 7200);
  const std::string list = reply("(002 010 020 030 040 050 060 070 080", "76 62");
  CHECK(Decoded(list, "QMUCHGCR").text("ac_charger/allowed_charge_currents") == "002 010 020 030 040 050 060 070 080");
  CHECK(Decoded(list, "QMCHGCR").text("battery/allowed_charge_currents") == "002 010 020 030 040 050 060 070 080");
  CHECK(Decoded(list, "QMSCHGCR").text("pv/allowed_charge_currents") == "002 010 020 030 040 050 060 070 080");
}

TEST_CASE("models, schedules, light bar and the rest") {
  CHECK(Decoded(framed("(MKS2-8000"), "QMN").text("@model") == "MKS2-8000");
  CHECK(Decoded(framed("(MKS2-8000")).text("@model") == "MKS2-8000");
  CHECK(Decoded(framed("(044"), "QGMN").text("@model") == "Axpert MAX 7.2K/8K");
  CHECK(Decoded(framed("(999"), "QGMN").text("@model") == "(none)");
  CHECK(Decoded(framed("(999"), "QGMN").text("@model_code") == "999");
  const std::string hours = "2 2 2 2 2 2 2 2 1 1 1 1 1 1 1 1 1 1 0 0 0 0 0 0";
  const Decoded s(framed("(" + hours + " 1 0 1 2"), "QOPPT");
  CHECK(s.text("ac_output/output_priority_schedule") == hours);
  CHECK(s.text("ac_output/scheduled_output_priority") == "solar_first");
  CHECK(s.text("ac_output/output_priority_order") == "0 1 2");
  const Decoded c(framed("(" + hours + " 3 1 2 3"), "QCHPT");
  CHECK(c.text("battery/charger_priority_schedule") == hours);
  CHECK(c.text("battery/scheduled_charger_priority") == "solar_only");
  const Decoded led(framed("(1 1 3 5 2 160032240255000000"), "QLED");
  CHECK(led.number("led/led_enabled") == 1);
  CHECK(led.text("led/led_effect") == "scrolling");
  CHECK(led.number("led/led_brightness") == 5);
  CHECK(led.text("led/led_colors") == "160032240255000000");
  CHECK(Decoded(framed("(00"), "QCST").text("battery/charge_stages") == "auto");
  CHECK(Decoded(framed("(060"), "QCVT").number("battery/max_cv_charge_time") == 3600);
  CHECK(Decoded(framed("(255"), "QCVT").number("battery/max_cv_charge_time") == 0);
  CHECK(Decoded(framed("(0"), "QBOOT").number("total/bootstrap_present") == 0);
}

TEST_CASE("PI18: ratings, flags, identity") {
  const Decoded d(infini("2300,217,2300,500,217,5000,5000,480,500,540,450,552,545,2,10,060,1,1,1,9,1,0,0,0,1"), "PIRI");
  CHECK(d.all_faults == 0);
  CHECK(d.number("grid/rated_voltage") == 230);
  CHECK(d.number("grid/rated_current") == 21.7);
  CHECK(d.number("ac_output/rated_apparent_power") == 5000);
  CHECK(d.number("battery/recharge_voltage") == 50);
  CHECK(d.number("battery/redischarge_voltage") == 54);
  CHECK(d.text("battery/battery_type") == "user");
  CHECK(d.text("ac_output/output_source_priority") == "solar_battery_utility");
  CHECK(d.text("battery/charger_source_priority") == "solar_and_utility");
  CHECK(d.text("total/machine_type") == "grid_tie");
  CHECK(d.text("pv/solar_power_priority") == "battery_load_utility");
  CHECK(d.number("pv/pv_strings") == 1);
  CHECK(Decoded(infini("1,0,0,0,0,1,1,0"), "FLAG").number("total/backlight_enabled") == 1);
  CHECK(Decoded(infini("18"), "PI").text("@protocol_version") == "PI18");
  CHECK(Decoded(infini("1496161704100242000000"), "ID").text("@serial") == "96161704100242");
  const Decoded v(infini("05220,00012,00000"), "VFW");
  CHECK(v.text("@firmware_version") == "05220");
  CHECK(Decoded(infini("20210521234743"), "T").number("total/device_time") == 1621640863);
  CHECK(Decoded(infini("010,020,030"), "MCHGCR").text("battery/allowed_charge_currents") == "010,020,030");
  CHECK(Decoded(infini("0000,2359"), "ACCT").text("ac_charger/time_window") == "0000,2359");
  const Decoded di(infini("2300,500,0,408,540,564,460,540,060,30,0,0,1,0,0,0,1,0,0,1,1,0,1,1"), "DI");
  CHECK(di.number("battery/default_float_voltage") == 54);
  CHECK(di.number("battery/default_redischarge_voltage") == 54);
  const Decoded p(infini("1,14,96132206100410000000,2,060,050,1"), "PRI0");
  CHECK(p.number("unit0_total/present") == 1);
  CHECK(p.text("unit0_ac_output/output_mode") == "parallel");
}
