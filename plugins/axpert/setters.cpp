// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be set: priorities, voltages, currents, output. The rest is in setters_battery.cpp and
// setters_device.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "codes.hpp"
#include "setter.hpp"

namespace mesura::axpert {
namespace {

// Sorotec has ways of its own to set things (PSET).
constexpr Dialects kPlain = kPi30 & ~kRevo;
constexpr Dialects kBoth = kPlain | kInfini;

constexpr std::array kRecharge48 = {440, 450, 460, 470, 480, 490, 500, 510};
constexpr std::array kRecharge24 = {220, 225, 230, 235, 240, 245, 250, 255};
constexpr std::array kRecharge12 = {110, 113, 115, 118, 120, 123, 125, 128};
constexpr std::array kRedischarge48 = {0, 480, 490, 500, 510, 520, 530, 540, 550, 560, 570, 580};
constexpr std::array kRedischarge24 = {0, 240, 245, 250, 255, 260, 265, 270, 275, 280, 285, 290};
constexpr std::array kRedischarge12 = {0, 120, 123, 125, 128, 130, 133, 135, 138, 140, 143, 145};

std::span<const int> of_battery(int volts, std::span<const int> v12, std::span<const int> v24,
                                std::span<const int> v48) {
  return volts == 12 ? v12 : volts == 24 ? v24 : v48;
}

int tenths_of(const Facts& facts, std::string_view key) {
  const double volts = facts.number(key);
  return std::isfinite(volts) && volts >= 0 && volts < 99 ? static_cast<int>(std::lround(volts * 10)) : -1;
}

/// PI18 sets two voltages at once: the other one stays as it is.
void pair(Making& m, int first, int second) {
  if (first < 0 || second < 0)
    return static_cast<void>(m.fail("the inverter does not say what the other voltage of the pair is"));
  m.command = fmt::format("{}{:03},{:03}", m.wire, first, second);
}

void one_voltage(Making& m, int value) {
  m.command = m.infini() ? fmt::format("{}{:03}", m.wire, value)
                         : fmt::format("{}{}.{}", m.wire, fmt::format("{:02}", value / 10), value % 10);
  m.expect(Value::of(value / 10.0));
}

void charger_priority(Making& m) {
  m.word(codes::kChargerSource, 1);
  if (m.command.empty()) return;
  const char code = m.command.back();
  if (m.infini()) {
    m.command = fmt::format("PCP{},{}", std::max(m.unit, 0), code);
  } else {
    m.command = m.unit < 0 ? fmt::format("PCP0{}", code) : fmt::format("PPCP{}0{}", m.unit, code);
  }
}

void battery_type(Making& m) {
  // The chemistries of the table's end are known to some only.
  const std::size_t known = m.is(kKing | kMax) ? codes::kBattery.size() : 3;
  m.word(std::span{codes::kBattery}.first(known), m.infini() ? 1 : 2);
}

void recharge_voltage(Making& m) {
  const int volts = m.battery_volts(), value = m.tenths();
  if (volts == 0 || value < 0 || !m.voltage_of(value, of_battery(volts, kRecharge12, kRecharge24, kRecharge48))) return;
  one_voltage(m, value);
  if (m.infini()) pair(m, value, tenths_of(m.facts, "battery/redischarge_voltage"));
}

void redischarge_voltage(Making& m) {
  const int volts = m.battery_volts();
  if (volts == 0) return;
  const std::span<const int> list = of_battery(volts, kRedischarge12, kRedischarge24, kRedischarge48);
  const std::string_view text = m.args.text(m.argument);
  int value = -1;
  for (const int v : list)
    if ((v == 0 && text == "full") || text == fmt::format("{:.1f}", v / 10.0) ||
        (v % 10 == 0 && text == std::to_string(v / 10)))
      value = v;
  static_cast<void>(m.voltage_of(value, list));
  if (value < 0) {
    m.problem = fmt::format("{}: expected one of {}, got '{}'", m.argument, m.allowed, text);
    return;
  }
  one_voltage(m, value);
  if (m.infini()) pair(m, tenths_of(m.facts, "battery/recharge_voltage"), value);
}

void cutoff_voltage(Making& m) {
  const int volts = m.battery_volts(), value = m.tenths();
  if (volts == 0 || value < 0) return;
  const int low = m.is(kKing) ? 420 : 400;
  if (m.voltage_in(value, low * volts / 48, 480 * volts / 48) && m.voltages_are_free()) one_voltage(m, value);
}

/// Bulk and float: the same range, and float is never above bulk.
int charging_voltage(Making& m) {
  const int volts = m.battery_volts(), value = m.tenths();
  if (volts == 0 || value < 0) return -1;
  const int high = m.is(kKing) ? 630 : 584;
  return m.voltage_in(value, 480 * volts / 48, high * volts / 48) && m.voltages_are_free() ? value : -1;
}

void bulk_voltage(Making& m) {
  const int value = charging_voltage(m);
  if (value < 0) return;
  const int floating = tenths_of(m.facts, "battery/float_voltage");
  if (value < floating)
    static_cast<void>(m.fail(
        fmt::format("{}: expected at least the float voltage, {:.1f} V, got {:.1f} V: set_float_voltage comes first",
                    m.argument, floating / 10.0, value / 10.0)));
  one_voltage(m, value);
  if (m.infini()) pair(m, value, floating);
}

void float_voltage(Making& m) {
  const int value = charging_voltage(m);
  if (value < 0) return;
  const int bulk = tenths_of(m.facts, "battery/bulk_voltage");
  if (bulk >= 0 && value > bulk)
    static_cast<void>(m.fail(
        fmt::format("{}: expected at most the bulk voltage, {:.1f} V, got {:.1f} V: set_bulk_voltage comes first",
                    m.argument, bulk / 10.0, value / 10.0)));
  one_voltage(m, value);
  if (m.infini()) pair(m, bulk, value);
}

void output_frequency(Making& m) {
  m.number(50, 60, 10, 2);
  static_cast<void>(m.output_is_off());
}

void output_voltage(Making& m) {
  static constexpr std::array kHigh = {2200, 2300, 2400};
  static constexpr std::array kLow = {1100, 1200, 1270};
  static constexpr std::array kInfiniSet = {2020, 2080, 2200, 2300, 2400};
  constexpr double kBetween = 150;
  const int value = m.args.integer(m.argument);
  const bool low = m.facts.number("ac_output/rated_voltage") < kBetween;
  const std::span<const int> list = m.infini() ? std::span<const int>{kInfiniSet}
                                    : low      ? std::span<const int>{kLow}
                                               : std::span<const int>{kHigh};
  if (!m.voltage_of(value * 10, list)) return;
  m.command = m.infini() ? fmt::format("V{:04}", value * 10) : fmt::format("V{}", value);
  m.expect(Value::of(static_cast<double>(value)));
  static_cast<void>(m.output_is_off());
}

void output_mode(Making& m) {
  constexpr std::size_t kInfiniModes = 5;
  const std::span<const Code> all = codes::kOutputMode;
  m.word(m.infini() ? all.first(kInfiniModes) : all, 1);
  if (m.command.empty()) return;
  const char code = m.command.back();
  const int unit = std::max(m.unit, 0);
  if (m.infini()) {
    m.command = fmt::format("POPM{},{}", unit, code);
  } else {
    const bool with_unit = m.is(kClassic | kDuo);
    if (unit > 0 && !with_unit)
      static_cast<void>(m.fail(fmt::format(
          "unit: the dialect {} has no form for one of several units; ask at that unit's own port", name(m.dialect))));
    m.command = fmt::format("POPM{}{}", with_unit ? unit : 0, code);
  }
  static_cast<void>(m.output_is_off());
}

constexpr Dialects kAdjustable = kKing | kMax | kSplit;

void output_priority(Making& m) { m.word(codes::kOutputSource, m.infini() ? 1 : 2); }
void input_range(Making& m) { m.word(codes::kInputRange, m.infini() ? 1 : 2); }
void max_charge_current(Making& m) { m.charge_current("battery/allowed_charge_currents", "MCHGC", "MNCHGC"); }
void utility_current(Making& m) { m.charge_current("ac_charger/allowed_charge_currents", "MUCHGC", "MUCHGC"); }
void operation_logic(Making& m) { m.word(codes::kLogic, 2); }
void pv_ok_condition(Making& m) { m.word(codes::kPvOk, 1); }
void pv_power_balance(Making& m) { m.word(codes::kPvBalance, 1); }
void solar_priority(Making& m) { m.word(codes::kSolarPriority, 1); }

constexpr auto kAsRead = Shown::as_read;

constexpr std::array kSetters = {
    Setter{"set_output_priority", kBoth, "POP", "POP", "priority", "QPIRI", "PIRI", "ac_output/output_source_priority",
           kNoNeed, kUsual, kAsRead, output_priority},
    Setter{"set_charger_priority", kBoth, "PCP", "PCP", "priority", "QPIRI", "PIRI", "battery/charger_source_priority",
           kNoNeed, kPerUnit, kAsRead, charger_priority},
    Setter{"set_input_voltage_range", kBoth, "PGR", "PGR", "range", "QPIRI", "PIRI", "grid/input_voltage_range",
           kNoNeed, kUsual, kAsRead, input_range},
    Setter{"set_battery_type", kBoth, "PBT", "PBT", "type", "QPIRI", "PIRI", "battery/battery_type", kNoNeed, kUsual,
           kAsRead, battery_type},
    Setter{"set_recharge_voltage", kBoth, "PBCV", "BUCD", "voltage", "QPIRI", "PIRI", "battery/recharge_voltage",
           kRatings, kUsual, kAsRead, recharge_voltage},
    Setter{"set_redischarge_voltage", kBoth, "PBDV", "BUCD", "voltage", "QPIRI", "PIRI", "battery/redischarge_voltage",
           kRatings, kUsual, kAsRead, redischarge_voltage},
    Setter{"set_cutoff_voltage", kBoth, "PSDV", "PSDV", "voltage", "QPIRI", "PIRI", "battery/under_voltage", kRatings,
           kUsual, kAsRead, cutoff_voltage},
    Setter{"set_bulk_voltage", kBoth, "PCVV", "MCHGV", "voltage", "QPIRI", "PIRI", "battery/bulk_voltage", kRatings,
           kUsual, kAsRead, bulk_voltage},
    Setter{"set_float_voltage", kBoth, "PBFT", "MCHGV", "voltage", "QPIRI", "PIRI", "battery/float_voltage", kRatings,
           kUsual, kAsRead, float_voltage},
    Setter{"set_max_charge_current", kBoth, "MCHGC", "MCHGC", "current", "QPIRI", "PIRI", "battery/max_charge_current",
           kChargeCurrents, kPerUnit, kAsRead, max_charge_current},
    Setter{"set_max_utility_charge_current", kBoth, "MUCHGC", "MUCHGC", "current", "QPIRI", "PIRI",
           "ac_charger/max_charge_current", kUtilityCurrents, kPerUnit, kAsRead, utility_current},
    Setter{"set_output_frequency", kBoth, "F", "F", "frequency", "QPIRI", "PIRI", "ac_output/rated_frequency", kMode,
           kUsual, kAsRead, output_frequency},
    Setter{"set_output_voltage", kAdjustable | kInfini, "V", "V", "voltage", "QPIRI", "PIRI", "ac_output/rated_voltage",
           kMode | kRatings, kUsual, kAsRead, output_voltage},
    Setter{"set_output_mode", kBoth, "POPM", "POPM", "mode", "QPIRI", "PIRI", "ac_output/output_mode", kMode, kPerUnit,
           kAsRead, output_mode},
    Setter{"set_operation_logic", kKing, "POPLG", kNone, "logic", "QPIRI", kNone, "total/operation_logic", kNoNeed,
           kUsual, kAsRead, operation_logic},
    Setter{"set_pv_ok_condition", kPlain, "PPVOKC", kNone, "condition", "QPIRI", kNone, "pv/pv_ok_condition", kNoNeed,
           kUsual, kAsRead, pv_ok_condition},
    Setter{"set_pv_power_balance", kPlain, "PSPB", kNone, "balance", "QPIRI", kNone, "pv/pv_power_balance", kNoNeed,
           kUsual, kAsRead, pv_power_balance},
    Setter{"set_solar_power_priority", kInfini, kNone, "PSP", "priority", kNone, "PIRI", "pv/solar_power_priority",
           kNoNeed, kUsual, kAsRead, solar_priority},
};

}  // namespace

std::span<const Setter> power_setters() { return kSetters; }

}  // namespace mesura::axpert
