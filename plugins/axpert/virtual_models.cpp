// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_models.hpp"

#include <algorithm>
#include <array>

namespace mesura::axpert::twin {
namespace {

constexpr std::array kCharge120{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};
constexpr std::array kCharge80{10, 20, 30, 40, 50, 60, 70, 80};
constexpr std::array kUtility60{2, 10, 20, 30, 40, 50, 60};
constexpr std::array kUtility80{2, 10, 20, 30, 40, 50, 60, 70, 80};
constexpr std::array kUtility120{2, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};

constexpr std::array kModels{
    ModelInfo{"pi30", kClassic, "PI30", 21, false, 1,          25,         32,          5000, 4000, 2300,
              500,    217,      1,      6,  2,     kCharge120, kUtility60, "abjkuvxyz", "",   ""},
    ModelInfo{"pi30-duo", kDuo, "PI30", 21, false, 2,          25,         38,           5000, 5000, 2300,
              500,        217,  11,     9,  2,     kCharge120, kUtility60, "abjkluvxyz", "",   ""},
    ModelInfo{"pi30-tri", kDuo, "PI30", 21, false, 3,          25,         38,           5000, 5000, 2300,
              500,        217,  20,     9,  2,     kCharge120, kUtility60, "abjkluvxyz", "",   ""},
    ModelInfo{"pi30-mk", kKing, "PI30", 21, true, 1,         27,         36,          5000,  5000,        2300,
              500,       217,   1,      9,  3,    kCharge80, kUtility80, "abjkuvxyz", "023", "PIP-5048MK"},
    ModelInfo{"pi30max", kMax, "PI30", 24, true, 2,          28,          36,           8000,  8000,       2300,
              500,       347,  1,      9,  3,    kCharge120, kUtility120, "abdjkuvxyz", "044", "MKS2-8000"},
    ModelInfo{"pi41", kSplit, "PI41", 21, false, 2,          26,         32,          5000,  5000,    1200,
              600,    208,    1,      9,  2,     kCharge120, kUtility80, "abjkuvxyz", "035", "LV5048"},
    ModelInfo{"pi30revo", kRevo, "PI30", 21, false, 1,         25,         32,          5500, 5500, 2300,
              500,        239,   1,      6,  2,     kCharge80, kUtility60, "abjkuvxyz", "",   ""},
    ModelInfo{"pi18", kPi18, "18", 28, true, 2,         25,         17,          5000, 5000, 2300,
              500,    217,   0,    9,  2,    kCharge80, kUtility80, "abjkuvxyz", "",   ""},
};

constexpr std::array<std::string_view, kWarningBits> kWarnings{
    "pv_loss",
    "inverter_fault",
    "bus_over_voltage",
    "bus_under_voltage",
    "bus_soft_start_fail",
    "line_fail",
    "output_short",
    "inverter_voltage_low",
    "inverter_voltage_high",
    "over_temperature",
    "fan_locked",
    "battery_voltage_high",
    "battery_low",
    "over_charge",
    "battery_under_shutdown",
    "battery_derating",
    "overload",
    "eeprom_fault",
    "inverter_over_current",
    "inverter_soft_start_fail",
    "self_test_fail",
    "output_dc_voltage_over",
    "battery_open",
    "current_sensor_fail",
    "battery_short",
    "power_limit",
    "pv_voltage_high",
    "mppt_overload_fault",
    "mppt_overload_warning",
    "battery_too_low_to_charge",
    "dcdc_over_current",
    "mppt2_overload_fault",
    "mppt2_overload_warning",
    "low_pv_energy",
    "pv3_voltage_high",
    "battery_equalisation",
    "mppt3_overload_warning",
    "battery3_too_low_to_charge",
};

constexpr std::array<std::string_view, 10> kBatteryTypes{"agm",  "flooded", "user", "pylontech",    "shinheung",
                                                         "weco", "soltaro", "bak",  "lib_protocol", "lic"};
constexpr std::array<std::string_view, 3> kOutputPriorities{"utility_first", "solar_first", "sbu"};
constexpr std::array<std::string_view, 4> kChargerPriorities{"utility_first", "solar_first", "solar_and_utility",
                                                             "solar_only"};
constexpr std::array<std::string_view, 8> kOutputModes{"single",           "parallel",        "phase_1_of_3",
                                                       "phase_2_of_3",     "phase_3_of_3",    "phase_1_of_2",
                                                       "phase_2_of_2_120", "phase_2_of_2_180"};
constexpr std::array<std::string_view, 3> kOperationLogics{"automatic", "on_line", "eco"};

template <std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, int code) {
  return code >= 0 && static_cast<std::size_t>(code) < N ? names[static_cast<std::size_t>(code)] : std::string_view{};
}

bool in(std::span<const int> set, int value) { return std::find(set.begin(), set.end(), value) != set.end(); }
bool in(const VoltageRange& r, int value) { return value >= r.low && value <= r.high && (value - r.low) % r.step == 0; }

}  // namespace

