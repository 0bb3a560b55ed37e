// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr std::string_view kImport = "active_energy_import";
constexpr std::string_view kExport = "active_energy_export";

void append_window(runtime::JsonWriter& json, const store::TimeRange& window) {
  append_time(json, "from", window.from_ns);
  append_time(json, "to", window.to_ns);
}

void append_trace(runtime::JsonWriter& json, const store::EnergyTrace& trace) {
  const SeriesInfo& info = trace.series.info;
  json.begin_object();
  append_series(json, info);
  json.key("origin").string(store::to_string(trace.origin));
  json.key("windows").begin_array();
  for (const auto& growth : trace.windows) {
    json.begin_object();
    append_window(json, growth.window);
    json.key("amount");
    append_value(json, growth.amount, std::max(info.decimals, 3));
    json.key("completeness");
    append_value(json, growth.completeness, 4);
    json.key("epochs").unsigned_integer(growth.epochs).key("estimated").boolean(growth.estimated);
    json.end_object();
  }
  json.end_array().end_object();
}

/// What flows both ways at one place.
struct Pair {
  const store::EnergyTrace* import = nullptr;
  const store::EnergyTrace* exported = nullptr;
};

/// The better origin stands for a place.
void choose(const store::EnergyTrace*& chosen, const store::EnergyTrace& trace) {
  if (chosen == nullptr || trace.origin < chosen->origin) chosen = &trace;
}

void append_net(runtime::JsonWriter& json, const std::vector<store::EnergyTrace>& traces) {
  std::map<std::pair<std::string, std::string>, Pair> places;
  for (const auto& trace : traces) {
    const SeriesInfo& info = trace.series.info;
    auto& pair = places[{info.device, info.channel}];
    if (info.quantity == kImport) choose(pair.import, trace);
    if (info.quantity == kExport) choose(pair.exported, trace);
  }
  json.key("net").begin_array();
  for (const auto& [place, pair] : places) {
    const store::EnergyTrace* const some = pair.import != nullptr ? pair.import : pair.exported;
    if (some == nullptr) continue;
    const int decimals = std::max(some->series.info.decimals, 3);
    json.begin_object().key("device").string(place.first).key("channel").string(place.second);
    json.key("label").string(some->series.info.label).key("role").string(some->series.info.role);
    json.key("unit").string(some->series.info.unit).key("windows").begin_array();
    for (std::size_t i = 0; i < some->windows.size(); ++i) {
      const auto at = [&](const store::EnergyTrace* trace) {
        return trace != nullptr && i < trace->windows.size() ? &trace->windows[i] : nullptr;
      };
      const store::Growth* const in = at(pair.import);
      const store::Growth* const out = at(pair.exported);
      const double imported = in != nullptr ? in->amount : 0;
      const double exported = out != nullptr ? out->amount : 0;
      json.begin_object();
      append_window(json, some->windows[i].window);
      json.key("import");
      append_value(json, imported, decimals);
      json.key("export");
      append_value(json, exported, decimals);
      json.key("net");
      append_value(json, imported - exported, decimals);
      json.key("completeness");
      append_value(json, std::min(in != nullptr ? in->completeness : 1, out != nullptr ? out->completeness : 1), 4);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

Response ask(const Call& call) {
  const Arguments& a = call.arguments;
  const Range range = range_of(a, call.parts.limits.range);
  store::EnergyQuery query;
  query.series = a.texts("series");
  for (const auto& device : a.texts("device")) query.series.push_back(device);
  if (query.series.empty()) query.series.emplace_back("*");
  query.range = {range.from_ns, range.to_ns};
  query.every = *store::period_from(a.text("every"));
  query.now_ns = call.now_ns;
  constexpr std::int64_t kHour = 3'600'000'000'000;
  const std::int64_t shortest = query.every == store::Period::quarter_hour ? kHour / 4
                                : query.every == store::Period::hour       ? kHour
                                : query.every == store::Period::whole      ? INT64_MAX
                                                                           : 23 * kHour;
  const auto windows =
      static_cast<std::uint64_t>(query.range.to_ns - query.range.from_ns) / static_cast<std::uint64_t>(shortest);
  if (windows > call.parts.limits.points)
    throw Refused{400,
                  {"qry-too-much", "the range has too many windows of this length",
                   "at most " + std::to_string(call.parts.limits.points), std::to_string(windows),
                   "make 'every' longer or the range shorter"}};
  const auto traces = call.with_store([&](store::Store& store) { return store.energy(query); });
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  append_window(json, query.range);
  json.key("zone").string(call.zone.name()).key("every").string(store::to_string(query.every));
  json.key("energies").begin_array();
  for (const auto& trace : traces) append_trace(json, trace);
  json.end_array();
  append_net(json, traces);
  json.end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint energy_endpoint() {
  Endpoint e;
  e.path = "/api/v1/energy";
  e.summary = "Energies and volumes by day, week, month, year or any range";
  e.details =
      "Amounts are in the series' unit (Wh, m3). `origin`: meter (a register of the device), integrated (a register "
      "that the service keeps) or power (worked out from stored powers). `completeness` is the part of a window, up to "
      "now, that measurements cover; `epochs` counts resets, rollovers and meter swaps in it; `estimated`: a border "
      "fell into a gap. Tariffs are channels (t1, t2). `net` is import less export of each channel that has them. "
      "Windows are those of the site's zone: days of clock changes have 23 and 25 hours.";
  e.parameters = {
      globs("series", "registers or active powers; repeatable; default: all"),
      repeatable(text("device", "all series of this device; repeatable")), moment("from", "today", "beginning"),
      moment("to", "now", "end, not included"),
      word("every", {"whole", "15m", "1h", "day", "week", "month", "year"}, "day", "length of the windows")};
  e.answers = {
      {200,
       "energies by window",
       {"application/json"},
       R"({"type":"object","required":["from","to","zone","every","energies","net"],"properties":{"energies":{"type":"array","items":{"type":"object","required":["device","channel","quantity","unit","origin","windows"],"properties":{"origin":{"enum":["meter","integrated","power"]},"windows":{"type":"array","items":{"$ref":"#/components/schemas/Growth"}}}}},"net":{"type":"array","items":{"type":"object","required":["device","channel","unit","windows"]}}}})"}};
  e.errors = {404, 503};
  e.handler = ask;
  return e;
}

}  // namespace mesura::http::api
