// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace mesura::transport {
namespace {

bool make_address(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  return true;
}

runtime::UniqueFd make_socket(int type) {
  return runtime::UniqueFd{::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

/// A socket file behind which nobody listens any more.
bool is_left_over(const std::string& path, const sockaddr_un& address, int type) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const auto probe = make_socket(type);
  return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

runtime::UniqueFd listen_unix(const std::string& path, int type, int& error) {
  sockaddr_un address{};
  if (!make_address(path, address)) {
    error = ENAMETOOLONG;
    return {};
  }
  if (is_left_over(path, address, type)) ::unlink(path.c_str());
  auto fd = make_socket(type);
  if (fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    if (::listen(fd.get(), 16) == 0) return fd;
    error = errno;
    ::unlink(path.c_str());
    return {};
  }
  error = errno;
  return {};
}

}  // namespace mesura::transport
