// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that come as messages of an MQTT broker.
#pragma once

#include "collector/command_backend.hpp"
#include "config/commands_section.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <memory>

namespace mesura::command::mqtt {

/// Listens at a broker, and answers each command there.
///
/// Only what the list allows is done, never anything raw, and nothing that the broker had kept (retained): it would be
/// done again at each connection. A message that comes twice (same device, same id) is done once and answered twice. A
/// broker that is away is tried again with growing delays, told once; answers wait for it, within bounds. Belongs to
/// the loop's thread.
class Door {
 public:
  struct Options {
    std::chrono::nanoseconds first_delay = std::chrono::seconds{1};
    std::chrono::nanoseconds longest_delay = std::chrono::minutes{1};
  };
  Door(runtime::EventLoop& loop, runtime::Logger log, collector::CommandBackend backend,
       const config::MqttCommandsConfig& config, Options options);
  Door(runtime::EventLoop& loop, runtime::Logger log, collector::CommandBackend backend,
       const config::MqttCommandsConfig& config)
      : Door(loop, std::move(log), std::move(backend), config, Options{}) {}
  /// What is at work goes on, unanswered.
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace mesura::command::mqtt
