// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Devices by name or address, for the verbs that open them.
#pragma once

#include "setup.hpp"
#include "verbs.hpp"

#include "config/configuration.hpp"
#include "plugin/loader.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

/// Devices, with the plugins that they need.
struct Chosen {
  plugin::PluginSet plugins;
  std::vector<config::DeviceConfig> devices;
  std::string zone;
};

/// `wanted`: names of the configuration and addresses; none: all of the configuration. nullopt, with messages on
/// stderr: a name or address that is none.
[[nodiscard]] std::optional<Chosen> choose(const Common& common, const std::vector<std::string>& wanted,
                                           const KeyValues& options = {});

/// The device of an address; nullopt with messages on stderr.
[[nodiscard]] std::optional<config::DeviceConfig> device_at(const std::string& address, const config::Catalog& catalog,
                                                            const KeyValues& options);

/// Says on stderr that no device has this name.
void tell_no_device(const std::string& name, const std::vector<std::string>& names);

}  // namespace mesura::app
