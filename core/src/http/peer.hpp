// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/socket_address.hpp"

#include <string>

namespace mesura::http {

/// Where a client comes from.
struct Peer {
  std::string address;  ///< "192.168.0.7"
  std::string key;      ///< what counts as one client
};
[[nodiscard]] Peer peer_of(const runtime::SocketAddress& address);

/// What counts as one client when shares are given out and guesses are counted: the address itself, or the /64 of an
/// IPv6 one, since whoever has one address of that has all of them.
[[nodiscard]] std::string client_key(const std::string& address);

}  // namespace mesura::http
