// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_house/clock.hpp"

#include <date/date.h>
#include <date/tz.h>
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace mesura::virtual_house {
namespace {

const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(std::string{name});
  } catch (const std::runtime_error&) {
    throw std::invalid_argument(fmt::format("zone: expected an IANA zone such as Europe/Brussels, got '{}'", name));
  }
}

}  // namespace

LocalClock::LocalClock(std::string_view zone) : zone_(find_zone(zone)) {}

void LocalClock::look_up(UtcSeconds utc) const {
  const date::sys_info info = zone_->get_info(date::sys_seconds{std::chrono::seconds{utc}});
  begin_ = info.begin.time_since_epoch().count();
  end_ = info.end.time_since_epoch().count();
  offset_ = info.offset.count();
  summer_ = info.save != std::chrono::minutes{0};
}

std::int64_t LocalClock::offset_seconds(UtcSeconds utc) const {
  if (utc < begin_ || utc >= end_) look_up(utc);
  return offset_;
}

LocalTime LocalClock::local(UtcSeconds utc) const {
  const std::int64_t wall = utc + offset_seconds(utc);
  const std::int64_t midnight = floor_to(wall, kDaySeconds);
  const date::sys_days day{date::days{static_cast<int>(midnight / kDaySeconds)}};
  const date::year_month_day ymd{day};
  const int second_of_day = static_cast<int>(wall - midnight);
  LocalTime local;
  local.year = static_cast<int>(ymd.year());
  local.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  local.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  local.hour = second_of_day / 3600;
  local.minute = second_of_day / 60 % 60;
  local.second = second_of_day % 60;
  local.weekday = static_cast<int>(date::weekday{day}.c_encoding());
  local.summer = summer_;
  return local;
}

UtcSeconds LocalClock::month_begin(int year, int month) const {
  const date::sys_days day{date::year{year} / date::month{static_cast<unsigned>(month)} / 1};
  const std::int64_t midnight = std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count();
  return utc(midnight);
}

}  // namespace mesura::virtual_house
