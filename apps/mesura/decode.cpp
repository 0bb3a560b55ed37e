// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura decode PLUGIN [FILE|-]: recorded bytes to measurements.
#include "decoding.hpp"
#include "printer.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "runtime/clock.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>

namespace mesura::app {

int decode(const DecodeOptions& options) {
  const auto plugins = load_plugins(options.common, {});
  const auto* plugin = require_plugin(plugins, options.plugin);
  if (plugin == nullptr) return kUsage;
  const auto device_options = read_plugin_options(*plugin, options.options);
  if (!device_options) return kUsage;

  SeriesTable series;
  Printer printer{series, options.format};
  Decoding::Setup setup;
  setup.plugin = plugin;
  setup.device = plugin->name;
  setup.options = *device_options;
  setup.file = options.file;
  setup.verbose = options.common.verbose > 0;
  setup.on_batch = [&](const Batch& batch) { return printer.print(batch); };
  try {
    Decoding decoding{series, std::move(setup)};
    decoding.run();
    return printer.exit_code(decoding.exit_code());
  } catch (const std::exception& e) {
    std::fputs(fmt::format("mesura decode: error[dec-input]: {}\n", e.what()).c_str(), stderr);
    return kFailed;
  }
}

}  // namespace mesura::app
