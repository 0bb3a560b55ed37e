// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

namespace mesura::http::api {

namespace {

void append_counts(runtime::JsonWriter& json, const pipeline::SinkQueue::Counts& c) {
  json.key("pushed").unsigned_integer(c.pushed).key("committed").unsigned_integer(c.committed);
  json.key("rejected").unsigned_integer(c.rejected).key("dropped").unsigned_integer(c.dropped);
  json.key("writes").unsigned_integer(c.writes).key("retries").unsigned_integer(c.retries);
}

void append_error(runtime::JsonWriter& json, const pipeline::SinkQueue::Status& queue) {
  json.key("last_error").string(queue.last_error);
  append_time(json, "last_error_time", queue.last_error_ns);
}

Response sinks(const Call& call) {
  const auto snapshot = call.snapshot();
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  append_time(json, "time", snapshot->taken_ns);
  json.key("sinks").begin_array();
  for (const auto& sink : snapshot->sinks) {
    json.begin_object().key("name").string(sink.name).key("where").string(sink.where);
    json.key("state").string(to_string(sink.queue.state));
    json.key("answers").boolean(sink.name == snapshot->store_sink);
    append_counts(json, sink.queue.counts);
    append_time(json, "last_commit", sink.queue.last_commit_ns);
    append_error(json, sink.queue);
    json.end_object();
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

Response spool(const Call& call) {
  const auto snapshot = call.snapshot();
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  append_time(json, "time", snapshot->taken_ns);
  json.key("sinks").begin_array();
  for (const auto& sink : snapshot->sinks) {
    const auto& c = sink.queue.counts;
    json.begin_object().key("name").string(sink.name).key("state").string(to_string(sink.queue.state));
    json.key("queue_limit").unsigned_integer(sink.queue_limit).key("waiting").unsigned_integer(c.waiting);
    json.key("spooled").unsigned_integer(c.spooled).key("spool_bytes").unsigned_integer(sink.queue.spool_bytes);
    json.key("spool_error").string(sink.queue.spool_error);
    json.key("dead_letters").unsigned_integer(sink.queue.dead);
    append_error(json, sink.queue);
    json.end_object();
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

constexpr const char* kSchema =
    R"({"type":"object","required":["time","sinks"],"properties":{"sinks":{"type":"array","items":{"type":"object","required":["name","state","last_error"]}}}})";

}  // namespace

Endpoint sinks_endpoint() {
  Endpoint e;
  e.path = "/api/v1/sinks";
  e.summary = "Where measurements go, and how that does";
  e.details = "`answers`: the sink that questions about the past are put to. Counts are measurements since the start.";
  e.answers = {{200, "the sinks", {"application/json"}, kSchema}};
  e.errors = {503};
  e.handler = sinks;
  return e;
}

Endpoint spool_endpoint() {
  Endpoint e;
  e.path = "/api/v1/spool";
  e.summary = "What waits for sinks: in memory, on disk, and dead letters";
  e.details = "`waiting`, `spooled` and `dead_letters` are measurements. `mesura spool` looks into them.";
  e.answers = {{200, "queue and spool of each sink", {"application/json"}, kSchema}};
  e.errors = {503};
  e.handler = spool;
  return e;
}

}  // namespace mesura::http::api
