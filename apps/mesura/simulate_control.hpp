// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/plugin_schema.hpp"
#include "runtime/event_loop.hpp"
#include "session/environment.hpp"
#include "session/twin.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::app {

/// Commands for running virtual devices, from standard input: `[UNIT] COMMAND [NAME=VALUE ...]`, units from 1; values
/// with blanks stand in double quotes. Each is answered by a JSON line on standard output.
class SimulateControl {
 public:
  /// `twins` and `schema` must outlive this.
  SimulateControl(runtime::EventLoop& loop, const config::PluginSchema& schema,
                  const std::vector<std::unique_ptr<session::Twin>>& twins);
  ~SimulateControl();
  SimulateControl(const SimulateControl&) = delete;
  SimulateControl& operator=(const SimulateControl&) = delete;

  void start();
  /// A device's answer to a command with this id.
  void answer(std::uint64_t id, const session::Reply& reply);

 private:
  struct Asked {
    std::uint32_t unit;
    std::string command;
  };
  void read();
  void line(std::string_view text);
  void print(const Asked& asked, std::string_view status, std::string_view message, std::string_view json);

  runtime::EventLoop& loop_;
  const config::PluginSchema& schema_;
  const std::vector<std::unique_ptr<session::Twin>>& twins_;
  runtime::EventLoop::WatchId watch_ = 0;
  std::string buffer_;
  std::map<std::uint64_t, Asked> asked_;
  std::uint64_t next_id_ = 1;
};

}  // namespace mesura::app