const ModelInfo* find_model(std::string_view name) {
  const auto found = std::find_if(kModels.begin(), kModels.end(), [&](const ModelInfo& m) { return m.name == name; });
  return found == kModels.end() ? nullptr : &*found;
}

VoltageRange under_range(const ModelInfo& model, int battery_volts) {
  const int low = model.profile == kKing ? 420 : 400;
  return {low * battery_volts / 48, 480 * battery_volts / 48, 1};
}

VoltageRange charge_range(const ModelInfo& model, int battery_volts) {
  const int high = model.profile == kKing ? 630 : 584;
  return {480 * battery_volts / 48, high * battery_volts / 48, 1};
}

bool may_recharge_at(int battery_volts, int decivolts) {
  static constexpr std::array k12{110, 113, 115, 118, 120, 123, 125, 128};
  if (battery_volts == 48) return in(VoltageRange{440, 510, 10}, decivolts);
  if (battery_volts == 24) return in(VoltageRange{220, 255, 5}, decivolts);
  return in(std::span<const int>{k12}, decivolts);
}

bool may_redischarge_at(int battery_volts, int decivolts) {
  static constexpr std::array k12{120, 123, 125, 128, 130, 133, 135, 138, 140, 143, 145};
  if (decivolts == 0) return true;
  if (battery_volts == 48) return in(VoltageRange{480, 580, 10}, decivolts);
  if (battery_volts == 24) return in(VoltageRange{240, 290, 5}, decivolts);
  return in(std::span<const int>{k12}, decivolts);
}

std::string_view warning_name(int bit) { return name_in(kWarnings, bit); }

int warning_bit(std::string_view name) {
  const auto found = std::find(kWarnings.begin(), kWarnings.end(), name);
  return found == kWarnings.end() ? -1 : static_cast<int>(found - kWarnings.begin());
}

std::string_view battery_type_name(int code) { return name_in(kBatteryTypes, code); }
std::string_view output_priority_name(int code) { return name_in(kOutputPriorities, code); }
std::string_view charger_priority_name(int code) { return name_in(kChargerPriorities, code); }
std::string_view output_mode_name(int code) { return name_in(kOutputModes, code); }
std::string_view operation_logic_name(int code) { return name_in(kOperationLogics, code); }

std::string_view machine_type_name(int code) {
  switch (code) {
    case 0: return "grid_tie";
    case 1: return "off_grid";
    case 10: return "hybrid";
    case 11: return "off_grid_2_trackers";
    case 20: return "off_grid_3_trackers";
    default: return {};
  }
}

std::string_view mode_name(char letter) {
  switch (letter) {
    case 'P': return "power_on";
    case 'S': return "standby";
    case 'L': return "line";
    case 'B': return "battery";
    case 'F': return "fault";
    case 'H': return "power_saving";
    case 'D': return "shutdown";
    case 'C': return "charge";
    case 'Y': return "bypass";
    case 'E': return "eco";
    default: return {};
  }
}

}  // namespace mesura::axpert::twin
