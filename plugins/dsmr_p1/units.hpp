// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::dsmr_p1 {

/// Base units of the values on the wire.
enum class Unit : std::uint8_t {
  none,
  watt_hour,
  var_hour,
  watt,
  var,
  volt_ampere,
  volt,
  ampere,
  hertz,
  second,
  cubic_metre,
  gigajoule
};

/// What a unit's text means: value in base unit = number * 10^exponent.
struct UnitText {
  Unit unit;
  int exponent;
};

/// A unit as meters write it, without regard to case; nothing for a text that is none.
[[nodiscard]] std::optional<UnitText> parse_unit(std::string_view text);

/// The power of ten that a value of this unit has on the wire when its unit is missing: 3 for W (kW), 0 for V.
[[nodiscard]] int usual_exponent(Unit unit);

/// "W", "Wh", "m3", ...; empty for Unit::none.
[[nodiscard]] std::string_view name(Unit unit);

}  // namespace mesura::dsmr_p1
