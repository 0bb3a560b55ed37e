// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::transport {

/// Whose datagrams are wanted: numeric addresses and networks ("192.168.0.9", "192.168.1.0/24", "fd00::/8").
class AddressFilter {
 public:
  /// Each returns the first text that is no address or network, or nothing.
  [[nodiscard]] std::optional<std::string> include(const std::vector<std::string>& texts) {
    return add(include_, texts);
  }
  [[nodiscard]] std::optional<std::string> exclude(const std::vector<std::string>& texts) {
    return add(exclude_, texts);
  }
  /// Excluded addresses are never wanted, others if nothing is included, or they are. IPv4 inside IPv6 counts as IPv4.
  [[nodiscard]] bool wants(const sockaddr* address, socklen_t size) const;
  [[nodiscard]] bool empty() const { return include_.empty() && exclude_.empty(); }

 private:
  /// IPv4 as ::ffff:a.b.c.d, so that one comparison does for both.
  using Address = std::array<std::uint8_t, 16>;
  struct Network {
    Address address{};
    std::size_t bits = 0;
    [[nodiscard]] bool holds(const Address& other) const;
  };
  static std::optional<Address> normal(const sockaddr* address, socklen_t size);
  static std::optional<Network> parse(std::string_view text);
  static std::optional<std::string> add(std::vector<Network>& to, const std::vector<std::string>& texts);

  std::vector<Network> include_;
  std::vector<Network> exclude_;
};

}  // namespace mesura::transport
