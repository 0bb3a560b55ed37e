// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

namespace mesura::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 8> kDurations{{{"w", 604'800'000'000'000},
                                          {"d", 86'400'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};

// Within one magnitude the binary unit comes first: 1 MiB is printed so, never as 1048576B.
constexpr std::array<Unit, 9> kSizes{{{"TiB", 1LL << 40},
                                      {"TB", 1'000'000'000'000},
                                      {"GiB", 1LL << 30},
                                      {"GB", 1'000'000'000},
                                      {"MiB", 1LL << 20},
                                      {"MB", 1'000'000},
                                      {"KiB", 1LL << 10},
                                      {"KB", 1'000},
                                      {"B", 1}}};

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Takes digits off the front; false when there are none or they overflow.
bool take_digits(std::string_view& text, std::int64_t& value, bool& overflow) {
  const std::size_t before = text.size();
  value = 0;
  while (!text.empty() && digit(text.front())) {
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text.front() - '0', &value))
      overflow = true;
    text.remove_prefix(1);
  }
  return text.size() < before;
}

std::string_view take_word(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && !digit(text[n]) && text[n] != '.') ++n;
  const std::string_view word = text.substr(0, n);
  text.remove_prefix(n);
  return word;
}

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  const auto it = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  return it == units.end() ? nullptr : &*it;
}

template <class T>
Parsed<T> failed(UnitError error) {
  return {{}, error};
}

}  // namespace

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text.empty()) return failed<std::chrono::nanoseconds>(UnitError::malformed);
  std::int64_t total = 0;
  std::int64_t previous = std::numeric_limits<std::int64_t>::max();
  while (!text.empty()) {
    bool overflow = false;
    std::int64_t whole = 0;
    if (!take_digits(text, whole, overflow)) return failed<std::chrono::nanoseconds>(UnitError::malformed);
    std::string_view fraction;
    if (!text.empty() && text.front() == '.') {
      text.remove_prefix(1);
      std::size_t n = 0;
      while (n < text.size() && digit(text[n])) ++n;
      if (n == 0) return failed<std::chrono::nanoseconds>(UnitError::malformed);
      fraction = text.substr(0, n);
      text.remove_prefix(n);
    }
    const std::string_view name = take_word(text);
    if (name.empty()) return failed<std::chrono::nanoseconds>(text.empty() ? UnitError::no_unit : UnitError::malformed);
    const Unit* unit = find_unit(kDurations, name);
    if (unit == nullptr) return failed<std::chrono::nanoseconds>(UnitError::unknown_unit);
    if (unit->factor >= previous || (!fraction.empty() && !text.empty()))
      return failed<std::chrono::nanoseconds>(UnitError::malformed);
    previous = unit->factor;

    std::int64_t part = 0;
    if (overflow || __builtin_mul_overflow(whole, unit->factor, &part) || __builtin_add_overflow(total, part, &total))
      return failed<std::chrono::nanoseconds>(UnitError::too_large);
    std::int64_t scale = unit->factor;
    for (const char c : fraction) {
      // Finer than the unit divides into nanoseconds: only exact values are taken.
      if ((scale < 10 || scale % 10 != 0) && c != '0') return failed<std::chrono::nanoseconds>(UnitError::malformed);
      scale /= 10;
      if (__builtin_add_overflow(total, (c - '0') * scale, &total))
        return failed<std::chrono::nanoseconds>(UnitError::too_large);
    }
  }
  return {std::chrono::nanoseconds{total}, {}};
}

std::string print_duration(std::chrono::nanoseconds duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string out;
  for (const auto& unit : kDurations) {
    const std::int64_t n = rest / unit.factor;
    if (n == 0) continue;
    // Weeks only where nothing else is needed: "10d" says more than "1w3d".
    if (unit.name == "w" && rest % unit.factor != 0) continue;
    fmt::format_to(std::back_inserter(out), "{}{}", n, unit.name);
    rest %= unit.factor;
  }
  return out;
}

Parsed<std::int64_t> parse_size(std::string_view text) {
  bool overflow = false;
  std::int64_t whole = 0;
  if (!take_digits(text, whole, overflow)) return failed<std::int64_t>(UnitError::malformed);
  if (text.empty()) return failed<std::int64_t>(UnitError::no_unit);
  const Unit* unit = find_unit(kSizes, text);
  if (unit == nullptr) return failed<std::int64_t>(digit(text.back()) ? UnitError::malformed : UnitError::unknown_unit);
  std::int64_t total = 0;
  if (overflow || __builtin_mul_overflow(whole, unit->factor, &total))
    return failed<std::int64_t>(UnitError::too_large);
  return {total, {}};
}

std::string print_size(std::int64_t bytes) {
  for (const auto& unit : kSizes)
    if (bytes != 0 && bytes % unit.factor == 0) return fmt::format("{}{}", bytes / unit.factor, unit.name);
  return "0B";
}

}  // namespace mesura::config
