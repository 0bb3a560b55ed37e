// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "verbs.hpp"

#include "config/configuration.hpp"
#include "plugin/loader.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

/// Devices by name or address, with the plugins that they need.
struct Chosen {
  plugin::PluginSet plugins;
  std::vector<config::DeviceConfig> devices;  ///< in the order in which they were wanted
  std::string zone;
  std::string state;  ///< directory of the configuration; empty: none was needed
};

/// nullopt, with messages on stderr: a name or address that is none. `wanted` empty: all of the configuration.
/// `options` are those of the plugins of addresses.
[[nodiscard]] std::optional<Chosen> choose(const Common& common, const std::vector<std::string>& wanted,
                                           const KeyValues& options = {});

/// The device of an address; nullopt with messages on stderr.
[[nodiscard]] std::optional<config::DeviceConfig> device_at(const std::string& address, const config::Catalog& catalog,
                                                            const KeyValues& options);

/// Says on stderr that no device has this name.
void tell_no_device(const std::string& name, const std::vector<std::string>& names);

}  // namespace mesura::app
