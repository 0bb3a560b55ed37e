// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/configuration_checks.hpp"

#include "config/text.hpp"
#include "model/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::config {
namespace {

std::vector<std::string> keys(const Value& map) {
  std::vector<std::string> out;
  if (!map) return out;
  for (const auto& [name, value] : map.map()) out.push_back(name);
  return out;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Checks {
 public:
  Checks(const Value& root, const Catalog& catalog, std::string file, Diagnostics& out)
      : root_(root),
        catalog_(catalog),
        file_(std::move(file)),
        out_(out),
        devices_(keys(root["devices"])),
        sinks_(keys(root["sinks"])) {}

  void run() {
    if (root_["devices"])
      for (const auto& [name, section] : root_["devices"].map()) check_device(name, section);
    if (root_["fleets"])
      for (const auto& [name, section] : root_["fleets"].map()) check_fleet(name, section);
    if (root_["sinks"])
      for (const auto& [name, section] : root_["sinks"].map()) check_sink(name, section);
    check_log();
    check_routes();
    check_http(root_, sinks_, file_, out_);
    check_commands(root_, catalog_, file_, out_);
    warn_of_nothing();
  }

 private:
  void report(Severity severity, Mark mark, std::string code, std::string message, std::string expected = {},
              std::string got = {}, std::string hint = {}) {
    out_.add({severity, std::move(code), file_, mark, std::move(message), std::move(expected), std::move(got),
              std::move(hint)});
  }

  // ---------------------------------------------------------------- devices

  void check_device(const std::string& name, const Value& section) {
    if (!section) return;
    if (section["plugin"]) check_plugin(name, section);
    if (const Value& channels = section["channels"]; channels) {
      for (const auto& [channel, rule] : channels.map()) {
        if (!rule || !rule["scale"] || rule["scale"].number() != 0) continue;
        report(Severity::error, rule["scale"].mark, "cfg-range",
               fmt::format("'scale' of channel '{}' of device '{}' is 0", channel, name), "a number other than 0", "0",
               "`enabled: false` leaves a device out; a route's glob leaves a channel out");
      }
    }
    if (section["enabled"] && !section["enabled"].boolean()) return;
    check_transport(name, section["transport"]);
    if (section["links"])
      for (const auto& [link, transport] : section["links"].map()) check_transport(name, transport);
    if (const Value& relay = section["relay"]; relay && relay["listen"]) claim_address(name, relay["listen"]);
  }

  void check_fleet(const std::string& name, const Value& section) {
    check_device(name, section);
    if (!section) return;
    if (contains(devices_, name))
      report(Severity::error, section.key_mark, "cfg-conflict",
             fmt::format("fleet '{}' has the name of a device", name), {}, {},
             "both name tables and log lines: give one of them another name");
    if (!section["plugin"]) return;
    const auto plugin = std::find_if(catalog_.plugins.begin(), catalog_.plugins.end(),
                                     [&](const PluginSchema& p) { return p.name == section["plugin"].text(); });
    if (plugin != catalog_.plugins.end() && plugin->fleet.empty())
      report(Severity::error, section["plugin"].mark, "cfg-fleet",
             fmt::format("plugin '{}' of fleet '{}' speaks with one device only", plugin->name, name),
             "a plugin that finds its devices", {}, "configure each of them under `devices`");
    const Value& rule = section["name"];
    if (rule && rule.text().find("{unit_name}") == std::string::npos && rule.text().find("{key}") == std::string::npos)
      report(Severity::error, rule.mark, "cfg-fleet",
             fmt::format("'name' of fleet '{}' gives all its devices one name", name), "{unit_name} or {key} in it",
             quote(rule.text()));
  }

  void check_plugin(const std::string& name, const Value& section) {
    const std::string& wanted = section["plugin"].text();
    std::vector<std::string> known;
    for (const auto& plugin : catalog_.plugins) {
      if (plugin.name == wanted) return check_links(name, section, plugin);
      known.push_back(plugin.name);
    }
    std::string hint = did_you_mean(wanted, known);
    if (hint.empty()) hint = "`mesura plugin list` shows what was found, and what was refused and why";
    report(Severity::error, section["plugin"].mark, "cfg-plugin",
           fmt::format("'plugin' of device '{}' names no plugin that is installed", name),
           known.empty() ? "a plugin" : joined(known), quote(wanted), hint);
  }

  void check_links(const std::string& name, const Value& section, const PluginSchema& plugin) {
    if (plugin.links.size() < 2) return;  // the reader knows that `transport` is required
    const LinkSpec& first = plugin.links.front();
    const Value& links = section["links"];
    if (section["transport"] && links[first.name])
      report(Severity::error, links[first.name].key_mark, "cfg-link",
             fmt::format("device '{}' configures link '{}' twice", name, first.name), {}, {},
             fmt::format("`transport` is the link '{}': leave out one of them", first.name));
    for (const auto& link : plugin.links) {
      if (link.optional || links[link.name] || (&link == &first && section["transport"])) continue;
      if (written_badly(link, first, section)) continue;
      report(Severity::error, section.key_mark, "cfg-missing-key",
             fmt::format("device '{}' has no link '{}'", name, link.name),
             fmt::format("links: {{{}: {{{}: {{...}}}}}}", link.name, link.transports.front()), {}, link.help);
    }
  }

  /// The link stands in the file, but the reader could not make anything of it and said so.
  static bool written_badly(const LinkSpec& link, const LinkSpec& first, const Value& section) {
    const auto stands = [](const Value& map, std::string_view key) {
      if (!map) return false;
      const auto& members = map.map();
      return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.first == key; });
    };
    return (&link == &first && stands(section, "transport")) || stands(section["links"], link.name) ||
           (stands(section, "links") && !section["links"]);
  }

