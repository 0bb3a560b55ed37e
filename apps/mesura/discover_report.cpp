// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "discover_report.hpp"

#include "doctor/snippet.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <string_view>

namespace mesura::app {
namespace {

using doctor::Guess;

/// Names for sections, each once.
class Names {
 public:
  std::string take(std::string_view wanted, std::string_view plugin) {
    std::string base = doctor::as_name(wanted);
    if (base.empty()) base = plugin;
    std::string name = base;
    for (int n = 2; !taken_.insert(name).second; ++n) name = fmt::format("{}_{}", base, n);
    return name;
  }

 private:
  std::set<std::string> taken_;
};

/// What came over a network or a cable, without anything that a terminal obeys.
std::string clean(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return out;
}

/// An address and options that configure what is on a port, as far as it is known.
struct OnPort {
  std::string plugin, address;
  std::vector<std::pair<std::string, std::string>> options;
  std::string why;
};
std::optional<OnPort> on_port(const PortFound& p) {
  if (p.probed) return OnPort{p.probed->plugin, p.probed->address, p.probed->options, "it answered"};
  if (p.guess.guesses.empty()) return {};
  const Guess& guess = p.guess.guesses.front();
  return OnPort{guess.plugin,
                guess.address,
                {},
                guess.trust == Guess::Trust::likely ? "likely: " + guess.why : "a guess: " + guess.why};
}

std::string guess_text(const PortFound& p) {
  if (p.probed) return p.probed->plugin;
  if (!p.guess.stranger.empty()) return p.guess.stranger;
  std::vector<std::string> names;
  for (const auto& g : p.guess.guesses) names.push_back(g.plugin + (g.trust == Guess::Trust::possible ? "?" : ""));
  return fmt::format("{}", fmt::join(names, " or "));
}

std::string holders_text(const PortFound& p) {
  std::vector<std::string> texts;
  for (const auto& h : p.holders) texts.push_back(h.text());
  return fmt::format("{}", fmt::join(texts, ", "));
}

void print_devices(const std::vector<Found>& found) {
  constexpr auto kRow = "{:<12} {:<40} {:<24} {:<28} {:<10} {}\n";
  if (found.empty()) {
    fmt::print("no device has answered\n");
    return;
  }
  fmt::print(fmt::runtime(kRow), "PLUGIN", "ADDRESS", "NAME", "SERIAL", "FIRMWARE", "FOUND BY");
  for (const auto& f : found)
    fmt::print(fmt::runtime(kRow), f.plugin, f.address, clean(attribute(f, "unit_name")), clean(attribute(f, "serial")),
               clean(attribute(f, "firmware_version")), f.by + (f.note.empty() ? "" : ": " + clean(f.note)));
}

void print_others(const std::vector<Announcement>& others) {
  if (others.empty()) return;
  fmt::print("\n{:<18} {:<32} {:<30} {}\n", "ANNOUNCED", "NAME", "HOST", "WHAT");
  for (const auto& o : others)
    fmt::print("{:<18} {:<32} {:<30} {}\n", o.service.type, clean(o.service.name),
               clean(fmt::format("{}:{}", o.service.host, o.service.port)), o.meaning.what);
}

void print_ports(const std::vector<PortFound>& ports) {
  if (ports.empty()) return;
  fmt::print("\n{:<8} {:<56} {:<14} {:<10} {:<28} {}\n", "PORT", "PATH", "NODE", "USB", "DESCRIPTION", "WHAT");
  for (const auto& p : ports) {
    std::string what = guess_text(p);
    if (!p.probe.empty()) what += (what.empty() ? "" : "; ") + p.probe;
    if (!p.holders.empty()) what += fmt::format("  (in use by {})", clean(holders_text(p)));
    if (!p.port.readable) what += "  (this user may not open it)";
    fmt::print("{:<8} {:<56} {:<14} {:<10} {:<28} {}\n", p.port.kind, p.port.path, p.port.node, p.port.usb_id,
               clean(p.port.description), what);
  }
}

/// One block to be pasted, each device behind a line that says why it is there.
void print_configuration(const Discovery& d, const config::Catalog& catalog) {
  constexpr std::string_view kHead = "devices:\n";
  Names names;
  std::string text;
  const auto add = [&](const std::string& name, const std::string& plugin, const std::string& address,
                       const auto& options, const std::string& why) {
    const std::string snippet = doctor::device_snippet(names.take(name, plugin), address, catalog, options);
    if (!snippet.empty()) text += fmt::format("  # {}\n{}", clean(why), snippet.substr(kHead.size()));
  };
  for (const auto& f : d.devices)
    add(attribute(f, "unit_name"), f.plugin, f.address, f.options,
        f.answered ? "it answered" : "announced, but it did not answer");
  for (const auto& p : d.ports)
    if (const auto found = on_port(p)) add({}, found->plugin, found->address, found->options, found->why);
  if (!text.empty()) fmt::print("\nTo configure them (names are yours to choose):\n\n{}{}", kHead, text);
  for (const auto& o : d.others)
    if (!o.meaning.sink.empty()) fmt::print("\n{}", o.meaning.sink);
}

using Json = runtime::JsonWriter;

void json_attributes(Json& json, const std::map<std::string, std::string, std::less<>>& attributes) {
  json.key("attributes").begin_object();
  for (const auto& [key, value] : attributes) json.key(key).string(value);
  json.end_object();
}

void json_device(Json& json, const Found& f, Names& names, const config::Catalog& catalog) {
  json.begin_object().key("plugin").string(f.plugin).key("address").string(f.address);
  json.key("found_by").string(f.by).key("answered").boolean(f.answered);
  json_attributes(json, f.attributes);
  const std::string name = names.take(attribute(f, "unit_name"), f.plugin);
  json.key("yaml").string(doctor::device_snippet(name, f.address, catalog, f.options)).end_object();
}

void json_guesses(Json& json, const PortFound& p, const config::Catalog& catalog) {
  json.key("guesses").begin_array();
  for (const auto& g : p.guess.guesses) {
    json.begin_object().key("plugin").string(g.plugin).key("address").string(g.address);
    json.key("trust").string(g.trust == Guess::Trust::likely ? "likely" : "possible").key("why").string(g.why);
    json.key("yaml").string(doctor::device_snippet(g.plugin, g.address, catalog)).end_object();
  }
  json.end_array();
  if (!p.guess.stranger.empty()) json.key("stranger").string(p.guess.stranger);
}

void json_port(Json& json, const PortFound& p, const config::Catalog& catalog) {
  json.begin_object();
  json.key("kind").string(p.port.kind).key("path").string(p.port.path).key("node").string(p.port.node);
  json.key("usb_id").string(p.port.usb_id).key("description").string(p.port.description);
  json.key("maker").string(p.port.maker).key("serial").string(p.port.serial);
  json.key("readable").boolean(p.port.readable);
  json.key("holders").begin_array();
  for (const auto& h : p.holders)
    json.begin_object()
        .key("pid")
        .integer(h.pid)
        .key("program")
        .string(h.program)
        .key("lock")
        .string(h.lock)
        .end_object();
  json.end_array();
  json_guesses(json, p, catalog);
  if (!p.probe.empty()) {
    json.key("probe").begin_object().key("result").string(p.probe);
    if (p.probed) {
      json.key("plugin").string(p.probed->plugin).key("address").string(p.probed->address);
      json_attributes(json, p.probed->attributes);
      json.key("yaml").string(doctor::device_snippet(p.probed->plugin, p.probed->address, catalog, p.probed->options));
    }
    json.end_object();
  }
  json.end_object();
}

void json_other(Json& json, const Announcement& o) {
  json.begin_object().key("type").string(o.service.type).key("name").string(o.service.name);
  json.key("host").string(o.service.host).key("address").string(o.service.address);
  json.key("port").integer(o.service.port).key("what").string(o.meaning.what);
  if (!o.meaning.sink.empty()) json.key("yaml").string(o.meaning.sink);
  json.end_object();
}

}  // namespace

std::string attribute(const Found& found, std::string_view key) {
  const auto it = found.attributes.find(key);
  return it == found.attributes.end() ? std::string{} : it->second;
}

void print_discovery_table(const Discovery& discovery, const config::Catalog& catalog) {
  print_devices(discovery.devices);
  print_others(discovery.others);
  print_ports(discovery.ports);
  print_configuration(discovery, catalog);
}

void print_discovery_json(const Discovery& discovery, const config::Catalog& catalog) {
  std::string out;
  Json json{out};
  Names names;
  json.begin_object().key("devices").begin_array();
  for (const auto& f : discovery.devices) json_device(json, f, names, catalog);
  json.end_array().key("announced").begin_array();
  for (const auto& o : discovery.others) json_other(json, o);
  json.end_array().key("ports").begin_array();
  for (const auto& p : discovery.ports) json_port(json, p, catalog);
  json.end_array();
  if (discovery.mdns_problem) json.key("mdns_problem").string(*discovery.mdns_problem);
  json.end_object();
  fmt::print("{}\n", out);
}

}  // namespace mesura::app
