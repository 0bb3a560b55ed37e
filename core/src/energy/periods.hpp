// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How windows of energy follow one another: hours on the grid of UTC, days and longer ones as the site's calendar says.
#pragma once

#include <mesura/store.hpp>

#include "model/zones.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace mesura::energy {

using store::Period;
using store::TimeRange;

inline constexpr std::int64_t kSecondNs = 1'000'000'000;
inline constexpr std::int64_t kQuarterNs = 900 * kSecondNs;
inline constexpr std::int64_t kHourNs = 3600 * kSecondNs;

/// The multiple of `unit` at or before `time`, also before 1970.
[[nodiscard]] constexpr std::int64_t floor_to(std::int64_t time, std::int64_t unit) {
  const std::int64_t rest = time % unit;
  return time - (rest < 0 ? rest + unit : rest);
}

/// The window that holds an instant, whole. Not for Period::whole.
[[nodiscard]] TimeRange period_window(Period period, std::int64_t time_ns, const model::Zone& zone);

/// All windows that touch the range, the first and the last one cut to it; none of an empty range.
/// nullopt: more than `most`.
[[nodiscard]] std::optional<std::vector<TimeRange>> period_windows(Period period, TimeRange range,
                                                                   const model::Zone& zone, std::size_t most);

}  // namespace mesura::energy
