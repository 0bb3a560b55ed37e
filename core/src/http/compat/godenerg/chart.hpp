// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/compat/godenerg/graph.hpp"
#include "model/zones.hpp"

#include <string>
#include <vector>

namespace mesura::http::compat::godenerg {

/// The line chart "Inverter Stats" of one or two series, each with a Y axis of its own, as SVG.
///
/// Machines read it, too: the group of a series has `data-column`, and `data-points` with "seconds since 1970,value"
/// for each point, both as exact as they are; its `data-low` and `data-high` are the values at the bottom and top of
/// the plot, those of time stand at the drawing. At least one series must have a point.
[[nodiscard]] std::string draw_chart(const std::vector<GraphSeries>& series, const model::Zone& zone);

}  // namespace mesura::http::compat::godenerg
