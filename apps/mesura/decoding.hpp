// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "verbs.hpp"

#include "config/value.hpp"
#include "plugin/loader.hpp"
#include "session/offline.hpp"

#include <mesura/measurement.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace mesura::app {

/// Options of a plugin from KEY=VALUE arguments. nullopt, with messages on stderr: they are wrong.
[[nodiscard]] std::optional<config::Value> read_plugin_options(const plugin::LoadedPlugin& plugin,
                                                               const KeyValues& pairs);

/// One file of raw bytes, or one capture, through a plugin: what `decode` and `replay` share.
///
/// Rejected frames and objects go to stderr, a line each: "FILE:OFFSET: reject[crc_error]: message".
class Decoding {
 public:
  struct Setup {
    const plugin::LoadedPlugin* plugin = nullptr;
    std::string device;
    config::Value options;
    session::SeriesBinder::ChannelRules channels;
    std::string file;                            ///< "-": standard input
    std::string zone;                            ///< of the site; empty: not known
    bool verbose = false;                        ///< say notes and attributes, too
    double speed = 0;                            ///< of a capture: 1 as it was, 0 as fast as possible
    std::function<bool(const Batch&)> on_batch;  ///< false: stop
    std::function<bool()> stop;                  ///< asked now and then, also while it waits; true: stop
    std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;  ///< bytes of the file
  };

  /// Throws session::SessionError, std::runtime_error (unreadable file).
  Decoding(SeriesTable& series, Setup setup);
  void run();
  /// 0: every frame good; 3: some rejected, or the capture damaged; 1: none found, which is said on stderr.
  [[nodiscard]] int exit_code() const;
  [[nodiscard]] const session::Offline::Counts& counts() const { return offline_.counts(); }

 private:
  void say(const Fault& fault);
  void wait(std::chrono::nanoseconds time);
  [[nodiscard]] bool stop_wanted();

  Setup setup_;
  bool stopped_ = false;
  bool damaged_ = false;  ///< a capture that is not whole
  std::uint64_t bytes_ = 0;
  session::Offline offline_;
};

}  // namespace mesura::app
