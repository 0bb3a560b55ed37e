// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/raw_export.hpp"
#include "http/api/resources.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::http::api {

namespace {

std::optional<store::Resolution> resolution_of(const std::string& word) {
  using enum store::Resolution;
  for (const auto resolution : {raw, minute, quarter_hour, hour, day})
    if (store::to_string(resolution) == word) return resolution;
  return std::nullopt;
}

[[noreturn]] void too_much(std::string message, std::string expected, std::string got, std::string hint) {
  throw Refused{400, {"qry-too-much", std::move(message), std::move(expected), std::move(got), std::move(hint)}};
}

void check_windows(const Call& call, const store::Query& query, std::size_t series) {
  const Limits& limits = call.parts.limits;
  if (series > limits.series)
    too_much("the globs match too many series", fmt::format("at most {}", limits.series), fmt::format("{}", series),
             "ask for fewer, or once for each device");
  std::size_t windows = query.points;
  if (query.every) {
    const auto length = static_cast<std::uint64_t>(query.range.to_ns - query.range.from_ns);
    windows = static_cast<std::size_t>(length / static_cast<std::uint64_t>(query.every->count())) + 1;
    if (windows > limits.points)
      too_much("the range has too many windows of this length", fmt::format("at most {}", limits.points),
               fmt::format("{} of {}", windows, config::print_duration(*query.every)),
               "make 'every' longer or the range shorter; every=raw with format=csv has no such limit");
  }
  if (windows * series > limits.values)
    too_much("that is too much for one answer", fmt::format("at most {} points of all series together", limits.values),
             fmt::format("{} series of up to {} points", series, windows), "ask for fewer points or fewer series");
}

Response export_raw(const Call& call, const std::vector<store::StoredSeries>& series, store::TimeRange range,
                    bool csv) {
  auto stream = std::make_shared<RawExport>(call.store_pool(), series, range,
                                            csv ? RawExport::Form::csv : RawExport::Form::json_lines);
  Response response;
  response.content_type = csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
  response.etag = false;
  response.stream = [stream](std::string& out) { return stream->next(out); };
  return response;
}

Response ask(const Call& call) {
  const Arguments& a = call.arguments;
  const Range range = range_of(a, call.parts.limits.range);
  const std::string& format = a.text("format");
  const bool raw = a.text("every") == "raw";
  store::Query query;
  query.series = a.texts("series");
  query.range = {range.from_ns, range.to_ns};
  query.points = raw ? call.parts.limits.points : static_cast<std::size_t>(*a.integer("points"));
  query.every = a.duration("every");
  query.resolution = raw ? store::Resolution::raw : resolution_of(a.text("resolution"));
  if (query.every && a.given("points"))
    throw Refused{400,
                  {"api-parameter", "'points' and 'every' both say how wide windows are", "one of them", "",
                   "'points' for plots, 'every' for tables"}};
  std::vector<store::StoredSeries> series;
  auto traces = call.with_store([&](store::Store& store) {
    series = store.series(query.series);
    if (raw && format != "json") return std::vector<store::Trace>{};
    check_windows(call, query, series.size());
    return store.query(query);
  });
  if (raw && format != "json") return export_raw(call, series, query.range, format == "csv");
  if (raw)
    for (const auto& trace : traces)
      if (trace.window.count() != 0)
        too_much("there are too many measurements for a JSON object",
                 fmt::format("at most {} of each series", call.parts.limits.points), trace.series.info.name(),
                 "format=csv and format=jsonl stream any number; or leave out 'every'");
  Response response;
  if (format != "json") response.content_type = format == "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson";
  const store::RenderOptions options{*store::answer_form_from(format), *store::aggregate_from(a.text("aggregate")),
                                     call.zone};
  store::render(traces, query.range, options, [&](std::string_view piece) {
    response.body += piece;
    return true;
  });
  return response;
}

}  // namespace

Endpoint query_endpoint(const Limits& limits) {
  Endpoint e;
  e.path = "/api/v1/query";
  e.summary = "Measurements of a time range, thinned to windows";
  e.details =
      "Rollups are picked by themselves. Where a series has no more measurements than `points`, each comes as it is "
      "(`window_s` 0, array `value`); otherwise every window that has any gives what `aggregate` says. `times` are "
      "seconds since 1970 (start of the window). A register's mean is its last value. Series that are states have an "
      "entry for each change, the first one holding at the beginning. `gaps` are where nothing came for more than "
      "three times the usual interval.";
  e.parameters = {
      required(globs("series", "which series; repeatable")),
      moment("from", "-1h", "beginning"),
      moment("to", "now", "end, not included"),
      integer("points", 1, static_cast<double>(limits.points), "1000", "at most so many windows of each series"),
      or_words(duration("every", 0.001, 366.0 * 86400, "",
                        "windows of this length instead; raw: every stored measurement, streamed as csv or jsonl"),
               {"raw"}),
      word("resolution", {"raw", "1m", "15m", "1h", "1d"}, "", "read these rows, whatever fits best"),
      word("aggregate", {"minmax", "mean", "last", "min", "max", "all"}, "minmax", "what is told of a window"),
      word("format", {"json", "jsonl", "csv"}, "json", "form of the answer")};
  e.parameters[4].example = "15m";
  e.answers = {
      {200,
       "the series",
       {"application/json", "application/x-ndjson", "text/csv"},
       R"({"type":"object","required":["from","to","zone","series"],"properties":{"series":{"type":"array","items":{"type":"object","required":["device","channel","quantity","unit","resolution","window_s","times","gaps"],"properties":{"resolution":{"enum":["raw","1m","15m","1h","1d"]},"window_s":{"type":"number"},"times":{"type":"array","items":{"type":"number"}},"gaps":{"type":"array","items":{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2}}}}}}})"}};
  e.errors = {404, 503};
  e.handler = ask;
  return e;
}

}  // namespace mesura::http::api
