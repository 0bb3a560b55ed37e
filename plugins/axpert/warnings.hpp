// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// QPIWS and FWS: what each position means.
#pragma once

#include "table.hpp"

#include <array>

namespace mesura::axpert {

enum class Severity : std::uint8_t {
  warning,
  fault,
  either  ///< a fault if the inverter reports one (position 1), else a warning
};

struct Warning {
  std::uint8_t index;  ///< from the left
  std::string_view name;
  Severity severity;
  Dialects dialects = kPi30;
};

constexpr Dialects kNewer = kKing | kMax;
constexpr Dialects kOlder = kPi30 & ~kNewer;

inline constexpr std::array kWarnings = {
    Warning{0, "pv_loss", Severity::warning, kNewer},
    Warning{1, "inverter_fault", Severity::fault},
    Warning{2, "bus_over_voltage", Severity::fault},
    Warning{3, "bus_under_voltage", Severity::fault},
    Warning{4, "bus_soft_start_fail", Severity::fault},
    Warning{5, "line_fail", Severity::warning},
    Warning{6, "output_short", Severity::warning, kOlder},
    Warning{6, "output_short", Severity::fault, kNewer},
    Warning{7, "inverter_voltage_low", Severity::fault},
    Warning{8, "inverter_voltage_high", Severity::fault},
    Warning{9, "over_temperature", Severity::either},
    Warning{10, "fan_locked", Severity::either},
    Warning{11, "battery_voltage_high", Severity::either},
    Warning{12, "battery_low", Severity::warning},
    Warning{13, "over_charge", Severity::fault, kSplit},
    Warning{14, "battery_under_shutdown", Severity::warning},
    Warning{15, "battery_derating", Severity::warning, kNewer | kSplit},
    Warning{16, "overload", Severity::either},
    Warning{17, "eeprom_fault", Severity::warning},
    Warning{18, "inverter_over_current", Severity::fault},
    Warning{19, "inverter_soft_start_fail", Severity::fault},
    Warning{20, "self_test_fail", Severity::fault},
    Warning{21, "output_dc_over_voltage", Severity::fault},
    Warning{22, "battery_open", Severity::fault},
    Warning{23, "current_sensor_fail", Severity::fault},
    Warning{24, "battery_short", Severity::fault, kPi30 & ~kMax},
    Warning{25, "power_limit", Severity::warning},
    Warning{26, "pv_voltage_high", Severity::warning},
    Warning{27, "mppt_overload_fault", Severity::warning, kPi30 & ~kKing},
    Warning{27, "mppt_overload_fault", Severity::fault, kKing},
    Warning{28, "mppt_overload_warning", Severity::warning},
    Warning{29, "battery_too_low_to_charge", Severity::warning},
    Warning{30, "dc_dc_over_current", Severity::fault, kKing},
    Warning{30, "slave", Severity::warning, kSplit},
    Warning{30, "pv2_voltage_high", Severity::warning, kDuo},
    Warning{31, "battery_weak", Severity::warning, kMax},
    Warning{31, "mppt2_overload_fault", Severity::warning, kDuo},
    Warning{32, "mppt2_overload_warning", Severity::warning, kDuo},
    Warning{33, "battery_too_low_to_charge_2", Severity::warning, kDuo},
    Warning{33, "low_pv_energy", Severity::warning, kKing},
    Warning{34, "high_ac_input_during_bus_soft_start", Severity::warning, kKing},
    Warning{34, "pv3_voltage_high", Severity::warning, kDuo},
    Warning{35, "battery_equalisation", Severity::warning, kNewer},
    Warning{35, "mppt3_overload_fault", Severity::warning, kDuo},
    Warning{36, "mppt3_overload_warning", Severity::warning, kDuo},
    Warning{37, "battery_too_low_to_charge_3", Severity::warning, kDuo},
};

/// FWS of PI18: a fault code, then these.
inline constexpr std::array kWarningsInfini = {
    Warning{1, "line_fail", Severity::warning, kInfini},
    Warning{2, "output_short", Severity::warning, kInfini},
    Warning{3, "over_temperature", Severity::warning, kInfini},
    Warning{4, "fan_locked", Severity::warning, kInfini},
    Warning{5, "battery_voltage_high", Severity::warning, kInfini},
    Warning{6, "battery_low", Severity::warning, kInfini},
    Warning{7, "battery_under_shutdown", Severity::warning, kInfini},
    Warning{8, "overload", Severity::warning, kInfini},
    Warning{9, "eeprom_fault", Severity::warning, kInfini},
    Warning{10, "power_limit", Severity::warning, kInfini},
    Warning{11, "pv_voltage_high", Severity::warning, kInfini},
    Warning{12, "pv2_voltage_high", Severity::warning, kInfini},
    Warning{13, "mppt_overload_warning", Severity::warning, kInfini},
    Warning{14, "mppt2_overload_warning", Severity::warning, kInfini},
    Warning{15, "battery_too_low_to_charge", Severity::warning, kInfini},
    Warning{16, "battery_too_low_to_charge_2", Severity::warning, kInfini},
};

/// Two positions hold the digits of a fault code instead of flags.
struct CodeDigits {
  Dialects dialects;
  bool low_voltage;  ///< of units with a battery of 24 V or less
  std::uint8_t index;
};
inline constexpr std::array kCodeDigits = {CodeDigits{kKing, false, 31}, CodeDigits{kKing, true, 31},
                                           CodeDigits{kMax, false, 32}, CodeDigits{kMax, true, 31}};

}  // namespace mesura::axpert
