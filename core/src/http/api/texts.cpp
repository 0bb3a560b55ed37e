// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/texts.hpp"

#include "model/text.hpp"
#include "runtime/time_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mesura::http::api {

namespace {
constexpr std::uint32_t kNone = UINT32_MAX;
}

void append_time(runtime::JsonWriter& json, std::string_view key, std::int64_t time_ns) {
  json.key(key);
  if (time_ns == 0)
    json.null();
  else
    json.string(runtime::format_time(time_ns));
}

void append_device(runtime::JsonWriter& json, const collector::DeviceStatus& device, std::int64_t now_ns) {
  const auto& h = device.health;
  json.key("id").string(device.name).key("plugin").string(device.plugin);
  if (device.is_fleet) json.key("is_fleet").boolean(true);
  if (!device.fleet.empty()) json.key("fleet").string(device.fleet);
  json.key("state").string(to_string(h.state));
  append_time(json, "since", h.since_ns);
  append_time(json, "last_frame", h.last_frame_ns);
  json.key("last_frame_age_s");
  if (h.last_frame_ns == 0)
    json.null();
  else
    append_value(json, static_cast<double>(std::max<std::int64_t>(0, now_ns - h.last_frame_ns)) / 1e9, 3);
  json.key("frames").unsigned_integer(h.frames).key("frames_rejected").unsigned_integer(h.frames_rejected);
  json.key("measurements").unsigned_integer(h.measurements).key("reconnects").unsigned_integer(h.reconnects);
  json.key("bytes").unsigned_integer(h.bytes);
  json.key("link").string(h.link).key("error").string(h.error);
  json.key("faults").begin_object();
  for (const auto& [code, count] : h.faults) json.key(code).unsigned_integer(count);
  json.end_object();
  json.key("attributes").begin_object();
  for (const auto& [key, value] : h.attributes) json.key(key).string(value);
  json.end_object();
}

bool matches(const std::vector<model::Glob>& globs, const SeriesInfo& info) {
  return globs.empty() ||
         std::any_of(globs.begin(), globs.end(), [&](const model::Glob& g) { return g.matches(info); });
}

void Newest::learn() {
  const SeriesTable& table = live_.series();
  for (auto id = static_cast<std::uint32_t>(group_.size()); id < table.size(); ++id)
    group_.push_back(
        groups_.try_emplace(table.at(id).name(), static_cast<std::uint32_t>(groups_.size())).first->second);
}

std::vector<Live::Value> Newest::values() {
  auto values = live_.latest();
  const std::scoped_lock lock{mutex_};
  learn();
  if (groups_.size() == group_.size()) return values;  // no name twice
  std::vector<std::uint32_t> best(groups_.size(), kNone);
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    auto& at = best[group_[values[i].series]];
    if (at == kNone || values[at].received_ns <= values[i].received_ns) at = i;
  }
  std::vector<Live::Value> kept;
  kept.reserve(best.size());
  for (const auto at : best)
    if (at != kNone) kept.push_back(std::move(values[at]));
  return kept;
}

std::vector<std::uint32_t> Newest::series() {
  const std::scoped_lock lock{mutex_};
  learn();
  std::vector<std::uint32_t> newest(groups_.size(), 0);
  for (std::uint32_t id = 0; id < group_.size(); ++id) newest[group_[id]] = id;
  return newest;
}

}  // namespace mesura::http::api
