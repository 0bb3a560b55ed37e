// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The collector's side of commands: which session speaks for a device.
#include "collector/collector.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::collector {

session::Device* Collector::find_device(const std::string& name) const {
  if (const auto own = devices_.find(name); own != devices_.end()) return own->second.device.get();
  for (const auto& [fleet, running] : devices_)
    if (running.device->members().contains(name)) return running.device.get();
  return nullptr;
}

Collector::Controls Collector::controls(const std::string& device) const {
  const session::Device* found = find_device(device);
  if (found == nullptr) return {};
  return {&found->schema(), found->control()};
}

Collector::Ticket Collector::submit(const std::string& device, command::Request request, command::OnResult on_result,
                                    command::OnProgress on_progress) {
  session::Device* found = find_device(device);
  // A fleet is no device: its units are.
  if (found != nullptr && !(found->is_fleet() && found->name() == device)) {
    const std::string owner = found->name();
    return {owner, found->submit(device, std::move(request), std::move(on_result), std::move(on_progress))};
  }
  command::Result result;
  result.device = device;
  result.command = request.command;
  result.status = command::Status::unknown;
  result.message = found == nullptr ? fmt::format("no device is named '{}', or it has not been heard of yet", device)
                                    : fmt::format("'{}' is a fleet: name one of its units, or '*'", device);
  result.hint = "`mesura status` shows all";
  result.time_ns = loop_.clock().wall_ns();
  loop_.post([result = std::move(result), on_result = std::move(on_result)] { on_result(result); });
  return {};
}

void Collector::cancel(const Ticket& ticket) {
  if (const auto found = devices_.find(ticket.device); found != devices_.end()) found->second.device->cancel(ticket.id);
}

}  // namespace mesura::collector
