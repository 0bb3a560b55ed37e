// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Answers of the store as text: the same for the command line and for the HTTP API.
#pragma once

#include <mesura/store.hpp>

#include "model/zones.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::store {

/// What is shown of a window. Measurements that stand as they are have one value whatever was asked for.
enum class Aggregate : std::uint8_t { minmax, mean, last, min, max, all };
[[nodiscard]] std::string_view to_string(Aggregate aggregate);  ///< "minmax", "mean", ...
[[nodiscard]] std::optional<Aggregate> aggregate_from(std::string_view word);

enum class AnswerForm : std::uint8_t {
  table,  ///< for people: a block a series, local times with their offset
  csv,    ///< RFC 4180: device,channel,quantity,unit,time and the values, a row a point
  json,   ///< one object
  jsonl   ///< an object a point, as `probe` and the live stream have them
};
[[nodiscard]] std::optional<AnswerForm> answer_form_from(std::string_view word);

struct RenderOptions {
  AnswerForm form = AnswerForm::json;
  Aggregate aggregate = Aggregate::minmax;
  /// Of the times in tables.
  model::Zone zone = model::Zone::utc();
};

/// Takes pieces of the answer; false: no more is wanted.
using Write = std::function<bool(std::string_view piece)>;

/// Renders traces piece by piece (some 64 KiB each).
///
/// Gaps show: a row without values where one begins, in JSON the list `gaps`. Times are UTC but in tables; in JSON,
/// which is made for plots, seconds since 1970 in arrays beside those of values. In CSV the columns follow the
/// aggregate (`min,max`; `value`; `min,max,mean,last,count`), `value` alone when no series was thinned, and `text` at
/// the end when one has texts. out     false when `write` wanted no more
bool render(const std::vector<Trace>& traces, TimeRange range, const RenderOptions& options, const Write& write);

/// The newest values. Table, CSV and JSON lines as `mesura latest` of the running service has them, but for the time of
/// reception, which is not stored: in CSV its column is empty. JSON: {"series":[...]}.
void render_latest(std::string& out, const std::vector<StoredSeries>& series, const std::vector<LatestValue>& values,
                   const RenderOptions& options);

/// A CSV field (RFC 4180), quoted where it must be; control characters as \x0a, so that a row is always one line.
void append_csv_field(std::string& out, std::string_view text);

}  // namespace mesura::store
