// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What PI30 and its relatives say of their ratings and settings.
#include <array>

#include "codes.hpp"
#include "table.hpp"

namespace mesura::axpert {
namespace {

constexpr std::uint32_t kMinute = 60;
constexpr std::uint32_t kHour = 3600;
constexpr std::uint32_t kDay = 86400;

constexpr std::array kQpiri = {
    state("grid", "rated_voltage"),
    state("grid", "rated_current"),
    state("ac_output", "rated_voltage"),
    state("ac_output", "rated_frequency"),
    state("ac_output", "rated_current"),
    as(Part::rated_power, state("ac_output", "rated_apparent_power")),
    state("ac_output", "rated_active_power"),
    as(Part::rated_voltage, state("battery", "rated_voltage")),
    state("battery", "recharge_voltage"),
    state("battery", "under_voltage"),
    state("battery", "bulk_voltage"),
    state("battery", "float_voltage"),
    word("battery", "battery_type", codes::kBattery),
    state("ac_charger", "max_charge_current"),
    state("battery", "max_charge_current"),
    word("grid", "input_voltage_range", codes::kInputRange),
    word("ac_output", "output_source_priority", codes::kOutputSource),
    word("battery", "charger_source_priority", codes::kChargerSource),
    state("total", "parallel_max_units"),
    as(Part::machine_type, word("total", "machine_type", codes::kMachine)),
    word("total", "topology", codes::kTopology),
    word("ac_output", "output_mode", codes::kOutputMode),
    state("battery", "redischarge_voltage"),
    word("pv", "pv_ok_condition", codes::kPvOk),
    word("pv", "pv_power_balance", codes::kPvBalance),
    state("battery", "max_cv_charge_time", kMinute),
    word("total", "operation_logic", codes::kLogic),
    state("battery", "max_discharge_current"),
};
// Some makers go on in their own way behind field 25, with voltages where others have minutes.
constexpr std::array kQpiriOem = {
    kQpiri[0],  kQpiri[1],  kQpiri[2],  kQpiri[3],  kQpiri[4],  kQpiri[5],  kQpiri[6],  kQpiri[7],  kQpiri[8],
    kQpiri[9],  kQpiri[10], kQpiri[11], kQpiri[12], kQpiri[13], kQpiri[14], kQpiri[15], kQpiri[16], kQpiri[17],
    kQpiri[18], kQpiri[19], kQpiri[20], kQpiri[21], kQpiri[22], kQpiri[23], kQpiri[24],
};

constexpr Field kDefaultSilenced = {
    .form = Form::inverted, .channel = "total", .quantity = "default_buzzer_enabled", .state = true};
constexpr Field kDefaultCvMinutes = {
    .form = Form::cv_minutes, .channel = "battery", .quantity = "default_max_cv_charge_time", .state = true};

constexpr std::array kQdi = {
    state("ac_output", "default_voltage"),
    state("ac_output", "default_frequency"),
    state("ac_charger", "default_max_charge_current"),
    state("battery", "default_under_voltage"),
    state("battery", "default_float_voltage"),
    state("battery", "default_bulk_voltage"),
    state("battery", "default_recharge_voltage"),
    state("battery", "default_max_charge_current"),
    word("grid", "default_input_voltage_range", codes::kInputRange),
    word("ac_output", "default_output_source_priority", codes::kOutputSource),
    word("battery", "default_charger_source_priority", codes::kChargerSource),
    word("battery", "default_battery_type", codes::kBattery),
    kDefaultSilenced,
    state("total", "default_power_saving_enabled"),
    state("total", "default_overload_restart_enabled"),
    state("total", "default_over_temperature_restart_enabled"),
    state("total", "default_backlight_enabled"),
    state("total", "default_source_alarm_enabled"),
    state("total", "default_fault_record_enabled"),
    state("total", "default_overload_bypass_enabled"),
    state("total", "default_lcd_return_enabled"),
    word("ac_output", "default_output_mode", codes::kOutputMode),
    state("battery", "default_redischarge_voltage"),
    word("pv", "default_pv_ok_condition", codes::kPvOk),
    word("pv", "default_pv_power_balance", codes::kPvBalance),
    kDefaultCvMinutes,
    only(kKing, word("total", "default_operation_logic", codes::kLogic)),
};
constexpr Field kDefaultDischarge = state("battery", "default_max_discharge_current");
constexpr std::array kQdiMax = {
    kQdi[0],  kQdi[1],  kQdi[2],  kQdi[3],  kQdi[4],  kQdi[5],  kQdi[6],  kQdi[7],  kQdi[8],
    kQdi[9],  kQdi[10], kQdi[11], kQdi[12], kQdi[13], kQdi[14], kQdi[15], kQdi[16], kQdi[17],
    kQdi[18], kQdi[19], kQdi[20], kQdi[21], kQdi[22], kQdi[23], kQdi[24], kQdi[25], kDefaultDischarge,
};
// Fields 3 and 8 have changed places, and it goes on differently behind 25.
constexpr std::array kQdiDuo = {
    kQdi[0],
    kQdi[1],
    kQdi[7],
    kQdi[3],
    kQdi[4],
    kQdi[5],
    kQdi[6],
    kQdi[2],
    kQdi[8],
    kQdi[9],
    kQdi[10],
    kQdi[11],
    kQdi[12],
    kQdi[13],
    kQdi[14],
    kQdi[15],
    kQdi[16],
    kQdi[17],
    kQdi[18],
    kQdi[19],
    kQdi[20],
    kQdi[21],
    kQdi[22],
    kQdi[23],
    kQdi[24],
    word("battery", "default_charge_stages", codes::kChargeStages),
    state("total", "default_data_log_popup_enabled"),
    state("pv", "default_max_charge_current"),
    kDefaultCvMinutes,
};

constexpr std::array kQflag = {text_of(Form::letters, "total", {})};
constexpr std::array kQmchgcr = {text_of(Form::rest, "battery", "allowed_charge_currents")};
constexpr std::array kQmuchgcr = {text_of(Form::rest, "ac_charger", "allowed_charge_currents")};
constexpr std::array kQmschgcr = {text_of(Form::rest, "pv", "allowed_charge_currents")};
constexpr std::array kQopm = {word("ac_output", "output_mode", codes::kOutputMode)};
constexpr std::array kQboot = {state("total", "bootstrap_present")};
constexpr std::array kQcst = {word("battery", "charge_stages", codes::kChargeStages)};
constexpr std::array kQcvt = {
    Field{.form = Form::cv_minutes, .channel = "battery", .quantity = "max_cv_charge_time", .state = true}};
constexpr std::array kQbeqi = {
    state("battery", "equalisation_enabled"),
    state("battery", "equalisation_time", kMinute),
    state("battery", "equalisation_period", kDay),
    state("battery", "equalisation_max_current"),
    skip(),
    state("battery", "equalisation_voltage"),
    skip(),
    state("battery", "equalisation_timeout", kMinute),
    state("battery", "equalisation_active"),
    state("battery", "equalisation_elapsed", kHour),
};
constexpr std::array kQled = {
    state("led", "led_enabled"),
    state("led", "led_speed"),
    word("led", "led_effect", codes::kLedEffect),
    state("led", "led_brightness"),
    skip(),
    text_of(Form::rest, "led", "led_colors"),
};

/// 24 hours, the priority of now, and three slots.
template <class Now>
constexpr std::array<Field, 28> schedule(Field hours, Now now, Field order) {
  std::array<Field, 28> fields{};
  fields[0] = hours;
  fields[24] = now;
  fields[25] = order;
  return fields;
}
constexpr std::array kQoppt = schedule(text_of(Form::first24, "ac_output", "output_priority_schedule"),
                                       word("ac_output", "scheduled_output_priority", codes::kOutputSchedule),
                                       text_of(Form::rest, "ac_output", "output_priority_order"));
constexpr std::array kQchpt = schedule(text_of(Form::first24, "battery", "charger_priority_schedule"),
                                       word("battery", "scheduled_charger_priority", codes::kChargerSchedule),
                                       text_of(Form::rest, "battery", "charger_priority_order"));

constexpr std::string_view kList = "dd";

constexpr std::array kLayouts = {
    Layout{"QPIRI", kPi30, "fffffnnnnnnnnnnnnnnnnnnnnf", 26, 28, 100, kQpiriOem},
    Layout{"QPIRI", kPi30, "fffff", 24, 28, 100, kQpiri},
    Layout{"QFLAG", kPi30, "F", 1, 1, 700, kQflag},
    Layout{"QDI", kDuo, "ffi", 25, 29, 150, kQdiDuo},
    Layout{"QDI", kMax, "ffi", 25, 27, 150, kQdiMax},
    Layout{"QDI", kPi30 & ~(kDuo | kMax), "ffi", 25, 27, 150, kQdi},
    Layout{"QMCHGCR", kPi30, kList, 1, 40, 710, kQmchgcr, kNothing, 2, 3},
    Layout{"QMUCHGCR", kPi30, kList, 1, 40, 710, kQmuchgcr, kNothing, 2, 3},
    Layout{"QMSCHGCR", kPi30, kList, 1, 40, 710, kQmschgcr, kNothing, 2, 3},
    Layout{"QOPM", kPi30, "d", 1, 1, 720, kQopm, kNothing, 2, 2},
    Layout{"QBOOT", kPi30, "d", 1, 1, 720, kQboot, kNothing, 1, 1},
    Layout{"QCST", kPi30, "d", 1, 1, 720, kQcst, kNothing, 2, 2},
    Layout{"QCVT", kPi30, "d", 1, 1, 720, kQcvt, kNothing, 3, 3},
    Layout{"QBEQI", kPi30, "iiiiifiiii", 10, 10, 730, kQbeqi},
    Layout{"QLED", kPi30, "iiiiid", 6, 8, 740, kQled, kNothing, 9, 32},
    Layout{"QOPPT", kPi30, "iiiiiiiiiiiiiiiiiiiiiiiiiiii", 28, 28, 750, kQoppt},
    Layout{"QCHPT", kPi30, "iiiiiiiiiiiiiiiiiiiiiiiiiiii", 28, 28, 750, kQchpt},
};

}  // namespace

std::span<const Layout> layouts_settings() { return kLayouts; }

}  // namespace mesura::axpert
