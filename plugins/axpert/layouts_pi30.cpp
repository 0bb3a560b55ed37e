// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What PI30 and its relatives say of what they measure and of who they are.
#include <array>

#include "codes.hpp"
#include "table.hpp"

namespace mesura::axpert {
namespace {

using G = Gate;

// ---- QPIGS

constexpr Dialects kNotSplit = kPi30 & ~kSplit;

constexpr std::array kStatusBits = {
    Bit{0, "total", "sbu_priority_version", kNotSplit & ~kKing},
    Bit{0, "ac_output", "source_feeds_load", kKing},
    Bit{1, "total", "configuration_changed", kNotSplit},
    Bit{2, "total", "scc_firmware_updated", kNotSplit},
    Bit{3, "ac_output", "load_on", kNotSplit},
    Bit{4, "battery", "battery_voltage_steady", kNotSplit & ~kKing},
    Bit{5, "battery", "charging", kNotSplit},
    Bit{6, "pv1", "charging", kNotSplit},
    Bit{7, "grid", "charging", kNotSplit},
    Bit{0, "scc1", "charger_ok", kSplit},
    Bit{1, "grid", "charging", kSplit},
    Bit{2, "pv1", "charging", kSplit},
    Bit{3, "battery", "battery_open", kSplit},
    Bit{4, "battery", "battery_under", kSplit},
    Bit{5, "grid", "line_lost", kSplit},
    Bit{6, "ac_output", "load_on", kSplit},
    Bit{7, "total", "configuration_changed", kSplit},
};
constexpr std::array kStatusBits2 = {
    Bit{0, "battery", "float_stage"},
    Bit{1, "total", "switched_on"},
    Bit{2, "total", "dust_proof_kit", kKing | kMax},
};

constexpr Field kFanOffset = {
    .form = Form::number, .channel = "fan", .quantity = "fan_on_voltage_offset", .state = true, .decimals = 2};

constexpr std::array kQpigs = {
    gauge("grid", "voltage", G::volts),
    gauge("grid", "frequency", G::hertz),
    gauge("ac_output", "voltage", G::volts),
    gauge("ac_output", "frequency", G::hertz),
    gauge("ac_output", "apparent_power", G::watts),
    gauge("ac_output", "active_power", G::watts),
    gauge("ac_output", "load_level"),
    gauge("bus", "voltage", G::volts),
    gauge("battery", "voltage", G::volts, Part::battery_voltage),
    gauge("battery", "charge_current", G::amps, Part::charge),
    gauge("battery", "state_of_charge", G::percent),
    gauge("heatsink", "temperature", G::celsius),
    Field{.form = Form::pv_current, .channel = "pv1", .quantity = "current", .gate = G::amps},
    gauge("pv1", "voltage", G::volts),
    gauge("scc1", "voltage", G::volts),
    gauge("battery", "discharge_current", G::amps, Part::discharge),
    bits(kStatusBits, "total", "device_status"),
    kFanOffset,
    fact("eeprom_version"),
    gauge("pv1", "active_power", G::watts, Part::pv1),
    bits(kStatusBits2, "total", "device_status2"),
    state("grid", "feeding_grid"),
    state("total", "country_regulation"),
    gauge("grid", "active_power_export", G::watts),
};

// Sorotec counts differently: field 13 is the panels' power, 16 the energy of the day.
constexpr std::array kQpigsRevo = {
    kQpigs[0],
    kQpigs[1],
    kQpigs[2],
    kQpigs[3],
    kQpigs[4],
    kQpigs[5],
    kQpigs[6],
    kQpigs[7],
    kQpigs[8],
    kQpigs[9],
    kQpigs[10],
    kQpigs[11],
    gauge("pv1", "active_power", G::watts, Part::pv1),
    kQpigs[13],
    kQpigs[14],
    gauge("pv", "active_energy_export_day"),
    kQpigs[16],
    kQpigs[17],
    kQpigs[18],
    undocumented(),
    kQpigs[20],
};

// ---- QPIGS2

constexpr std::array kQpigs2Max = {
    gauge("pv2", "current", G::amps),
    gauge("pv2", "voltage", G::volts),
    gauge("pv2", "active_power", G::watts, Part::pv2),
};
// The word's bits are called b27 to b20: b24 and b25 are the chargers.
constexpr std::array kChargersDuo = {Bit{2, "pv3", "charging"}, Bit{3, "pv2", "charging"}};
constexpr std::array kQpigs2Duo = {
    gauge("pv2", "current", G::amps),
    gauge("pv2", "voltage", G::volts),
    gauge("scc2", "voltage", G::volts),
    gauge("pv2", "active_power", G::watts, Part::pv2),
    bits(kChargersDuo, "scc2", "device_status"),
    gauge("ac_charger", "charge_current", G::amps),
    gauge("ac_charger", "active_power", G::watts),
    gauge("pv3", "current", G::amps),
    gauge("pv3", "voltage", G::volts),
    gauge("scc3", "voltage", G::volts),
    gauge("pv3", "active_power", G::watts, Part::pv3),
    gauge("pv", "active_power", G::watts),
};
constexpr std::array kSecondBits = {
    Bit{0, "scc2", "charger_ok"},   Bit{1, "grid_l2", "charging"},     Bit{2, "pv2", "charging"},
    Bit{5, "grid_l2", "line_lost"}, Bit{6, "ac_output_l2", "load_on"},
};
constexpr std::array kQpigs2Split = {
    gauge("grid_l2", "voltage", G::volts),
    gauge("grid_l2", "frequency", G::hertz),
    gauge("ac_output_l2", "voltage", G::volts),
    gauge("ac_output_l2", "frequency", G::hertz),
    gauge("ac_output_l2", "apparent_power", G::watts),
    gauge("ac_output_l2", "active_power", G::watts),
    gauge("ac_output_l2", "load_level"),
    gauge("pv2", "charge_current", G::amps),
    gauge("pv2", "voltage", G::volts),
    gauge("battery_l2", "voltage", G::volts),
    bits(kSecondBits, "ac_output_l2", "device_status"),
};

// ---- parallel units

// Two of the bits are one code: 00 normal, 01 battery under, 10 battery open.
constexpr std::array kUnitBits = {
    Bit{3, "battery", "battery_open"}, Bit{4, "battery", "battery_under"},
    Bit{0, "scc1", "charger_ok"},      Bit{1, "grid", "charging"},
    Bit{2, "pv1", "charging"},         Bit{5, "grid", "line_lost"},
    Bit{6, "ac_output", "load_on"},    Bit{7, "total", "configuration_changed"},
};
constexpr std::array kQpgs = {
    Field{.form = Form::present, .channel = "total", .quantity = "present", .state = true},
    fact("serial", Form::attribute),
    word("total", "operating_mode", codes::kMode),
    state("total", "fault_code"),
    gauge("grid", "voltage", G::volts),
    gauge("grid", "frequency", G::hertz),
    gauge("ac_output", "voltage", G::volts),
    gauge("ac_output", "frequency", G::hertz),
    gauge("ac_output", "apparent_power", G::watts),
    gauge("ac_output", "active_power", G::watts),
    gauge("ac_output", "load_level"),
    gauge("battery", "voltage", G::volts, Part::battery_voltage),
    gauge("battery", "charge_current", G::amps, Part::charge),
    gauge("battery", "state_of_charge", G::percent),
    gauge("pv1", "voltage", G::volts),
    of_system(gauge("battery", "charge_current")),
    of_system(gauge("ac_output", "apparent_power")),
    of_system(gauge("ac_output", "active_power")),
    of_system(gauge("ac_output", "load_level")),
    bits(kUnitBits, "total", "device_status"),
    word("ac_output", "output_mode", codes::kOutputMode),
    word("battery", "charger_source_priority", codes::kChargerSource),
    state("battery", "max_charge_current"),
    state("battery", "max_charge_current_range"),
    state("ac_charger", "max_charge_current"),
    gauge("pv1", "current", G::amps),
    gauge("battery", "discharge_current", G::amps, Part::discharge),
    gauge("pv2", "voltage", G::volts),
    gauge("pv2", "current", G::amps),
};
constexpr std::array kTrackerBits = {
    Bit{0, "scc2", "charger_ok"},
    Bit{1, "pv2", "charging"},
    Bit{2, "scc3", "charger_ok"},
    Bit{3, "pv3", "charging"},
};
constexpr Field kPresentElsewhere = {.form = Form::present};  // QPGS publishes it
constexpr std::array kQp2gsDuo = {
    kPresentElsewhere,
    gauge("pv1", "active_power", G::watts),
    gauge("pv2", "voltage", G::volts),
    gauge("pv2", "current", G::amps),
    gauge("pv2", "active_power", G::watts),
    gauge("pv3", "voltage", G::volts),
    gauge("pv3", "current", G::amps),
    gauge("pv3", "active_power", G::watts),
    bits(kTrackerBits, "scc2", "device_status"),
};
constexpr std::array kQp2gsSplit = {
    kPresentElsewhere,
    skip(),
    skip(),
    skip(),
    gauge("grid_l2", "voltage", G::volts),
    gauge("grid_l2", "frequency", G::hertz),
    gauge("ac_output_l2", "voltage", G::volts),
    gauge("ac_output_l2", "frequency", G::hertz),
    gauge("ac_output_l2", "apparent_power", G::watts),
    gauge("ac_output_l2", "active_power", G::watts),
    gauge("ac_output_l2", "load_level"),
    gauge("battery_l2", "voltage", G::volts),
    gauge("battery_l2", "charge_current", G::amps),
    gauge("battery_l2", "state_of_charge", G::percent),
    gauge("pv2", "voltage", G::volts),
    gauge("pv2", "current", G::amps),
    bits(kSecondBits, "ac_output_l2", "device_status"),
};

// ---- Q1, QBMS, energy

constexpr std::array kQ1 = {
    gauge("battery", "absorption_time_left"),
    gauge("battery", "float_time_left"),
    state("scc1", "charger_ok"),
    state("scc1", "charger_allowed"),
    gauge("battery", "charge_current_avg", G::amps),
    gauge("scc1", "temperature", G::celsius),
    gauge("inverter", "temperature", G::celsius),
    gauge("battery_board", "temperature", G::celsius),
    gauge("transformer", "temperature", G::celsius),
    undocumented(),
    state("fan", "fan_locked"),
    undocumented(),
    gauge("fan", "fan_speed"),
    gauge("scc1", "active_power", G::watts),
    state("total", "parallel_warning"),
    gauge("total", "sync_frequency", G::hertz),
    word("battery", "charge_stage", codes::kChargeStage),
};
constexpr std::array kQbms = {
    Field{.form = Form::inverted, .channel = "bms", .quantity = "present", .state = true},
    gauge("bms", "state_of_charge", G::percent),
    state("bms", "force_charge"),
    state("bms", "discharge_stopped"),
    state("bms", "charge_stopped"),
    tenths(state("bms", "bulk_voltage")),
    tenths(state("bms", "float_voltage")),
    tenths(state("bms", "under_voltage")),
    state("bms", "max_charge_current"),
    state("bms", "max_discharge_current"),
};
constexpr std::array kQet = {gauge("pv", "active_energy_export")};
constexpr std::array kQey = {gauge("pv", "active_energy_export_year")};
constexpr std::array kQem = {gauge("pv", "active_energy_export_month")};
constexpr std::array kQed = {gauge("pv", "active_energy_export_day")};
constexpr std::array kQlt = {gauge("ac_output", "active_energy_import")};
constexpr std::array kQly = {gauge("ac_output", "active_energy_import_year")};
constexpr std::array kQlm = {gauge("ac_output", "active_energy_import_month")};
constexpr std::array kQld = {gauge("ac_output", "active_energy_import_day")};

// ---- mode, warnings, identity

constexpr std::array kQmod = {word("total", "operating_mode", codes::kMode)};
constexpr std::array kQpiws = {text_of(Form::warnings, "total", "warnings")};
constexpr std::array kQpi = {fact("protocol_version", Form::protocol)};
constexpr std::array kQid = {fact("serial", Form::serial)};
constexpr std::array kQsid = {fact("serial", Form::long_serial)};
constexpr std::array kQvfw = {fact("firmware_version", Form::firmware)};
constexpr std::array kQvfw2 = {fact("firmware_module_version", Form::firmware)};
constexpr std::array kQvfw3 = {fact("firmware_panel_version", Form::firmware)};
constexpr std::array kQvfw4 = {fact("firmware_scc3_version", Form::firmware)};
constexpr std::array kVerfw = {fact("firmware_bluetooth_version", Form::firmware)};
constexpr std::array kQmn = {Field{.form = Form::rest, .quantity = "model", .state = true}};
constexpr std::array kQgmn = {as(Part::model_code, fact("model_code"))};
constexpr std::array kQt = {
    Field{.form = Form::date_time, .channel = "total", .quantity = "device_time", .state = true}};
constexpr std::array kRaw = {undocumented()};

constexpr std::uint8_t kSummed = kBattery | kPvSingle | kChargeSource;
constexpr Dialects kNotRevo = kPi30 & ~kRevo;

constexpr std::array kLayouts = {
    Layout{"QPIGS", kNotRevo, "nnnnnnnnnnnnnnnnb", 17, 24, 0, kQpigs, kSummed},
    Layout{"QPIGS", kRevo, "nnnnnnnnnnnnnnnnb", 17, 21, 0, kQpigsRevo, kPvSingle | kChargeSource},
    Layout{"QPIGS2", kPi30, "ffi", 3, 3, 300, kQpigs2Max, kPvTotal},
    Layout{"QPIGS2", kPi30, "nnnnbnnnnnnn", 12, 12, 300, kQpigs2Duo},
    Layout{"QPIGS2", kPi30, "nnnnnnnnnnb", 11, 11, 300, kQpigs2Split},
    Layout{"QMOD", kPi30, "a", 1, 1, 510, kQmod},
    Layout{"QPIWS", kPi30, "w", 1, 1, 520, kQpiws},
    Layout{"QPGS#", kPi30, "itainnnnnnnnnnnnnnnb", 20, 29, 400, kQpgs, kBattery},
    Layout{"QP2GS#", kDuo, "innnnnnnb", 9, 9, 450, kQp2gsDuo},
    Layout{"QP2GS#", kSplit, "itainnnnnnnnnnnnb", 17, 17, 450, kQp2gsSplit},
    Layout{"Q1", kPi30, "iiiiiiiii", 17, 17, 200, kQ1},
    Layout{"QBMS", kPi30, "iiiiiiiiii", 10, 10, 530, kQbms},
    Layout{"QET", kPi30, "d", 1, 1, 540, kQet, kNothing, 5, 10},
    Layout{"QEY@", kPi30, "d", 1, 1, 540, kQey, kNothing, 5, 10},
    Layout{"QEM@", kPi30, "d", 1, 1, 540, kQem, kNothing, 5, 10},
    Layout{"QED@", kPi30, "d", 1, 1, 540, kQed, kNothing, 5, 10},
    Layout{"QLT", kPi30, "d", 1, 1, 540, kQlt, kNothing, 5, 10},
    Layout{"QLY@", kPi30, "d", 1, 1, 540, kQly, kNothing, 5, 10},
    Layout{"QLM@", kPi30, "d", 1, 1, 540, kQlm, kNothing, 5, 10},
    Layout{"QLD@", kPi30, "d", 1, 1, 540, kQld, kNothing, 5, 10},
    Layout{"QPI", kPi30, "t", 1, 1, 550, kQpi, kNothing, 0, 0, "PI"},
    Layout{"QID", kPi30, "d", 1, 1, 550, kQid, kNothing, 11, 21},
    Layout{"QSID", kPi30, "d", 1, 1, 550, kQsid, kNothing, 22, 22},
    Layout{"QVFW", kPi30, "t", 1, 2, 560, kQvfw, kNothing, 0, 0, "VERFW:"},
    Layout{"QVFW2", kPi30, "t", 1, 2, 560, kQvfw2, kNothing, 0, 0, "VERFW2:"},
    // What these say behind VERFW differs: 3, 4, or nothing.
    Layout{"QVFW3", kPi30, "t", 1, 2, 560, kQvfw3, kNothing, 0, 0, "VERFW"},
    Layout{"QVFW4", kPi30, "t", 1, 2, 560, kQvfw4, kNothing, 0, 0, "VERFW"},
    Layout{"VERFW:", kPi30, "t", 1, 2, 560, kVerfw, kNothing, 0, 0, "VERFW:"},
    Layout{"QGMN", kPi30, "d", 1, 1, 570, kQgmn, kNothing, 3, 3},
    Layout{"QMN", kPi30, "t", 1, 4, 570, kQmn},
    Layout{"QT", kPi30, "D", 1, 1, 580, kQt},
    Layout{"QALL", kRevo, "t", 2, 48, 600, kRaw},
    Layout{"QLITH0", kRevo, "t", 1, 48, 650, kRaw},
};

}  // namespace

std::span<const Layout> layouts_pi30() { return kLayouts; }

}  // namespace mesura::axpert
