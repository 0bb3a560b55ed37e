// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/zones.hpp"
#include "sinks/rollup/quarter.hpp"
#include "store/archive.hpp"

#include <optional>

namespace mesura::http::compat::p1_monitor {

/// What a sink has stored of a quarter hour, with its number by `zone`. Nothing: its arrays are none of ours.
[[nodiscard]] std::optional<sinks::rollup::Quarter> read_stored(const store::StoredQuarter& stored,
                                                                const model::Zone& zone);

}  // namespace mesura::http::compat::p1_monitor
