// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The verbs about configuration and plugins, which open nothing: check, show, config schema, plugin list, plugin info.
#include "setup.hpp"
#include "verbs.hpp"

#include "config/json_schema.hpp"
#include "plugin/listing.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace mesura::app {

namespace {

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

int check(const CheckOptions& options) {
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  std::size_t errors = 0;
  std::size_t warnings = 0;
  for (const auto& d : loaded->diagnostics.list()) {
    ++(d.severity == config::Severity::error ? errors : warnings);
    print(options.format == Format::json ? config::render_json(d) + "\n" : config::render_text(d));
  }
  if (options.format != Format::json) {
    if (errors + warnings == 0)
      print(fmt::format("{}: good: {} devices, {} sinks, {} routes\n", loaded->file,
                        loaded->configuration->devices.size(), loaded->configuration->sinks.size(),
                        loaded->configuration->routes.size()));
    else
      print(fmt::format("{}: {} errors, {} warnings\n", loaded->file, errors, warnings));
  }
  return errors == 0 ? kDone : kUsage;
}

int show(const ShowOptions& options) {
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  print_diagnostics(loaded->diagnostics);
  if (!loaded->configuration) return kUsage;
  print(config::show_effective(*loaded->configuration, loaded->catalog));
  return kDone;
}

int schema(const SchemaOptions& options) {
  const auto plugins = load_plugins(options.common, {});
  print(config::json_schema(config::configuration_schema(make_catalog(plugins)), "Mesura configuration",
                            "mesura.schema.json"));
  return kDone;
}

int plugin_list(const PluginListOptions& options) {
  const auto plugins = load_configured_plugins(options.common);
  print(options.format == Format::json ? plugin::list_json(plugins) : plugin::list_text(plugins));
  return plugins.refused().empty() ? kDone : kPartial;
}

int plugin_info(const PluginInfoOptions& options) {
  const auto plugins = load_configured_plugins(options.common);
  const auto* plugin = require_plugin(plugins, options.plugin);
  if (plugin == nullptr) return kUsage;
  print(options.format == Format::json ? plugin::info_json(*plugin) : plugin::info_text(*plugin));
  return kDone;
}

}  // namespace mesura::app
