// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/event_loop.hpp"
#include "runtime/unique_fd.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::service {

/// One request to a running service, answered line by line while the loop goes on with other things. Belongs to the
/// loop's thread; its end hangs up.
class ControlCall {
 public:
  struct Callbacks {
    /// A line of the answer, without its line feed. `good`: the service said "ok".
    std::function<void(bool good, std::string_view line)> line;
    /// Once, after the last line. `answered`: the service said "ok" or "error" first. May destroy this.
    std::function<void(bool answered)> end;
  };

  /// Sends the request. Throws std::system_error when nobody listens at `socket`.
  ControlCall(runtime::EventLoop& loop, const std::filesystem::path& socket, const std::vector<std::string>& words,
              Callbacks callbacks);
  ~ControlCall();
  ControlCall(const ControlCall&) = delete;
  ControlCall& operator=(const ControlCall&) = delete;

  /// Tells the service that nobody waits for it to be done; the rest of the answer still comes.
  void call_off();

 private:
  void read();
  void finish();

  runtime::EventLoop& loop_;
  Callbacks callbacks_;
  runtime::UniqueFd fd_;
  runtime::EventLoop::WatchId watch_ = 0;
  std::string in_;
  bool answered_ = false;
  bool good_ = false;
};

}  // namespace mesura::service
