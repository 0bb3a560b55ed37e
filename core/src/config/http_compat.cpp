// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/http_compat.hpp"

#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::config {
namespace {

/// A system and the plugin of the devices that it knew.
struct System {
  const char* name;
  const char* plugin;
  const char* help;
};
constexpr System kSystems[] = {
    {"p1_monitor", "dsmr_p1", "routes of the reference P1 monitor: /current/quarter, /meter/..., /watt, /historic/..."},
    {"godenerg", "axpert", "routes of godenerg, the Axpert logger: /cmds, /graph, /viewer"},
};

Schema system_schema(const char* help) {
  return object({optional("device", of(Type::name, "the device that they show; default: the only one that fits")),
                 optional("listen", of(Type::address, "a port for them alone, besides the main one")),
                 optional("auth",
                          enumeration({"auto", "required", "off"},
                                      "who must log in at that port; auto: everybody, except on loopback as long as "
                                      "there is no user or token; off: nobody, wherever it listens"),
                          "auto")},
                help);
}

std::optional<CompatConfig> make(const Value& v) {
  if (!v) return std::nullopt;
  CompatConfig c;
  if (v["device"]) c.device = v["device"].text();
  if (v["listen"]) c.listen = v["listen"].text();
  c.auth = v["auth"].text();
  return c;
}

bool enabled(const Value& device) { return device && (!device["enabled"] || device["enabled"].boolean()); }

}  // namespace

Schema http_compat_schema() {
  std::vector<Field> fields;
  for (const System& system : kSystems) fields.push_back(optional(system.name, system_schema(system.help)));
  return object(std::move(fields), "ports and devices for clients of the systems before Mesura");
}

HttpCompatConfig make_http_compat(const Value& compat) {
  if (!compat) return {};
  return {make(compat["p1_monitor"]), make(compat["godenerg"])};
}

void check_http_compat(const Value& compat, const Value& root, const std::string& file, Diagnostics& out) {
  if (!compat) return;
  const auto report = [&](Mark mark, const char* code, std::string message, std::string expected, std::string got,
                          std::string hint) {
    out.add(
        {Severity::error, code, file, mark, std::move(message), std::move(expected), std::move(got), std::move(hint)});
  };
  std::vector<std::string> taken;
  if (const Value& main = root["http"]["listen"]; main)
    for (const Value& address : main.list())
      if (address) taken.push_back(address.text());
  for (const System& system : kSystems) {
    const Value& section = compat[system.name];
    if (!section) continue;
    if (const Value& listen = section["listen"]; listen && !listen.text().ends_with(":0")) {
      if (std::find(taken.begin(), taken.end(), listen.text()) != taken.end())
        report(listen.mark, "cfg-conflict", fmt::format("'listen' of http.compat.{} is in use already", system.name),
               "an address of its own", quote(listen.text()), "the main port has its routes without `listen`");
      taken.push_back(listen.text());
    }
    std::vector<std::string> fitting;
    const Value* named = nullptr;
    std::vector<std::string> names;
    if (root["devices"]) {
      for (const auto& [name, device] : root["devices"].map()) {
        if (!device) continue;
        names.push_back(name);
        if (section["device"] && section["device"].text() == name) named = &device;
        if (enabled(device) && device["plugin"] && device["plugin"].text() == system.plugin) fitting.push_back(name);
      }
    }
    const std::string where = fmt::format("http.compat.{}", system.name);
    if (section["device"] && named == nullptr) {
      const std::string& wanted = section["device"].text();
      report(section["device"].mark, "cfg-unknown-device", fmt::format("'device' of {} names no device", where),
             names.empty() ? "a device" : joined(names), quote(wanted), did_you_mean(wanted, names));
    } else if (named != nullptr && (*named)["plugin"] && (*named)["plugin"].text() != system.plugin) {
      report(section["device"].mark, "cfg-compat", fmt::format("'device' of {} is none that its clients know", where),
             fmt::format("a device of plugin '{}'", system.plugin), quote((*named)["plugin"].text()), {});
    } else if (!section["device"] && fitting.size() != 1) {
      report(section.key_mark, "cfg-compat", fmt::format("{} does not say which device it shows", where),
             fitting.empty() ? fmt::format("a device of plugin '{}'", system.plugin) : "device: " + joined(fitting),
             fitting.empty() ? "none" : fmt::format("{} that fit", fitting.size()), {});
    }
    if (section["auth"] && !section["auth"].defaulted && !section["listen"])
      report(section["auth"].mark, "cfg-compat", fmt::format("'auth' of {} is that of a port of its own", where),
             "`listen` beside it", {}, "on the main port the main port's login holds");
  }
}

}  // namespace mesura::config
