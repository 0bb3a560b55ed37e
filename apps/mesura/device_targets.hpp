// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which devices NAME of `mesura device` means, and how each can be reached.
#pragma once

#include "device_arguments.hpp"
#include "setup.hpp"

#include "command/command.hpp"
#include "config/configuration.hpp"
#include "config/plugin_schema.hpp"

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

struct DeviceTarget {
  std::string name;
  const config::PluginSchema* schema = nullptr;
  command::Control control = command::Control::off;
  /// Null: through the running service. Otherwise what is opened: the device, or the fleet that it is a unit of.
  const config::DeviceConfig* opened = nullptr;
  bool by_address = false;  ///< nobody configured it
};

struct DeviceTargets {
  plugin::PluginSet plugins;
  std::deque<config::DeviceConfig> devices;  ///< those that may be opened; elements never move
  std::string zone;
  std::filesystem::path state;   ///< for the audit log of what is opened directly
  bool own_state = false;        ///< nobody configured it: it is the user's alone
  std::filesystem::path socket;  ///< of the service
  std::vector<DeviceTarget> list;
};

/// nullopt, with messages on stderr: a name, glob or address that is none, or a configuration with mistakes and no
/// service.
[[nodiscard]] std::optional<DeviceTargets> find_targets(const DeviceArguments& line);

/// The command of this name ('-' is '_'), or null.
[[nodiscard]] const config::CommandSpec* find_command(const config::PluginSchema& schema, std::string_view name);

}  // namespace mesura::app
