// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// What the service says of itself: index, configuration, health.
#include "http/api/resources.hpp"

#include <utility>

namespace mesura::http::api {

namespace {

struct Place {
  std::string method;
  std::string path;
  std::string summary;
};

Response index(const Call& call, const std::vector<Place>& places) {
  const auto snapshot = call.parts.snapshot(false);
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("name").string("Mesura");
  json.key("version").string(snapshot ? snapshot->version : "");
  append_time(json, "started", snapshot ? snapshot->started_ns : 0);
  append_time(json, "time", call.now_ns);
  json.key("zone").string(call.zone.name());
  json.key("answers").string(snapshot ? snapshot->store_sink : "");
  json.key("endpoints").begin_array();
  for (const auto& [method, path, summary] : places) {
    json.begin_object().key("method").string(method);
    json.key("path").string(path).key("summary").string(summary).end_object();
  }
  json.end_array().end_object();
  response.body += '\n';
  response.etag = false;
  return response;
}

Response config(const Call& call) {
  const auto snapshot = call.snapshot();
  const std::string yaml = snapshot->configuration ? *snapshot->configuration : std::string{};
  Response response;
  if (call.arguments.text("format") == "yaml") {
    response.content_type = "application/yaml";
    response.body = yaml;
    return response;
  }
  runtime::JsonWriter json{response.body};
  json.begin_object().key("file").string(snapshot->configuration_file).key("yaml").string(yaml).end_object();
  response.body += '\n';
  return response;
}

/// What keeps the service from doing its work; an error may name hosts and paths, which are not for everybody.
std::vector<std::string> obstacles(const SnapshotPtr& snapshot, bool details) {
  if (!snapshot) return {"the collector does not answer"};
  std::vector<std::string> found;
  if (snapshot->stopping) found.emplace_back("the service is stopping");
  for (const auto& name : snapshot->devices_left_out) found.push_back("device " + name + " could not be set up");
  for (const auto& sink : snapshot->sinks) {
    using State = pipeline::SinkQueue::State;
    if (sink.queue.state == State::opening || sink.queue.state == State::failing)
      found.push_back("sink " + sink.name + " is not open" +
                      (sink.queue.last_error.empty() || !details ? "" : ": " + sink.queue.last_error));
  }
  return found;
}

Response ready(const Call& call) {
  const auto reasons = obstacles(call.parts.snapshot(true), call.request.principal.role >= Role::read);
  Response response;
  response.etag = false;
  response.status = reasons.empty() ? 200 : 503;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("ready").boolean(reasons.empty()).key("reasons").begin_array();
  for (const auto& reason : reasons) json.string(reason);
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint index_endpoint(const std::vector<Endpoint>& all) {
  std::vector<Place> places;
  for (const auto& e : all) places.push_back({e.method, e.path, e.summary});
  Endpoint e;
  e.path = "/api/v1/";
  e.summary = "What is here";
  e.answers = {{200,
                "version, time zone and endpoints",
                {"application/json"},
                R"({"type":"object","required":["name","version","zone","endpoints"]})"}};
  e.run = Route::Run::front;
  e.handler = [places = std::move(places)](const Call& call) { return index(call, places); };
  return e;
}

Endpoint config_endpoint() {
  Endpoint e;
  e.path = "/api/v1/config";
  e.summary = "The configuration in force, defaults filled in, secrets masked";
  e.parameters = {word("format", {"json", "yaml"}, "json", "form of the answer")};
  e.answers = {
      {200,
       "the configuration",
       {"application/json", "application/yaml"},
       R"({"type":"object","required":["file","yaml"],"properties":{"file":{"type":"string"},"yaml":{"type":"string"}}})"}};
  e.errors = {503};
  e.handler = config;
  return e;
}

Endpoint health_endpoint() {
  Endpoint e;
  e.path = "/health";
  e.summary = "The process is alive";
  e.role = Role::none;
  e.run = Route::Run::front;
  e.answers = {{200, "alive", {"application/json"}, R"({"type":"object","required":["status"]})"}};
  e.handler = [](const Call&) {
    Response response;
    response.etag = false;
    response.body = "{\"status\":\"ok\"}\n";
    return response;
  };
  return e;
}

Endpoint ready_endpoint() {
  Endpoint e;
  e.path = "/ready";
  e.summary = "Devices are set up and sinks are open";
  e.details = "A meter that is silent or away does not count: /api/v1/devices tells of that.";
  e.role = Role::none;
  const std::string schema =
      R"({"type":"object","required":["ready","reasons"],"properties":{"ready":{"type":"boolean"},"reasons":{"type":"array","items":{"type":"string"}}}})";
  e.answers = {{200, "ready", {"application/json"}, schema},
               {503, "not ready, with the reasons", {"application/json"}, schema}};
  e.handler = ready;
  return e;
}

}  // namespace mesura::http::api
