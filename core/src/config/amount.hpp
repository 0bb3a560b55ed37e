// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mesura::config {

/// A number with the unit of a series: "4000 W".
struct Amount {
  double value = 0;        ///< in the base unit
  std::string unit = "1";  ///< base unit
};

/// "4000 W", "4kW", "-3.5 Cel", "95 %", "0.8": a number and a base unit of the vocabulary, W var VA Wh varh VAh also
/// with k or M in front; none is 1.
[[nodiscard]] std::optional<Amount> parse_amount(std::string_view text);
/// "4000 W", "0.8".
[[nodiscard]] std::string print_amount(double value, std::string_view unit);

}  // namespace mesura::config
