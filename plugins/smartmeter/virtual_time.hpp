// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's clock face: UTC+1 with central-European summer time, wherever the meter stands.
#pragma once

#include <cstdint>
#include <string>

namespace mesura::smartmeter::twin {

inline constexpr std::int64_t kSecond = 1'000'000'000;

/// The greatest multiple of `step` that is not above `value`; step > 0.
constexpr std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

/// Seconds that the meter's local time is ahead of UTC: 3600, or 7200 from the last Sunday of March, 01:00 UTC, to the
/// last Sunday of October, 01:00 UTC.
[[nodiscard]] std::int64_t local_offset(std::int64_t utc_seconds);

/// "MM/DD HH:MM:SS", as in log lines.
[[nodiscard]] std::string short_form(std::int64_t utc_ns);
/// "MM/DD/YYYY HH:MM:SS.mmm".
[[nodiscard]] std::string long_form(std::int64_t utc_ns);
/// "<unix s>.<mmm>".
[[nodiscard]] std::string unix_form(std::int64_t utc_ns);
/// Minutes since local midnight.
[[nodiscard]] int local_minute(std::int64_t utc_ns);

}  // namespace mesura::smartmeter::twin
