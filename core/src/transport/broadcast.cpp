// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/broadcast.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace mesura::transport {
namespace {

std::uint32_t ipv4_of(const sockaddr* address) {
  sockaddr_in v4{};
  std::memcpy(&v4, address, sizeof v4);
  return ntohl(v4.sin_addr.s_addr);
}

struct Network {
  std::string name;  ///< of the interface
  std::uint32_t broadcast;
  bool loopback;
};

/// All IPv4 networks that are up and larger than a pair of addresses.
std::vector<Network> networks() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, &::freeifaddrs};
  std::vector<Network> out;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_netmask == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    if ((i->ifa_flags & IFF_UP) == 0) continue;
    const bool loopback = (i->ifa_flags & IFF_LOOPBACK) != 0;
    if (!loopback && (i->ifa_flags & IFF_BROADCAST) == 0) continue;
    const std::uint32_t hosts = ~ipv4_of(i->ifa_netmask);
    if (hosts < 3) continue;
    // "eth0:1" is a second address of eth0.
    const std::string_view label{i->ifa_name};
    out.push_back({std::string{label.substr(0, label.find(':'))}, ipv4_of(i->ifa_addr) | hosts, loopback});
  }
  return out;
}

}  // namespace

std::vector<runtime::SocketAddress> broadcast_addresses(const std::vector<std::string>& interfaces,
                                                        std::uint16_t port) {
  auto all = networks();
  if (!interfaces.empty()) {
    std::erase_if(all, [&](const Network& n) {
      return std::find(interfaces.begin(), interfaces.end(), n.name) == interfaces.end();
    });
  } else if (std::any_of(all.begin(), all.end(), [](const Network& n) { return !n.loopback; })) {
    std::erase_if(all, [](const Network& n) { return n.loopback; });
  }
  std::vector<runtime::SocketAddress> out;
  for (const auto& network : all) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(network.broadcast);
    const runtime::SocketAddress made{reinterpret_cast<const sockaddr*>(&address), sizeof address};
    if (std::find(out.begin(), out.end(), made) == out.end()) out.push_back(made);
  }
  return out;
}

bool is_broadcast(const runtime::SocketAddress& address) {
  if (address.family() != AF_INET) return false;
  const std::uint32_t ip = ipv4_of(address.data());
  if (ip == INADDR_BROADCAST) return true;
  const auto all = networks();
  return std::any_of(all.begin(), all.end(), [&](const Network& n) { return n.broadcast == ip; });
}

}  // namespace mesura::transport
