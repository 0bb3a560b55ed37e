// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include "energy/capacity.hpp"
#include "http/api/live_demand.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr std::int64_t kQuarterNs = 900'000'000'000;

void watts(runtime::JsonWriter& json, std::string_view key, double value) {
  json.key(key);
  append_value(json, value, 1);
}

void append_quarter(runtime::JsonWriter& json, const store::QuarterDemand& quarter) {
  json.begin_object();
  append_time(json, "start", quarter.start_ns);
  watts(json, "average_w", quarter.average_w);
  json.key("origin").string(store::to_string(quarter.origin));
  json.key("estimated").boolean(quarter.estimated).key("complete").boolean(quarter.complete);
  json.key("running").boolean(quarter.running).key("samples").unsigned_integer(quarter.samples);
  watts(json, "min_w", quarter.samples > 0 ? quarter.min_w : NAN);
  watts(json, "max_w", quarter.samples > 0 ? quarter.max_w : NAN);
  json.end_object();
}

void append_month(runtime::JsonWriter& json, const store::MonthPeak& month) {
  json.begin_object();
  append_time(json, "from", month.month.from_ns);
  append_time(json, "to", month.month.to_ns);
  watts(json, "average_w", month.average_w);
  append_time(json, "quarter", std::isnan(month.average_w) ? 0 : month.quarter_ns);
  json.key("from_meter").boolean(month.from_meter);
  append_time(json, "since", month.since_ns);
  json.end_object();
}

/// The device that the question names, or the only one with a demand.
std::string device_of(const Call& call) {
  const std::string& named = call.arguments.text("device");
  if (!named.empty()) return named;
  const SeriesTable& table = call.parts.live->series();
  std::string found;
  for (std::uint32_t id = 0; id < table.size(); ++id) {
    const SeriesInfo& info = table.at(id);
    if (info.channel != call.arguments.text("channel") || info.quantity != "active_power_import") continue;
    if (!found.empty() && found != info.device)
      throw Refused{400,
                    {"api-missing-parameter", "several devices have a demand", "device=NAME",
                     found + ", " + info.device + ", ...", "say which"}};
    found = info.device;
  }
  if (found.empty())
    throw Refused{404,
                  {"qry-series", "no device measures imported power on this channel", "device=NAME", "",
                   "say which device and channel"}};
  return found;
}

/// What the running quarter comes to: from memory if that has heard its beginning, else with what is stored.
std::optional<store::Forecast> forecast_of(const Call& call, const LiveDemand& live, const std::string& device,
                                           const store::DemandAnswer& stored, const CapacityTerms& terms) {
  const auto running = call.arguments.text("channel") == "total" ? live.running(device) : std::nullopt;
  if (!running || running->quarter.start_ns + kQuarterNs <= call.now_ns || std::isnan(running->power_w))
    return std::nullopt;
  double so_far = running->quarter.average_w;
  for (const auto& quarter : stored.quarters)
    if (std::isnan(so_far) && quarter.start_ns == running->quarter.start_ns) so_far = quarter.average_w;
  if (std::isnan(so_far)) return std::nullopt;
  double limit = terms.limit_w.value_or(0);
  for (const auto& month : stored.months)
    if (!terms.limit_w && month.month.contains(running->quarter.start_ns) && !std::isnan(month.average_w))
      limit = month.average_w;
  return energy::forecast(running->quarter.start_ns, running->time_ns, so_far, running->power_w,
                          std::max(limit, terms.floor_w));
}

void append_forecast(runtime::JsonWriter& json, const std::optional<store::Forecast>& forecast) {
  json.key("forecast");
  if (!forecast) {
    json.null();
    return;
  }
  json.begin_object();
  append_time(json, "quarter", forecast->quarter_ns);
  json.key("elapsed_s");
  append_value(json, forecast->elapsed_s, 3);
  watts(json, "so_far_w", forecast->so_far_w);
  watts(json, "power_w", forecast->power_w);
  watts(json, "forecast_w", forecast->forecast_w);
  watts(json, "limit_w", forecast->limit_w);
  watts(json, "allowed_w", forecast->allowed_w);
  json.end_object();
}

Response ask(const Call& call, const LiveDemand& live) {
  const Range range = range_of(call.arguments, std::chrono::hours{24 * 366});
  const auto snapshot = call.parts.snapshot(false);
  const CapacityTerms terms = snapshot ? snapshot->capacity : CapacityTerms{};
  const std::string device = device_of(call);
  store::DemandQuery query{device, call.arguments.text("channel"), {range.from_ns, range.to_ns}, call.now_ns};
  const bool year = call.arguments.boolean("year");
  std::optional<store::CapacityYear> capacity;
  const auto answer = call.with_store([&](store::Store& store) {
    if (year) capacity = store.capacity_year(device, call.now_ns, terms.floor_w, terms.eur_per_kw_year);
    return store.demand(query);
  });
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("device").string(device).key("channel").string(query.channel);
  append_time(json, "from", range.from_ns);
  append_time(json, "to", range.to_ns);
  json.key("zone").string(call.zone.name());
  append_forecast(json, forecast_of(call, live, device, answer, terms));
  json.key("quarters").begin_array();
  for (const auto& quarter : answer.quarters) append_quarter(json, quarter);
  json.end_array().key("months").begin_array();
  for (const auto& month : answer.months) append_month(json, month);
  json.end_array().key("year");
  if (capacity) {
    json.begin_object().key("months").begin_array();
    for (const auto& month : capacity->months) append_month(json, month);
    json.end_array();
    watts(json, "mean_w", capacity->mean_w);
    watts(json, "floor_w", terms.floor_w);
    json.key("cost_eur");
    append_value(json, capacity->cost_eur.value_or(NAN), 2);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint demand_endpoint(std::shared_ptr<const LiveDemand> live) {
  Endpoint e;
  e.path = "/api/v1/demand";
  e.summary = "Quarter-hour demand as the capacity tariff bills it";
  e.details =
      "The quarters of the range, the peaks of the months that it touches, and from memory what the running quarter "
      "comes to: `so_far_w` as the meter's 1.4.0, `forecast_w` if the power of the last minute goes on, `allowed_w` "
      "that just keeps `limit_w` (null in the last 30 s). An `average_w` of null is a quarter of which too little was "
      "heard. Months begin and end with the site's calendar.";
  e.parameters = {text("device", "whose; may be left out where only one device measures imported power"),
                  text("channel", "of this channel"), moment("from", "today", "beginning"),
                  moment("to", "now", "end, not included"),
                  boolean("year", "false", "the last twelve months' peaks, their mean and cost as well")};
  e.parameters[1].fallback = "total";
  e.answers = {
      {200,
       "quarters, peaks, forecast",
       {"application/json"},
       R"({"type":"object","required":["device","channel","from","to","forecast","quarters","months","year"],"properties":{"quarters":{"type":"array","items":{"type":"object","required":["start","average_w","origin","estimated","complete","running"]}},"months":{"type":"array","items":{"type":"object","required":["from","to","average_w","quarter","from_meter"]}}}})"}};
  e.errors = {404, 503};
  e.handler = [live = std::move(live)](const Call& call) { return ask(call, *live); };
  return e;
}

}  // namespace mesura::http::api
