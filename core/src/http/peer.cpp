// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/peer.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace mesura::http {

std::string client_key(const std::string& address) {
  if (address.find(':') == std::string::npos) return address;
  const auto parsed = runtime::SocketAddress::parse(address, 0);
  if (!parsed || parsed->family() != AF_INET6 || parsed->is_loopback()) return address;
  sockaddr_in6 v6{};
  std::memcpy(&v6, parsed->data(), sizeof v6);
  std::fill(v6.sin6_addr.s6_addr + 8, v6.sin6_addr.s6_addr + 16, std::uint8_t{0});
  const runtime::SocketAddress network{reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
  return network.to_string();
}

Peer peer_of(const runtime::SocketAddress& address) {
  auto text = address.to_string();
  text.resize(std::min(text.rfind(':'), text.size()));
  if (text.size() >= 2 && text.front() == '[') text = text.substr(1, text.size() - 2);
  return {text, client_key(text)};
}

}  // namespace mesura::http
