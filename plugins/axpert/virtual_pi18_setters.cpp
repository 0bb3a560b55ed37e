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

std::optional<int> number(Arg text, std::size_t digits, int low, int high) {
  const auto value = read_digits(text);
  if (text.size() != digits || !value || *value < low || *value > high) return std::nullopt;
  return value;
}

bool store(int& where, std::optional<int> value) {
  if (value) where = *value;
  return value.has_value();
}

/// `m,nnn`: nothing for a unit that does not exist.
struct UnitValue {
  std::size_t unit;
  Arg value;
};
std::optional<UnitValue> unit_value(const Machine& m, Arg arg) {
  if (arg.size() < 3 || arg[1] != ',') return std::nullopt;
  const auto unit = read_digits(arg.substr(0, 1));
  if (!unit || *unit >= m.units()) return std::nullopt;
  return UnitValue{static_cast<std::size_t>(*unit), arg.substr(2)};
}

bool set_charger(Machine& m, Arg arg) {
  const auto u = unit_value(m, arg);
  const auto code = u ? number(u->value, 1, 0, 2) : std::nullopt;
  if (!code) return false;
  m.settings.units[u->unit].charger_priority = *code + 1;
  return true;
}

bool set_current(Machine& m, Arg arg, std::span<const int> allowed, int UnitSettings::*where) {
  const auto u = unit_value(m, arg);
  const auto amperes = u ? number(u->value, 3, 0, 999) : std::nullopt;
  if (!amperes || std::find(allowed.begin(), allowed.end(), *amperes) == allowed.end()) return false;
  m.settings.units[u->unit].*where = *amperes;
  return true;
}

/// Two voltages of three digits in 0.1 V, a comma between them.
struct Pair {
  int first;
  int second;
};
std::optional<Pair> pair_of(Arg arg) {
  if (arg.size() != 7 || arg[3] != ',') return std::nullopt;
  const auto first = read_digits(arg.substr(0, 3));
  const auto second = read_digits(arg.substr(4));
  if (!first || !second) return std::nullopt;
  return Pair{*first, *second};
}

bool set_charge_voltages(Machine& m, Arg arg) {
  const auto p = pair_of(arg);
  const VoltageRange r = charge_range(*m.model, m.battery_volts);
  if (!p || m.settings.battery_type < 2 || p->first < r.low || p->first > r.high || p->second < r.low ||
      p->second > p->first)
    return false;
  m.settings.bulk_dv = p->first;
  m.settings.float_dv = p->second;
  return true;
}

bool set_discharge_voltages(Machine& m, Arg arg) {
  const auto p = pair_of(arg);
  if (!p || !may_recharge_at(m.battery_volts, p->first) || !may_redischarge_at(m.battery_volts, p->second))
    return false;
  m.settings.recharge_dv = p->first;
  m.settings.redischarge_dv = p->second;
  return true;
}

bool set_cut_off(Machine& m, Arg arg) {
  const VoltageRange r = under_range(*m.model, m.battery_volts);
  return m.settings.battery_type >= 2 && store(m.settings.under_dv, number(arg, 3, r.low, r.high));
}

bool output_is_off(const Machine& m) { return m.live().mode == 'S' || !m.plant.overrides.switched_on; }

bool set_frequency(Machine& m, Arg arg) {
  if ((arg != "50" && arg != "60") || !output_is_off(m)) return false;
  m.settings.output_dhz = arg == "50" ? 500 : 600;
  return true;
}

bool set_voltage(Machine& m, Arg arg) {
  static constexpr std::array kAllowed{2020, 2080, 2200, 2300, 2400};
  const auto dv = number(arg, 4, 0, 9999);
  if (!dv || std::find(kAllowed.begin(), kAllowed.end(), *dv) == kAllowed.end() || !output_is_off(m)) return false;
  m.settings.output_dv = *dv;
  return true;
}

/// A to H are the flags in FLAG's order; I is the grid tie.
bool set_flag(Machine& m, Arg arg, bool on) {
  static constexpr Arg kLetters = "abkuvxyz";
  if (arg.size() != 1) return false;
  if (arg.front() == 'I') {
    m.settings.grid_tie = on;
    return true;
  }
  if (arg.front() < 'A' || arg.front() > 'H') return false;
  m.settings.set_flag(kLetters[static_cast<std::size_t>(arg.front() - 'A')], on);
  return true;
}

bool set_priority(Machine& m, Arg arg) {
  const auto code = number(arg, 1, 0, 1);
  if (!code) return false;
  m.settings.output_priority = *code == 0 ? 1 : 2;
  return true;
}

bool set_clock(Machine& m, Arg arg) {
  const auto seconds = read_clock(arg);
  if (!seconds) return false;
  m.clock_offset += *seconds - m.clock_seconds();
  return true;
}

bool set_load(Machine& m, Arg arg) {
  const auto on = number(arg, 1, 0, 1);
  if (!on) return false;
  m.plant.overrides.switched_on = *on == 1;
  return true;
}

bool set_mode(Machine& m, Arg arg) {
  const auto u = unit_value(m, arg);
  return u && output_is_off(m) && store(m.settings.output_mode, number(u->value, 1, 0, 4));
}

bool restore(Machine& m, Arg arg) {
  if (!arg.empty()) return false;
  m.settings = m.factory;
  return true;
}

bool erase(Machine& m, Arg arg) {
  if (!arg.empty()) return false;
  m.plant.energy().erase();
  return true;
}

struct Setter {
  Arg name;
  bool (*apply)(Machine&, Arg);
};

/// A name that begins another one stands behind it.
constexpr std::array kSetters{
    Setter{
        "MUCHGC",
        [](Machine& m, Arg a) { return set_current(m, a, m.model->utility_currents, &UnitSettings::max_ac_charge_a); }},
    Setter{"MCHGC",
           [](Machine& m, Arg a) { return set_current(m, a, m.model->charge_currents, &UnitSettings::max_charge_a); }},
    Setter{"MCHGV", set_charge_voltages},
    Setter{"BUCD", set_discharge_voltages},
    Setter{"PSDV", set_cut_off},
    Setter{"POPM", set_mode},
    Setter{"POP", set_priority},
    Setter{"PSP", [](Machine& m, Arg a) { return store(m.settings.solar_priority, number(a, 1, 0, 1)); }},
    Setter{"PCP", set_charger},
    Setter{"PBT", [](Machine& m, Arg a) { return store(m.settings.battery_type, number(a, 1, 0, 2)); }},
    Setter{"PGR", [](Machine& m, Arg a) { return store(m.settings.input_range, number(a, 1, 0, 1)); }},
    Setter{"DAT", set_clock},
    Setter{"LON", set_load},
    Setter{"CLE", erase},
    Setter{"PE", [](Machine& m, Arg a) { return set_flag(m, a, true); }},
    Setter{"PD", [](Machine& m, Arg a) { return set_flag(m, a, false); }},
    Setter{"PF", restore},
    Setter{"F", set_frequency},
    Setter{"V", set_voltage},
};

}  // namespace

SetResult apply_pi18_setter(Machine& machine, std::string_view command) {
  for (const Setter& s : kSetters) {
    if (!command.starts_with(s.name)) continue;
    if (!s.apply(machine, command.substr(s.name.size()))) return SetResult::refused;
    machine.configuration_changed = true;
    return SetResult::accepted;
  }
  return SetResult::unknown;
}

}  // namespace mesura::axpert::twin
