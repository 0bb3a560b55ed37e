// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "device_targets.hpp"

#include "chosen.hpp"

#include "config/address.hpp"
#include "config/text.hpp"
#include "model/glob.hpp"
#include "runtime/files.hpp"
#include "service/control.hpp"
#include "service/state_directory.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace mesura::app {

namespace {

bool is_glob(std::string_view name) { return name.find_first_of("*?") != std::string_view::npos; }

/// At its commas; an address may have some of its own.
std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    // "a://x?list=[1,2]": what is no name belongs to the address before it.
    const bool rest = !names.empty() && config::is_address(names.back()) && !config::is_address(part);
    if (rest)
      names.back() += "," + part;
    else if (!part.empty())
      names.push_back(std::move(part));
    begin = end + 1;
  }
  return names;
}

/// $XDG_STATE_HOME/mesura or ~/.local/state/mesura.
std::filesystem::path user_state() {
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg == '/')
    return std::filesystem::path{xdg} / "mesura";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::filesystem::path{home} / ".local" / "state" / "mesura";
  return "mesura-state";
}

class Finder {
 public:
  explicit Finder(const DeviceArguments& line) : line_(line) {}

  std::optional<DeviceTargets> run() {
    const auto names = split_names(line_.devices);
    const bool by_name = !std::all_of(names.begin(), names.end(), [](const auto& n) { return config::is_address(n); });
    if (!prepare(by_name)) return std::nullopt;
    for (const auto& name : names) {
      const bool found = config::is_address(name) ? address(name) : named(name);
      if (!found) return std::nullopt;
    }
    return std::move(out_);
  }

 private:
  /// Plugins, configuration, state directory. Addresses get along without a configuration.
  bool prepare(bool by_name) {
    std::optional<Loaded> loaded;
    if (by_name || find_configuration(line_.common)) loaded = load_configuration(line_.common);
    if (!loaded) {
      if (by_name) return false;
      out_.plugins = load_plugins(line_.common, {});
      catalog_ = make_catalog(out_.plugins);
      out_.state = user_state();
      out_.own_state = true;
      return true;
    }
    out_.plugins = std::move(loaded->plugins);
    catalog_ = std::move(loaded->catalog);
    out_.state = loaded->state;
    out_.socket = service::control_socket(out_.state);
    if (loaded->configuration) {
      out_.zone = loaded->configuration->site_zone;
      for (auto& device : loaded->configuration->devices) configured_.push_back(std::move(device));
    } else if (by_name) {
      // The service goes on with the last good one.
      diagnostics_ = std::move(loaded->diagnostics);
    }
    return true;
  }

  bool address(const std::string& text) {
    auto device = device_at(text, catalog_, line_.options);
    if (!device) return false;
    // Whoever types an address means to command it.
    device->control = line_.allow_raw ? "raw" : "true";
    std::string name = device->name;
    const auto taken = [&] {
      return std::any_of(out_.list.begin(), out_.list.end(), [&](const auto& t) { return t.name == name; });
    };
    for (int n = 2; taken(); ++n) name = fmt::format("{}_{}", device->name, n);
    device->name = name;
    open(name, std::move(*device));
    out_.list.back().by_address = true;
    return true;
  }

  bool named(const std::string& name) {
    const std::size_t before = out_.list.size();
    if (!ask_service(name)) return false;
    for (const auto& device : configured_)
      if (matches(name, device.name) && !device.fleet && (device.enabled || !is_glob(name))) {
        if (!known(device.name)) open(device.name, device);
      }
    for (const auto& device : configured_)
      if (device.fleet && device.enabled && !served_) units(device, name);
    if (out_.list.size() > before || is_named(name)) return true;
    if (diagnostics_) {
      print_diagnostics(*diagnostics_);
      return false;
    }
    return unknown(name);
  }

