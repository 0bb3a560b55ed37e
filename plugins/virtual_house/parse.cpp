// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_house/parse.hpp"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace mesura::virtual_house {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Digits only, as the fields of a stamp are.
std::optional<int> parse_digits(std::string_view text) {
  int value = 0;
  for (const char c : text)
    if (!is_digit(c)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (is_digit(c)) return static_cast<std::uint8_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_decimal(std::string_view text, int decimals) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || fraction.size() > static_cast<std::size_t>(decimals)) return std::nullopt;
  if (point != std::string_view::npos && fraction.empty()) return std::nullopt;
  std::string digits{whole};
  digits += fraction;
  digits.append(static_cast<std::size_t>(decimals) - fraction.size(), '0');
  for (const char c : digits)
    if (!is_digit(c)) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return negative ? -value : value;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    case 'd': unit = kDaySeconds; break;
    default: return std::nullopt;
  }
  const auto count = parse_decimal(text.substr(0, text.size() - 1), 0);
  // Beyond a thousand years a sum with the clock could overflow, and nothing sensible is meant.
  constexpr std::int64_t kLongest = 1000LL * 366 * kDaySeconds;
  if (!count || *count > kLongest / unit || *count < -kLongest / unit) return std::nullopt;
  return *count * unit;
}

std::optional<std::int64_t> parse_wh(std::string_view text) {
  if (text.ends_with("kWh")) return parse_decimal(trim(text.substr(0, text.size() - 3)), 3);
  if (text.ends_with("Wh")) return parse_decimal(trim(text.substr(0, text.size() - 2)), 0);
  return std::nullopt;
}

std::optional<UtcSeconds> parse_utc(std::string_view text) {
  // 2024-02-05T16:45:00Z
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != 'Z')
    return std::nullopt;
  const auto year = parse_digits(text.substr(0, 4));
  const auto month = parse_digits(text.substr(5, 2));
  const auto day = parse_digits(text.substr(8, 2));
  const auto hour = parse_digits(text.substr(11, 2));
  const auto minute = parse_digits(text.substr(14, 2));
  const auto second = parse_digits(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const date::year_month_day ymd{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                 date::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::int64_t days = date::sys_days{ymd}.time_since_epoch().count();
  const int second_of_day = (*hour * 60 + *minute) * 60 + *second;
  return days * kDaySeconds + second_of_day;
}

std::optional<std::vector<std::uint8_t>> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]);
    const auto low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*high * 16 + *low));
  }
  return bytes;
}

std::string serial_after(std::string serial, std::uint32_t steps) {
  const std::size_t other = serial.find_last_not_of("0123456789");
  const std::size_t begin = other == std::string::npos ? 0 : other + 1;
  const std::size_t digits = std::min<std::size_t>(serial.size() - begin, 9);
  const auto number = parse_decimal(std::string_view{serial}.substr(serial.size() - digits), 0);
  if (!number) return serial;
  const std::string text = fmt::format("{:0{}}", *number + steps, digits);
  return serial.substr(0, serial.size() - digits) + text.substr(text.size() - digits);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) parts.emplace_back();
  }
  return parts;
}

void refuse(std::string_view where, std::string_view expected, std::string_view got) {
  throw std::invalid_argument(fmt::format("{}: expected {}, got '{}'", where, expected, got));
}

}  // namespace mesura::virtual_house
