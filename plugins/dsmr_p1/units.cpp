// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "units.hpp"

#include <algorithm>
#include <array>

namespace mesura::dsmr_p1 {
namespace {

struct Row {
  std::string_view text;  // lower case
  UnitText meaning;
};

constexpr std::array kUnits = {
    Row{"kwh", {Unit::watt_hour, 3}},  Row{"wh", {Unit::watt_hour, 0}},     Row{"mwh", {Unit::watt_hour, 6}},
    Row{"kw", {Unit::watt, 3}},        Row{"w", {Unit::watt, 0}},           Row{"v", {Unit::volt, 0}},
    Row{"mv", {Unit::volt, -3}},       Row{"a", {Unit::ampere, 0}},         Row{"ma", {Unit::ampere, -3}},
    Row{"kvarh", {Unit::var_hour, 3}}, Row{"varh", {Unit::var_hour, 0}},    Row{"kvar", {Unit::var, 3}},
    Row{"var", {Unit::var, 0}},        Row{"kva", {Unit::volt_ampere, 3}},  Row{"va", {Unit::volt_ampere, 0}},
    Row{"hz", {Unit::hertz, 0}},       Row{"khz", {Unit::hertz, 3}},        Row{"s", {Unit::second, 0}},
    Row{"m3", {Unit::cubic_metre, 0}}, Row{"dm3", {Unit::cubic_metre, -3}}, Row{"gj", {Unit::gigajoule, 0}},
    Row{"mj", {Unit::gigajoule, -3}},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<UnitText> parse_unit(std::string_view text) {
  for (const Row& row : kUnits)
    if (std::equal(text.begin(), text.end(), row.text.begin(), row.text.end(),
                   [](char a, char b) { return lower(a) == b; }))
      return row.meaning;
  return std::nullopt;
}

int usual_exponent(Unit unit) {
  switch (unit) {
    case Unit::watt_hour:
    case Unit::var_hour:
    case Unit::watt:
    case Unit::var:
    case Unit::volt_ampere: return 3;
    default: return 0;
  }
}

std::string_view name(Unit unit) {
  switch (unit) {
    case Unit::none: return "";
    case Unit::watt_hour: return "Wh";
    case Unit::var_hour: return "varh";
    case Unit::watt: return "W";
    case Unit::var: return "var";
    case Unit::volt_ampere: return "VA";
    case Unit::volt: return "V";
    case Unit::ampere: return "A";
    case Unit::hertz: return "Hz";
    case Unit::second: return "s";
    case Unit::cubic_metre: return "m3";
    case Unit::gigajoule: return "GJ";
  }
  return "";
}

}  // namespace mesura::dsmr_p1
