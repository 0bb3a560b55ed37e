// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Who gets in: new connections, and who has to go for them.
#include "http/front.hpp"

#include "runtime/socket_address.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

namespace mesura::http {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kPause{100};
constexpr std::int64_t kComplainEveryNs = 60'000'000'000;
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 64\r\nRetry-After: 5\r\n"
    "Connection: close\r\n\r\n{\"error\":{\"code\":\"http-busy\",\"message\":\"too many connections\"}}\n";

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

}  // namespace

void Front::accept(ListenSocket& socket) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    runtime::UniqueFd fd{::accept4(socket.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (fd) {
      welcome(std::move(fd), *socket.listener);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      tally_.no_descriptors.fetch_add(1, std::memory_order_relaxed);
      if (evict(nullptr, true)) continue;
      return pause_accepting();
    }
    if (errno != ECONNABORTED && errno != EINTR) return;
  }
}

/// The client stays in the kernel's queue: an event of every turn, which would be spinning.
void Front::pause_accepting() {
  if (!std::exchange(accepting_, false)) return;
  if (now_ns() - complained_ns_ >= kComplainEveryNs || complained_ns_ == 0) {
    complained_ns_ = now_ns();
    log_.warn("http-descriptors",
              "no file descriptors left for new connections; they wait\n  hint      raise "
              "LimitNOFILE of the service (ulimit -n)");
  }
  for (const auto& socket : sockets_) loop_.modify(socket.watch, 0);
  loop_.after(kPause, [this] {
    accepting_ = true;
    if (stopping_) return;
    for (const auto& socket : sockets_) loop_.modify(socket.watch, EPOLLIN);
  });
}

void Front::welcome(runtime::UniqueFd fd, Listener& listener) {
  tally_.connections.fetch_add(1, std::memory_order_relaxed);
  auto peer = peer_of(runtime::SocketAddress::of_peer(fd.get()));
  if (!make_room(peer)) {
    tally_.refused.fetch_add(1, std::memory_order_relaxed);
    if (!listener.tls) [[maybe_unused]]
      const auto sent = ::send(fd.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL);
    ::shutdown(fd.get(), SHUT_WR);
    return;
  }
  set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 60);
  SslPtr ssl;
  if (listener.tls && !(ssl = listener.tls->make())) return;
  const auto id = next_id_++;
  const auto key = peer.key;
  try {
    connections_[id] = std::make_unique<Connection>(*this, listener.rules, id, Channel{std::move(fd), std::move(ssl)},
                                                    std::move(peer));
    ++by_key_[key];
  } catch (const std::exception& e) {
    connections_.erase(id);
    log_.warn("http-connection", "a connection could not be taken: {}", e.what());
    return;
  }
  tally_.clients.store(connections_.size(), std::memory_order_relaxed);
}

/// When all places are taken: somebody idle goes, of those who have most; else somebody of a client beyond its share,
/// if the newcomer has less.
bool Front::make_room(const Peer& peer) {
  if (connections_.size() < options_.clients) return true;
  const auto own = by_key_.find(peer.key);
  const std::size_t has = own == by_key_.end() ? 0 : own->second;
  const auto* richest = &*by_key_.begin();
  for (const auto& entry : by_key_)
    if (entry.second > richest->second) richest = &entry;
  const auto key = richest->first;
  const auto most = richest->second;
  if (has + 1 < most) {
    if (evict(&key, true)) return true;
    if (most > options_.clients_per_address && has < options_.clients_per_address) return evict(&key, false);
  }
  // A client with many makes room for itself first, then at the cost of any idle one that is not poorer.
  if (has > options_.clients_per_address) return evict(&peer.key, true);
  return evict(nullptr, true);
}

/// Closes the one that has been as it is for longest: idle, or still sending its request, or (not idle_only) at work.
bool Front::evict(const std::string* key, bool idle_only) {
  Connection* victim = nullptr;
  int victim_rank = 0;
  for (const auto& [id, connection] : connections_) {
    if (key != nullptr && connection->peer().key != *key) continue;
    const int rank = connection->is_idle() ? 3 : connection->is_reading() ? 2 : 1;
    if (idle_only && rank < 3) continue;
    if (victim != nullptr &&
        (rank < victim_rank || (rank == victim_rank && connection->since_ns() >= victim->since_ns())))
      continue;
    victim = connection.get();
    victim_rank = rank;
  }
  if (victim == nullptr) return false;
  tally_.evicted.fetch_add(1, std::memory_order_relaxed);
  victim->close();
  return true;
}

}  // namespace mesura::http
