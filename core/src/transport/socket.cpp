// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace mesura::transport {
namespace {

runtime::UniqueFd make_socket(const runtime::SocketAddress& address) {
  return runtime::UniqueFd{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

}  // namespace

bool set_option(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

runtime::UniqueFd start_connect(const runtime::SocketAddress& address, int& error) {
  auto fd = make_socket(address);
  if (fd && (::connect(fd.get(), address.data(), address.size()) == 0 || errno == EINPROGRESS)) return fd;
  error = errno;
  return {};
}

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void tune_connection(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
}

runtime::UniqueFd start_listen(const runtime::SocketAddress& address, int& error) {
  auto fd = make_socket(address);
  if (fd) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.family() == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (::bind(fd.get(), address.data(), address.size()) == 0 && ::listen(fd.get(), SOMAXCONN) == 0) return fd;
  }
  error = errno;
  return {};
}

}  // namespace mesura::transport
