// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace mesura::runtime {
namespace {

// The storage is copied out, never cast: a sockaddr_storage does not alias the others.
template <class T>
T as(const sockaddr* address) {
  T out{};
  std::memcpy(&out, address, sizeof out);
  return out;
}

template <int (*get)(int, sockaddr*, socklen_t*)>
SocketAddress ask(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (get(fd, address, &size) != 0) return {};
  return {address, size};
}

int own_name(int fd, sockaddr* address, socklen_t* size) { return ::getsockname(fd, address, size); }
int peer_name(int fd, sockaddr* address, socklen_t* size) { return ::getpeername(fd, address, size); }

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  return ::inet_ntop(family, address, buffer.data(), buffer.size()) == nullptr ? std::string{} : buffer.data();
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size)
    : size_(std::min<socklen_t>(size, sizeof storage_)) {
  std::memcpy(&storage_, address, size_);
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(std::string{host}.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return std::nullopt;
  const SocketAddress address{found->ai_addr, found->ai_addrlen};
  ::freeaddrinfo(found);
  return address;
}

SocketAddress SocketAddress::of_socket(int fd) { return ask<own_name>(fd); }
SocketAddress SocketAddress::of_peer(int fd) { return ask<peer_name>(fd); }

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>(data()).sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(data()).sin6_port);
  return 0;
}

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET) return (ntohl(as<sockaddr_in>(data()).sin_addr.s_addr) >> 24) == 127;
  if (family() != AF_INET6) return false;
  const auto v6 = as<sockaddr_in6>(data());
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::string SocketAddress::to_string() const {
  if (family() == AF_INET) {
    const auto v4 = as<sockaddr_in>(data());
    return join_host_port(text_of(AF_INET, &v4.sin_addr), port());
  }
  if (family() != AF_INET6) return {};
  const auto v6 = as<sockaddr_in6>(data());
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return join_host_port(text_of(AF_INET, &v6.sin6_addr.s6_addr[12]), port());
  std::string host = text_of(AF_INET6, &v6.sin6_addr);
  if (v6.sin6_scope_id != 0) {
    std::array<char, IF_NAMESIZE> name{};
    const char* const found = ::if_indextoname(v6.sin6_scope_id, name.data());
    host += '%';
    host += found != nullptr ? std::string{found} : std::to_string(v6.sin6_scope_id);
  }
  return join_host_port(host, port());
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  std::string out;
  if (v6) out += '[';
  out += host;
  if (v6) out += ']';
  out += ':';
  out += std::to_string(port);
  return out;
}

}  // namespace mesura::runtime
