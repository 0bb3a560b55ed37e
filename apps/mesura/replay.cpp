// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura replay FILE: a recording at its original times, printed or written to a sink.
#include "decoding.hpp"
#include "interrupt.hpp"
#include "printer.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "sink_writer.hpp"
#include "verbs.hpp"

#include "collector/device_setup.hpp"
#include "sinks/kinds.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {

namespace {

double parse_speed(const std::string& text) {
  if (text == "max") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0)) return -1;
  return value;
}

}  // namespace

int replay(const ReplayOptions& options) {
  Decoding::Setup setup;
  setup.speed = parse_speed(options.speed);
  if (setup.speed < 0) {
    std::fputs(fmt::format("mesura replay: error[cli-usage]: --speed: expected a number above 0 or max, got '{}'\n",
                           options.speed)
                   .c_str(),
               stderr);
    return kUsage;
  }
  // A configured device brings its labels, roles and options; a sink brings the whole file.
  std::optional<Loaded> loaded;
  plugin::PluginSet plugins;
  if (options.to || options.common.config) {
    loaded = load_configuration(options.common);
    if (!loaded) return kUsage;
    print_diagnostics(loaded->diagnostics);
    if (!loaded->configuration) return kUsage;
    plugins = std::move(loaded->plugins);
  } else {
    plugins = load_plugins(options.common, {});
  }
  setup.plugin = require_plugin(plugins, options.plugin);
  if (setup.plugin == nullptr) return kUsage;
  auto device_options = read_plugin_options(*setup.plugin, options.options);
  if (!device_options) return kUsage;
  setup.options = std::move(*device_options);
  setup.device = options.device.empty() ? setup.plugin->name : options.device;
  setup.file = options.file;
  setup.verbose = options.common.verbose > 0;
  if (loaded) {
    const auto& devices = loaded->configuration->devices;
    const auto device =
        std::find_if(devices.begin(), devices.end(), [&](const auto& d) { return d.name == setup.device; });
    if (device != devices.end() && device->plugin == setup.plugin->name) {
      if (options.options.empty()) setup.options = device->options;
      setup.channels = collector::channel_rules(*device);
    }
    setup.zone = loaded->configuration->site_zone;
  }

  SeriesTable series;
  try {
    std::optional<SinkWriter> writer;
    Printer printer{series, options.format};
    if (options.to) {
      const auto& sinks = loaded->configuration->sinks;
      const auto sink = std::find_if(sinks.begin(), sinks.end(), [&](const auto& s) { return s.name == *options.to; });
      if (sink == sinks.end()) {
        std::fputs(
            fmt::format("mesura replay: error[cli-sink]: {} has no sink '{}'\n", loaded->file, *options.to).c_str(),
            stderr);
        return kUsage;
      }
      const auto log = terminal_log(options.common);
      writer.emplace(sinks::find_kind(sink->kind)
                         ->make(sink->options, sinks::Context{series, runtime::Logger{log, "sink." + sink->name},
                                                              loaded->configuration->timezone}));
      setup.on_batch = [&](const Batch& batch) {
        writer->add(batch);
        return true;
      };
    } else {
      setup.on_batch = [&](const Batch& batch) { return printer.print(batch); };
    }
    // What was decoded before an interrupt is committed and counted.
    const Interrupt interrupt;
    setup.stop = [] { return Interrupt::requested(); };
    std::optional<Progress> progress;
    if (options.to) {
      progress.emplace(options.progress, "B");
      setup.on_progress = [&](std::uint64_t done, std::uint64_t total) {
        progress->show("replaying " + options.file, done, total);
      };
    }
    Decoding decoding{series, std::move(setup)};
    try {
      decoding.run();
    } catch (...) {
      if (writer) writer->close();  // what was good before the fault counts
      throw;
    }
    progress.reset();
    const bool interrupted = Interrupt::requested();
    if (writer) {
      writer->close();
      for (const auto& reason : writer->reasons()) std::fputs(fmt::format("rejected: {}\n", reason).c_str(), stderr);
      std::fputs(fmt::format("{}{} frames, {} rejected; {} measurements committed to {}, {} refused by it\n",
                             interrupted ? "interrupted after " : "", decoding.counts().frames,
                             decoding.counts().frames_rejected, writer->committed(), *options.to, writer->rejected())
                     .c_str(),
                 stderr);
      if (interrupted)
        std::fputs("  hint      the same command writes the rest; what is there already stays as it is\n", stderr);
      if (writer->rejected() > 0) return kPartial;
    }
    if (interrupted) return printer.exit_code(kPartial);
    return printer.exit_code(decoding.exit_code());
  } catch (const std::exception& e) {
    std::fputs(fmt::format("mesura replay: error[rpl-failed]: {}\n", e.what()).c_str(), stderr);
    return kFailed;
  }
}

}  // namespace mesura::app
