// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/commands.hpp"

#include "http/compat/godenerg/fields.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::http::compat::godenerg {
namespace {

using runtime::JsonWriter;

/// The latest values of the device.
class Values {
 public:
  explicit Values(const Context& context) : context_(context) {
    for (Live::Value& value : context.live.latest()) {
      const SeriesInfo& info = context.live.series().at(value.series);
      if (info.device != context.device) continue;
      newest_ = std::max(newest_, value.received_ns);
      auto key = std::pair{info.channel, info.quantity};
      const auto known = by_name_.find(key);
      // A series described anew has another number.
      if (known != by_name_.end() && known->second.measurement.time_ns > value.measurement.time_ns) continue;
      by_name_.insert_or_assign(std::move(key), std::move(value));
    }
  }

  [[nodiscard]] const Live::Value* find(std::string_view channel, std::string_view quantity) const {
    const auto found = by_name_.find(std::pair{std::string{channel}, std::string{quantity}});
    return found == by_name_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Live::Value* find(const Field& field) const {
    const Live::Value* value = find(field.channel, field.quantity);
    if (field.other.empty()) return value;
    const Live::Value* other = find(field.channel, field.other);
    if (value == nullptr || other == nullptr) return value != nullptr ? value : other;
    return other->measurement.time_ns > value->measurement.time_ns ? other : value;
  }
  /// As on the wire: a channel's role or `invert` may have turned the sign.
  [[nodiscard]] double number(const Live::Value* value) const {
    if (value == nullptr || value->measurement.type != MESURA_NUMBER) return 0;
    const double n = value->measurement.number;
    return context_.live.series().at(value->series).negated && n != 0 ? -n : n;
  }
  [[nodiscard]] bool flag(std::string_view channel, std::string_view quantity) const {
    return number(find(channel, quantity)) != 0;
  }
  [[nodiscard]] bool fresh(std::int64_t received_ns) const {
    return context_.clock.wall_ns() - received_ns <= context_.stale_after.count();
  }
  [[nodiscard]] std::int64_t stale_before(std::int64_t received_ns) const {
    return received_ns - context_.stale_after.count();
  }
  /// States come when they change: they hold as long as the device says anything.
  [[nodiscard]] bool device_fresh() const { return !by_name_.empty() && fresh(newest_); }
  [[nodiscard]] std::string attribute(std::string_view key) const {
    return context_.live.series().attribute(context_.device, key);
  }

 private:
  const Context& context_;
  std::map<std::pair<std::string, std::string>, Live::Value> by_name_;
  std::int64_t newest_ = INT64_MIN;
};

void write(JsonWriter& json, const Field& field, const Values& values, std::int64_t since_ns = INT64_MIN) {
  const Live::Value* value = values.find(field);
  if (value != nullptr && field.form != Form::text && value->received_ns < since_ns) value = nullptr;
  const double number = values.number(value);
  json.key(field.key);
  switch (field.form) {
    case Form::integer: json.number(number); break;
    case Form::decimal:
      if (std::nearbyint(number) == number)
        json.fixed(number, 1);
      else
        json.number(number);
      break;
    case Form::text: json.string(value != nullptr ? std::string_view{value->text} : std::string_view{}); break;
    case Form::flag: json.boolean(number != 0); break;
    case Form::minutes: json.number(number / 60); break;
  }
}

void write_status(JsonWriter& json, const Values& values) {
  std::int64_t newest = INT64_MIN;
  for (const Field& field : status_fields()) {
    const Live::Value* value = values.find(field);
    if (value != nullptr && field.form != Form::text) newest = std::max(newest, value->received_ns);
  }
  if (newest == INT64_MIN || !values.fresh(newest)) return;
  for (const Field& field : status_fields()) {
    // What the inverter no longer knows (NA) is 0, as upstream.
    write(json, field, values, values.stale_before(newest));
    if (field.key != "raw_status") continue;
    // Fields 18 and 19 as the wire has them: tens of millivolts, and a version.
    const auto* offset = values.find("fan", "fan_on_voltage_offset");
    json.key("mask_b").string(offset == nullptr ? std::string{}
                                                : fmt::format("{:02}", std::lround(values.number(offset) * 100)));
    json.key("mask_c").string(values.attribute("eeprom_version"));
  }
  json.key("charge_source").begin_array();
  if (values.flag("grid", "charging")) json.string("ac_charging");
  if (values.flag("pv1", "charging")) json.string("solar_charging");
  json.end_array();
  json.key("batt_volt_to_steady").boolean(values.flag("battery", "battery_voltage_steady"));
  json.key("load_status").boolean(values.flag("ac_output", "load_on"));
  json.key("ssc_firmware_updated").boolean(values.flag("total", "scc_firmware_updated"));
  json.key("configuration_changed").boolean(values.flag("total", "configuration_changed"));
  json.key("sbu_priority_version").boolean(values.flag("total", "sbu_priority_version"));
}

void write_mode(JsonWriter& json, const Values& values) {
  const Live::Value* mode = values.find("total", "operating_mode");
  if (mode != nullptr && values.device_fresh()) json.key("mode").string(mode_code(mode->text));
}

void write_known(JsonWriter& json, const Values& values, std::span<const Field> fields) {
  if (!values.device_fresh()) return;
  for (const Field& field : fields)
    if (values.find(field) != nullptr) write(json, field, values);
}

struct Command {
  std::string_view name;
  void (*write)(JsonWriter& json, const Values& values);
};
constexpr std::array kCommands = {
    Command{"status", write_status},
    Command{"operation_mode", write_mode},
    Command{"settings", [](JsonWriter& j, const Values& v) { write_known(j, v, settings_fields()); }},
    Command{"default_settings", [](JsonWriter& j, const Values& v) { write_known(j, v, default_fields()); }},
};

Response refuse(std::string_view message) {
  Response response;
  response.status = 400;
  response.etag = false;
  JsonWriter{response.body}.begin_object().key("error").string(message).end_object();
  return response;
}

}  // namespace

Response commands(const Context& context, const Request& request) {
  std::vector<const Command*> asked;
  for (const std::string_view name : request.parameters("cmd")) {
    const auto* found =
        std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& c) { return c.name == name; });
    if (found == kCommands.end())
      return refuse(
          fmt::format("unknown cmd '{}': expected status, operation_mode, settings or default_settings", name));
    if (std::find(asked.begin(), asked.end(), found) == asked.end()) asked.push_back(found);
  }
  if (asked.empty()) return refuse("no cmd: ask like /cmds?cmd=status&cmd=operation_mode&merge=1");

  const Values values{context};
  Response response;
  response.etag = false;
  response.headers.emplace_back("Cache-Control", "no-store");
  JsonWriter json{response.body};
  json.begin_object();
  const bool flat = asked.size() == 1 || request.parameter("merge") == "1";
  for (const Command* command : asked) {
    if (!flat) json.key(command->name).begin_object();
    command->write(json, values);
    if (!flat) json.end_object();
  }
  json.end_object();
  return response;
}

}  // namespace mesura::http::compat::godenerg
