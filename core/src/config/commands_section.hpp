// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The section `commands`: who but people and programs over HTTP may ask devices for something.
#pragma once

#include "config/diagnostic.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

struct Catalog;

/// What stands for the device in topics.
inline constexpr std::string_view kDevicePlace = "{device}";

/// `commands: {mqtt: ...}`
struct MqttCommandsConfig {
  std::string topic;               ///< "mesura/{device}/command": {device} is a level of its own
  std::string reply;               ///< "mesura/{device}/reply"
  std::vector<std::string> allow;  ///< globs DEVICE/COMMAND; none: nothing
  Value section;                   ///< all of it, the broker's options too; equal sections need no new connection
};

/// `sinks`: the kinds of sinks; the broker's options are those of the kind mqtt.
[[nodiscard]] Schema commands_schema(const std::vector<Field>& sinks);
/// Of a validated `commands.mqtt`.
[[nodiscard]] MqttCommandsConfig make_mqtt_commands(const Value& section);

/// What no single value of it can show. `root` is the whole file as read.
void check_commands(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out);

}  // namespace mesura::config
