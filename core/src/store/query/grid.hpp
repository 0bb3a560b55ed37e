// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/store.hpp>

#include "model/zones.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mesura::store {

/// The length of a resolution's windows; of the day's 24 hours. 0 for raw.
[[nodiscard]] std::chrono::nanoseconds length_of(Resolution resolution);

/// Windows that follow one another without a gap: on the grid of UTC, or some of the site's days each, counted from
/// a Monday.
class Grid {
 public:
  /// `every` > 0. A multiple of a day: days of the zone.
  Grid(std::chrono::nanoseconds every, const model::Zone& zone);
  /// The shortest windows of handy lengths of which the range touches at most `points`, at least `shortest` long.
  static Grid for_points(TimeRange range, std::size_t points, std::chrono::nanoseconds shortest,
                         const model::Zone& zone);

  [[nodiscard]] TimeRange window(std::int64_t time_ns) const;
  [[nodiscard]] std::chrono::nanoseconds length() const { return length_; }
  /// Whether each window of the resolution lies in one of these.
  [[nodiscard]] bool holds(Resolution resolution, TimeRange range) const;
  /// Up to how many windows the range touches.
  [[nodiscard]] std::size_t windows(TimeRange range) const;

 private:
  std::chrono::nanoseconds length_;
  std::int64_t days_;  ///< 0: on the grid of UTC
  model::Zone zone_;
};

}  // namespace mesura::store
