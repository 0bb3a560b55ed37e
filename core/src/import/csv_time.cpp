// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/csv_time.hpp"

#include "import/wall_clock.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace mesura::importing {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::optional<std::int64_t> scaled(std::string_view text, std::int64_t unit_ns) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc{}) return std::nullopt;
  if (whole > INT64_MAX / unit_ns || whole < INT64_MIN / unit_ns) return std::nullopt;
  std::int64_t ns = whole * unit_ns;
  std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  if (rest.empty()) return ns;
  if (rest.front() != '.' && rest.front() != ',') return std::nullopt;
  rest.remove_prefix(1);
  // Decimals one by one: a double has not enough digits for ns since 1970.
  const std::int64_t sign = text.front() == '-' ? -1 : 1;
  for (std::int64_t step = unit_ns / 10; !rest.empty(); rest.remove_prefix(1), step /= 10) {
    if (rest.front() < '0' || rest.front() > '9') return std::nullopt;
    ns += sign * step * (rest.front() - '0');
  }
  return ns;
}

std::optional<std::int64_t> unit_of(std::string_view word) {
  if (word == "s") return kSecond;
  if (word == "ms") return 1'000'000;
  if (word == "us") return 1'000;
  if (word == "ns") return 1;
  return std::nullopt;
}

std::optional<CsvTime::Value> automatic(std::string_view text) {
  if (text.find_first_not_of("0123456789.-") == std::string_view::npos && text.find('-', 1) == std::string_view::npos) {
    const std::size_t digits = text.substr(0, text.find('.')).size();
    // 10 digits are seconds until 2286, 13 milliseconds, ...
    const std::int64_t unit = digits <= 11 ? kSecond : digits <= 14 ? 1'000'000 : digits <= 17 ? 1'000 : 1;
    const auto ns = scaled(text, unit);
    return ns ? std::optional{CsvTime::Value{*ns, false}} : std::nullopt;
  }
  if (const auto ns = runtime::parse_time(text)) return CsvTime::Value{*ns, false};
  if (const auto ns = parse_wall(text)) return CsvTime::Value{*ns, true};
  return std::nullopt;
}

bool number(std::string_view& text, std::size_t most, int& out) {
  std::size_t n = 0;
  out = 0;
  while (n < most && n < text.size() && text[n] >= '0' && text[n] <= '9') out = out * 10 + (text[n++] - '0');
  text.remove_prefix(n);
  return n > 0;
}

std::optional<CsvTime::Value> by_pattern(std::string_view pattern, std::string_view text) {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::string decimals, offset;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      if (text.empty() || text.front() != pattern[i]) return std::nullopt;
      text.remove_prefix(1);
      continue;
    }
    bool good = true;
    switch (pattern[++i]) {
      case 'Y': good = number(text, 4, year); break;
      case 'y':
        good = number(text, 2, year);
        year += 2000;
        break;
      case 'm': good = number(text, 2, month); break;
      case 'd': good = number(text, 2, day); break;
      case 'H': good = number(text, 2, hour); break;
      case 'M': good = number(text, 2, minute); break;
      case 'S':
        good = number(text, 2, second);
        if (good && text.size() > 1 && (text.front() == '.' || text.front() == ',') && text[1] >= '0' &&
            text[1] <= '9') {
          text.remove_prefix(1);
          const std::size_t n = std::min(text.find_first_not_of("0123456789"), text.size());
          decimals = "." + std::string{text.substr(0, n)};
          text.remove_prefix(n);
        }
        break;
      case 'z': {
        const std::size_t n =
            text.starts_with('Z') ? 1 : std::min(text.find_first_not_of("+-:0123456789"), text.size());
        offset = text.substr(0, n);
        if (offset.size() == 5) offset.insert(3, ":");
        text.remove_prefix(n);
        good = !offset.empty();
        break;
      }
      default: return std::nullopt;
    }
    if (!good) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  const auto ns = runtime::parse_time(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}", year, month, day, hour,
                                                  minute, second, decimals, offset.empty() ? "Z" : offset));
  return ns ? std::optional{CsvTime::Value{*ns, offset.empty()}} : std::nullopt;
}

}  // namespace

bool CsvTime::is_format(std::string_view format) {
  if (format == "auto" || unit_of(format)) return true;
  if (format.find('%') == std::string_view::npos) return false;
  for (std::size_t i = 0; i < format.size(); ++i)
    if (format[i] == '%' &&
        (i + 1 == format.size() || std::string_view{"YymdHMSz"}.find(format[++i]) == std::string_view::npos))
      return false;
  return true;
}

std::optional<CsvTime::Value> CsvTime::parse(std::string_view text) const {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  if (format_ == "auto") return automatic(text);
  if (const auto unit = unit_of(format_)) {
    const auto ns = scaled(text, *unit);
    return ns ? std::optional{Value{*ns, false}} : std::nullopt;
  }
  return by_pattern(format_, text);
}

}  // namespace mesura::importing
