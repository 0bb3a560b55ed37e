// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_number.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace mesura::ct6::twin {
namespace {

constexpr int kDigits = 7;
constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double append_float(std::string& out, double value) {
  const auto single = static_cast<float>(value);
  if (!std::isfinite(single)) {
    out += std::isnan(single) ? "nan" : single > 0 ? "inf" : "-inf";
    return kNotANumber;
  }
  std::array<char, 32> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by to_chars
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), single, std::chars_format::general, kDigits).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  double read = 0;
  std::from_chars(digits.data(), end, read);
  return read;
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by to_chars
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

std::optional<float> parse_python_float(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || text.front() == '-') return std::nullopt;
  }
  if (text.find('(') != std::string_view::npos) return std::nullopt;  // from_chars knows "nan(1)", Python does not
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || stop != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const bool tiny = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
    if (text.front() == '-') value = -value;
  }
  return static_cast<float>(value);
}

}  // namespace mesura::ct6::twin
