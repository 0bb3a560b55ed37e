// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers and letters that stand for words.
#pragma once

#include "table.hpp"

#include <array>

namespace mesura::axpert::codes {

inline constexpr std::array kMode = {
    Code{"P", "power_on"},     Code{"S", "standby"},  Code{"L", "line"},   Code{"B", "battery"}, Code{"F", "fault"},
    Code{"H", "power_saving"}, Code{"D", "shutdown"}, Code{"C", "charge"}, Code{"Y", "bypass"},  Code{"E", "eco"}};
inline constexpr std::array kModeInfini = {Code{"0", "power_on"}, Code{"1", "standby"}, Code{"2", "bypass"},
                                           Code{"3", "battery"},  Code{"4", "fault"},   Code{"5", "hybrid"}};
inline constexpr std::array kBattery = {
    Code{"0", "agm"},  Code{"1", "flooded"}, Code{"2", "user"}, Code{"3", "pylontech"}, Code{"4", "shinheung"},
    Code{"5", "weco"}, Code{"6", "soltaro"}, Code{"7", "bak"},  Code{"8", "lib"},       Code{"9", "lic"}};
inline constexpr std::array kInputRange = {Code{"0", "appliance"}, Code{"1", "ups"}};
inline constexpr std::array kOutputSource = {Code{"0", "utility_first", kPi30}, Code{"1", "solar_first", kPi30},
                                             Code{"2", "sbu", kPi30}, Code{"0", "solar_utility_battery", kInfini},
                                             Code{"1", "solar_battery_utility", kInfini}};
constexpr Dialects kCounted = kLv6548 | kInfini;  // these begin with solar first
constexpr Dialects kUsual = kAll & ~kCounted;
inline constexpr std::array kChargerSource = {
    Code{"0", "utility_first", kUsual & ~kMax}, Code{"1", "solar_first", kUsual},
    Code{"2", "solar_and_utility", kUsual},     Code{"3", "solar_only", kUsual},
    Code{"0", "solar_first", kCounted},         Code{"1", "solar_and_utility", kCounted},
    Code{"2", "solar_only", kCounted}};
inline constexpr std::array kMachine = {
    Code{"0", "grid_tie", kPi30},      Code{"1", "off_grid", kPi30},      Code{"10", "hybrid"},
    Code{"11", "off_grid_2_trackers"}, Code{"20", "off_grid_3_trackers"}, Code{"0", "off_grid", kInfini},
    Code{"1", "grid_tie", kInfini},
};
inline constexpr std::array kTopology = {Code{"0", "transformerless"}, Code{"1", "transformer"}};
constexpr Dialects kNotSplit = kAll & ~kSplit;
inline constexpr std::array kOutputMode = {
    Code{"0", "single"},
    Code{"1", "parallel"},
    Code{"2", "phase_1_of_3"},
    Code{"3", "phase_2_of_3"},
    Code{"4", "phase_3_of_3"},
    Code{"5", "phase_1_of_2", kNotSplit},
    Code{"6", "phase_2_of_2_120", kNotSplit},
    Code{"7", "phase_2_of_2_180", kNotSplit},
    Code{"5", "parallel_120", kSplit},
    Code{"6", "parallel_180", kSplit},
};
inline constexpr std::array kPvOk = {Code{"0", "any_unit"}, Code{"1", "all_units"}};
inline constexpr std::array kPvBalance = {Code{"0", "charge_current"}, Code{"1", "charge_and_load"}};
inline constexpr std::array kLogic = {Code{"0", "automatic"}, Code{"1", "on_line"}, Code{"2", "eco"}};
inline constexpr std::array kSolarPriority = {Code{"0", "battery_load_utility"}, Code{"1", "load_battery_utility"}};
inline constexpr std::array kChargeStage = {Code{"10", "none"}, Code{"11", "bulk"}, Code{"12", "absorption"},
                                            Code{"13", "float"}};
inline constexpr std::array kChargeStages = {Code{"0", "auto"}, Code{"1", "two"}, Code{"2", "three"}};
inline constexpr std::array kChargerStatus = {Code{"0", "fault"}, Code{"1", "idle"}, Code{"2", "charging"}};
inline constexpr std::array kBatteryFlow = {Code{"0", "idle"}, Code{"1", "charge"}, Code{"2", "discharge"}};
inline constexpr std::array kInverterFlow = {Code{"0", "idle"}, Code{"1", "ac_to_dc"}, Code{"2", "dc_to_ac"}};
inline constexpr std::array kLineFlow = {Code{"0", "idle"}, Code{"1", "in"}, Code{"2", "out"}};
inline constexpr std::array kLedEffect = {Code{"0", "breathing"}, Code{"2", "solid"}, Code{"3", "scrolling"}};
/// OPPT and CHPT, the hourly schedules.
inline constexpr std::array kOutputSchedule = {Code{"0", "utility_first"}, Code{"1", "solar_first"}, Code{"2", "sbu"}};
inline constexpr std::array kChargerSchedule = {Code{"1", "solar_first"}, Code{"2", "solar_and_utility"},
                                                Code{"3", "solar_only"}};

/// QGMN. Boards are shared by badges: a name here says little about the one on the case.
inline constexpr std::array kModels = {Code{"1", "VP-5000"},           Code{"22", "Axpert MKS II 5K"},
                                       Code{"23", "PIP-5048MK"},       Code{"24", "PIP-3024MK"},
                                       Code{"26", "Axpert MLV 5K-48"}, Code{"44", "Axpert MAX 7.2K/8K"},
                                       Code{"45", "LV6548"},           Code{"54", "Axpert MKS IV"}};

/// QFLAG.
inline constexpr std::array kFlags = {
    Letter{'a', "buzzer_enabled"},           Letter{'b', "overload_bypass_enabled"},
    Letter{'d', "solar_feed_enabled"},       Letter{'j', "power_saving_enabled"},
    Letter{'k', "lcd_return_enabled"},       Letter{'l', "data_log_popup_enabled"},
    Letter{'u', "overload_restart_enabled"}, Letter{'v', "over_temperature_restart_enabled"},
    Letter{'x', "backlight_enabled"},        Letter{'y', "source_alarm_enabled"},
    Letter{'z', "fault_record_enabled"}};

}  // namespace mesura::axpert::codes
