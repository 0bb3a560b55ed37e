// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/fields.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mesura::http::compat::godenerg {
namespace {

using enum Form;

constexpr std::array kStatus = {
    Field{"grid_volt", decimal, "grid", "voltage"},
    Field{"grid_freq", decimal, "grid", "frequency"},
    Field{"ac_volt", decimal, "ac_output", "voltage"},
    Field{"ac_freq", decimal, "ac_output", "frequency"},
    Field{"ac_va", integer, "ac_output", "apparent_power"},
    Field{"ac_watt", integer, "ac_output", "active_power"},
    Field{"load_percent", integer, "ac_output", "load_level"},
    Field{"bus_volt", integer, "bus", "voltage"},
    Field{"batt_volt", decimal, "battery", "voltage"},
    Field{"batt_charge_amps", integer, "battery", "charge_current"},
    Field{"batt_capacity", integer, "battery", "state_of_charge"},
    Field{"temp", integer, "heatsink", "temperature"},
    // Into the battery on classic units, of the tracker (with decimals) on others.
    Field{"pv_amps", integer, "pv1", "charge_current", "current"},
    Field{"pv_volts", decimal, "pv1", "voltage"},
    Field{"batt_volt_scc", decimal, "scc1", "voltage"},
    Field{"batt_discharge_amps", integer, "battery", "discharge_current"},
    Field{"raw_status", text, "total", "device_status"},
    Field{"pv_watts", integer, "pv1", "active_power"},
    Field{"mask_d", text, "total", "device_status2"},
};

constexpr std::array kSettings = {
    Field{"grid_rating_voltage", decimal, "grid", "rated_voltage"},
    Field{"grid_rating_current", decimal, "grid", "rated_current"},
    Field{"ac_output_rating_voltage", decimal, "ac_output", "rated_voltage"},
    Field{"ac_output_rating_frequency", decimal, "ac_output", "rated_frequency"},
    Field{"ac_output_rating_current", decimal, "ac_output", "rated_current"},
    Field{"ac_output_rating_apparent_power", integer, "ac_output", "rated_apparent_power"},
    Field{"ac_output_rating_active_power", integer, "ac_output", "rated_active_power"},
    Field{"battery_rating_voltage", decimal, "battery", "rated_voltage"},
    Field{"battery_recharge_voltage", decimal, "battery", "recharge_voltage"},
    Field{"battery_under_voltage", decimal, "battery", "under_voltage"},
    Field{"battery_bulk_voltage", decimal, "battery", "bulk_voltage"},
    Field{"battery_float_voltage", decimal, "battery", "float_voltage"},
    Field{"battery_type", text, "battery", "battery_type"},
    Field{"max_ac_charge_current", integer, "ac_charger", "max_charge_current"},
    Field{"max_charge_current", integer, "battery", "max_charge_current"},
    Field{"input_voltage_range", text, "grid", "input_voltage_range"},
    Field{"output_source_priority", text, "ac_output", "output_source_priority"},
    Field{"charger_source_priority", text, "battery", "charger_source_priority"},
    Field{"parallel_max_units", integer, "total", "parallel_max_units"},
    Field{"machine_type", text, "total", "machine_type"},
    Field{"topology", text, "total", "topology"},
    Field{"output_mode", text, "ac_output", "output_mode"},
    Field{"battery_redischarge_voltage", decimal, "battery", "redischarge_voltage"},
    Field{"pv_ok_condition", text, "pv", "pv_ok_condition"},
    Field{"pv_power_balance", text, "pv", "pv_power_balance"},
    Field{"max_cv_charge_time", minutes, "battery", "max_cv_charge_time"},
    Field{"operation_logic", text, "total", "operation_logic"},
    Field{"max_discharge_current", integer, "battery", "max_discharge_current"},
};

constexpr std::array kDefaults = {
    Field{"ac_output_voltage", decimal, "ac_output", "default_voltage"},
    Field{"ac_output_frequency", decimal, "ac_output", "default_frequency"},
    Field{"max_ac_charge_current", integer, "ac_charger", "default_max_charge_current"},
    Field{"battery_under_voltage", decimal, "battery", "default_under_voltage"},
    Field{"battery_float_voltage", decimal, "battery", "default_float_voltage"},
    Field{"battery_bulk_voltage", decimal, "battery", "default_bulk_voltage"},
    Field{"battery_recharge_voltage", decimal, "battery", "default_recharge_voltage"},
    Field{"max_charge_current", integer, "battery", "default_max_charge_current"},
    Field{"input_voltage_range", text, "grid", "default_input_voltage_range"},
    Field{"output_source_priority", text, "ac_output", "default_output_source_priority"},
    Field{"charger_source_priority", text, "battery", "default_charger_source_priority"},
    Field{"battery_type", text, "battery", "default_battery_type"},
    Field{"buzzer", flag, "total", "default_buzzer_enabled"},
    Field{"power_saving", flag, "total", "default_power_saving_enabled"},
    Field{"overload_restart", flag, "total", "default_overload_restart_enabled"},
    Field{"over_temperature_restart", flag, "total", "default_over_temperature_restart_enabled"},
    Field{"backlight", flag, "total", "default_backlight_enabled"},
    Field{"primary_source_alarm", flag, "total", "default_source_alarm_enabled"},
    Field{"fault_record", flag, "total", "default_fault_record_enabled"},
    Field{"overload_bypass", flag, "total", "default_overload_bypass_enabled"},
    Field{"lcd_escape", flag, "total", "default_lcd_return_enabled"},
    Field{"output_mode", text, "ac_output", "default_output_mode"},
    Field{"battery_redischarge_voltage", decimal, "battery", "default_redischarge_voltage"},
    Field{"pv_ok_condition", text, "pv", "default_pv_ok_condition"},
    Field{"pv_power_balance", text, "pv", "default_pv_power_balance"},
    Field{"max_cv_charge_time", minutes, "battery", "default_max_cv_charge_time"},
    Field{"operation_logic", text, "total", "default_operation_logic"},
    Field{"max_discharge_current", integer, "battery", "default_max_discharge_current"},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kModes = {{{"power_on", "PM"},
                                                                                  {"standby", "SB"},
                                                                                  {"line", "LN"},
                                                                                  {"battery", "BT"},
                                                                                  {"fault", "FA"},
                                                                                  {"power_saving", "PS"}}};

}  // namespace

std::span<const Field> status_fields() { return kStatus; }
std::span<const Field> settings_fields() { return kSettings; }
std::span<const Field> default_fields() { return kDefaults; }

const Field* column(std::string_view name) {
  const auto* found =
      std::find_if(kStatus.begin(), kStatus.end(), [&](const Field& f) { return f.key == name && f.form != text; });
  return found == kStatus.end() ? nullptr : found;
}

std::string_view mode_code(std::string_view mode) {
  const auto* found = std::find_if(kModes.begin(), kModes.end(), [&](const auto& m) { return m.first == mode; });
  return found == kModes.end() ? "00" : found->second;
}

}  // namespace mesura::http::compat::godenerg
