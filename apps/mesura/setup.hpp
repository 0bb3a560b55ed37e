// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What several verbs need before they begin: signals, log, plugins, configuration.
#pragma once

#include "verbs.hpp"

#include "config/configuration.hpp"
#include "plugin/loader.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

/// From now on SIGINT, SIGTERM and SIGHUP wait for a Signals to take them. Call it before any thread starts: threads
/// inherit it.
void block_signals();

/// Lets this process have as many files and sockets as it may: thousands of devices need them.
void raise_descriptor_limit();

/// SIGINT, SIGTERM and SIGHUP as events of a loop. Make it before any thread starts: threads inherit the blocked
/// signals.
class Signals {
 public:
  Signals(runtime::EventLoop& loop, std::function<void(int signal)> callback);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  runtime::EventLoop& loop_;
  runtime::UniqueFd fd_;
  runtime::EventLoop::WatchId watch_ = 0;
};

/// A log to stderr for people, at `info` or what -v asks for; --trace devices at trace. `quiet` starts at warn.
[[nodiscard]] std::shared_ptr<runtime::Log> terminal_log(const Common& common, bool quiet = true);

/// Plugins from --plugin-path, the configuration's plugin_path, and where plugins are looked for anyway.
[[nodiscard]] plugin::PluginSet load_plugins(const Common& common, const std::vector<std::string>& configured);
/// The same, with the plugin_path of the configuration if there is one.
[[nodiscard]] plugin::PluginSet load_configured_plugins(const Common& common);
/// Null, with a message on stderr: not found (the nearest name, the refusal if a file of that name was refused).
[[nodiscard]] const plugin::LoadedPlugin* require_plugin(const plugin::PluginSet& plugins, const std::string& name);

/// What plugins, transports and sinks there are, for the configuration's schema.
[[nodiscard]] config::Catalog make_catalog(const plugin::PluginSet& plugins);

/// Where the configuration is looked for; nullopt when nothing was named and nothing is there.
[[nodiscard]] std::optional<std::string> find_configuration(const Common& common);

struct Loaded {
  std::string file;
  std::string state;  ///< the state directory, even of a configuration with errors
  plugin::PluginSet plugins;
  config::Catalog catalog;
  config::Diagnostics diagnostics;
  std::optional<config::Configuration> configuration;  ///< absent when there are errors
};
/// Reads the configuration with all plugins; prints nothing. nullopt (with a message on stderr): no file.
[[nodiscard]] std::optional<Loaded> load_configuration(const Common& common);
/// All diagnostics to stderr.
void print_diagnostics(const config::Diagnostics& diagnostics);

}  // namespace mesura::app
