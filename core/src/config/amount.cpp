// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/amount.hpp"

#include "model/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

namespace mesura::config {

std::optional<Amount> parse_amount(std::string_view text) {
  Amount amount;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, amount.value);
  if (parsed.ec != std::errc{} || !std::isfinite(amount.value)) return std::nullopt;
  std::string_view unit{parsed.ptr, static_cast<std::size_t>(end - parsed.ptr)};
  if (unit.empty()) return amount;
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit == "1") return std::nullopt;
  constexpr std::array<std::string_view, 6> kPrefixed{"W", "var", "VA", "Wh", "varh", "VAh"};
  if (unit.size() > 1 && (unit.front() == 'k' || unit.front() == 'M') &&
      std::find(kPrefixed.begin(), kPrefixed.end(), unit.substr(1)) != kPrefixed.end()) {
    amount.value *= unit.front() == 'k' ? 1e3 : 1e6;
    unit.remove_prefix(1);
  }
  if (!model::is_unit(unit)) return std::nullopt;
  amount.unit = unit;
  return amount;
}

std::string print_amount(double value, std::string_view unit) {
  return unit == "1" ? fmt::format("{}", value) : fmt::format("{} {}", value, unit);
}

}  // namespace mesura::config
