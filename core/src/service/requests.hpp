// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/collector.hpp"
#include "runtime/log.hpp"
#include "service/command_requests.hpp"
#include "service/control.hpp"
#include "service/status_text.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mesura::service {

/// Answers what comes in over the control socket:
///
///   status table|json
///   latest table|jsonl|csv [GLOB...]
///   watch  jsonl|csv|table [GLOB...]    goes on until the client hangs up
///   waveform DEVICE                     the same, as waveform_stream.hpp has it
///   log    LEVEL|default [DEVICE]
///   spool  state|hurry|requeue SINK [ID...]
///   reload
///   devices, commands, command          see CommandRequests
class Requests {
 public:
  struct Parts {
    collector::Collector& collector;
    std::shared_ptr<runtime::Log> log;
    std::function<ServiceFacts()> facts;
    /// Empty: done. Otherwise what was wrong, for people.
    std::function<std::string()> reload;
    /// Sets the configured level again, of everything (empty) or one device.
    std::function<void(const std::string& device)> default_level;
  };

  explicit Requests(Parts parts) : parts_(std::move(parts)), commands_(parts_.collector) {}

  void handle(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply);

 private:
  void latest(const std::vector<std::string>& words, Reply& reply);
  void watch(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply);
  void waveform(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply);
  void spool(const std::vector<std::string>& words, Reply& reply);
  void log(const std::vector<std::string>& words, Reply& reply);

  Parts parts_;
  CommandRequests commands_;
};

}  // namespace mesura::service
