// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/address_filter.hpp"

#include "runtime/socket_address.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mesura::transport {
namespace {

constexpr std::size_t kMappedBits = 96;

}  // namespace

std::optional<AddressFilter::Address> AddressFilter::normal(const sockaddr* address, socklen_t size) {
  Address out{};
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    std::memcpy(out.data(), reinterpret_cast<const char*>(address) + offsetof(sockaddr_in6, sin6_addr), out.size());
    return out;
  }
  if (address->sa_family != AF_INET || size < sizeof(sockaddr_in)) return std::nullopt;
  out[10] = out[11] = 0xFF;
  std::memcpy(&out[12], reinterpret_cast<const char*>(address) + offsetof(sockaddr_in, sin_addr), 4);
  return out;
}

bool AddressFilter::Network::holds(const Address& other) const {
  const std::size_t whole = bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
  if (bits % 8 == 0) return true;
  return ((address[whole] ^ other[whole]) >> (8 - bits % 8)) == 0;
}

std::optional<AddressFilter::Network> AddressFilter::parse(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = runtime::SocketAddress::parse(text.substr(0, slash), 0);
  if (!address) return std::nullopt;
  const auto bytes = normal(address->data(), address->size());
  if (!bytes) return std::nullopt;
  const std::size_t offset = address->family() == AF_INET ? kMappedBits : 0;
  std::size_t bits = 128 - offset;
  if (slash < text.size()) {
    const std::string_view length = text.substr(slash + 1);
    std::size_t given = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), given);
    if (error != std::errc{} || end != length.data() + length.size() || given > bits) return std::nullopt;
    bits = given;
  }
  return Network{*bytes, offset + bits};
}

std::optional<std::string> AddressFilter::add(std::vector<Network>& to, const std::vector<std::string>& texts) {
  for (const auto& text : texts) {
    const auto network = parse(text);
    if (!network) return text;
    to.push_back(*network);
  }
  return std::nullopt;
}

bool AddressFilter::wants(const sockaddr* address, socklen_t size) const {
  if (empty()) return true;
  const auto bytes = normal(address, size);
  if (!bytes) return false;
  const auto holds = [&](const Network& network) { return network.holds(*bytes); };
  if (std::any_of(exclude_.begin(), exclude_.end(), holds)) return false;
  return include_.empty() || std::any_of(include_.begin(), include_.end(), holds);
}

}  // namespace mesura::transport
