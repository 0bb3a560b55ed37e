// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "decimal.hpp"

#include <cstddef>
#include <utility>

namespace mesura::dsmr_p1 {
namespace {

constexpr int kMaxDecimals = 9;
constexpr std::int64_t kMaxMantissa = 999'999'999'999'999'999;

/// `d` with the exponent lowered to `exponent`.
std::optional<Decimal> lower(Decimal d, int exponent) {
  const int steps = d.exponent - exponent;
  if (steps >= static_cast<int>(kPowersOfTen.size())) return std::nullopt;
  std::int64_t mantissa = 0;
  if (__builtin_mul_overflow(d.mantissa, kPowersOfTen[static_cast<std::size_t>(steps)], &mantissa)) return std::nullopt;
  return Decimal{mantissa, exponent};
}

}  // namespace

std::optional<Decimal> add(Decimal a, Decimal b) {
  if (a.exponent > b.exponent) std::swap(a, b);
  const auto lowered = lower(b, a.exponent);
  if (!lowered || __builtin_add_overflow(a.mantissa, lowered->mantissa, &a.mantissa)) return std::nullopt;
  return a;
}

std::optional<Decimal> subtract(Decimal a, Decimal b) { return add(a, {-b.mantissa, b.exponent}); }

std::optional<Decimal> parse_decimal(std::string_view text) {
  std::size_t i = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) ++i;

  Decimal d;
  bool digits = false;
  bool point = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point && digits) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      if (d.mantissa > (kMaxMantissa - 9) / 10) return std::nullopt;
      d.mantissa = d.mantissa * 10 + (c - '0');
      digits = true;
      if (point && --d.exponent < -kMaxDecimals) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (!digits) return std::nullopt;
  if (negative) d.mantissa = -d.mantissa;
  return d;
}

}  // namespace mesura::dsmr_p1
