// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

namespace mesura::http::api {

namespace {

Response ask(const Call& call) {
  const Arguments& a = call.arguments;
  const Range range = range_of(a, call.parts.limits.range);
  const std::string& device = a.text("device");
  const auto found = call.with_store([&](store::Store& store) {
    return store.cross_checks(device, {range.from_ns, range.to_ns});
  });
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("device").string(device);
  append_time(json, "from", range.from_ns);
  append_time(json, "to", range.to_ns);
  json.key("checks").begin_array();
  for (const store::CrossCheck& check : found) {
    json.begin_object().key("code").string(check.code);
    append_time(json, "from", check.window.from_ns);
    append_time(json, "to", check.window.to_ns);
    json.key("expected");
    append_value(json, check.expected, 3);
    json.key("got");
    append_value(json, check.got, 3);
    json.key("message").string(check.message).end_object();
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint checks_endpoint() {
  Endpoint e;
  e.path = "/api/v1/checks";
  e.summary = "What of a device's measurements does not add up";
  e.details =
      "Hour by hour: `phases-total`, the phases' powers against the total; `power-energy`, the power over time against "
      "the growth of the meter's register. Beyond what rounding explains; nothing is dropped for it. An empty list is "
      "good.";
  e.parameters = {required(text("device", "whose")), moment("from", "today", "beginning"),
                  moment("to", "now", "end, not included")};
  e.answers = {
      {200,
       "the hours that do not add up",
       {"application/json"},
       R"({"type":"object","required":["device","from","to","checks"],"properties":{"checks":{"type":"array","items":{"type":"object","required":["code","from","to","expected","got","message"],"properties":{"code":{"enum":["phases-total","power-energy"]}}}}}})"}};
  e.errors = {404, 503};
  e.handler = ask;
  return e;
}

}  // namespace mesura::http::api
