// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "value.hpp"

#include <fmt/format.h>

namespace mesura::dsmr_p1 {
namespace {

constexpr bool is_number_char(char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == ' '; }

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<Value> parse_value(std::string_view text, std::string& error) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  std::size_t split = 0;
  while (split < text.size() && is_number_char(text[split])) ++split;
  std::string_view unit = text.substr(split);
  const auto number = parse_decimal(trim(text.substr(0, split)));
  if (!number) {
    error = fmt::format("expected a number, got '{}'", text);
    return std::nullopt;
  }
  Value value{*number, Unit::none, false};
  if (!unit.empty() && unit.front() == '*') unit.remove_prefix(1);
  unit = trim(unit);
  if (unit.empty()) return value;
  const auto known = parse_unit(unit);
  if (!known) {
    error = fmt::format("expected a unit, got '{}' in '{}'", unit, text);
    return std::nullopt;
  }
  value.unit = known->unit;
  value.has_unit = true;
  value.number.exponent += known->exponent;
  return value;
}

std::optional<Decimal> parse_value_in(std::string_view text, Unit unit, std::string& error) {
  auto value = parse_value(text, error);
  if (!value) return std::nullopt;
  if (!value->has_unit) {
    value->number.exponent += usual_exponent(unit);
  } else if (value->unit != unit) {
    error = fmt::format("expected a value in {}, got '{}'", unit == Unit::none ? "no unit" : name(unit), text);
    return std::nullopt;
  }
  return value->number;
}

}  // namespace mesura::dsmr_p1
