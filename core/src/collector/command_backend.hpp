// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/collector.hpp"

#include <functional>
#include <string>
#include <utility>

namespace mesura::collector {

/// The collector as those see it who pass commands on from a network. The loop's thread only.
struct CommandBackend {
  using Ticket = Collector::Ticket;
  std::function<Collector::Controls(const std::string& device)> controls;
  std::function<Ticket(const std::string& device, command::Request request, command::OnResult on_result,
                       command::OnProgress on_progress)>
      submit;
  std::function<void(const Ticket& ticket)> cancel;
};

/// `collector` must outlive it.
[[nodiscard]] inline CommandBackend backend_of(Collector& collector) {
  return {[&collector](const std::string& device) { return collector.controls(device); },
          [&collector](const std::string& device, command::Request request, command::OnResult on_result,
                       command::OnProgress on_progress) {
            return collector.submit(device, std::move(request), std::move(on_result), std::move(on_progress));
          },
          [&collector](const Collector::Ticket& ticket) { collector.cancel(ticket); }};
}

}  // namespace mesura::collector
