// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// JSON numbers of a meter: few digits, nearly never an exponent.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::ct6 {

inline constexpr std::array<double, 16> kPowersOfTen = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                        1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/// Reads a number of at most 15 digits without exponent, correctly rounded (both parts are exact doubles, so that one
/// division rounds once). The text must be followed by a byte that is no digit.
/// out     where it ends, or nullptr: it is something else, or longer
inline const char* read_short_number(const char* p, double& out) {
  constexpr std::ptrdiff_t kMostDigits = 15;
  const bool negative = *p == '-';
  p += negative ? 1 : 0;
  const char* const first = p;
  std::uint64_t mantissa = 0;
  unsigned digit = 0;
  while ((digit = static_cast<unsigned>(static_cast<unsigned char>(*p)) - '0') <= 9) {
    mantissa = mantissa * 10 + digit;
    ++p;
  }
  if (p == first || (*first == '0' && p - first > 1)) return nullptr;
  std::ptrdiff_t digits = p - first, decimals = 0;
  if (*p == '.') {
    const char* const point = p++;
    while ((digit = static_cast<unsigned>(static_cast<unsigned char>(*p)) - '0') <= 9) {
      mantissa = mantissa * 10 + digit;
      ++p;
    }
    decimals = p - point - 1;
    if (decimals == 0) return nullptr;
    digits += decimals;
  }
  if (digits > kMostDigits || *p == 'e' || *p == 'E') return nullptr;
  const double value = static_cast<double>(mantissa) / kPowersOfTen[static_cast<std::size_t>(decimals)];
  out = negative ? -value : value;
  return p;
}

/// Whether `text` has the form that JSON gives numbers.
inline bool is_json_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const bool zero = i < text.size() && text[i] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

/// Any JSON number that a double can hold.
inline std::optional<double> parse_number(std::string_view text) {
  if (!is_json_number(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Reads any JSON number that a double can hold. The text must be followed by a byte that is no part of a number.
/// out     where it ends, or nullptr
inline const char* read_number(const char* p, double& out) {
  if (const char* end = read_short_number(p, out); end != nullptr) return end;
  const char* end = p;
  while ((*end >= '0' && *end <= '9') || *end == '-' || *end == '+' || *end == '.' || *end == 'e' || *end == 'E') ++end;
  const auto value = parse_number({p, static_cast<std::size_t>(end - p)});
  out = value.value_or(0);
  return value ? end : nullptr;
}

}  // namespace mesura::ct6
