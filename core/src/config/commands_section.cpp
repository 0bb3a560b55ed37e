// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/commands_section.hpp"

#include "config/configuration.hpp"
#include "config/text.hpp"
#include "model/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::config {

namespace {

/// Of the mqtt sink's options, those that lead to a broker.
constexpr std::string_view kBroker[] = {"url",       "username", "password", "client_id", "ca_file",
                                        "cert_file", "key_file", "insecure", "keepalive", "connect_timeout"};

std::vector<std::string_view> levels(std::string_view topic) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= topic.size();) {
    const auto end = std::min(topic.find('/', at), topic.size());
    parts.push_back(topic.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// Whether an answer may come in as a command: device names can be any word.
bool may_match(std::string_view topic, std::string_view reply) {
  const auto a = levels(topic);
  const auto b = levels(reply);
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](auto x, auto y) {
           return x == y || x == kDevicePlace || y.find(kDevicePlace) != std::string_view::npos;
         });
}

class Checks {
 public:
  Checks(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out)
      : root_(root), catalog_(catalog), file_(file), out_(out), mqtt_(root["commands"]["mqtt"]) {}

  void run() {
    if (!mqtt_) return;
    if (const Value& url = mqtt_["url"]) check_url(url);
    if (const Value& topic = mqtt_["topic"]) check_topic(topic);
    if (const Value& reply = mqtt_["reply"]) check_reply(reply);
    if (mqtt_["cert_file"].present() != mqtt_["key_file"].present())
      report(Severity::error, mqtt_.key_mark, "cfg-tls", "'cert_file' and 'key_file' of 'commands.mqtt' go together",
             "both or none");
    const Value& allow = mqtt_["allow"];
    if (!allow) return;
    if (allow.list().empty())
      report(Severity::warning, allow.mark, "cfg-no-effect", "'commands.mqtt.allow' lets nothing pass",
             "[DEVICE/COMMAND, ...]", {}, "\"*/status\" allows one command of every device");
    for (const auto& entry : allow.list())
      if (entry) check_entry(entry);
  }

 private:
  void report(Severity severity, Mark mark, std::string code, std::string message, std::string expected = {},
              std::string got = {}, std::string hint = {}) {
    out_.add({severity, std::move(code), file_, mark, std::move(message), std::move(expected), std::move(got),
              std::move(hint)});
  }

  void check_url(const Value& url) {
    const std::string_view text = url.text();
    const auto mark = text.find("://");
    const auto rest = mark == std::string_view::npos ? text : text.substr(mark + 3);
    const auto slash = rest.find_first_of("/?#");
    if (rest.substr(0, slash).find('@') != std::string_view::npos)
      report(Severity::error, url.mark, "cfg-url", "'url' of 'commands.mqtt' holds a user", {}, {},
             "write `username` and `password` beside it, the latter as !secret");
    else if (slash != std::string_view::npos && slash + 1 < rest.size())
      report(Severity::error, url.mark, "cfg-url", "'url' of 'commands.mqtt' has something behind the address", {},
             quote(rest.substr(slash)), "topics are said by `topic` and `reply`");
  }

  /// False when it is none, which has been said.
  bool is_topic(const Value& topic, std::string_view key) {
    const std::string& text = topic.text();
    std::string rest = text;
    for (std::size_t at = 0; (at = rest.find(kDevicePlace, at)) != std::string::npos;)
      rest.erase(at, kDevicePlace.size());
    if (rest.find_first_of("+#{}") == std::string::npos && !text.starts_with('$')) return true;
    report(Severity::error, topic.mark, "cfg-topic", fmt::format("'{}' of 'commands.mqtt' is no topic", key),
           "a topic without + and #, {device} for the device's name", quote(text));
    return false;
  }

  void check_topic(const Value& topic) {
    if (!is_topic(topic, "topic")) return;
    const auto parts = levels(topic.text());
    const bool elsewhere = std::any_of(parts.begin(), parts.end(), [](std::string_view part) {
      return part != kDevicePlace && part.find(kDevicePlace) != std::string_view::npos;
    });
    if (std::count(parts.begin(), parts.end(), kDevicePlace) != 1 || elsewhere)
      report(Severity::error, topic.mark, "cfg-topic",
             "'topic' of 'commands.mqtt' does not tell the device by a level of its own",
             "{device} once between the slashes: mesura/{device}/command", quote(topic.text()));
  }

  void check_reply(const Value& reply) {
    if (!is_topic(reply, "reply") || !mqtt_["topic"]) return;
    if (may_match(mqtt_["topic"].text(), reply.text()))
      report(Severity::error, reply.mark, "cfg-conflict",
             "answers to 'reply' of 'commands.mqtt' could come back as commands",
             fmt::format("a topic that differs from {} whatever the device is called", mqtt_["topic"].text()),
             quote(reply.text()));
  }

