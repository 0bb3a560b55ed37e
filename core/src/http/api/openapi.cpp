// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr std::string_view kSchemas = R"({
"Error":{"type":"object","required":["error"],"properties":{"error":{"type":"object","required":["code","message"],"properties":{"code":{"type":"string"},"message":{"type":"string"},"expected":{"type":"string"},"got":{"type":"string"},"hint":{"type":"string"}}}}},
"Measurement":{"type":"object","required":["device","channel","quantity","unit","time","received"],"properties":{"device":{"type":"string"},"channel":{"type":"string"},"quantity":{"type":"string"},"unit":{"type":"string"},"time":{"type":"string","format":"date-time"},"received":{"type":"string","format":"date-time"},"value":{"type":"number","nullable":true},"text":{"type":"string"},"quality":{"type":"string"}}},
"Series":{"type":"object","required":["device","channel","quantity","unit","kind","name","flat_name","label","role"],"properties":{"device":{"type":"string"},"fleet":{"type":"string"},"channel":{"type":"string"},"quantity":{"type":"string"},"unit":{"type":"string"},"kind":{"enum":["gauge","register","state"]},"name":{"type":"string"},"flat_name":{"type":"string"},"label":{"type":"string"},"role":{"enum":["","grid","solar","battery","load"]},"source":{"type":"string"},"text":{"type":"boolean"},"decimals":{"type":"integer"},"measured":{"type":"boolean"},"stored":{"type":"boolean"},"first":{"type":"string","nullable":true},"last":{"type":"string","nullable":true}}},
"Device":{"type":"object","required":["id","plugin","state","frames","frames_rejected","reconnects","faults","attributes"],"properties":{"id":{"type":"string"},"plugin":{"type":"string"},"is_fleet":{"type":"boolean"},"fleet":{"type":"string"},"state":{"enum":["connecting","live","stale","failed","finished"]},"since":{"type":"string","nullable":true},"last_frame":{"type":"string","nullable":true},"last_frame_age_s":{"type":"number","nullable":true},"frames":{"type":"integer"},"frames_rejected":{"type":"integer"},"measurements":{"type":"integer"},"reconnects":{"type":"integer"},"bytes":{"type":"integer"},"link":{"type":"string"},"error":{"type":"string"},"faults":{"type":"object","additionalProperties":{"type":"integer"}},"attributes":{"type":"object","additionalProperties":{"type":"string"}}}},
"Alert":{"type":"object","required":["rule","subject","kind","active","since","message"],"properties":{"rule":{"type":"string"},"subject":{"type":"string"},"kind":{"type":"string"},"active":{"type":"boolean"},"since":{"type":"string","nullable":true},"message":{"type":"string"}}},
"CommandDescription":{"type":"object","required":["name","help","danger","allowed","confirm","timeout_s","spacing_s","order","arguments"],"properties":{"name":{"type":"string"},"help":{"type":"string"},"danger":{"enum":["read","write","dangerous","raw"]},"allowed":{"type":"boolean"},"confirm":{"type":"boolean"},"warning":{"type":"string"},"changes":{"type":"string"},"read_back":{"type":"string"},"example":{"type":"string"},"timeout_s":{"type":"number"},"spacing_s":{"type":"number"},"order":{"type":"array","items":{"type":"string"}},"arguments":{"type":"object","description":"a JSON Schema"}}},
"Command":{"type":"object","required":["id","device","command","state","since"],"properties":{"id":{"type":"string"},"device":{"type":"string"},"command":{"type":"string"},"state":{"enum":["working","ended"]},"since":{"type":"string","format":"date-time"},"progress":{"type":"object","properties":{"done":{"type":"integer"},"total":{"type":"integer"},"text":{"type":"string"}}},"status":{"enum":["done","plan","refused","invalid","mismatch","unverified","timeout","unreachable","cancelled","unknown","arguments","forbidden","unconfirmed","busy","unaudited","failed"]},"message":{"type":"string"},"hint":{"type":"string"},"result":{},"content":{"type":"object","properties":{"base64":{"type":"string"}}},"plan":{"type":"array","items":{"type":"object","properties":{"link":{"type":"string"},"to":{"type":"string"},"hex":{"type":"string"},"text":{"type":"string"}}}},"wrote":{"type":"boolean"},"time":{"type":"string","format":"date-time"},"duration_ms":{"type":"integer"}}},
"AuditEntry":{"type":"object","required":["time","event","id","device","command","arguments","who","via","from"],"properties":{"time":{"type":"string","format":"date-time"},"event":{"enum":["write","result"]},"id":{"type":"string"},"device":{"type":"string"},"command":{"type":"string"},"arguments":{"type":"object"},"who":{"type":"string"},"via":{"enum":["cli","http","mqtt","direct"]},"from":{"type":"string"},"link":{"type":"string"},"to":{"type":"string"},"size":{"type":"integer"},"sent":{"type":"string"},"status":{"type":"string"},"message":{"type":"string"},"before":{},"after":{},"duration_ms":{"type":"integer"}}},
"Growth":{"type":"object","required":["from","to","amount","completeness","epochs","estimated"],"properties":{"from":{"type":"string"},"to":{"type":"string"},"amount":{"type":"number","nullable":true},"completeness":{"type":"number","nullable":true},"epochs":{"type":"integer"},"estimated":{"type":"boolean"}}}
})";

constexpr std::string_view kSecurity =
    R"({"token":{"type":"http","scheme":"bearer"},"login":{"type":"http","scheme":"basic"}})";

std::string_view reason(int status) {
  switch (status) {
    case 400: return "the request is wrong: the message says what was expected";
    case 401: return "log in or send a token";
    case 403: return "this takes another role";
    case 404: return "there is no such thing";
    case 413: return "the body is too long";
    case 415: return "the body is of another type";
    default: return "not now: ask again later";
  }
}

