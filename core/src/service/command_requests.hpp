// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/collector.hpp"
#include "service/control.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mesura::service {

/// Answers what comes in over the control socket about commands:
///
///   devices  GLOB    of each device that matches, and of each unit of the fleet with that name, a line
///                    {"name":"...","plugin":"...","fleet":"...","control":"false"}
///   commands NAME    {"device":"...","plugin":"...","control":"...","commands":[...]} as command::append_command
///   command  JSON    {"device":"...","command":"...","arguments":{...},"dry_run":false,"confirmed":false}: lines
///                    {"progress":{"done":1,"total":2,"text":"..."}} and then {"result":{...}} as
///                    command::append_result
///
/// Who asks is the user at the other end of the socket. A client that hangs up calls its command off.
class CommandRequests {
 public:
  explicit CommandRequests(collector::Collector& collector) : collector_(collector) {}

  /// False: it is none of these.
  bool handle(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply);

 private:
  void devices(const std::string& glob, Reply& reply) const;
  void commands(const std::string& device, Reply& reply) const;
  void command(const std::string& json, const std::shared_ptr<Reply>& reply);

  collector::Collector& collector_;
};

}  // namespace mesura::service
