// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Where the axes of a chart are marked, and how.
#pragma once

#include "model/zones.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::plot {

/// A scale of values: from `low` to `high`, marked at multiples of `step` (1, 2 or 5 times a power of ten).
struct Scale {
  double low = 0;
  double high = 1;
  double step = 1;
  std::vector<double> ticks;  ///< from low to high
  std::string unit;           ///< with its prefix: "kW"
  double factor = 1;          ///< label = value / factor
  int decimals = 0;           ///< of labels

  [[nodiscard]] std::string label(double value) const;
};

/// A scale that holds [min, max] and has about `wanted` marks. Finite, any order of size; equal ones get room around.
[[nodiscard]] Scale value_scale(double min, double max, std::string_view unit, std::size_t wanted);

struct TimeTick {
  std::int64_t time_ns = 0;
  std::string label;
};

/// Marks at round local times in [from, to), so many at most that their labels fit beside one another on an axis of
/// `width` characters.
[[nodiscard]] std::vector<TimeTick> time_ticks(std::int64_t from_ns, std::int64_t to_ns, const model::Zone& zone,
                                               std::size_t width);

}  // namespace mesura::plot
