// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "chosen.hpp"

#include "setup.hpp"

#include "config/address.hpp"
#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace mesura::app {

std::optional<config::DeviceConfig> device_at(const std::string& address, const config::Catalog& catalog,
                                              const KeyValues& options) {
  auto result = config::from_address(address, catalog, options);
  print_diagnostics(result.diagnostics);
  return std::move(result.device);
}

void tell_no_device(const std::string& name, const std::vector<std::string>& names) {
  const std::string hint = config::did_you_mean(name, names);
  std::fputs(fmt::format("mesura: error[cli-device]: no device is named '{}'\n  expected  {}{}an address such as "
                         "dsmr_p1+tcp://host:port\n{}",
                         name, config::joined(names), names.empty() ? "" : ", or ",
                         hint.empty() ? "" : "  hint      " + hint + "\n")
                 .c_str(),
             stderr);
}

std::optional<Chosen> choose(const Common& common, const std::vector<std::string>& wanted, const KeyValues& options) {
  const bool needs_file =
      wanted.empty() || !std::all_of(wanted.begin(), wanted.end(), [](const auto& w) { return config::is_address(w); });
  Chosen chosen;
  config::Catalog catalog;
  std::vector<config::DeviceConfig> configured;
  if (needs_file) {
    auto loaded = load_configuration(common);
    if (!loaded) return std::nullopt;
    print_diagnostics(loaded->diagnostics);
    if (!loaded->configuration) return std::nullopt;
    chosen.zone = loaded->configuration->site_zone;
    chosen.state = loaded->state;
    configured = std::move(loaded->configuration->devices);
    chosen.plugins = std::move(loaded->plugins);
    catalog = std::move(loaded->catalog);
  } else {
    chosen.plugins = load_plugins(common, {});
    catalog = make_catalog(chosen.plugins);
  }
  if (wanted.empty()) chosen.devices = configured;
  for (const auto& name : wanted) {
    if (config::is_address(name)) {
      auto device = device_at(name, catalog, options);
      if (!device) return std::nullopt;
      chosen.devices.push_back(std::move(*device));
      continue;
    }
    const auto found =
        std::find_if(configured.begin(), configured.end(), [&](const auto& d) { return d.name == name; });
    if (found == configured.end()) {
      std::vector<std::string> names;
      for (const auto& d : configured) names.push_back(d.name);
      tell_no_device(name, names);
      return std::nullopt;
    }
    chosen.devices.push_back(*found);
  }
  if (chosen.devices.empty()) {
    std::fputs(
        "mesura: error[cli-device]: there is nothing to open\n  expected  devices in the configuration, or an address "
        "such as "
        "dsmr_p1+tcp://host:port\n",
        stderr);
    return std::nullopt;
  }
  return chosen;
}

}  // namespace mesura::app
