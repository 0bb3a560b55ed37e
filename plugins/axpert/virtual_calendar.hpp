// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Days and dates of the inverter's clock, which knows no zones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::axpert::twin {

struct Date {
  int year = 1970;
  int month = 1;
  int day = 1;
};

/// Days since 1970-01-01 (Gregorian).
[[nodiscard]] std::int64_t day_of(const Date& date);
[[nodiscard]] Date date_of(std::int64_t day);
[[nodiscard]] int days_in_month(int year, int month);

/// Seconds since 1970-01-01T00:00:00 on the clock, from YYYYMMDDHHMMSS or YYMMDDHHMMSS; nothing for an impossible one.
[[nodiscard]] std::optional<std::int64_t> read_clock(std::string_view digits);
/// YYYYMMDDHHMMSS.
[[nodiscard]] std::string write_clock(std::int64_t seconds);

/// The number that all digits make; nothing for other characters, more than 9 digits or an empty text.
[[nodiscard]] std::optional<int> read_digits(std::string_view digits);

}  // namespace mesura::axpert::twin
