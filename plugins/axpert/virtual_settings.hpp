// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the inverter's settings memory holds, in the units of the wire.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_models.hpp"

namespace mesura::axpert::twin {

/// Settings that each of several parallel units has for itself.
struct UnitSettings {
  int charger_priority = 2;
  int max_charge_a = 60;
  int max_ac_charge_a = 30;
};

struct Equalisation {
  bool enabled = false;
  bool active = false;
  int minutes = 60;
  int period_days = 30;
  int max_a = 60;
  int centivolts = 5840;
  int timeout_minutes = 120;
  int elapsed_hours = 0;
};

struct LightBar {
  bool on = true;
  int speed = 1;
  int effect = 2;
  int brightness = 5;
  int colors = 3;
  std::array<std::string, 3> rgb{"148000211", "255255255", "000255255"};
};

struct Settings {
  int output_dv = 2300;  ///< 0.1 V
  int output_dhz = 500;  ///< 0.1 Hz
  int recharge_dv = 460;
  int under_dv = 420;
  int bulk_dv = 564;
  int float_dv = 540;
  int redischarge_dv = 540;
  int battery_type = 0;
  int input_range = 0;
  int output_priority = 0;
  int output_mode = 0;
  int pv_ok_condition = 0;
  int pv_power_balance = 1;
  int cv_minutes = 0;
  int operation_logic = 0;
  int max_discharge_a = 0;
  int max_solar_a = 60;
  int charge_stage = 0;                   ///< PCST
  int solar_priority = 1;                 ///< PI18: 0 battery first, 1 load first
  bool grid_tie = false;                  ///< PI18
  std::string discharge_control = "111";  ///< PBATCD
  std::string bms;                        ///< PBMS; empty: none speaks
  std::uint32_t flags = 0;                ///< bit 0 = 'a'
  Equalisation equalisation;
  LightBar led;
  std::vector<UnitSettings> units{1};

  [[nodiscard]] bool flag(char letter) const { return ((flags >> static_cast<unsigned>(letter - 'a')) & 1U) != 0; }
  void set_flag(char letter, bool on) {
    const std::uint32_t bit = 1U << static_cast<unsigned>(letter - 'a');
    flags = on ? flags | bit : flags & ~bit;
  }
  [[nodiscard]] UnitSettings& own() { return units.front(); }
  [[nodiscard]] const UnitSettings& own() const { return units.front(); }
};

/// As the inverter leaves the factory, and as PF puts it back.
[[nodiscard]] Settings factory_settings(const ModelInfo& model, int battery_volts, int units);

}  // namespace mesura::axpert::twin
