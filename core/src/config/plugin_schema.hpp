// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a plugin says of itself in its schema.yaml (docs/plugin-schema.md).
#pragma once

#include "config/diagnostic.hpp"
#include "config/schema.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::config {

/// A channel of bytes between a device and its plugin. Its number at the ABI is its place in PluginSchema::links.
struct LinkSpec {
  std::string name;
  std::string help;
  std::vector<std::string> transports;  ///< kinds that may carry it, the usual one first
  bool optional = false;                ///< may be left unconfigured: the plugin does without, or opens it itself
  std::vector<std::pair<std::string, std::string>> defaults;  ///< by kind: its options' defaults here, as a YAML map
  std::optional<int> port;  ///< of a virtual device: where it is served under its own address; 0: any free port
  bool broadcast = false;   ///< of a virtual device: on the broadcast address of its network
};

/// The role that a channel has unless the configuration gives another.
struct RoleRule {
  std::string channel;  ///< glob: "pv*"
  std::string role;     ///< "grid", "solar", "battery", "load"
};

/// How the active power of a channel that has no register is integrated to energy.
struct IntegrationRule {
  std::string channel;  ///< glob: "ct*"
  bool mean = false;    ///< values are means since the one before; otherwise momentary
};

/// A quantity that the vocabulary does not have.
struct QuantitySpec {
  std::string name;
  std::string unit;                   ///< a base unit, "1" for none
  std::string kind;                   ///< "gauge", "register", "state"
  bool text = false;                  ///< values are texts
  int decimals = 0;                   ///< in the base unit
  std::vector<std::string> channels;  ///< where it may stand: a name, with '*' for a number
  std::string help;
};

/// What a command may do to a device; each asks for more than the one before.
enum class Danger : std::uint8_t {
  read,       ///< changes nothing, or starts and stops a measurement
  write,      ///< changes a setting: the device needs `control: true`
  dangerous,  ///< may harm or make the device unreachable: also asks to be confirmed
  raw         ///< anything at all: needs `control: raw`, and to be confirmed
};
[[nodiscard]] std::string_view to_string(Danger danger);

/// A command of the device, for `mesura device NAME COMMAND`.
struct CommandSpec {
  std::string name;
  std::string help;
  std::vector<Field> arguments;  ///< in the order in which they stand on a command line
  Danger danger = Danger::write;
  std::string warning = {};    ///< of dangerous ones: what may happen, asked with the confirmation
  std::string changes = {};    ///< what it changes, for people: "battery/float_voltage"; or empty
  std::string read_back = {};  ///< how the change is verified, for people: "QPIRI field 12"; or empty
  std::string example = {};    ///< arguments that make sense: "54.0"; or empty
  std::chrono::nanoseconds timeout{std::chrono::seconds{15}};  ///< from its turn to its end
  std::chrono::nanoseconds spacing{0};                         ///< least time from one write to the next
};

/// How `mesura discover` finds such devices: addresses without the plugin's name, "udp://?broadcast=true".
struct DiscoverSpec {
  std::string broadcast;                                     ///< asks whole networks, as a fleet; or empty
  std::string host;                                          ///< asks one host, with {host} for it; or empty
  std::vector<std::pair<std::string, std::string>> options;  ///< of the plugin, for it
};

struct PluginSchema {
  std::string name;
  std::string version;
  std::string summary;
  std::optional<std::chrono::nanoseconds> stale_after;  ///< the usual silence after which the device is stale
  std::vector<LinkSpec> links;
  std::vector<RoleRule> roles;               ///< the first that matches counts
  std::vector<std::string> export_positive;  ///< globs of channels where plus on the wire is export or production
  std::vector<IntegrationRule> integrate;    ///< the first that matches counts
  std::vector<std::string> fleet;  ///< what may tell the units of a fleet apart, the usual one first; none: no fleets
  DiscoverSpec discover;
  std::vector<Field> options;
  std::vector<QuantitySpec> quantities;
  std::vector<CommandSpec> commands;
};

struct PluginSchemaResult {
  std::optional<PluginSchema> schema;  ///< nothing if there are errors
  Diagnostics diagnostics;
};

/// Reads the text of a schema.yaml; `file` names it in messages. Defaults are checked against their own options, so
/// that a schema which this accepts never fails later.
[[nodiscard]] PluginSchemaResult parse_plugin_schema(std::string_view yaml, const std::string& file);

}  // namespace mesura::config
