// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The shape of the configuration file, as people read it in the manual and in their editors.
#include "config/alert_schema.hpp"
#include "config/configuration.hpp"
#include "config/text.hpp"
#include "config/units.hpp"
#include "config/yaml_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::string_view kStaleAfter = "1m";
constexpr std::string_view kInterval = "interval";

Schema at_least_one(Schema s) {
  s.min = 1;
  return s;
}

Schema level() {
  return enumeration({"error", "warn", "info", "debug", "trace"}, "what is logged, and everything graver");
}

Schema log_schema() {
  return object({optional("level", level(), "info"),
                 optional("format",
                          enumeration({"auto", "text", "json", "journald"},
                                      "auto: text on a terminal, journald under systemd, else text"),
                          "auto"),
                 optional("file", of(Type::path, "write here instead of standard error")),
                 optional("max_size", size("size at which the file is rotated", "64KiB"), "10MiB"),
                 optional("keep", integer("old files kept", 0, 1000), "5"),
                 optional("devices", map(level(), "levels of single devices"), "{}")},
                "the program's own log");
}

Schema clock_schema() {
  return object(
      {optional("sync",
                enumeration(
                    {"auto", "ignore", "require"},
                    "whether measurements wait for the system clock to be synchronised; auto: only shortly after boot"),
                "auto"),
       optional("hold", duration("how long they wait at most", "0s", "1d"), "10m")},
      "trust in this machine's clock");
}

Schema capacity_schema() {
  Schema floor = number("no month counts as less than this", 0, 1e9);
  Schema limit = number(
      "warn when a quarter hour comes to more than this; without it, to more than the month's peak "
      "so far",
      0, 1e9);
  floor.unit = limit.unit = "W";
  return object({optional("floor_w", std::move(floor), "2500"),
                 optional("eur_per_kw_year", number("price of a kW of mean month peak, a year", 0, 1e6)),
                 optional("limit_w", std::move(limit))},
                "capacity tariff by the highest quarter hour of each month, as in Flanders");
}

Schema channel_schema() {
  return object(
      {optional("label", text("your name for it")),
       optional("role", enumeration({"grid", "solar", "battery", "load"}, "what it measures; decides what plus means")),
       optional("invert", boolean("the clamp is mounted the other way round"), "false"),
       optional("scale", number("every value times this"), "1"),
       optional("offset", number("added after that, in the base unit"), "0")},
      "how a channel is named and corrected");
}

std::vector<Field> device_fields(Field options, std::string stale_after) {
  return {
      required("plugin", of(Type::name, "the plugin that speaks with it")),
      std::move(options),
      optional("stale_after", duration("silence after which it is stale and its link is opened again", "100ms"),
               std::move(stale_after)),
      optional("enabled", boolean("false: configured, but left alone"), "true"),
      optional("control",
               enumeration({"false", "true", "raw"},
                           "whether commands may change it; raw: also bytes as typed (`mesura device`)"),
               "false"),
      optional("channels", named(channel_schema(), "channel", "its channels, by name"), "{}"),
      optional("capture", object({optional("keep", duration("age at which recordings are deleted", "1m"), "7d"),
                                  optional("max", size("size of all of them, the oldest go first", "64KiB"), "1GiB")},
                                 "record its raw bytes")),
      optional("relay", object({required("listen", of(Type::address, "own address and port"))},
                               "pass verified frames on to TCP clients"))};
}

bool any_required(const std::vector<Field>& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const Field& f) { return f.required; });
}

/// A device whose plugin is unknown, so that everything else in it is still checked.
Schema general_device(const Catalog& catalog) {
  std::vector<Field> fields =
      device_fields(optional("options", of(Type::any, "the plugin's own options")), std::string(kStaleAfter));
  fields.push_back(optional("transport", one_of(catalog.transports, "how its bytes come")));
  fields.push_back(optional(std::string(kInterval), of(Type::any, "from one measurement to the next")));
  fields.push_back(
      optional("links", map(one_of(catalog.transports, "how its bytes come"), "for plugins with several links")));
  return object(std::move(fields), "a device");
}

/// What a fleet has beyond a device.
void add_fleet_fields(std::vector<Field>& fields, std::vector<std::string> keys) {
  fields.push_back(
      optional("name", text("names of its devices: {unit_name}, {key} and letters of your own"), "\"{unit_name}\""));
  if (keys.empty()) {
    fields.push_back(optional("key", of(Type::name, "what tells its units apart")));
    return;
  }
  const std::string usual = keys.front();
  fields.push_back(optional(
      "key", enumeration(std::move(keys), "what tells its units apart; a renamed unit keeps its device"), usual));
}

/// Schemas by plugin, in place of the general one as soon as the plugin is known.
Schema by_plugin(const Catalog& catalog, bool fleets) {
  Schema general = general_device(catalog);
  if (fleets) add_fleet_fields(general.fields, {});
  general.selector = "plugin";
  for (const auto& plugin : catalog.plugins) {
    Schema schema = device_schema(catalog, plugin);
    if (fleets) add_fleet_fields(schema.fields, plugin.fleet);
    general.cases.push_back({plugin.name, std::move(schema), false, {}});
  }
  return general;
}

Schema fleets_schema(const Catalog& catalog) {
  return named(by_plugin(catalog, true), "fleet", "devices that are found or dial in, named by rule");
}

Schema devices_schema(const Catalog& catalog) {
  return named(by_plugin(catalog, false), "device", "what is measured with, by name");
}

