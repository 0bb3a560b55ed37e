// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/link.hpp"

#include <cstdint>
#include <string>

namespace mesura::transport {

/// Passes verified frames on to other programs: a TCP listener that sends each frame, unchanged and whole, to all who
/// are connected. What clients send is ignored. A client that doesn't read loses whole frames once 1 MiB waits for it,
/// and never delays anybody. When the address is taken, it tries again by the back-off policy.
class Relay {
 public:
  struct Options {
    std::string listen;  ///< "127.0.0.1:2002"
    int max_clients = 64;
    runtime::Backoff::Policy backoff = {};
    std::uint64_t seed = 0;
  };

  Relay(const Context& context, const Options& options);

  void start() { link_.start(); }
  void stop() { link_.stop(); }
  void publish(Bytes frame);

  /// Frames that at least one client has missed.
  [[nodiscard]] std::uint64_t missed() const { return missed_; }
  [[nodiscard]] const Link& link() const { return link_; }

 private:
  Link link_;
  std::uint64_t missed_ = 0;
};

}  // namespace mesura::transport
