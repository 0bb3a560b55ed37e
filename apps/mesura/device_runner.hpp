// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Asks several devices at a time, through the service or directly.
#pragma once

#include "device_targets.hpp"
#include "progress.hpp"

#include "command/audit.hpp"
#include "command/command.hpp"
#include "config/value.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "service/control_call.hpp"
#include "session/device.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

/// What one device is asked.
struct DeviceJob {
  const DeviceTarget* target = nullptr;
  const config::CommandSpec* command = nullptr;
  const config::Value* arguments = nullptr;
};

class DeviceRunner {
 public:
  struct Options {
    bool dry_run = false;
    bool confirmed = false;
    ProgressStyle progress = ProgressStyle::none;
    std::optional<std::chrono::nanoseconds> timeout;
    const Common* common = nullptr;
  };
  /// `targets` must outlive this.
  DeviceRunner(const DeviceTargets& targets, Options options);
  ~DeviceRunner();
  DeviceRunner(const DeviceRunner&) = delete;
  DeviceRunner& operator=(const DeviceRunner&) = delete;

  /// The results in the order of `jobs`. ^C and `timeout` call off what runs, and wait a little for its end.
  [[nodiscard]] std::vector<command::Result> run(const std::vector<DeviceJob>& jobs);

 private:
  struct Work;
  void start_more();
  void start(Work& work);
  void start_call(Work& work);
  void start_direct(Work& work);
  void submit(Work& work);
  void watch_link(Work& work);
  void line(Work& work, bool good, std::string_view text);
  void call_end(Work& work);
  void told(Work& work, std::uint64_t done, std::uint64_t total, std::string_view text);
  void end(Work& work, command::Result result);
  void fail(Work& work, command::Status status, std::string message, std::string hint = {});
  void call_off(command::Status status, const std::string& why);
  [[nodiscard]] session::Device& opened(const config::DeviceConfig& device);
  void prepare_state();

  const DeviceTargets& targets_;
  Options options_;
  runtime::SystemClock clock_;
  runtime::EventLoop loop_{clock_};
  Signals signals_;
  std::shared_ptr<runtime::Log> log_;
  SeriesTable series_;
  std::shared_ptr<command::AuditLog> audit_;
  std::string user_;
  std::map<const config::DeviceConfig*, std::unique_ptr<session::Device>> devices_;
  std::vector<std::unique_ptr<Work>> works_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  std::size_t ended_ = 0;
  std::unique_ptr<Progress> progress_;
  std::optional<command::Status> off_;  ///< called off, as what
  std::string off_why_;
};

}  // namespace mesura::app