  /// Devices and fleets that a glob may mean, with their plugins.
  struct Meant {
    std::vector<std::pair<const Value*, const PluginSchema*>> sections;
    std::vector<std::string> names;  ///< of all devices
    bool any = false;
  };
  [[nodiscard]] Meant meant(std::string_view glob) const {
    Meant found;
    const auto add = [&](const Value& section) {
      found.any = true;
      if (!section || !section["plugin"]) return;
      for (const auto& plugin : catalog_.plugins)
        if (plugin.name == section["plugin"].text()) found.sections.emplace_back(&section, &plugin);
    };
    if (root_["devices"])
      for (const auto& [name, section] : root_["devices"].map()) {
        found.names.push_back(name);
        if (model::wildcard_matches(glob, name)) add(section);
      }
    // Who belongs to a fleet shows only when it turns up.
    if (root_["fleets"])
      for (const auto& [name, section] : root_["fleets"].map()) add(section);
    return found;
  }

  void check_entry(const Value& entry) {
    const std::string& text = entry.text();
    const auto slash = text.find('/');
    const std::string_view device = std::string_view{text}.substr(0, slash);
    const std::string_view name =
        slash == std::string::npos ? std::string_view{} : std::string_view{text}.substr(slash + 1);
    if (device.empty() || name.empty() || name.find('/') != std::string_view::npos ||
        text.find_first_of("+#{}[] \t") != std::string::npos)
      return report(Severity::error, entry.mark, "cfg-allow",
                    fmt::format("{} of 'commands.mqtt.allow' has the wrong form", quote(text)),
                    "DEVICE/COMMAND; * and ? stand for anything", {}, {});
    const Meant found = meant(device);
    if (!found.any)
      return report(Severity::error, entry.mark, "cfg-unknown-device",
                    fmt::format("{} of 'commands.mqtt.allow' matches no device", quote(text)),
                    found.names.empty() ? "a device of this file" : joined(found.names), {},
                    did_you_mean(device, found.names));
    check_commands_of(entry, name, found);
  }

  void check_commands_of(const Value& entry, std::string_view name, const Meant& found) {
    std::vector<std::string> names;
    bool any = false;
    bool raw_alone = true;
    bool in_vain = true;
    for (const auto& [section, plugin] : found.sections) {
      const Value& control = (*section)["control"];
      const bool off = !control || control.text() == "false";
      for (const auto& command : plugin->commands) {
        names.push_back(command.name);
        if (!model::wildcard_matches(name, command.name)) continue;
        any = true;
        if (command.danger == Danger::raw) continue;
        raw_alone = false;
        if (command.danger == Danger::read || !off) in_vain = false;
      }
    }
    if (found.sections.empty()) return;  // no known plugin, which has been said
    const std::string text = quote(entry.text());
    if (!any)
      report(Severity::error, entry.mark, "cfg-unknown-command",
             fmt::format("{} of 'commands.mqtt.allow' matches no command", text),
             names.empty() ? "a device that takes commands" : joined(names), {}, did_you_mean(name, names));
    else if (raw_alone)
      report(Severity::error, entry.mark, "cfg-allow",
             fmt::format("{} of 'commands.mqtt.allow' asks for bytes as typed, which never go over MQTT", text), {}, {},
             "`mesura device` or HTTP");
    else if (in_vain)
      report(Severity::warning, entry.mark, "cfg-no-effect",
             fmt::format("{} of 'commands.mqtt.allow' matches only what changes devices that are read-only", text), {},
             {}, "`control: true` at the device allows it");
  }

  const Value& root_;
  const Catalog& catalog_;
  const std::string& file_;
  Diagnostics& out_;
  const Value& mqtt_;
};

}  // namespace

Schema commands_schema(const std::vector<Field>& sinks) {
  const Field* sink = find_field(sinks, "mqtt");
  Schema schema = object({}, "devices asked by messages");
  if (sink == nullptr) {
    schema.refused.push_back({"mqtt", "takes a build with MQTT", {}});
    return schema;
  }
  std::vector<Field> fields;
  for (const auto name : kBroker) {
    const Field* field = find_field(sink->schema.fields, name);
    if (field == nullptr) continue;
    fields.push_back(*field);
    if (name == "client_id") fields.back().schema.help = "who we are to the broker, unique there; else made up";
  }
  fields.push_back(
      optional("topic", text("where commands come from, {device} a level of its own"), "\"mesura/{device}/command\""));
  fields.push_back(optional("reply", text("where answers go"), "\"mesura/{device}/reply\""));
  fields.push_back(required("allow", list(text("DEVICE/COMMAND; * and ? stand for anything"),
                                          "what may be asked; nothing else is done", true)));
  schema.fields.push_back(optional("mqtt", object(std::move(fields), "commands over MQTT; never raw ones")));
  return schema;
}

MqttCommandsConfig make_mqtt_commands(const Value& section) {
  MqttCommandsConfig config;
  config.topic = section["topic"].text();
  config.reply = section["reply"].text();
  for (const auto& entry : section["allow"].list()) config.allow.push_back(entry.text());
  config.section = section;
  return config;
}

void check_commands(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out) {
  if (root["commands"]) Checks{root, catalog, file, out}.run();
}

}  // namespace mesura::config
