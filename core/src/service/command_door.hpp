// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/collector.hpp"
#include "config/configuration.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"

#include <memory>

namespace mesura::service {

/// The ways of a running service by which other systems ask devices for something, as the configuration wants them.
/// Belongs to the loop's thread.
class CommandDoor {
 public:
  CommandDoor(runtime::EventLoop& loop, std::shared_ptr<runtime::Log> log, collector::Collector& collector);
  ~CommandDoor();
  CommandDoor(const CommandDoor&) = delete;
  CommandDoor& operator=(const CommandDoor&) = delete;

  /// After the collector has applied the same configuration. What is equal goes on without a break.
  void apply(const config::Configuration& configuration);
  /// Takes nothing any more.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesura::service