void append_schema(runtime::JsonWriter& json, const Parameter& p) {
  using enum Parameter::Type;
  json.begin_object();
  const bool list = p.repeatable;
  if (list) json.key("type").string("array").key("items").begin_object();
  switch (p.type) {
    case integer: json.key("type").string("integer"); break;
    case number: json.key("type").string("number"); break;
    case boolean: json.key("type").string("boolean"); break;
    default: json.key("type").string("string");
  }
  if (p.type == integer || p.type == number) {
    if (p.min) json.key("minimum").number(*p.min);
    if (p.max) json.key("maximum").number(*p.max);
  }
  if (p.type == word) {
    json.key("enum").begin_array();
    for (const auto& w : p.words) json.string(w);
    json.end_array();
  }
  if (!p.fallback.empty() && !list) {
    json.key("default");
    if (p.type == integer || p.type == number || p.type == boolean)
      json.raw(p.fallback);
    else
      json.string(p.fallback);
  }
  if (list) {
    json.end_object();
    if (!p.fallback.empty()) json.key("default").begin_array().string(p.fallback).end_array();
  }
  json.end_object();
}

std::string_view form(const Parameter& p) {
  using enum Parameter::Type;
  switch (p.type) {
    case glob: return "; a glob: device/channel/quantity, fewer parts for all below";
    case duration: return p.words.empty() ? "; a duration: 10s, 15m" : "; a duration (10s, 15m) or a word";
    case time: return "; RFC 3339, seconds since 1970, -5m, now, today, ...";
    default: return "";
  }
}

void append_parameters(runtime::JsonWriter& json, const Endpoint& e) {
  json.key("parameters").begin_array();
  for (const auto& p : e.parameters) {
    json.begin_object().key("name").string(p.name).key("in").string(p.in_path ? "path" : "query");
    json.key("required").boolean(p.required).key("description").string(p.help + std::string{form(p)});
    if (p.repeatable) json.key("explode").boolean(true);
    json.key("schema");
    append_schema(json, p);
    if (!p.example.empty()) {
      json.key("example");
      if (p.repeatable)
        json.begin_array().string(p.example).end_array();
      else
        json.string(p.example);
    }
    json.end_object();
  }
  json.end_array();
}

void append_answers(runtime::JsonWriter& json, const Endpoint& e) {
  json.key("responses").begin_object();
  for (const auto& answer : e.answers) {
    json.key(std::to_string(answer.status)).begin_object().key("description").string(answer.help);
    json.key("content").begin_object();
    for (const auto& type : answer.types) {
      json.key(type).begin_object().key("schema");
      if (type != "application/json")
        json.raw(R"({"type":"string"})");
      else
        json.raw(answer.schema.empty() ? R"({"type":"object"})" : answer.schema);
      json.end_object();
    }
    json.end_object().end_object();
  }
  std::set<int> errors{e.errors.begin(), e.errors.end()};
  errors.insert(400);  // unknown parameters are refused everywhere
  if (e.role != Role::none) errors.insert(401);
  for (const int status : errors) {
    json.key(std::to_string(status)).begin_object().key("description").string(reason(status));
    json.key("content").begin_object().key("application/json").begin_object();
    json.key("schema").raw(R"({"$ref":"#/components/schemas/Error"})");
    json.end_object().end_object().end_object();
  }
  json.end_object();
}

void append_operation(runtime::JsonWriter& json, const Endpoint& e) {
  std::string method = e.method;
  std::transform(method.begin(), method.end(), method.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  json.key(method).begin_object().key("summary").string(e.summary);
  std::string details = e.details;
  if (e.role == Role::control) details += details.empty() ? "Takes role control." : " Takes role control.";
  if (!details.empty()) json.key("description").string(details);
  append_parameters(json, e);
  if (!e.body.empty()) {
    json.key("requestBody").begin_object().key("content").begin_object();
    json.key("application/json").begin_object().key("schema").raw(e.body).end_object().end_object().end_object();
  }
  append_answers(json, e);
  if (e.role == Role::none) json.key("security").raw("[]");
  json.end_object();
}

/// Endpoints of one path stand side by side.
std::string description(const std::vector<Endpoint>& all) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("openapi").string("3.0.3");
  json.key("info").begin_object().key("title").string("Mesura").key("version").string("1");
  json.key("description")
      .string("Measurements of energy meters: live, stored, energies, demand, commands, and how the service does.");
  json.end_object();
  json.key("servers").raw(R"([{"url":"/"}])");
  json.key("paths").begin_object();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == 0 || all[i].path != all[i - 1].path) json.key(all[i].path).begin_object();
    append_operation(json, all[i]);
    if (i + 1 == all.size() || all[i].path != all[i + 1].path) json.end_object();
  }
  json.end_object();
  json.key("components").begin_object().key("schemas").raw(kSchemas).key("securitySchemes").raw(kSecurity).end_object();
  json.key("security").raw(R"([{"token":[]},{"login":[]}])");
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace

Endpoint openapi_endpoint(std::vector<Endpoint> all) {
  Endpoint e;
  e.path = "/api/v1/openapi.json";
  e.summary = "This description";
  e.run = Route::Run::front;
  e.answers = {{200, "OpenAPI 3.0", {"application/json"}, R"({"type":"object","required":["openapi","paths"]})"}};
  all.push_back(e);
  std::sort(all.begin(), all.end(), [](const Endpoint& a, const Endpoint& b) {
    return std::tie(a.path, a.method) < std::tie(b.path, b.method);
  });
  e.handler = [text = description(all)](const Call&) {
    Response response;
    response.body = text;
    return response;
  };
  return e;
}

}  // namespace mesura::http::api