  void check_transport(const std::string& name, const Value& transport) {
    if (!transport) return;
    const auto& [kind, options] = transport.chosen();
    if (!options) return;
    if (kind == "serial" || kind == "hid" || kind == "pty") {
      if (const Value& path = options["path"]; path)
        claim(ports_, path.text(), name, path, "device", "one port has one reader: see `relay`");
    } else if (kind == "tcp_listen") {
      if (const Value& listen = options["listen"]; listen) claim_address(name, listen);
    }
  }

  void claim_address(const std::string& name, const Value& listen) {
    const std::string& text = listen.text();
    if (text.size() > 2 && text.substr(text.size() - 2) == ":0") return;  // each gets a port of its own
    claim(addresses_, text, name, listen, "device", {});
  }

  void claim(std::map<std::string, std::string>& taken, const std::string& what, const std::string& by,
             const Value& where, std::string_view noun, std::string hint) {
    const auto [it, fresh] = taken.emplace(what, by);
    if (fresh) return;
    report(Severity::error, where.mark, "cfg-conflict",
           it->second == by ? fmt::format("{} '{}' uses {} twice", noun, by, quote(what))
                            : fmt::format("{} '{}' and {} '{}' both use {}", noun, it->second, noun, by, quote(what)),
           {}, {}, std::move(hint));
  }

  // ---------------------------------------------------------------- sinks

  void check_sink(const std::string& name, const Value& section) {
    if (!section) return;
    const auto& [kind, options] = section.chosen();
    if (!options) return;
    if (const Value& path = options["path"]; path)
      claim(files_, std::filesystem::path(path.text()).lexically_normal().string(), name, path, "sink",
            "each sink needs files of its own");
  }

  // ---------------------------------------------------------------- log, routes

  void check_log() {
    const Value& log = root_["log"];
    if (!log || !log["devices"]) return;
    for (const auto& [device, level] : log["devices"].map()) {
      if (contains(devices_, device)) continue;
      report(Severity::error, level.key_mark, "cfg-unknown-device",
             fmt::format("'log.devices' names {}, which is no device", quote(device)),
             devices_.empty() ? "a device of this file" : joined(devices_), {}, did_you_mean(device, devices_));
    }
  }

