// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/cuts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mesura::sinks::recording {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

/// The first row at or after `time_ns`. The division may be a row off where a row falls on the instant.
std::uint64_t first_row_at(const WaveformStream& stream, std::int64_t time_ns) {
  if (time_ns <= stream.start_ns) return 0;
  const double rows = std::floor(static_cast<double>(time_ns - stream.start_ns) / stream.period_ns);
  if (rows >= 0x1p63) return kNever;
  auto row = static_cast<std::uint64_t>(rows);
  while (row > 0 && stream.time_ns(row - 1) >= time_ns) --row;
  while (stream.time_ns(row) < time_ns) ++row;
  return row;
}

}  // namespace

Cuts::Range Cuts::around(const WaveformStream& stream, std::uint64_t row) const {
  Range range{0, kNever};
  if (every_ns > 0) {
    const std::int64_t begin = floor_to(stream.time_ns(row), every_ns);
    range.begin = first_row_at(stream, begin);
    if (begin <= std::numeric_limits<std::int64_t>::max() - every_ns) {
      range.end = first_row_at(stream, begin + every_ns);
    }
  }
  if (rows > 0) {
    range.begin += (row - range.begin) / rows * rows;
    range.end = std::min(range.end, range.begin + rows);
  }
  return range;
}

}  // namespace mesura::sinks::recording