Schema sinks_schema(const Catalog& catalog) {
  Schema sink = one_of(catalog.sinks, "where measurements go");
  sink.beside = {
      optional("queue",
               object({optional("limit", integer("measurements that may wait", 1000, 1e9), "200000"),
                       optional("full",
                                enumeration({"block", "drop_oldest", "drop_newest"},
                                            "what happens when both it and the spool are full"),
                                "drop_oldest")},
                      "what waits for the sink in memory"),
               "{}"),
      optional(
          "spool",
          object({optional("limit", size("how large its file may get; 0B: there is none; default 1GiB, for waveforms "
                                         "0B"))},
                 "what waits for the sink on disk, in the state directory"),
          "{}"),
      optional("commit_interval", duration("the longest that a measurement waits to be written", "10ms", "60s"), "1s")};
  return named(std::move(sink), "sink", "where measurements go, by name");
}

Schema routes_schema() {
  Schema route =
      object({required("from", at_least_one(list(of(Type::glob, "device/channel/quantity; fewer parts match all below"),
                                                 "what", true))),
              required("to", at_least_one(list(of(Type::name, "a sink"), "where to", true))),
              optional("every", duration("thin to one value in this time", "1ms", "31d")),
              optional("aggregate",
                       enumeration({"last", "mean", "min", "max", "sum"},
                                   "what that value is; registers and states: always the last"),
                       "last")},
             "a way from devices to sinks");
  Schema routes = list(std::move(route), "what goes where; without it everything goes to every sink");
  routes.noun = "route";
  return routes;
}

}  // namespace

Schema link_schema(const Catalog& catalog, const PluginSchema& plugin, const LinkSpec& link) {
  std::vector<Field> allowed;
  for (const auto& kind : link.transports) {
    const Field* transport = find_field(catalog.transports, kind);
    if (transport == nullptr) continue;  // a kind that was left out of this build
    Field field = *transport;
    const auto defaults =
        std::find_if(link.defaults.begin(), link.defaults.end(), [&](const auto& d) { return d.first == kind; });
    if (defaults != link.defaults.end()) {
      for (auto& option : field.schema.fields) {
        if (const YAML::Node value = YAML::Load(defaults->second)[option.name]; value.IsDefined()) {
          std::size_t budget = 1000;
          option.fallback = flow_text(value, budget);
          option.required = false;
        }
      }
    }
    allowed.push_back(std::move(field));
  }
  Schema schema = one_of(std::move(allowed), link.help.empty() ? "how its bytes come" : link.help);
  for (const auto& transport : catalog.transports) {
    if (find_field(schema.fields, transport.name) == nullptr)
      schema.refused.push_back({transport.name, fmt::format("is not a transport for plugin '{}'", plugin.name), {}});
  }
  return schema;
}

Schema device_schema(const Catalog& catalog, const PluginSchema& plugin) {
  // `interval` is every poller's first knob: it stands beside `plugin`.
  std::vector<Field> own = plugin.options;
  const auto interval = std::find_if(own.begin(), own.end(), [](const Field& f) { return f.name == kInterval; });
  std::optional<Field> beside;
  if (interval != own.end()) {
    beside = *interval;
    own.erase(interval);
  }
  const bool needed = any_required(own);
  Schema options = object(std::move(own), fmt::format("options of plugin '{}'", plugin.name));
  if (beside) options.refused.push_back({std::string(kInterval), "stands beside `plugin`, not among its options", {}});
  Field field = needed ? required("options", std::move(options)) : optional("options", std::move(options), "{}");
  std::vector<Field> fields = device_fields(
      std::move(field), plugin.stale_after ? print_duration(*plugin.stale_after) : std::string(kStaleAfter));

  if (beside) fields.push_back(std::move(*beside));

  const LinkSpec& first = plugin.links.front();
  Field transport = optional("transport", link_schema(catalog, plugin, first));
  const bool single = plugin.links.size() == 1;
  transport.required = single && !first.optional;
  fields.insert(fields.begin() + 1, std::move(transport));
  Schema schema = object({}, plugin.summary);
  if (single) {
    schema.refused.push_back(
        {"links", fmt::format("is for plugins with several links; '{}' has one", plugin.name), "write transport"});
  } else {
    std::vector<Field> links;
    for (const auto& link : plugin.links) links.push_back(optional(link.name, link_schema(catalog, plugin, link)));
    fields.insert(fields.begin() + 2,
                  optional("links", object(std::move(links),
                                           fmt::format("the links of plugin '{}', by name; transport is the first",
                                                       plugin.name))));
  }
  schema.fields = std::move(fields);
  return schema;
}

Schema configuration_schema(const Catalog& catalog) {
  return object(
      {optional("timezone", of(Type::zone, "the site's time zone: days, months and tariffs follow it"), "UTC"),
       optional("state", of(Type::path, "directory of spools, captures and the control socket"), "./mesura-state"),
       optional("plugin_path",
                list(of(Type::path, "a directory or a library"), "where plugins are looked for first", true), "[]"),
       optional("log", log_schema(), "{}"), optional("clock", clock_schema(), "{}"),
       optional("capacity", capacity_schema()), optional("devices", devices_schema(catalog), "{}"),
       optional("fleets", fleets_schema(catalog), "{}"), optional("derived", derived_schema(), "{}"),
       optional("sinks", sinks_schema(catalog), "{}"), optional("routes", routes_schema()),
       optional("alerts", alerts_schema(), "{}"), optional("notify", notify_schema(), "{}"),
       optional("http", http_schema()), optional("commands", commands_schema(catalog.sinks))},
      "a Mesura configuration");
}

}  // namespace mesura::config
