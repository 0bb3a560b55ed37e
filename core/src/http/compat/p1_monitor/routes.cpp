// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/routes.hpp"

#include "http/compat/p1_monitor/calendar.hpp"
#include "http/compat/p1_monitor/historic.hpp"
#include "http/compat/p1_monitor/quarters.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace mesura::http::compat {
namespace {

using namespace p1_monitor;

/// What all handlers of one monitor share.
struct Monitor {
  explicit Monitor(const Context& c) : context(c), quarters(context) {}
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  Context context;
  Quarters quarters;
};

Response not_found() { return text_response(404, "Item not found"); }

Response json_response(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

/// What changes all the time.
Response live_response(Response response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  response.etag = false;
  return response;
}

Response current_quarter(const Monitor& m) {
  const auto quarter = m.quarters.running();
  return live_response(json_response(quarter ? to_json(*quarter) : empty_json()));
}

Response month_peak(const Monitor& m) {
  // The board told of its own memory; clients show it, or nothing.
  struct sysinfo memory {};
  ::sysinfo(&memory);
  const auto bytes = [&](unsigned long units) { return std::uint64_t{units} * memory.mem_unit; };
  const auto peak = m.quarters.month_peak();
  std::string body;
  runtime::JsonWriter json{body};
  json.begin_object().key("memory").begin_object();
  json.key("size_heap").unsigned_integer(bytes(memory.totalram));
  json.key("free_heap").unsigned_integer(bytes(memory.freeram));
  for (const char* none : {"free_sketch", "size_sketch", "size_psram", "free_psram"}) json.key(none).integer(0);
  json.end_object().key("peak").begin_object();
  json.key("quarter_id").integer(peak ? sinks::rollup::quarter_id(peak->quarter_ns / 1000, m.context.zone) : 0);
  json.key("power").integer(peak ? peak->watts : 0);
  json.end_object().end_object();
  return live_response(json_response(std::move(body)));
}

Response watt(const Monitor& m) {
  const auto watts = m.quarters.present_import();
  return live_response(text_response(200, fmt::format("{}", watts.value_or(-1))));
}

Response meter(const Monitor& m, const Request& request) {
  const auto& part = request.captures;
  if (part.size() != 4) return not_found();
  const auto start = quarter_at(part[0], part[1], part[2], part[3], m.context.zone);
  const auto quarter = start ? m.quarters.finished(*start) : std::nullopt;
  return quarter ? json_response(to_json(*quarter)) : not_found();
}

Response crash_log(const Monitor& m) {
  std::string body;
  for (const std::int64_t start : m.context.starts_ns) {
    const model::LocalTime t = m.context.zone.to_local(start);
    body += fmt::format("Started up @{:04}-{:02}-{:02} {:02}:{:02}:{:02}\n", t.year, t.month, t.day, t.hour, t.minute,
                        t.second);
  }
  return text_response(200, std::move(body));
}

Response description(const Monitor& m) {
  std::string name;
  for (const char c : m.context.device) name += c == '<' || c == '&' ? '_' : c;
  Response response;
  response.content_type = "text/xml";
  response.body = fmt::format(
      R"(<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion><device>)"
      R"(<deviceType>urn:schemas-upnp-org:device:Basic:1</deviceType><friendlyName>{}</friendlyName>)"
      R"(<presentationURL>/</presentationURL><manufacturer>Mesura</manufacturer><modelName>Mesura</modelName>)"
      R"(<modelDescription>Digital meter monitor</modelDescription><UDN>uuid:mesura-p1-{}</UDN></device></root>
)",
      name, name);
  return response;
}

}  // namespace

std::vector<Route> p1_monitor_routes(const Context& context) {
  const auto monitor = std::make_shared<const Monitor>(context);
  std::vector<Route> routes;
  const auto add = [&](const char* method, const char* pattern, auto answer) {
    const auto handler = [monitor, answer](const Request& request) {
      Response response;
      try {
        response = answer(*monitor, request);
      } catch (const store::StoreError& error) {
        response = text_response(503, "ERROR: " + first_line(error.what()));
      }
      response.headers.emplace_back("Access-Control-Allow-Origin", "*");
      return response;
    };
    routes.push_back({method, pattern, monitor->context.role, Route::Run::worker, handler});
  };
  const auto nothing = [](const Monitor&, const Request&) { return not_found(); };

  add("GET", "/current/quarter", [](const Monitor& m, const Request&) { return current_quarter(m); });
  add("GET", "/current/month/peak", [](const Monitor& m, const Request&) { return month_peak(m); });
  add("GET", "/meter/{year}/{month}/{day}/{file}", meter);
  add("GET", "/meter/{rest*}", nothing);
  add("GET", "/watt", [](const Monitor& m, const Request&) { return watt(m); });
  const auto historic = [](auto list) {
    return [list](const Monitor& m, const Request& r) { return list(m.quarters, m.context.zone, r); };
  };
  add("GET", "/historic/years", historic(historic_years));
  add("GET", "/historic/months", historic(historic_months));
  add("GET", "/historic/days", historic(historic_days));
  add("GET", "/historic/quarters", historic(historic_quarters));
  add("GET", "/crashlog.txt", [](const Monitor& m, const Request&) { return crash_log(m); });
  add("GET", "/description.xml", [](const Monitor& m, const Request&) { return description(m); });
  // Programs are not replaced over the air.
  add("GET", "/update", nothing);
  add("GET", "/update/identity", nothing);
  add("POST", "/update", nothing);
  if (context.own_port) add("GET", "/{rest*}", nothing);
  return routes;
}

}  // namespace mesura::http::compat
