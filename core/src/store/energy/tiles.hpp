// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How a range is put together from rollups where they are up to date, and from finer rows where they are not.
#pragma once

#include "store/archive.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mesura::store {

/// Rows of this resolution that start in the range.
struct Tile {
  Resolution resolution = Resolution::raw;
  TimeRange range;
};

/// The window of a rollup that holds an instant.
[[nodiscard]] TimeRange rollup_window(Resolution resolution, std::int64_t time_ns, const model::Zone& zone);

/// Tiles by time, without holes. Where raw rows would be needed and have expired, the finest rollups that are left.
[[nodiscard]] std::vector<Tile> tiles(Archive& archive, std::span<const std::uint32_t> series, TimeRange range,
                                      Resolution coarsest);

/// A rollup's row, to be kept.
struct KeptRow {
  TimeRange window;
  double completeness = 0;
  std::uint64_t count = 0;
  std::vector<Cell> cells;
};
[[nodiscard]] std::vector<KeptRow> kept_rows(Archive& archive, const Tile& tile, std::span<const std::uint32_t> series);

[[nodiscard]] constexpr Resolution finer_than(Resolution resolution) {
  return resolution == Resolution::raw ? resolution : static_cast<Resolution>(static_cast<int>(resolution) - 1);
}

/// The coarsest rollups whose windows lie within those of a period.
[[nodiscard]] Resolution coarsest_for(Period period);

}  // namespace mesura::store
