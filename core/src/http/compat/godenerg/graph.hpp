// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a graph shows: which time, which columns, which points.
#pragma once

#include "http/compat/context.hpp"
#include "http/compat/godenerg/fields.hpp"
#include "store/archive.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::http::compat::godenerg {

inline constexpr std::size_t kMaxPoints = 2048;

struct GraphPoint {
  std::int64_t time_ns = 0;
  double value = 0;
};
struct GraphSeries {
  std::string name;
  std::vector<GraphPoint> points;
};

/// YYYYMMDD, YYYYMMDDHH, YYYYMMDDHHMM or YYYYMMDDHHMMSS of the site's clock. In the repeated hour of autumn the first
/// or the second instant. Nothing: anything else.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text, const model::Zone& zone,
                                                     model::Repeated choice);

/// The columns' points in the range: every row while there are at most kMaxPoints, else means of steps of
/// `interval` x ceil(rows / kMaxPoints) (longer where rows come closer than that), each at its step's beginning,
/// counted from 1970. Where raw rows are gone, rollups take their place. Throws StoreError.
[[nodiscard]] std::vector<GraphSeries> graph_data(store::Archive& archive, const std::string& device,
                                                  const std::vector<const Field*>& columns, store::TimeRange range,
                                                  std::chrono::nanoseconds interval);

/// GET /graph?from=&to=&col_1=&col_2=
[[nodiscard]] Response graph(const Context& context, const Request& request);

}  // namespace mesura::http::compat::godenerg
