// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Directed broadcast addresses of this machine's IPv4 networks, read anew at each call: networks come and go.
#pragma once

#include "runtime/socket_address.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mesura::transport {

/// Where a broadcast to `port` goes: the highest address of each network (192.168.0.255, 127.255.255.255) of the named
/// interfaces that are up. No names: of all that can broadcast; of the loopback only where there is no other.
[[nodiscard]] std::vector<runtime::SocketAddress> broadcast_addresses(const std::vector<std::string>& interfaces,
                                                                      std::uint16_t port);
/// True for the highest address of a network of this machine, and for 255.255.255.255.
[[nodiscard]] bool is_broadcast(const runtime::SocketAddress& address);

}  // namespace mesura::transport
