// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "virtual_calendar.hpp"
#include "virtual_machine.hpp"

namespace mesura::axpert::twin {
namespace {

using Arg = std::string_view;

bool holds(std::span<const int> set, int value) { return std::find(set.begin(), set.end(), value) != set.end(); }

/// `nn.n`, or with two decimals `nn.nn`, as an integer without the point.
std::optional<int> read_volts(Arg text, std::size_t decimals) {
  if (text.size() != 3 + decimals || text[2] != '.') return std::nullopt;
  const auto whole = read_digits(text.substr(0, 2));
  const auto part = read_digits(text.substr(3));
  if (!whole || !part) return std::nullopt;
  return *whole * (decimals == 1 ? 10 : 100) + *part;
}

/// Exactly `digits` digits from `low` to `high`.
bool set_number(int& where, Arg text, std::size_t digits, int low, int high, int step = 1) {
  const auto value = read_digits(text);
  if (text.size() != digits || !value || *value < low || *value > high || (*value - low) % step != 0) return false;
  where = *value;
  return true;
}

bool set_switch(bool& where, Arg text) {
  int value = 0;
  if (!set_number(value, text, 1, 0, 1)) return false;
  where = value != 0;
  return true;
}

bool set_flags(Machine& m, Arg letters, bool on) {
  const auto known = [&](char c) { return m.model->flags.find(c) != Arg::npos; };
  if (letters.empty() || !std::all_of(letters.begin(), letters.end(), known)) return false;
  for (const char letter : letters) m.settings.set_flag(letter, on);
  return true;
}

/// Batteries with a chemistry of their own have fixed voltages.
bool voltages_are_free(const Machine& m) { return m.settings.battery_type >= 2; }

bool in_range(const VoltageRange& r, int value) { return value >= r.low && value <= r.high; }

bool set_bulk(Machine& m, Arg arg) {
  const auto dv = read_volts(arg, 1);
  if (!dv || !voltages_are_free(m) || !in_range(charge_range(*m.model, m.battery_volts), *dv)) return false;
  if (*dv < m.settings.float_dv) return false;
  m.settings.bulk_dv = *dv;
  return true;
}

bool set_float(Machine& m, Arg arg) {
  const auto dv = read_volts(arg, 1);
  if (!dv || !voltages_are_free(m) || !in_range(charge_range(*m.model, m.battery_volts), *dv)) return false;
  if (*dv > m.settings.bulk_dv) return false;
  m.settings.float_dv = *dv;
  return true;
}

bool set_cut_off(Machine& m, Arg arg) {
  const auto dv = read_volts(arg, 1);
  if (!dv || !voltages_are_free(m) || !in_range(under_range(*m.model, m.battery_volts), *dv)) return false;
  m.settings.under_dv = *dv;
  return true;
}

bool set_recharge(Machine& m, Arg arg) {
  const auto dv = read_volts(arg, 1);
  if (!dv || !may_recharge_at(m.battery_volts, *dv)) return false;
  m.settings.recharge_dv = *dv;
  return true;
}

bool set_redischarge(Machine& m, Arg arg) {
  const auto dv = read_volts(arg, 1);
  if (!dv || !may_redischarge_at(m.battery_volts, *dv)) return false;
  m.settings.redischarge_dv = *dv;
  return true;
}

bool may_charge_from(const Machine& m, int priority) { return priority != 0 || !m.in(kMax); }

bool set_charger_priority(Machine& m, std::size_t unit, Arg arg) {
  int value = 0;
  if (unit >= m.settings.units.size() || !set_number(value, arg, 2, 0, 3) || !may_charge_from(m, value)) return false;
  m.settings.units[unit].charger_priority = value;
  return true;
}

bool set_unit_charger_priority(Machine& m, Arg arg) {
  const auto unit = read_digits(arg.substr(0, 1));
  return unit && set_charger_priority(m, static_cast<std::size_t>(*unit), arg.substr(1));
}

/// `mnn` or `mnnn` (`digits` in all); of a single machine all digits are the current.
bool set_current(Machine& m, Arg arg, std::size_t digits, std::span<const int> allowed, int UnitSettings::*where) {
  const auto value = read_digits(arg);
  if (arg.size() != digits || !value) return false;
  const int scale = digits == 4 ? 1000 : 100;
  const bool single = m.units() == 1;
  const auto unit = static_cast<std::size_t>(single ? 0 : *value / scale);
  const int amperes = single ? *value : *value % scale;
  if (unit >= m.settings.units.size() || !holds(allowed, amperes)) return false;
  m.settings.units[unit].*where = amperes;
  return true;
}

bool set_charge_current(Machine& m, Arg arg) {
  return set_current(m, arg, 3, m.model->charge_currents, &UnitSettings::max_charge_a);
}

/// `mnnn`, on a King `nnn`.
bool set_large_charge_current(Machine& m, Arg arg) {
  return set_current(m, arg, m.in(kKing) ? 3 : 4, m.model->charge_currents, &UnitSettings::max_charge_a);
}

/// `mnn`, on a King `nnn`; `mnnn` too where the list goes beyond 99 A.
bool set_utility_current(Machine& m, Arg arg) {
  const bool large = m.model->utility_currents.back() > 99;
  return set_current(m, arg, large && arg.size() == 4 ? 4 : 3, m.model->utility_currents,
                     &UnitSettings::max_ac_charge_a);
}

bool set_solar_current(Machine& m, Arg arg) {
  int value = 0;
  if (!set_number(value, arg, 3, 0, 999) || !holds(m.model->charge_currents, value)) return false;
  m.settings.max_solar_a = value;
  return true;
}

/// Frequency, voltage and output mode change only while nothing is fed.
bool output_is_off(const Machine& m) {
  const char mode = m.live().mode;
  return mode == 'S' || mode == 'D' || !m.plant.overrides.switched_on;
}

bool set_frequency(Machine& m, Arg arg) {
  if ((arg != "50" && arg != "60") || !output_is_off(m)) return false;
  m.settings.output_dhz = arg == "50" ? 500 : 600;
  return true;
}

bool set_voltage(Machine& m, Arg arg) {
  static constexpr std::array kHigh{220, 230, 240};
  static constexpr std::array kLow{110, 120, 127};
  const auto volts = read_digits(arg);
  const std::span<const int> allowed =
      m.model->rated_dv < 1500 ? std::span<const int>{kLow} : std::span<const int>{kHigh};
  if (arg.size() != 3 || !volts || !holds(allowed, *volts) || !output_is_off(m)) return false;
  m.settings.output_dv = *volts * 10;
  return true;
}

/// Classic and Duo: unit and mode; the others: mode in two digits.
bool set_output_mode(Machine& m, Arg arg) {
  const auto value = read_digits(arg);
  if (arg.size() != 2 || !value || !output_is_off(m)) return false;
  const bool with_unit = m.in(kClassic | kDuo);
  const int unit = with_unit ? *value / 10 : 0;
  const int mode = with_unit ? *value % 10 : *value;
  if (unit >= m.units() || mode > (m.in(kSplit) ? 6 : 7)) return false;
  m.settings.output_mode = mode;
  return true;
}

bool set_battery_type(Machine& m, Arg arg) {
  return set_number(m.settings.battery_type, arg, 2, 0, m.in(kKing | kMax) ? 9 : 2);
}

bool set_cv_minutes(Machine& m, Arg arg) {
  static constexpr std::array kSteps{0, 10, 20, 40, 60, 90, 120, 150, 180, 210, 240, 255};
  int value = 0;
  if (!set_number(value, arg, 3, 0, 900)) return false;
  if (m.in(kDuo) ? !holds(kSteps, value) : value % 5 != 0) return false;
  m.settings.cv_minutes = value;
  return true;
}

bool set_equalisation_voltage(Machine& m, Arg arg) {
  const auto cv = read_volts(arg, 2);
  const int high = m.battery_volts == 48 ? 6100 : 3150 * m.battery_volts / 24;
  if (!cv || *cv < 100 * m.battery_volts || *cv > high) return false;
  m.settings.equalisation.centivolts = *cv;
  return true;
}

bool set_max_discharge(Machine& m, Arg arg) {
  int value = 0;
  if (!set_number(value, arg, 3, 0, 150) || (value != 0 && value < 30)) return false;
  m.settings.max_discharge_a = value;
  return true;
}

bool set_discharge_control(Machine& m, Arg arg) {
  const auto is_bit = [](char c) { return c == '0' || c == '1'; };
  if (arg.size() != 3 || !std::all_of(arg.begin(), arg.end(), is_bit) || arg == "001") return false;
  m.settings.discharge_control = arg;
  return true;
}

bool set_clock(Machine& m, Arg arg) {
  const auto seconds = read_clock(arg);
  if (!seconds) return false;
  m.clock_offset += *seconds - m.clock_seconds();
  return true;
}

/// `±0n`: n times 50 mV.
bool calibrate(Machine& m, Arg arg) {
  if (arg.size() != 3 || (arg[0] != '+' && arg[0] != '-') || arg[1] != '0' || arg[2] < '0' || arg[2] > '9')
    return false;
  const int centivolts = (arg[2] - '0') * 5;
  m.plant.calibrate(arg[0] == '+' ? centivolts : -centivolts);
  return true;
}

bool set_light(Machine& m, Arg arg) {
  if (arg.empty()) return false;
  LightBar& led = m.settings.led;
  const Arg value = arg.substr(1);
  switch (arg.front()) {
    case 'E': return set_switch(led.on, value);
    case 'S': return set_number(led.speed, value, 1, 0, 2);
    case 'M': return value != "1" && set_number(led.effect, value, 1, 0, 3);
    case 'B': return set_number(led.brightness, value, 1, 1, 9);
    case 'T': return set_number(led.colors, value, 1, 2, 3);
    case 'C': break;
    default: return false;
  }
  int which = 0;
  if (value.size() != 10 || !set_number(which, value.substr(0, 1), 1, 1, 3)) return false;
  for (std::size_t at = 1; at < 10; at += 3)
    if (int part = 0; !set_number(part, value.substr(at, 3), 3, 0, 255)) return false;
  led.rgb[static_cast<std::size_t>(which - 1)] = value.substr(1);
  return true;
}

/// `a bbb c d e fff ggg hhh iiii jjjj`.
bool play_bms(Machine& m, Arg arg) {
  static constexpr std::array<std::size_t, 10> kWidths{1, 3, 1, 1, 1, 3, 3, 3, 4, 4};
  std::size_t at = 0;
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    if (i > 0 && (at >= arg.size() || arg[at++] != ' ')) return false;
    if (arg.size() < at + kWidths[i] || !read_digits(arg.substr(at, kWidths[i]))) return false;
    at += kWidths[i];
  }
  if (at != arg.size()) return false;
  m.settings.bms = arg;
  return true;
}

bool restore_defaults(Machine& m, Arg arg) {
  if (!arg.empty()) return false;
  m.settings = m.factory;
  return true;
}

bool erase_energy(Machine& m, Arg arg) {
  if (!arg.empty()) return false;
  m.plant.energy().erase();
  return true;
}

struct Setter {
  std::string_view name;
  unsigned profiles;
  bool (*apply)(Machine&, Arg);
};

/// A name that begins another one stands behind it.
constexpr std::array kSetters{
    Setter{"PBATMAXDISC", kMax, set_max_discharge},
    Setter{"PBATCD", kKing | kMax, set_discharge_control},
    Setter{"PPVOKC", kPi30, [](Machine& m, Arg a) { return set_number(m.settings.pv_ok_condition, a, 1, 0, 1); }},
    Setter{"MUCHGC", kPi30, set_utility_current},
    Setter{"MNCHGC", kPi30, set_large_charge_current},
    Setter{"MSCHGC", kDuo, set_solar_current},
    Setter{"MCHGC", kPi30, set_charge_current},
    Setter{"PBEQOT", kKing | kMax | kSplit,
           [](Machine& m, Arg a) { return set_number(m.settings.equalisation.timeout_minutes, a, 3, 5, 900, 5); }},
    Setter{"PBEQE", kKing | kMax | kSplit,
           [](Machine& m, Arg a) { return set_switch(m.settings.equalisation.enabled, a); }},
    Setter{"PBEQA", kKing | kMax | kSplit,
           [](Machine& m, Arg a) { return set_switch(m.settings.equalisation.active, a); }},
    Setter{"PBEQT", kKing | kMax | kSplit,
           [](Machine& m, Arg a) { return set_number(m.settings.equalisation.minutes, a, 3, 5, 900, 5); }},
    Setter{"PBEQP", kKing | kMax | kSplit,
           [](Machine& m, Arg a) { return set_number(m.settings.equalisation.period_days, a, 3, 0, 90); }},
    Setter{"PBEQV", kKing | kMax | kSplit, set_equalisation_voltage},
    Setter{"POPLG", kKing, [](Machine& m, Arg a) { return set_number(m.settings.operation_logic, a, 2, 0, 2); }},
    Setter{"PSAVE", kPi30, [](Machine&, Arg a) { return a.empty(); }},
    Setter{"POPM", kPi30, set_output_mode},
    Setter{"PPCP", kPi30, set_unit_charger_priority},
    Setter{"PBCV", kPi30, set_recharge},
    Setter{"PBDV", kPi30, set_redischarge},
    Setter{"PSDV", kPi30, set_cut_off},
    Setter{"PCVV", kPi30, set_bulk},
    Setter{"PBFT", kPi30, set_float},
    Setter{"PSPB", kPi30, [](Machine& m, Arg a) { return set_number(m.settings.pv_power_balance, a, 1, 0, 1); }},
    Setter{"PCST", kDuo, [](Machine& m, Arg a) { return set_number(m.settings.charge_stage, a, 2, 0, 2); }},
    Setter{"PCVT", kDuo | kKing | kMax | kSplit, set_cv_minutes},
    Setter{"PLED", kMax, set_light},
    Setter{"PBMS", kMax, play_bms},
    Setter{"RTEY", kKing | kMax, erase_energy},
    Setter{"RTDL", kKing | kMax, [](Machine&, Arg a) { return a.empty(); }},
    Setter{"POP", kPi30, [](Machine& m, Arg a) { return set_number(m.settings.output_priority, a, 2, 0, 2); }},
    Setter{"PCP", kPi30, [](Machine& m, Arg a) { return set_charger_priority(m, 0, a); }},
    Setter{"PGR", kPi30, [](Machine& m, Arg a) { return set_number(m.settings.input_range, a, 2, 0, 1); }},
    Setter{"PBT", kPi30, set_battery_type},
    Setter{"DAT", kKing | kMax, set_clock},
    Setter{"BTA", kPi30, calibrate},
    Setter{"ATE", kKing | kMax, [](Machine& m, Arg a) { return set_switch(m.test_mode, a); }},
    Setter{"PE", kPi30, [](Machine& m, Arg a) { return set_flags(m, a, true); }},
    Setter{"PD", kPi30, [](Machine& m, Arg a) { return set_flags(m, a, false); }},
    Setter{"PF", kPi30, restore_defaults},
    Setter{"F", kPi30, set_frequency},
    Setter{"V", kKing | kMax | kSplit, set_voltage},
};

}  // namespace

SetResult apply_setter(Machine& machine, std::string_view command) {
  for (const Setter& s : kSetters) {
    if (!command.starts_with(s.name)) continue;
    if (!machine.in(s.profiles)) return SetResult::unknown;
    if (!s.apply(machine, command.substr(s.name.size()))) return SetResult::refused;
    machine.configuration_changed = true;
    return SetResult::accepted;
  }
  return SetResult::unknown;
}

}  // namespace mesura::axpert::twin
