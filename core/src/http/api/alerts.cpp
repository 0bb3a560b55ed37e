// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

namespace mesura::http::api {

namespace {

void append_alerts(runtime::JsonWriter& json, std::string_view key, const std::vector<pipeline::Alert>& alerts) {
  json.key(key).begin_array();
  for (const auto& alert : alerts) {
    json.begin_object().key("rule").string(alert.rule).key("subject").string(alert.subject);
    json.key("kind").string(alert.kind).key("active").boolean(alert.active);
    append_time(json, "since", alert.since_ns);
    json.key("message").string(alert.message).end_object();
  }
  json.end_array();
}

Response list(const Call& call) {
  const auto snapshot = call.snapshot();
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  append_time(json, "time", snapshot->taken_ns);
  append_alerts(json, "active", snapshot->alerts);
  append_alerts(json, "recent", snapshot->recent_alerts);
  json.end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint alerts_endpoint() {
  Endpoint e;
  e.path = "/api/v1/alerts";
  e.summary = "Alerts that are active, and the latest changes";
  e.answers = {
      {200,
       "the alerts",
       {"application/json"},
       R"({"type":"object","required":["time","active","recent"],"properties":{"active":{"type":"array","items":{"$ref":"#/components/schemas/Alert"}},"recent":{"type":"array","items":{"$ref":"#/components/schemas/Alert"}}}})"}};
  e.errors = {503};
  e.handler = list;
  return e;
}

}  // namespace mesura::http::api
