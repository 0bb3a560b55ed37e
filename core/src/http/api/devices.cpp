// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"
#include "http/api/resources.hpp"

#include <algorithm>
#include <map>

namespace mesura::http::api {

namespace {

Response list(const Call& call) {
  const auto snapshot = call.snapshot();
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  append_time(json, "time", snapshot->taken_ns);
  json.key("devices").begin_array();
  for (const auto& device : snapshot->devices) {
    json.begin_object();
    append_device(json, device, snapshot->taken_ns);
    json.end_object();
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

struct Channel {
  const SeriesInfo* newest = nullptr;
  std::vector<std::uint32_t> series;
};

void append_channels(runtime::JsonWriter& json, const SeriesTable& table,
                     const std::map<std::string, Channel>& channels) {
  json.key("channels").begin_array();
  for (const auto& [name, channel] : channels) {
    json.begin_object().key("channel").string(name);
    json.key("label").string(channel.newest->label).key("role").string(channel.newest->role);
    json.key("quantities").begin_array();
    for (const auto id : channel.series) json.string(table.at(id).quantity);
    json.end_array().end_object();
  }
  json.end_array();
}

Response one(const Call& call, Newest& newest) {
  const std::string& id = call.arguments.text("id");
  const auto snapshot = call.snapshot();
  const auto found =
      std::find_if(snapshot->devices.begin(), snapshot->devices.end(), [&](const auto& d) { return d.name == id; });
  const SeriesTable& table = call.parts.live->series();
  std::map<std::string, Channel> channels;
  for (const auto series : newest.series()) {
    const SeriesInfo& info = table.at(series);
    if (info.device != id) continue;
    auto& channel = channels[info.channel];
    channel.newest = &info;
    channel.series.push_back(series);
  }
  // Derived devices have series, but no session.
  if (found == snapshot->devices.end() && (channels.empty() || !snapshot->sources.contains(id))) {
    std::vector<std::string> names;
    for (const auto& device : snapshot->devices) names.push_back(device.name);
    throw Refused{404,
                  {"api-device", "there is no such device", names.empty() ? "a device" : config::joined(names),
                   config::quote(id), config::did_you_mean(id, names)}};
  }
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  if (found != snapshot->devices.end())
    append_device(json, *found, snapshot->taken_ns);
  else
    json.key("id").string(id).key("plugin").null().key("state").string("derived");
  append_channels(json, table, channels);
  json.key("series").begin_array();
  for (const auto& [name, channel] : channels)
    for (const auto series : channel.series) {
      json.begin_object();
      append_series(json, table.at(series));
      json.end_object();
    }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Endpoint devices_endpoint() {
  Endpoint e;
  e.path = "/api/v1/devices";
  e.summary = "Every device with its state";
  e.details =
      "States: connecting (no verified frame yet), live, stale (silent for stale_after), failed (its session could not "
      "be made), finished (a file has ended). A fleet stands before its members.";
  e.answers = {
      {200,
       "the devices",
       {"application/json"},
       R"({"type":"object","required":["time","devices"],"properties":{"time":{"type":"string","format":"date-time"},"devices":{"type":"array","items":{"$ref":"#/components/schemas/Device"}}}})"}};
  e.errors = {503};
  e.handler = list;
  return e;
}

Endpoint device_endpoint(std::shared_ptr<Newest> newest) {
  Endpoint e;
  e.path = "/api/v1/devices/{id}";
  e.summary = "One device: state, attributes, channels, series";
  e.parameters = {in_path("id", "the device's name")};
  e.answers = {
      {200,
       "the device",
       {"application/json"},
       R"({"allOf":[{"type":"object","required":["id","state","channels","series"],"properties":{"channels":{"type":"array","items":{"type":"object","required":["channel","label","role","quantities"]}},"series":{"type":"array","items":{"$ref":"#/components/schemas/Series"}}}}]})"}};
  e.errors = {404, 503};
  e.handler = [newest = std::move(newest)](const Call& call) { return one(call, *newest); };
  return e;
}

}  // namespace mesura::http::api
