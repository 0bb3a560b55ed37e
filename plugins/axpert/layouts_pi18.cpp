// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// PI18: the same things in frames of another kind, whole numbers between commas.
#include <array>

#include "codes.hpp"
#include "table.hpp"

namespace mesura::axpert {
namespace {

using G = Gate;

constexpr std::array kGs = {
    tenths(gauge("grid", "voltage", G::volts)),
    tenths(gauge("grid", "frequency", G::hertz)),
    tenths(gauge("ac_output", "voltage", G::volts)),
    tenths(gauge("ac_output", "frequency", G::hertz)),
    gauge("ac_output", "apparent_power", G::watts),
    gauge("ac_output", "active_power", G::watts),
    gauge("ac_output", "load_level"),
    tenths(gauge("battery", "voltage", G::volts, Part::battery_voltage)),
    tenths(gauge("scc1", "voltage", G::volts)),
    tenths(gauge("scc2", "voltage", G::volts)),
    gauge("battery", "discharge_current", G::amps, Part::discharge),
    gauge("battery", "charge_current", G::amps, Part::charge),
    gauge("battery", "state_of_charge", G::percent),
    gauge("heatsink", "temperature", G::celsius),
    gauge("pv1", "temperature", G::celsius),
    gauge("pv2", "temperature", G::celsius),
    gauge("pv1", "active_power", G::watts, Part::pv1),
    gauge("pv2", "active_power", G::watts, Part::pv2),
    tenths(gauge("pv1", "voltage", G::volts)),
    tenths(gauge("pv2", "voltage", G::volts)),
    state("total", "configuration_changed"),
    word("pv1", "charger_status", codes::kChargerStatus),
    word("pv2", "charger_status", codes::kChargerStatus),
    state("ac_output", "load_on"),
    word("battery", "power_direction", codes::kBatteryFlow),
    word("inverter", "power_direction", codes::kInverterFlow),
    word("grid", "power_direction", codes::kLineFlow),
    state("total", "parallel_id"),
};
constexpr std::array kPiri = {
    tenths(state("grid", "rated_voltage")),
    tenths(state("grid", "rated_current")),
    tenths(state("ac_output", "rated_voltage")),
    tenths(state("ac_output", "rated_frequency")),
    tenths(state("ac_output", "rated_current")),
    as(Part::rated_power, state("ac_output", "rated_apparent_power")),
    state("ac_output", "rated_active_power"),
    as(Part::rated_voltage, tenths(state("battery", "rated_voltage"))),
    tenths(state("battery", "recharge_voltage")),
    tenths(state("battery", "redischarge_voltage")),
    tenths(state("battery", "under_voltage")),
    tenths(state("battery", "bulk_voltage")),
    tenths(state("battery", "float_voltage")),
    word("battery", "battery_type", codes::kBattery),
    state("ac_charger", "max_charge_current"),
    state("battery", "max_charge_current"),
    word("grid", "input_voltage_range", codes::kInputRange),
    word("ac_output", "output_source_priority", codes::kOutputSource),
    word("battery", "charger_source_priority", codes::kChargerSource),
    state("total", "parallel_max_units"),
    word("total", "machine_type", codes::kMachine),
    word("total", "topology", codes::kTopology),
    word("ac_output", "output_mode", codes::kOutputMode),
    word("pv", "solar_power_priority", codes::kSolarPriority),
    state("pv", "pv_strings"),
};
constexpr std::array kFlag = {
    state("total", "buzzer_enabled"),
    state("total", "overload_bypass_enabled"),
    state("total", "lcd_return_enabled"),
    state("total", "overload_restart_enabled"),
    state("total", "over_temperature_restart_enabled"),
    state("total", "backlight_enabled"),
    state("total", "source_alarm_enabled"),
    state("total", "fault_record_enabled"),
    skip(),
};
constexpr std::array kDi = {
    tenths(state("ac_output", "default_voltage")),
    tenths(state("ac_output", "default_frequency")),
    word("grid", "default_input_voltage_range", codes::kInputRange),
    tenths(state("battery", "default_under_voltage")),
    tenths(state("battery", "default_float_voltage")),
    tenths(state("battery", "default_bulk_voltage")),
    tenths(state("battery", "default_recharge_voltage")),
    tenths(state("battery", "default_redischarge_voltage")),
    state("battery", "default_max_charge_current"),
    state("ac_charger", "default_max_charge_current"),
    word("battery", "default_battery_type", codes::kBattery),
    word("ac_output", "default_output_source_priority", codes::kOutputSource),
    word("battery", "default_charger_source_priority", codes::kChargerSource),
    word("pv", "default_solar_power_priority", codes::kSolarPriority),
    word("total", "default_machine_type", codes::kMachine),
    word("ac_output", "default_output_mode", codes::kOutputMode),
    state("total", "default_buzzer_enabled"),
    state("total", "default_overload_restart_enabled"),
    state("total", "default_over_temperature_restart_enabled"),
    state("total", "default_backlight_enabled"),
    state("total", "default_source_alarm_enabled"),
    state("total", "default_fault_record_enabled"),
    state("total", "default_overload_bypass_enabled"),
    state("total", "default_lcd_return_enabled"),
};
constexpr std::array kPri = {
    Field{.form = Form::present, .channel = "total", .quantity = "present", .state = true},
    skip(),  // how much of the serial counts
    fact("serial", Form::attribute),
    word("battery", "charger_source_priority", codes::kChargerSource),
    state("battery", "max_charge_current"),
    state("ac_charger", "max_charge_current"),
    word("ac_output", "output_mode", codes::kOutputMode),
};
constexpr std::array kPgs = {
    Field{.form = Form::present},
    word("total", "operating_mode", codes::kModeInfini),
    state("total", "fault_code"),
    tenths(gauge("grid", "voltage", G::volts)),
    tenths(gauge("grid", "frequency", G::hertz)),
    tenths(gauge("ac_output", "voltage", G::volts)),
    tenths(gauge("ac_output", "frequency", G::hertz)),
    gauge("ac_output", "apparent_power", G::watts),
    gauge("ac_output", "active_power", G::watts),
    of_system(gauge("ac_output", "apparent_power")),
    of_system(gauge("ac_output", "active_power")),
    gauge("ac_output", "load_level"),
    of_system(gauge("ac_output", "load_level")),
    tenths(gauge("battery", "voltage", G::volts, Part::battery_voltage)),
    gauge("battery", "discharge_current", G::amps, Part::discharge),
    gauge("battery", "charge_current", G::amps, Part::charge),
    of_system(gauge("battery", "charge_current")),
    gauge("battery", "state_of_charge", G::percent),
    gauge("pv1", "active_power", G::watts),
    gauge("pv2", "active_power", G::watts),
    tenths(gauge("pv1", "voltage", G::volts)),
    tenths(gauge("pv2", "voltage", G::volts)),
    word("pv1", "charger_status", codes::kChargerStatus),
    word("pv2", "charger_status", codes::kChargerStatus),
    state("ac_output", "load_on"),
    word("battery", "power_direction", codes::kBatteryFlow),
    word("inverter", "power_direction", codes::kInverterFlow),
    word("grid", "power_direction", codes::kLineFlow),
    gauge("total", "temperature", G::celsius),
};
constexpr std::array kVfw = {
    fact("firmware_version"),
    fact("firmware_module_version"),
    fact("firmware_scc3_version"),
};

/// A register in kWh; only the day's is in Wh.
constexpr Field kilo(std::string_view quantity) {
  return {.form = Form::number, .channel = "pv", .quantity = quantity, .multiply = 1000};
}
constexpr std::array kEt = {kilo("active_energy_export")};
constexpr std::array kEy = {kilo("active_energy_export_year")};
constexpr std::array kEm = {kilo("active_energy_export_month")};
constexpr std::array kEd = {gauge("pv", "active_energy_export_day")};
constexpr std::array kMod = {word("total", "operating_mode", codes::kModeInfini)};
constexpr std::array kFws = {text_of(Form::warnings, "total", "warnings")};
constexpr std::array kPi = {fact("protocol_version", Form::protocol)};
constexpr std::array kId = {fact("serial", Form::long_serial)};
constexpr std::array kT = {
    Field{.form = Form::date_time, .channel = "total", .quantity = "device_time", .state = true}};
constexpr std::array kMchgcr = {text_of(Form::rest, "battery", "allowed_charge_currents")};
constexpr std::array kMuchgcr = {text_of(Form::rest, "ac_charger", "allowed_charge_currents")};
constexpr std::array kAcct = {text_of(Form::rest, "ac_charger", "time_window")};
constexpr std::array kAclt = {text_of(Form::rest, "ac_output", "time_window")};

constexpr std::array kLayouts = {
    Layout{"GS", kInfini, "ddddiiiiiiiiiiiiiiiiiiiiiii", 27, 28, 0, kGs, kBattery | kPvTotal, 3, 5},
    Layout{"MOD", kInfini, "d", 1, 1, 510, kMod, kNothing, 1, 2},
    Layout{"FWS", kInfini, "iiiiiiiiiiiiiiii", 16, 20, 520, kFws},
    Layout{"PIRI", kInfini, "iiiiiiiiiiiiiiiiiiiiiii", 24, 25, 100, kPiri},
    Layout{"FLAG", kInfini, "iiiiiiii", 8, 9, 700, kFlag},
    Layout{"DI", kInfini, "iiiiiiiiiiiiiiiiiiiiiiii", 24, 24, 150, kDi},
    Layout{"PRI#", kInfini, "iitiiii", 7, 7, 450, kPri},
    Layout{"PGS#", kInfini, "ddiiiiiiiiiiiiiiiiiiiiiiiiii", 28, 29, 400, kPgs, kBattery, 1, 1},
    Layout{"ET", kInfini, "d", 1, 1, 540, kEt, kNothing, 5, 10},
    Layout{"EY@", kInfini, "d", 1, 1, 540, kEy, kNothing, 5, 10},
    Layout{"EM@", kInfini, "d", 1, 1, 540, kEm, kNothing, 5, 10},
    Layout{"ED@", kInfini, "d", 1, 1, 540, kEd, kNothing, 4, 10},
    Layout{"PI", kInfini, "d", 1, 1, 550, kPi, kNothing, 2, 2, "18"},
    Layout{"ID", kInfini, "d", 1, 1, 550, kId, kNothing, 16, 22},
    Layout{"VFW", kInfini, "ddd", 3, 3, 560, kVfw, kNothing, 5, 5},
    Layout{"T", kInfini, "D", 1, 1, 580, kT},
    Layout{"MCHGCR", kInfini, "dd", 1, 40, 710, kMchgcr, kNothing, 2, 3},
    Layout{"MUCHGCR", kInfini, "dd", 1, 40, 710, kMuchgcr, kNothing, 2, 3},
    Layout{"ACCT", kInfini, "dd", 2, 2, 760, kAcct, kNothing, 4, 4},
    Layout{"ACLT", kInfini, "dd", 2, 2, 760, kAclt, kNothing, 4, 4},
};

}  // namespace

std::span<const Layout> layouts_pi18() { return kLayouts; }

}  // namespace mesura::axpert
