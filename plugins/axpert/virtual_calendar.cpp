// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_calendar.hpp"

#include <fmt/format.h>

namespace mesura::axpert::twin {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kEraDays = 146'097;  // 400 years

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

}  // namespace

// Both count years from March, so that the leap day is the last of its year.
std::int64_t day_of(const Date& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * kEraDays + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

Date date_of(std::int64_t day) {
  const std::int64_t shifted = day + 719'468;
  const std::int64_t era = floor_div(shifted, kEraDays);
  const std::int64_t of_era = shifted - era * kEraDays;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  Date date;
  date.day = static_cast<int>(of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = static_cast<int>(year + era * 400 + (date.month <= 2 ? 1 : 0));
  return date;
}

int days_in_month(int year, int month) {
  if (month == 2) return leap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

std::optional<int> read_digits(std::string_view digits) {
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::int64_t> read_clock(std::string_view digits) {
  if (digits.size() != 12 && digits.size() != 14) return std::nullopt;
  const auto head = read_digits(digits.substr(0, digits.size() - 6));
  const auto tail = read_digits(digits.substr(digits.size() - 6));
  if (!head || !tail) return std::nullopt;
  const int year = *head / 10'000 + (digits.size() == 12 ? 2000 : 0);
  const Date date{year, *head / 100 % 100, *head % 100};
  const int hour = *tail / 10'000;
  const int minute = *tail / 100 % 100;
  const int second = *tail % 100;
  if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > days_in_month(date.year, date.month))
    return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return day_of(date) * kDay + hour * 3600 + minute * 60 + second;
}

std::string write_clock(std::int64_t seconds) {
  const std::int64_t day = floor_div(seconds, kDay);
  const std::int64_t rest = seconds - day * kDay;
  const Date date = date_of(day);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", date.year, date.month, date.day, rest / 3600, rest / 60 % 60,
                     rest % 60);
}

}  // namespace mesura::axpert::twin
