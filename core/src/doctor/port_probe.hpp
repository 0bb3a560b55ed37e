// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What answers on a port: the plugins' own sessions are tried on it, one after the other.
#pragma once

#include "config/configuration.hpp"
#include "doctor/port_guess.hpp"
#include "plugin/loader.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "session/device.hpp"
#include "transport/ports.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::doctor {

struct ProbeContext {
  runtime::EventLoop& loop;
  std::shared_ptr<runtime::Log> log;
  const plugin::PluginSet& plugins;
  const config::Catalog& catalog;
  /// For a telegram, at each rate: slow meters send one every 10 s.
  std::chrono::nanoseconds listen{std::chrono::seconds{11}};
  /// Only these plugins; empty: all that can be on a port.
  std::vector<std::string> only = {};
  /// For the answer to a question.
  std::chrono::nanoseconds answer{std::chrono::seconds{6}};
};

using PluginOptions = std::vector<std::pair<std::string, std::string>>;

/// A device that runs for a while, to see whether it says anything that its plugin understands.
class Trial {
 public:
  /// `on_end` comes once, from the loop, when a verified frame has come or `patience` is over. Must not be destroyed in
  /// it.
  Trial(const ProbeContext& context, const config::DeviceConfig& device, std::chrono::nanoseconds patience,
        std::function<void()> on_end);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
  [[nodiscard]] session::Health health() const { return device_->health(); }

 private:
  void end();

  runtime::EventLoop& loop_;
  std::function<void()> on_end_;
  runtime::EventLoop::TimerId timer_ = 0;
  bool ended_ = false;
  SeriesTable series_;
  std::unique_ptr<session::Device> device_;
};

/// One port. Questions are sent (QPI of an Axpert, `info` of a SmartMeter): only where the user has said so. A port
/// that another program holds must not be given here; one that is locked stays closed.
class PortProbe {
 public:
  struct Found {
    std::string plugin;
    std::string address;
    PluginOptions options;
    std::map<std::string, std::string, std::less<>> attributes;
  };

  PortProbe(const ProbeContext& context, const transport::Port& port, std::function<void()> on_done);

  void start();
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const std::optional<Found>& found() const { return found_; }
  /// Something was sent to us, though nobody understands it.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Why it could not be opened, if so.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Step {
    std::string plugin;
    std::string address;
    PluginOptions options;
    std::chrono::nanoseconds patience;
    bool needs_bytes = false;  ///< pointless where none came before
  };
  void plan(const transport::Port& port);
  void next();
  void on_end();

  ProbeContext context_;
  std::function<void()> on_done_;
  std::vector<Step> steps_;
  std::size_t at_ = 0;  ///< the step after the present one
  std::unique_ptr<Trial> trial_;
  std::optional<Found> found_;
  std::uint64_t bytes_ = 0;
  std::string error_;
  bool done_ = false;
};

/// Runs all of them in the loop, at the same time, until the last is done or `stopped` says so.
void run_probes(runtime::EventLoop& loop, std::vector<std::unique_ptr<PortProbe>>& probes,
                const std::function<bool()>& stopped);

}  // namespace mesura::doctor
