// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_time.hpp"

#include <fmt/format.h>

#include <chrono>

namespace mesura::smartmeter::twin {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

struct Local {
  int year;
  unsigned month, day;
  int hour, minute, second, millisecond;
};

Local local_of(std::int64_t utc_ns) {
  const std::int64_t whole = floor_to(utc_ns, kSecond) / kSecond;
  const sys_seconds moment{std::chrono::seconds{whole + local_offset(whole)}};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const auto of_day = static_cast<int>((moment - day).count());
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          of_day / 3600,
          of_day / 60 % 60,
          of_day % 60,
          static_cast<int>((utc_ns - whole * kSecond) / 1'000'000)};
}

/// 01:00 UTC on the last Sunday of a month.
sys_seconds change(std::chrono::year year, std::chrono::month month) {
  return sys_days{year / month / std::chrono::Sunday[std::chrono::last]} + std::chrono::hours{1};
}

}  // namespace

std::int64_t local_offset(std::int64_t utc_seconds) {
  const sys_seconds moment{std::chrono::seconds{utc_seconds}};
  const auto year = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(moment)}.year();
  const bool summer = moment >= change(year, std::chrono::March) && moment < change(year, std::chrono::October);
  return summer ? 7200 : 3600;
}

std::string short_form(std::int64_t utc_ns) {
  const Local t = local_of(utc_ns);
  return fmt::format("{:02}/{:02} {:02}:{:02}:{:02}", t.month, t.day, t.hour, t.minute, t.second);
}

std::string long_form(std::int64_t utc_ns) {
  const Local t = local_of(utc_ns);
  return fmt::format("{:02}/{:02}/{:04} {:02}:{:02}:{:02}.{:03}", t.month, t.day, t.year, t.hour, t.minute, t.second,
                     t.millisecond);
}

std::string unix_form(std::int64_t utc_ns) {
  const std::int64_t ms = floor_to(utc_ns, 1'000'000) / 1'000'000;
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

int local_minute(std::int64_t utc_ns) {
  const Local t = local_of(utc_ns);
  return t.hour * 60 + t.minute;
}

}  // namespace mesura::smartmeter::twin
