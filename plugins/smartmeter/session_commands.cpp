// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How commands find their way to a device of the session, and its answers back to them.
#include "session.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr LinkId kCommand = 0;

}  // namespace

Job::Services SmartMeterSession::command_services() {
  return {host(), settings_, [this](DeviceId device) { return port_of(device); },
          [this](DeviceId device) { return absence_of(device); }};
}

CommandPort* SmartMeterSession::port_of(DeviceId device) {
  if (broker_) return broker_->port(device);
  if (single_) return single_->is_open() ? single_.get() : nullptr;
  for (const auto& [peer, connection] : peers_)
    if (connection->is_open() && connection->emitter() != nullptr && connection->emitter()->device() == device)
      return connection.get();
  return nullptr;
}

std::string SmartMeterSession::absence_of(DeviceId device) const {
  if (broker_) return broker_->why_not(device);
  if (single_) return "there is no connection to the device";
  if (settings_.fleet) return "the device is not connected; it dials in every 30 s while it is idle";
  return {};  // the one device may dial in yet
}

void SmartMeterSession::on_command(const Command& command) {
  if (!live_ || settings_.channel == Channel::recording || settings_.raw_on_command) {
    host().reply(command.id, MESURA_REPLY_INVALID,
                 live_ ? "expected a link to the command channel, port 54321; the raw stream takes no commands"
                       : "a recording takes no commands");
    return;
  }
  commands_.start(command, now_ns_);
  arm(now_ns_, now_ns_);  // begins there: this call does not say what time it is
}

void SmartMeterSession::on_cancel(std::uint64_t request, std::int64_t now_ns) {
  now_ns_ = now_ns;
  commands_.cancel(request, now_ns);
  run_commands(now_ns);
}

/// Each step of a command can make way for the next.
void SmartMeterSession::run_commands(std::int64_t now_ns) {
  if (commands_.idle()) return;
  commands_.pump(now_ns);
  arm(commands_.due(), now_ns);
}

void SmartMeterSession::lost(Connection& connection, std::int64_t now_ns) {
  if (single_) {
    commands_.gone(MESURA_PRIMARY_DEVICE, now_ns);
  } else if (connection.emitter() != nullptr) {
    commands_.gone(connection.emitter()->device(), now_ns);
  }
}

bool SmartMeterSession::tell_line(Connection& connection, std::uint64_t request, std::string_view line) {
  std::string text{line};
  text += "\r\n";
  return host().send_for(request, kCommand, text, connection.peer());
}

bool SmartMeterSession::command_reply(Connection& connection, const JsonObject& reply, std::string_view text) {
  if (commands_.idle() || connection.emitter() == nullptr) return false;
  return commands_.reply(connection.emitter()->device(), reply, text, now_ns_);
}

bool SmartMeterSession::command_line(Connection& connection, std::string_view text) {
  if (commands_.idle() || connection.emitter() == nullptr) return false;
  return commands_.line(connection.emitter()->device(), text, now_ns_);
}

bool SmartMeterSession::command_waits(const Connection& connection) const {
  return !commands_.idle() && connection.emitter() != nullptr && commands_.waits(connection.emitter()->device());
}

void SmartMeterSession::command_rows(Connection& connection, std::int64_t rows) {
  commands_.frame(connection.emitter()->device(), rows, now_ns_);
}

void SmartMeterSession::greeted(Connection& connection, const JsonObject& info) {
  if (connection.emitter() != nullptr) commands_.greeted(connection.emitter()->device(), info, now_ns_);
}

/// As long as the session lives it stays the device that it was; with the next one its new name makes its key.
void SmartMeterSession::renamed(Connection& connection, std::string_view name) {
  const auto known = renamed_.find(connection.name());
  const std::string key = known != renamed_.end() ? known->second : connection.name();
  if (key != name) renamed_[std::string{name}] = key;
}

}  // namespace mesura::smartmeter
