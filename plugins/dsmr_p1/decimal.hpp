// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::dsmr_p1 {

/// An exact decimal number: mantissa * 10^exponent.
struct Decimal {
  std::int64_t mantissa = 0;
  int exponent = 0;

  bool operator==(const Decimal&) const = default;
};

inline constexpr std::array<std::int64_t, 19> kPowersOfTen = [] {
  std::array<std::int64_t, 19> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

/// The nearest double: exactly integral where the number is, correctly rounded below 2^53 and |exponent| <= 18.
[[nodiscard]] inline double to_double(Decimal d) {
  if (d.exponent == 0) return static_cast<double>(d.mantissa);
  if (d.exponent > 0)
    return static_cast<double>(d.mantissa) * static_cast<double>(kPowersOfTen[static_cast<std::size_t>(d.exponent)]);
  const std::int64_t divisor = kPowersOfTen[static_cast<std::size_t>(-d.exponent)];
  // 00.100 kW is 100 W whatever the number of zeros sent: divide as integers where that leaves nothing over.
  if (d.mantissa % divisor == 0) return static_cast<double>(d.mantissa / divisor);
  return static_cast<double>(d.mantissa) / static_cast<double>(divisor);
}

/// a + b, or a - b. Nothing when that leaves 64 bits.
[[nodiscard]] std::optional<Decimal> add(Decimal a, Decimal b);
[[nodiscard]] std::optional<Decimal> subtract(Decimal a, Decimal b);

/// Optional sign, digits, optional '.' and at most nine decimals; at most eighteen digits that count. Nothing
/// otherwise.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text);

}  // namespace mesura::dsmr_p1
