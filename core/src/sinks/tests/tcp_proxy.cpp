// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

namespace mesura::sinks::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(port);
  return out;
}

void must(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::system_category(), what);
}

struct Pair {
  int client;
  int server;
};

}  // namespace

TcpProxy::TcpProxy(std::uint16_t server) : server_(server) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  must(listener_ >= 0 && wake_ >= 0 && ::bind(listener_, generic, size) == 0 && ::listen(listener_, 8) == 0 &&
           ::getsockname(listener_, generic, &size) == 0,
       "proxy");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { run(); }};
}

TcpProxy::~TcpProxy() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  thread_.join();
  ::close(listener_);
  ::close(wake_);
}

void TcpProxy::pass_back(std::size_t bytes) {
  const std::lock_guard lock{mutex_};
  allowed_ = bytes;
}

void TcpProxy::pass_back_all() { pass_back(SIZE_MAX); }

bool TcpProxy::wait_for(const std::string& there, const std::string& back, std::chrono::seconds patience) {
  std::unique_lock lock{mutex_};
  const auto ends = [](const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
  };
  return change_.wait_for(lock, patience, [&] { return ends(last_there_, there) && ends(last_back_, back); });
}

void TcpProxy::run() {
  std::vector<Pair> pairs;
  for (;;) {
    std::vector<pollfd> fds{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Pair& p : pairs) {
      fds.push_back({p.client, POLLIN, 0});
      fds.push_back({p.server, POLLIN, 0});
    }
    ::poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) break;
    std::vector<Pair> kept;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      bool open = true;
      for (const bool back : {false, true}) {
        if (!open || fds[2 + 2 * i + (back ? 1 : 0)].revents == 0) continue;
        std::array<char, 65536> buffer;
        const ssize_t n = ::read(back ? pairs[i].server : pairs[i].client, buffer.data(), buffer.size());
        open = n > 0;
        if (!open) continue;
        const std::lock_guard lock{mutex_};
        auto size = static_cast<std::size_t>(n);
        (back ? last_back_ : last_there_).assign(buffer.data(), size);
        if (back) {
          size = std::min(size, allowed_);
          if (allowed_ != SIZE_MAX) allowed_ -= size;
        }
        if (size > 0) open = ::send(back ? pairs[i].client : pairs[i].server, buffer.data(), size, MSG_NOSIGNAL) > 0;
        change_.notify_all();
      }
      if (open) {
        kept.push_back(pairs[i]);
      } else {
        ::close(pairs[i].client);
        ::close(pairs[i].server);
      }
    }
    pairs = kept;
    if (fds[1].revents == 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(server_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      pairs.push_back({client, server});
    } else {
      ::close(client);
      ::close(server);
    }
  }
  for (const Pair& p : pairs) {
    ::close(p.client);
    ::close(p.server);
  }
}

}  // namespace mesura::sinks::test