  [[nodiscard]] static bool matches(const std::string& wanted, const std::string& name) {
    return is_glob(wanted) ? model::wildcard_matches(wanted, name) : wanted == name;
  }
  [[nodiscard]] bool known(const std::string& name) const {
    return std::any_of(out_.list.begin(), out_.list.end(), [&](const auto& t) { return t.name == name; });
  }
  /// An earlier part of the list has it already.
  [[nodiscard]] bool is_named(const std::string& wanted) const {
    return std::any_of(out_.list.begin(), out_.list.end(), [&](const auto& t) { return matches(wanted, t.name); });
  }

  bool unknown(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& d : configured_) {
      if (d.fleet && d.name == name) {
        std::fputs(fmt::format("mesura device: error[cli-device]: '{}' is a fleet, and none of its units has been "
                               "heard of yet\n  expected  the name of a unit, '*', or an address\n  hint      `mesura "
                               "status` shows the units, `mesura run` finds them\n",
                               name)
                       .c_str(),
                   stderr);
        return false;
      }
      names.push_back(d.name);
    }
    tell_no_device(name, names);
    return false;
  }

  void open(const std::string& name, config::DeviceConfig device) {
    out_.devices.push_back(std::move(device));
    add(name, &out_.devices.back());
  }
  void add(const std::string& name, const config::DeviceConfig* opened) {
    const auto* plugin = out_.plugins.find(opened->plugin);
    if (plugin != nullptr) out_.list.push_back({name, &plugin->schema, command::control_from(opened->control), opened});
  }

  /// Units of a fleet that were met before have their names in a file (session::FleetNames).
  void units(const config::DeviceConfig& fleet, const std::string& wanted) {
    const auto file = out_.state / "fleets" / (fleet.name + ".names");
    const auto text = runtime::read_file(file.string()).value_or(std::string{});
    const config::DeviceConfig* opened = nullptr;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const std::string name = text.substr(at, std::min(text.find('\t', at), end) - at);
      at = end + 1;
      if (name.empty() || !(matches(wanted, name) || wanted == fleet.name) || known(name)) continue;
      if (opened == nullptr) {
        out_.devices.push_back(fleet);
        opened = &out_.devices.back();
      }
      add(name, opened);
    }
  }

  /// Adds what the service knows. False: it knows a device of a plugin that is not there, and that was told.
  bool ask_service(const std::string& name) {
    if (out_.socket.empty()) return true;
    std::string text;
    const auto good = service::ask(out_.socket, {"devices", name}, [&](bool, std::string_view more) {
      text += more;
      return true;
    });
    if (!good || !*good) return true;
    served_ = true;
    simdjson::dom::parser parser;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      simdjson::dom::object object;
      const bool parsed = parser.parse(text.data() + at, end - at).get(object) == simdjson::SUCCESS;
      at = end + 1;
      std::string_view device;
      std::string_view plugin;
      std::string_view control;
      if (!parsed || object["name"].get(device) != simdjson::SUCCESS ||
          object["plugin"].get(plugin) != simdjson::SUCCESS || object["control"].get(control) != simdjson::SUCCESS)
        continue;
      if (known(std::string{device})) continue;
      const auto* loaded = require_plugin(out_.plugins, std::string{plugin});
      if (loaded == nullptr) return false;
      out_.list.push_back({std::string{device}, &loaded->schema, command::control_from(control), nullptr});
    }
    return true;
  }

  const DeviceArguments& line_;
  DeviceTargets out_;
  config::Catalog catalog_;
  std::vector<config::DeviceConfig> configured_;
  std::optional<config::Diagnostics> diagnostics_;
  bool served_ = false;  ///< a service answers: it knows all units
};

}  // namespace

std::optional<DeviceTargets> find_targets(const DeviceArguments& line) { return Finder{line}.run(); }

const config::CommandSpec* find_command(const config::PluginSchema& schema, std::string_view name) {
  std::string wanted{name};
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  for (const auto& command : schema.commands)
    if (command.name == wanted) return &command;
  return nullptr;
}

}  // namespace mesura::app
