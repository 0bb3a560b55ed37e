// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decimal.hpp"
#include "units.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mesura::dsmr_p1 {

/// A number with its unit, as one pair of parentheses holds it.
struct Value {
  Decimal number;          ///< in the base unit of `unit`; in that of the wire when that gave none
  Unit unit = Unit::none;  ///< none: the wire gave none
  bool has_unit = false;
};

/// Reads "01.193*kW", "001.322kW" (optical heads leave the '*' out), "00012". Nothing, and why in `error`, when it is
/// no number or its unit is unknown; nothing and no error when there is no value at all.
[[nodiscard]] std::optional<Value> parse_value(std::string_view text, std::string& error);

/// The same for a value that must be in `unit`; without one it is taken in that which meters usually send.
[[nodiscard]] std::optional<Decimal> parse_value_in(std::string_view text, Unit unit, std::string& error);

[[nodiscard]] std::string_view trim(std::string_view text);

}  // namespace mesura::dsmr_p1
