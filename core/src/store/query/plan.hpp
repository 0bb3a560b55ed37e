// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/archive.hpp"
#include "store/query/grid.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mesura::store {

/// Rows of one resolution whose times (starts of windows) lie in the range.
struct Segment {
  Resolution resolution;
  TimeRange range;
};

/// How a range is put together from rows of several resolutions, so that each measurement in it counts once: rows of
/// `coarsest` where they are up to date and within one window of the grid, finer ones at the ends and where rollups
/// are behind, coarser ones where finer ones have gone for their age.
///
/// `zone` is that of the archive's days. Segments come by time, and none is empty.
[[nodiscard]] std::vector<Segment> plan(Archive& archive, std::span<const std::uint32_t> series, TimeRange range,
                                        Resolution coarsest, const Grid& grid, const model::Zone& zone);

}  // namespace mesura::store
