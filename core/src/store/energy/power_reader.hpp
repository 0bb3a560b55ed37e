// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "energy/power_energy.hpp"
#include "store/archive.hpp"
#include "store/energy/tiles.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace mesura::store {

/// The energy of a stored power over windows that follow one another without holes, by sign: means of rollups times
/// the time that they cover; finer ones where a window has both signs, raw rows for some minutes of these. Beyond that
/// the split is worked out from minimum, mean and maximum of the minute; the difference of both is exact all the same.
[[nodiscard]] std::vector<energy::PowerEnergy> read_power(Archive& archive, std::uint32_t series,
                                                          std::span<const TimeRange> windows, Resolution coarsest);

}  // namespace mesura::store
