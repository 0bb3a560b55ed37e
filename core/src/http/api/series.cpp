// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace mesura::http::api {

namespace {

struct Listed {
  SeriesInfo info;
  bool measured = false;  ///< by this process
  bool stored = false;
  std::optional<store::TimeRange> extent;
};

void check_globs(const std::vector<model::Glob>& globs, const std::map<std::string, Listed>& all) {
  for (const auto& glob : globs) {
    const bool any = std::any_of(all.begin(), all.end(), [&](const auto& s) { return glob.matches(s.second.info); });
    if (any) continue;
    std::vector<std::string> names;
    for (const auto& [name, listed] : all) names.push_back(name);
    throw Refused{404,
                  {"qry-series", "no series matches", "a series that is measured or stored", config::quote(glob.text()),
                   config::did_you_mean(glob.text(), names)}};
  }
}

Response list(const Call& call, Newest& newest) {
  const auto globs = call.arguments.globs("series");
  std::map<std::string, Listed> all;
  const SeriesTable& table = call.parts.live->series();
  for (const auto id : newest.series()) {
    auto& listed = all[table.at(id).name()];
    listed.info = table.at(id);
    listed.measured = true;
  }
  const auto snapshot = call.parts.snapshot(false);
  if (snapshot && snapshot->stores && call.arguments.boolean("stored"))
    ask_store(snapshot->stores, [&](store::Store& store) {
      for (auto& stored : store.series()) {
        auto& listed = all[stored.info.name()];
        if (!listed.measured) listed.info = stored.info;
        listed.stored = true;
        if (call.arguments.boolean("extent") && matches(globs, stored.info)) listed.extent = store.extent(stored);
      }
    });
  check_globs(globs, all);
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("series").begin_array();
  for (const auto& [name, listed] : all) {
    if (!matches(globs, listed.info)) continue;
    json.begin_object();
    append_series(json, listed.info);
    json.key("measured").boolean(listed.measured).key("stored").boolean(listed.stored);
    append_time(json, "first", listed.extent ? listed.extent->from_ns : 0);
    append_time(json, "last", listed.extent ? listed.extent->to_ns : 0);
    json.end_object();
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint series_endpoint(std::shared_ptr<Newest> newest) {
  Endpoint e;
  e.path = "/api/v1/series";
  e.summary = "What is measured and what is stored";
  e.details =
      "`measured`: by the running service; `stored`: the sink that answers about the past has it, from `first` to "
      "`last`.";
  e.parameters = {globs("series", "only these; repeatable"),
                  boolean("stored", "true", "those of the database as well, not only what is being measured"),
                  boolean("extent", "true", "look up the first and last time")};
  e.answers = {
      {200,
       "the series",
       {"application/json"},
       R"({"type":"object","required":["series"],"properties":{"series":{"type":"array","items":{"$ref":"#/components/schemas/Series"}}}})"}};
  e.errors = {404, 503};
  e.handler = [newest = std::move(newest)](const Call& call) { return list(call, *newest); };
  return e;
}

}  // namespace mesura::http::api
