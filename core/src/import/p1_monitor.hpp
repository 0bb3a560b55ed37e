// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/importer.hpp"
#include "import/p1_source.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"

#include <memory>

namespace mesura::importing {

/// The reference P1 monitor's quarters: the mean of each slot at the slot's start, as import, export (both positive)
/// and their difference, in the series of dsmr_p1. `target` must outlive it.
[[nodiscard]] std::unique_ptr<Importer> p1_monitor(std::unique_ptr<QuarterSource> source, Target& target, Range range,
                                                   Problems& problems);

}  // namespace mesura::importing
