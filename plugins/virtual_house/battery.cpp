// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_house/battery.hpp"

#include <algorithm>

namespace mesura::virtual_house {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
// Of the battery's day, which begins in the morning: no zone changes its clock then, so each wall time is there once.
constexpr std::int64_t kDayBegin = 6 * kHour;
constexpr std::int64_t kEvening = 11 * kHour;  // 17:00
constexpr std::int64_t kEmptying = 4 * kHour;  // before the day's end
constexpr std::int64_t kReserve = 10;          // 1/10 of the capacity

}  // namespace

/// Power in mW for the minute that begins `second` seconds into the day; the night's emptying is not decided here.
std::int64_t Battery::decide(std::int64_t stored, std::int64_t second, std::int64_t need_mw) const {
  const std::int64_t limit = capacity_mws_ / (2 * kHour);
  if (need_mw < 0) return std::min({-need_mw, limit, (capacity_mws_ - stored) / kMinute});
  if (second < kEvening) return 0;
  return -std::min({need_mw, limit, (stored - capacity_mws_ / kReserve) / kMinute});
}

void Battery::live_through(UtcSeconds t, const LocalClock& clock, const Need& need_mw) const {
  const std::int64_t wall = floor_to(t + clock.offset_seconds(t) - kDayBegin, kDaySeconds) + kDayBegin;
  begin_ = clock.utc(wall);
  end_ = clock.utc(wall + kDaySeconds);
  minutes_.clear();
  std::int64_t stored = capacity_mws_ / kReserve;
  const std::int64_t length = end_ - begin_;
  for (std::int64_t second = 0; second < length; second += kMinute) {
    const std::int64_t left = length - second;
    const std::int64_t power = left <= kEmptying ? -(stored - capacity_mws_ / kReserve) / left
                                                 : decide(stored, second, need_mw(begin_ + second));
    minutes_.push_back({stored, power});
    stored += power * kMinute;
  }
}

Battery::State Battery::at(UtcSeconds t, const LocalClock& clock, const Need& need_mw) const {
  if (capacity_mws_ <= 0) return {};
  if (!known(t)) live_through(t, clock, need_mw);
  const std::int64_t second = t - begin_;
  const Minute& minute = minutes_.at(static_cast<std::size_t>(second / kMinute));
  const std::int64_t stored = minute.stored_mws + minute.power_mw * (second % kMinute);
  return {minute.power_mw, stored * 1000 / capacity_mws_};
}

}  // namespace mesura::virtual_house
