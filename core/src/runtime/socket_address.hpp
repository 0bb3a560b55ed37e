// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::runtime {

/// An IPv4 or IPv6 address with its port.
class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const sockaddr* address, socklen_t size);

  /// A numeric address, never a name: "192.168.0.34", "::1", "fe80::1%eth0".
  [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view host, std::uint16_t port);
  /// The own end of a socket, or the other; an empty address when there is none.
  [[nodiscard]] static SocketAddress of_socket(int fd);
  [[nodiscard]] static SocketAddress of_peer(int fd);

  /// "192.168.0.34:29340", "[::1]:29340"; an IPv4 address inside IPv6 is written as IPv4.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const { return size_; }

  bool operator==(const SocketAddress& other) const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// "host:port"; an IPv6 address gets its brackets.
[[nodiscard]] std::string join_host_port(std::string_view host, std::uint16_t port);

}  // namespace mesura::runtime