  void check_routes() {
    const Value& routes = root_["routes"];
    if (!routes) return;
    std::set<std::string> reached;
    std::size_t index = 0;
    for (const auto& route : routes.list()) {
      ++index;
      if (!route) continue;
      check_sources(index, route["from"]);
      check_waveforms(index, route);
      check_targets(index, route["to"], reached);
      if (const Value& aggregate = route["aggregate"]; aggregate && aggregate.text() != "last" && !route["every"])
        report(Severity::warning, aggregate.key_mark, "cfg-no-effect",
               fmt::format("'aggregate' of route {} has no effect", index), {}, {},
               "it needs `every`: without it each measurement passes as it is");
    }
    for (const auto& [name, section] : root_["sinks"] ? root_["sinks"].map() : Value::Map{}) {
      if (reached.count(name) == 0)
        report(Severity::warning, section.key_mark, "cfg-unreached", fmt::format("no route leads to sink '{}'", name),
               {}, {}, "without `routes` everything goes to every sink");
    }
  }

  void check_sources(std::size_t index, const Value& from) {
    // Who belongs to a fleet shows only when it turns up.
    if (!from || (root_["fleets"] && !root_["fleets"].map().empty())) return;
    for (const auto& glob : from.list()) {
      if (!glob) continue;
      const std::string_view device = std::string_view(glob.text()).substr(0, glob.text().find('/'));
      if (std::any_of(devices_.begin(), devices_.end(),
                      [&](const std::string& d) { return model::wildcard_matches(device, d); }))
        continue;
      const auto derived = keys(root_["derived"]);
      if (std::any_of(derived.begin(), derived.end(),
                      [&](const std::string& d) { return model::wildcard_matches(device, d); }))
        continue;
      report(Severity::warning, glob.mark, "cfg-no-match",
             fmt::format("{} of route {} matches no device", quote(glob.text()), index), joined(devices_), {},
             did_you_mean(device, devices_));
    }
  }

  /// `*` passes over what a sink does not take; who names it means it.
  void check_waveforms(std::size_t index, const Value& route) {
    if (!route["from"] || !route["to"]) return;
    for (const auto& glob : route["from"].list()) {
      if (!glob) continue;
      const std::string_view rest =
          std::string_view(glob.text()).substr(std::min(glob.text().find('/'), glob.text().size()));
      if (rest.substr(0, 9) != "/waveform") continue;
      for (const auto& sink : route["to"].list()) {
        if (!sink || takes_waveforms(sink.text())) continue;
        report(Severity::error, sink.mark, "cfg-waveform",
               fmt::format("route {} leads the waveforms {} to sink '{}', which takes none", index, quote(glob.text()),
                           sink.text()),
               "a sink of kind " + joined(catalog_.waveform_sinks), {},
               "what is derived from them each second goes to every sink");
      }
    }
  }

  [[nodiscard]] bool takes_waveforms(const std::string& sink) const {
    const Value& section = root_["sinks"] ? root_["sinks"][sink] : root_["sinks"];
    return !section || contains(catalog_.waveform_sinks, section.chosen().first);
  }

  void check_targets(std::size_t index, const Value& to, std::set<std::string>& reached) {
    if (!to) return;
    for (const auto& sink : to.list()) {
      if (!sink) continue;
      reached.insert(sink.text());
      if (contains(sinks_, sink.text())) continue;
      report(Severity::error, sink.mark, "cfg-unknown-sink",
             fmt::format("route {} leads to {}, which is no sink", index, quote(sink.text())),
             sinks_.empty() ? "a sink of this file" : joined(sinks_), {}, did_you_mean(sink.text(), sinks_));
    }
  }

  void warn_of_nothing() {
    // An absent section was written badly, and the reader said so.
    if (root_["devices"] && devices_.empty() && root_["fleets"] && root_["fleets"].map().empty())
      report(Severity::warning, {}, "cfg-no-devices", "there are no devices",
             "devices: {NAME: {plugin: ..., transport: ...}}");
    if (root_["sinks"] && sinks_.empty())
      report(Severity::warning, {}, "cfg-no-sinks", "there are no sinks: measurements go nowhere",
             "sinks: {NAME: {sqlite: {...}}}");
  }

  const Value& root_;
  const Catalog& catalog_;
  std::string file_;
  Diagnostics& out_;
  std::vector<std::string> devices_;
  std::vector<std::string> sinks_;
  // What is taken, by whom.
  std::map<std::string, std::string> ports_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, std::string> files_;
};

}  // namespace

void check_configuration(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out) {
  Checks(root, catalog, file, out).run();
}

}  // namespace mesura::config
