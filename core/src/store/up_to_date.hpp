// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/archive.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace mesura::store {

/// Takes a range apart by what rows of one resolution hold: `good` gets the stretches that are up to date (some may be
/// empty), `behind` those that are not, by time.
template <typename Good, typename Behind>
void split_by_state(Archive& archive, Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
                    Good&& good, Behind&& behind) {
  std::int64_t at = range.from_ns;
  for (const TimeRange& stretch : archive.behind(resolution, series, range)) {
    const TimeRange late{std::max(stretch.from_ns, at), std::min(stretch.to_ns, range.to_ns)};
    if (late.from_ns >= late.to_ns) continue;
    good({at, late.from_ns});
    behind(late);
    at = late.to_ns;
  }
  good({at, range.to_ns});
}

}  // namespace mesura::store
