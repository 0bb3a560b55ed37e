// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What most settings have in common: ranges, words, and when they may be changed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "setter.hpp"

namespace mesura::axpert {
namespace {

/// Words of arguments that are shorter than those of the tables.
struct Alias {
  std::string_view argument;
  std::string_view table;
};
constexpr std::array kAliases = {
    Alias{"utility", "utility_first"},
    Alias{"solar", "solar_first"},
    Alias{"solar", "solar_utility_battery"},
    Alias{"sbu", "solar_battery_utility"},
};

bool means(std::string_view argument, std::string_view table) {
  return argument == table || std::any_of(kAliases.begin(), kAliases.end(),
                                          [&](const Alias& a) { return a.argument == argument && a.table == table; });
}

std::string_view as_argument(std::string_view table) {
  const auto found = std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& a) { return a.table == table; });
  return found == kAliases.end() ? table : found->argument;
}

void append(std::string& list, std::string_view word) {
  if (!list.empty()) list += ", ";
  list += word;
}

}  // namespace

std::vector<int> numbers_of(std::string_view list) {
  std::vector<int> out;
  bool inside = false;
  for (const char c : list) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !inside) out.push_back(0);
    if (digit) out.back() = std::min(out.back(), 9999) * 10 + (c - '0');
    inside = digit;
  }
  return out;
}

std::string names_of(Dialects dialects) {
  std::string list;
  for (int d = 0; d < kDialects; ++d)
    if (has(dialects, static_cast<Dialect>(d))) append(list, name(static_cast<Dialect>(d)));
  return list;
}

bool Making::fail(std::string why) {
  if (problem.empty()) problem = std::move(why);
  return false;
}

int Making::battery_volts() {
  const double volts = facts.number("battery/rated_voltage");
  for (const int known : {12, 24, 48})
    if (std::abs(volts - known) < 0.5) return known;
  static_cast<void>(
      fail("the inverter does not say for which battery it is made (12, 24 or 48 V): its limits are not known"));
  return 0;
}

int Making::tenths(int per_volt) {
  const double volts = args.number(argument);
  const double scaled = std::round(volts * per_volt);
  if (!std::isfinite(volts) || volts < 0 || volts > 99 || std::abs(volts * per_volt - scaled) > 1e-6) {
    static_cast<void>(fail(fmt::format("{}: expected a voltage in steps of {} V, got {}", argument,
                                       per_volt == 10 ? "0.1" : "0.01", volts)));
    return -1;
  }
  return static_cast<int>(scaled);
}

bool Making::voltage_in(int value, int low, int high) {
  allowed = fmt::format("{:.1f} V to {:.1f} V in steps of 0.1 V", low / 10.0, high / 10.0);
  if (value >= low && value <= high) return true;
  return fail(fmt::format("{}: expected {}, got {:.1f} V", argument, allowed, value / 10.0));
}

bool Making::voltage_of(int value, std::span<const int> list) {
  allowed.clear();
  for (const int v : list) append(allowed, v == 0 ? "full" : fmt::format("{:.1f}", v / 10.0));
  allowed += " V";
  if (std::find(list.begin(), list.end(), value) != list.end()) return true;
  return fail(fmt::format("{}: expected one of {}, got {:.1f} V", argument, allowed, value / 10.0));
}

void Making::number(int low, int high, int step, int digits, double scale) {
  const int value = args.integer(argument);
  allowed = step == 1 ? fmt::format("{} to {}", low, high) : fmt::format("{} to {} in steps of {}", low, high, step);
  if (value < low || value > high || value % step != 0) {
    static_cast<void>(fail(fmt::format("{}: expected {}, got {}", argument, allowed, value)));
    return;
  }
  command = fmt::format("{}{:0{}}", wire, value, digits);
  if (!key.empty()) expect(Value::of(value * scale));
}

void Making::word(std::span<const Code> codes, int digits) {
  const std::string_view wanted = args.text(argument);
  const Code* found = nullptr;
  for (const Code& c : codes) {
    if (!has(c.dialects, dialect)) continue;
    append(allowed, as_argument(c.name));
    if (found == nullptr && means(wanted, c.name)) found = &c;
  }
  if (found == nullptr) {
    static_cast<void>(
        fail(fmt::format("{}: expected one of {} (dialect {}), got '{}'", argument, allowed, name(dialect), wanted)));
    return;
  }
  command = fmt::format("{}{:0>{}}", wire, found->token, digits);
  if (!key.empty()) expect(Value::of(found->name));
}

void Making::on_off(std::string_view on, std::string_view off) {
  const bool wanted = args.text(argument) == "on";
  allowed = "on, off";
  command = fmt::format("{}{}", wire, wanted ? on : off);
  if (!key.empty()) expect(Value::of(wanted ? 1.0 : 0.0));
}

bool Making::voltages_are_free() {
  const std::string_view type = facts.text("battery/battery_type");
  if (type != "agm" && type != "flooded") return true;
  return fail(fmt::format("the battery type is {}, whose voltages are fixed: set_battery_type user comes first", type));
}

bool Making::output_is_off() {
  const std::string_view mode = facts.text("total/operating_mode");
  if (mode == "standby" || mode == "shutdown") return true;
  if (facts.number("total/switched_on") == 0 || facts.number("ac_output/load_on") == 0) return true;
  // Without an answer the inverter decides.
  if (mode.empty()) return true;
  return fail(
      fmt::format("the inverter is in mode {}: switch its output off first, this is only taken in standby", mode));
}

void Making::charge_current(std::string_view list, std::string_view usual, std::string_view large) {
  constexpr int kTwoDigits = 99;
  const int value = args.integer(argument);
  const std::vector<int> currents = numbers_of(facts.text(list));
  for (const int a : currents) append(allowed, std::to_string(a));
  if (!allowed.empty()) allowed += " A";
  if (!currents.empty() && std::find(currents.begin(), currents.end(), value) == currents.end()) {
    static_cast<void>(fail(fmt::format("{}: expected one of {}, got {} A", argument, allowed, value)));
    return;
  }
  const int m = std::max(unit, 0);
  expect(Value::of(static_cast<double>(value)));
  if (infini()) {
    command = fmt::format("{}{},{:03}", wire, m, value);
  } else if (is(kKing)) {
    // Three digits of current: the first one would be taken for hundreds, not for a unit.
    if (m > 0)
      static_cast<void>(
          fail("unit: the dialect pi30mk has no form for one of several units; ask at that unit's own port"));
    command = fmt::format("{}{:03}", large, value);
  } else {
    const bool wide = usual == large ? !currents.empty() && currents.back() > kTwoDigits : value > kTwoDigits;
    if (!wide && value > kTwoDigits)
      static_cast<void>(fail(fmt::format("{}: expected at most 99 A, got {} A", argument, value)));
    command = wide ? fmt::format("{}{}{:03}", large, m, value) : fmt::format("{}{}{:02}", usual, m, value);
  }
}

}  // namespace mesura::axpert
