// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/command_door.hpp"

#if MESURA_WITH_MQTT
#include "command/mqtt/door.hpp"
#endif

#include <utility>

namespace mesura::service {

struct CommandDoor::Impl {
  runtime::EventLoop& loop;
  std::shared_ptr<runtime::Log> log;
  collector::Collector& collector;
#if MESURA_WITH_MQTT
  config::Value section;
  std::unique_ptr<command::mqtt::Door> mqtt;
#endif
};

CommandDoor::CommandDoor(runtime::EventLoop& loop, std::shared_ptr<runtime::Log> log, collector::Collector& collector)
    : impl_(new Impl{loop, std::move(log), collector, {}, {}}) {}

CommandDoor::~CommandDoor() = default;

void CommandDoor::apply([[maybe_unused]] const config::Configuration& configuration) {
#if MESURA_WITH_MQTT
  const auto& wanted = configuration.mqtt_commands;
  if (wanted && impl_->mqtt && wanted->section == impl_->section) return;
  impl_->mqtt.reset();
  if (!wanted) return;
  impl_->section = wanted->section;
  impl_->mqtt = std::make_unique<command::mqtt::Door>(impl_->loop, runtime::Logger{impl_->log, "commands"},
                                                      collector::backend_of(impl_->collector), *wanted);
#endif
}

void CommandDoor::stop() {
#if MESURA_WITH_MQTT
  impl_->mqtt.reset();
#endif
}

}  // namespace mesura::service
