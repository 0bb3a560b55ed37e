// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/store.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mesura::http::api {

/// What of a window is told.
struct Columns {
  std::vector<std::string> names;  ///< "min", "max", "mean", "last", "count", each once
};
/// Of the words of `aggregate`: minmax is min and max, all is everything.
[[nodiscard]] Columns columns_of(const std::vector<std::string>& words);

/// The traces as one JSON object, column by column.
[[nodiscard]] std::string query_json(const std::vector<store::Trace>& traces, store::TimeRange range,
                                     const std::string& zone, const Columns& columns);

/// A point a line, series after series.
[[nodiscard]] std::string query_csv(const std::vector<store::Trace>& traces, const Columns& columns);
[[nodiscard]] std::string query_json_lines(const std::vector<store::Trace>& traces, const Columns& columns);

/// The beginning of a line of one series: "grid,total,active_power,W,".
[[nodiscard]] std::string csv_prefix(const SeriesInfo& info);
/// {"device":"grid",...,"unit":"W","time":"
[[nodiscard]] std::string json_prefix(const SeriesInfo& info);

}  // namespace mesura::http::api
