// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/configuration.hpp"

#include "config/alert_schema.hpp"
#include "config/configuration_checks.hpp"
#include "config/derived.hpp"

#include <algorithm>
#include <utility>

namespace mesura::config {
namespace {

std::string text_or_empty(const Value& value) { return value ? value.text() : std::string{}; }

std::vector<std::string> texts(const Value& list) {
  std::vector<std::string> out;
  for (const auto& v : list.list()) out.push_back(v.text());
  return out;
}

LinkConfig make_link(const std::string& name, const Value& transport) {
  const auto& [kind, options] = transport.chosen();
  return {name, kind, options};
}

ChannelConfig make_channel(const Value& v) {
  ChannelConfig channel{
      text_or_empty(v["label"]), {}, v["invert"].boolean(), v["scale"].number(), v["offset"].number()};
  if (v["role"]) channel.role = v["role"].text();
  return channel;
}

SinkConfig make_sink(const std::string& name, const Value& v) {
  const auto& [kind, options] = v.chosen();
  const Value& queue = v["queue"];
  std::optional<std::int64_t> spool_limit;
  if (const Value& limit = v["spool"]["limit"]) spool_limit = limit.integer();
  return {
      name, kind, options, queue["limit"].integer(), queue["full"].text(), spool_limit, v["commit_interval"].duration(),
      v};
}

RouteConfig make_route(const Value& v) {
  RouteConfig route{texts(v["from"]), {}, {}, v["aggregate"].text()};
  for (auto& sink : texts(v["to"]))
    if (std::find(route.to.begin(), route.to.end(), sink) == route.to.end()) route.to.push_back(std::move(sink));
  if (v["every"]) route.every = v["every"].duration();
  return route;
}

AlertConfig make_alert(const std::string& name, const Value& v, const std::vector<DoorConfig>& doors) {
  const auto& [kind, options] = v.chosen();
  AlertConfig alert{name, kind, options, {}, v};
  if (v["to"])
    alert.to = texts(v["to"]);
  else
    for (const auto& door : doors) alert.to.push_back(door.name);
  return alert;
}

LogConfig make_log(const Value& v) {
  LogConfig log{v["level"].text(),
                v["format"].text(),
                text_or_empty(v["file"]),
                v["max_size"].integer(),
                static_cast<int>(v["keep"].integer()),
                {}};
  for (const auto& [device, level] : v["devices"].map()) log.devices.emplace(device, level.text());
  return log;
}

CapacityConfig make_capacity(const Value& v) {
  CapacityConfig capacity;
  capacity.floor_w = v["floor_w"].number();
  if (v["eur_per_kw_year"]) capacity.eur_per_kw_year = v["eur_per_kw_year"].number();
  if (v["limit_w"]) capacity.limit_w = v["limit_w"].number();
  return capacity;
}

Configuration make_configuration(Value root, const Catalog& catalog) {
  Configuration c;
  c.timezone = root["timezone"].text();
  if (!root["timezone"].defaulted) c.site_zone = c.timezone;
  c.state = root["state"].text();
  c.log = make_log(root["log"]);
  c.clock = {root["clock"]["sync"].text(), root["clock"]["hold"].duration()};
  c.plugin_path = texts(root["plugin_path"]);
  if (root["capacity"]) c.capacity = make_capacity(root["capacity"]);
  const auto schema_of = [&](const Value& section) -> const PluginSchema& {
    return *std::find_if(catalog.plugins.begin(), catalog.plugins.end(),
                         [&](const PluginSchema& p) { return p.name == section["plugin"].text(); });
  };
  for (const auto& [name, section] : root["devices"].map())
    c.devices.push_back(make_device(name, section, schema_of(section)));
  for (const auto& [name, section] : root["fleets"].map()) {
    DeviceConfig fleet = make_device(name, section, schema_of(section));
    fleet.fleet = FleetConfig{section["key"].text(), section["name"].text()};
    c.devices.push_back(std::move(fleet));
  }
  for (const auto& [name, section] : root["sinks"].map()) c.sinks.push_back(make_sink(name, section));
  if (root["routes"]) {
    for (const auto& route : root["routes"].list()) c.routes.push_back(make_route(route));
  } else {
    RouteConfig everything{{"*"}, {}, {}, "last"};
    for (const auto& sink : c.sinks) everything.to.push_back(sink.name);
    c.routes.push_back(std::move(everything));
  }
  Diagnostics told_already;
  c.derived = read_derived(root, catalog, {}, told_already);
  for (const auto& [name, section] : root["notify"].map())
    c.doors.push_back({name, section.chosen().first, section.chosen().second, section});
  for (const auto& [name, section] : root["alerts"].map()) c.alerts.push_back(make_alert(name, section, c.doors));
  if (root["http"]) c.http = make_http(root["http"]);
  if (root["commands"] && root["commands"]["mqtt"]) c.mqtt_commands = make_mqtt_commands(root["commands"]["mqtt"]);
  c.root = std::move(root);
  return c;
}

LoadResult finish(Reading reading, const Catalog& catalog, const std::string& file) {
  LoadResult result;
  result.diagnostics = std::move(reading.diagnostics);
  if (reading.value) {
    check_configuration(reading.value, catalog, file, result.diagnostics);
    (void)read_derived(reading.value, catalog, file, result.diagnostics);
    check_alerts(reading.value, catalog, file, result.diagnostics);
  }
  result.diagnostics.sort();
  if (!result.diagnostics.has_errors()) result.configuration = make_configuration(std::move(reading.value), catalog);
  return result;
}

/// The plugin knows only options.
Value with_interval(const Value& options, const Value& interval) {
  if (!interval) return options;
  Value::Map all = options ? options.map() : Value::Map{};
  all.emplace_back("interval", interval);
  Value value{std::move(all)};
  value.mark = options.mark;
  return value;
}

}  // namespace

DeviceConfig make_device(const std::string& name, const Value& section, const PluginSchema& plugin) {
  DeviceConfig device;
  device.name = name;
  device.plugin = plugin.name;
  for (const auto& link : plugin.links) {
    const bool first = &link == &plugin.links.front();
    const Value& transport = first && section["transport"] ? section["transport"] : section["links"][link.name];
    if (transport) device.links.push_back(make_link(link.name, transport));
  }
  device.options = with_interval(section["options"], section["interval"]);
  device.stale_after = section["stale_after"].duration();
  device.control = section["control"].text();
  device.enabled = section["enabled"].boolean();
  for (const auto& [channel, rule] : section["channels"].map()) device.channels.emplace(channel, make_channel(rule));
  if (const Value& capture = section["capture"]; capture)
    device.capture = CaptureConfig{capture["keep"].duration(), capture["max"].integer()};
  if (const Value& relay = section["relay"]; relay) device.relay = relay["listen"].text();
  device.section = section;
  return device;
}

LoadResult load_configuration(const std::string& path, const Catalog& catalog, const Environment& environment) {
  ReadOptions options;
  options.file = path;
  options.environment = environment;
  return finish(read_file(path, configuration_schema(catalog), options), catalog, path);
}

LoadResult load_configuration_text(std::string_view yaml, const Catalog& catalog, const ReadOptions& options) {
  return finish(read_text(yaml, configuration_schema(catalog), options), catalog, options.file);
}

}  // namespace mesura::config
