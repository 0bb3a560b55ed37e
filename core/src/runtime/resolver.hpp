// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/event_loop.hpp"
#include "runtime/socket_address.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mesura::runtime {

/// What became of a name: addresses in the order to try them, or why there are none.
struct Resolved {
  std::vector<SocketAddress> addresses;
  std::string error;  ///< "Name or service not known"; empty when there are addresses
};

/// A pending look-up; destroying it cancels: no callback follows. Never blocks.
class Resolution {
 public:
  struct State;

  Resolution() = default;
  explicit Resolution(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Resolution(Resolution&&) noexcept = default;
  Resolution& operator=(Resolution&& other) noexcept;
  ~Resolution() { cancel(); }

  void cancel();

 private:
  std::shared_ptr<State> state_;
};

/// Looks `host` up and calls back on the loop's thread, never inside this call.
///
/// getaddrinfo blocks for as long as the name servers let it, so it runs on one of at most four helper threads of the
/// process, which end when idle; numeric addresses need none. `type` is SOCK_STREAM or SOCK_DGRAM. The result must be
/// kept until the callback has come, and destroyed before the loop.
[[nodiscard]] Resolution resolve(EventLoop& loop, const std::string& host, std::uint16_t port, int type,
                                 std::function<void(Resolved)> callback);

}  // namespace mesura::runtime
