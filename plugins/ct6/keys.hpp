// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The keys of an answer, and what stands behind them.
#pragma once

#include "answer.hpp"

#include <cstdint>
#include <string_view>

namespace mesura::ct6 {

/// What a key's value is read as.
enum class Role : std::uint8_t {
  unknown,
  port,       ///< CTn: an object; `what` is n
  number,     ///< a number; `what` is a UnitNumber or PortNumber
  flag,       ///< 0, 1, true or false; `what` is a UnitNumber
  text,       ///< a string, or a number that is one; `what` is a UnitText or PortText
  time_sent,  ///< an array of nine numbers
  ayt,        ///< a question, not an answer
  error       ///< the device's refusal
};

struct Key {
  Role role = Role::unknown;
  std::uint8_t what = 0;
  friend bool operator==(Key, Key) = default;
};

[[nodiscard]] Key find_unit_key(std::string_view name);
[[nodiscard]] Key find_port_key(std::string_view name);

[[nodiscard]] std::string_view wire_name(PortNumber number);
[[nodiscard]] std::string_view wire_name(PortText text);
[[nodiscard]] std::string_view wire_name(UnitNumber number);
[[nodiscard]] std::string_view wire_name(UnitText text);

}  // namespace mesura::ct6
