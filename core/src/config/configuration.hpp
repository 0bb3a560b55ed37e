// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The whole configuration file: its schema, what it says, and the checks across its sections.
#pragma once

#include "config/commands_section.hpp"
#include "config/diagnostic.hpp"
#include "config/http_section.hpp"
#include "config/plugin_schema.hpp"
#include "config/reader.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"
#include "model/expression.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

/// What this program can do, so what a configuration may ask for.
struct Catalog {
  std::vector<PluginSchema> plugins;
  std::vector<Field> transports;            ///< by kind: the schema of its options
  std::vector<Field> sinks;                 ///< by kind
  std::vector<std::string> waveform_sinks;  ///< kinds of sinks that take waveforms
};

struct LinkConfig {
  std::string link;  ///< the plugin's name for it
  std::string kind;  ///< of transport
  Value options;     ///< by that kind's schema
};

struct ChannelConfig {
  std::string label;                ///< or empty
  std::optional<std::string> role;  ///< "grid", "solar", "battery", "load"; none: as the plugin says
  bool invert = false;
  double scale = 1;  ///< never 0
  double offset = 0;
};

struct CaptureConfig {
  std::chrono::nanoseconds keep{0};
  std::int64_t max_bytes = 0;
};

/// A device that stands for many, each named by rule as it turns up.
struct FleetConfig {
  std::string key;            ///< what tells its units apart, one of the plugin's words
  std::string name_template;  ///< "{unit_name}"
};

/// A device, or a fleet.
struct DeviceConfig {
  std::string name;
  std::string plugin;
  std::vector<LinkConfig> links;  ///< those configured, in the plugin's order
  Value options;                  ///< by the plugin's schema
  std::chrono::nanoseconds stale_after{0};
  bool enabled = true;
  std::string control = "false";  ///< "false": commands may change nothing, "true", "raw": also bytes as typed
  std::map<std::string, ChannelConfig, std::less<>> channels;
  std::optional<CaptureConfig> capture;
  std::optional<std::string> relay;  ///< host:port to listen on
  std::optional<FleetConfig> fleet;
  Value section;  ///< all of it: equal sections need no restart
};

struct SinkConfig {
  std::string name;
  std::string kind;
  Value options;                            ///< by that kind's schema
  std::int64_t queue_limit = 0;             ///< measurements
  std::string queue_full;                   ///< "block", "drop_oldest", "drop_newest"
  std::optional<std::int64_t> spool_limit;  ///< bytes; 0: no spool
  std::chrono::nanoseconds commit_interval{0};
  Value section;  ///< all of it: equal sections need no restart
};

struct RouteConfig {
  std::vector<std::string> from;  ///< globs
  std::vector<std::string> to;    ///< names of sinks, each once
  std::chrono::nanoseconds every{0};
  std::string aggregate;  ///< "last", "mean", "min", "max", "sum"
};

/// A series that is computed from others.
struct DerivedConfig {
  std::string device;
  std::string channel;
  std::string quantity;
  std::string text;   ///< the expression as written
  std::string label;  ///< or empty
  std::string role;   ///< or empty
  model::QuantityFacts result;
  int decimals = 0;
  std::optional<model::Expression> expression;  ///< always there in a checked configuration
  std::vector<model::QuantityFacts> facts;      ///< of its operands
};

struct AlertConfig {
  std::string name;
  std::string kind;             ///< "stale", "above", ...
  Value options;                ///< by that kind's schema
  std::vector<std::string> to;  ///< names of doors
  Value section;                ///< all of it: equal sections keep their state
};

/// A way to tell somebody of alerts.
struct DoorConfig {
  std::string name;
  std::string kind;  ///< "mqtt", "exec", "webhook"
  Value options;     ///< by that kind's schema
  Value section;     ///< all of it: equal sections need no restart
};

struct LogConfig {
  std::string level;   ///< "error", "warn", "info", "debug", "trace"
  std::string format;  ///< "auto", "text", "json", "journald"
  std::string file;    ///< or empty
  std::int64_t max_bytes = 0;
  int keep = 0;                                             ///< old files
  std::map<std::string, std::string, std::less<>> devices;  ///< level by device
};

struct ClockConfig {
  std::string sync;  ///< "auto", "ignore", "require"
  std::chrono::nanoseconds hold{0};
};

/// A tariff by the highest quarter hour of each month.
struct CapacityConfig {
  double floor_w = 2500;                  ///< no month counts as less
  std::optional<double> eur_per_kw_year;  ///< none: costs are not shown
  std::optional<double> limit_w;          ///< warn above this, in place of the month's peak
};

struct Configuration {
  std::string timezone;
  std::string site_zone;  ///< the same if the file says it, or empty: a device then goes by its dialect's country
  std::string state;
  LogConfig log;
  ClockConfig clock;
  std::vector<std::string> plugin_path;
  std::vector<DeviceConfig> devices;  ///< in file order, disabled ones as well; after them the fleets
  std::vector<SinkConfig> sinks;
  std::vector<RouteConfig> routes;     ///< without `routes` in the file: everything to every sink
  std::vector<DerivedConfig> derived;  ///< each behind those that it uses
  std::vector<AlertConfig> alerts;
  std::vector<DoorConfig> doors;                    ///< `notify`
  std::optional<CapacityConfig> capacity;           ///< nothing: there is no such tariff here
  std::optional<HttpConfig> http;                   ///< nothing: no server
  std::optional<MqttCommandsConfig> mqtt_commands;  ///< nothing: devices are not asked over MQTT
  Value root;                                       ///< the file as read, defaults filled in
};

struct LoadResult {
  std::optional<Configuration> configuration;  ///< nothing if there are errors
  Diagnostics diagnostics;                     ///< errors and warnings, in file order
};

/// The schema of the whole file. A device's options, links and defaults are those of its plugin.
[[nodiscard]] Schema configuration_schema(const Catalog& catalog);

/// Reads and checks a whole file; nothing is opened but the file and its secrets. Every mistake is in the result.
[[nodiscard]] LoadResult load_configuration(const std::string& path, const Catalog& catalog,
                                            const Environment& environment = {});
/// The same for a text that is already here.
[[nodiscard]] LoadResult load_configuration_text(std::string_view yaml, const Catalog& catalog,
                                                 const ReadOptions& options = {});

/// The configuration in force as YAML: defaults filled in, secrets and URL passwords masked.
[[nodiscard]] std::string show_effective(const Configuration& configuration, const Catalog& catalog);

/// The transports of one link of a plugin: those of the catalog that it may use, with the plugin's own defaults in
/// them.
[[nodiscard]] Schema link_schema(const Catalog& catalog, const PluginSchema& plugin, const LinkSpec& link);
/// One device's section by the plugin's schema.
[[nodiscard]] Schema device_schema(const Catalog& catalog, const PluginSchema& plugin);
/// Makes a device of its validated section.
[[nodiscard]] DeviceConfig make_device(const std::string& name, const Value& section, const PluginSchema& plugin);

}  // namespace mesura::config
