// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The inverters that the twin can be: one row each.
#pragma once

#include <span>
#include <string_view>

namespace mesura::axpert::twin {

/// Which commands a model knows; a command belongs to a set of these.
enum Profile : unsigned {
  kClassic = 1U << 0U,
  kDuo = 1U << 1U,  ///< Plus Duo and Plus Tri
  kKing = 1U << 2U,
  kMax = 1U << 3U,
  kSplit = 1U << 4U,  ///< PI41
  kRevo = 1U << 5U,
  kPi18 = 1U << 6U,
};
inline constexpr unsigned kPi30 = kClassic | kDuo | kKing | kMax | kSplit;

struct ModelInfo {
  std::string_view name;  ///< as users write it in `model`
  unsigned profile;
  std::string_view protocol;  ///< what QPI says
  int qpigs_fields;
  bool tracker_current;  ///< pv current is the tracker's, in 0.1 A; else it is the battery side's, in whole A
  int trackers;
  int qpiri_fields;
  int warning_bits;
  int rated_va;
  int rated_w;
  int rated_dv;   ///< output, 0.1 V
  int rated_dhz;  ///< 0.1 Hz
  int rated_da;   ///< 0.1 A
  int machine_type;
  int parallel_max;
  int ac_digits;  ///< width of the AC charge current in QPIRI
  std::span<const int> charge_currents;
  std::span<const int> utility_currents;
  std::string_view flags;  ///< letters that PE and PD take
  std::string_view code;   ///< QGMN
  std::string_view title;  ///< QMN
};

/// nullptr: no such model.
[[nodiscard]] const ModelInfo* find_model(std::string_view name);

/// The legal values of a battery voltage, in 0.1 V, for one 12, 24 or 48 V battery.
struct VoltageRange {
  int low;
  int high;
  int step;
};
[[nodiscard]] VoltageRange under_range(const ModelInfo& model, int battery_volts);
[[nodiscard]] VoltageRange charge_range(const ModelInfo& model, int battery_volts);  ///< bulk and float
[[nodiscard]] bool may_recharge_at(int battery_volts, int decivolts);
[[nodiscard]] bool may_redischarge_at(int battery_volts, int decivolts);  ///< 0: when full

/// Warnings by their place in QPIWS; empty: reserved.
inline constexpr int kWarningBits = 38;
[[nodiscard]] std::string_view warning_name(int bit);
[[nodiscard]] int warning_bit(std::string_view name);  ///< -1: none

/// Words of the vocabulary for codes of the wire.
[[nodiscard]] std::string_view battery_type_name(int code);
[[nodiscard]] std::string_view output_priority_name(int code);
[[nodiscard]] std::string_view charger_priority_name(int code);
[[nodiscard]] std::string_view output_mode_name(int code);
[[nodiscard]] std::string_view machine_type_name(int code);
[[nodiscard]] std::string_view operation_logic_name(int code);
[[nodiscard]] std::string_view mode_name(char letter);

}  // namespace mesura::axpert::twin
