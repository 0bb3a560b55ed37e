// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the HTTP server can be told, and what it tells.
#pragma once

#include "http/message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mesura::http {

/// Limits of one Server, over all of its listeners. The defaults suit a house and a fleet alike.
struct ServerOptions {
  std::size_t workers = 4;     ///< threads for handlers that may block; 1..64
  std::size_t queue = 128;     ///< requests that wait for a worker; one address gets at most half of it
  std::size_t clients = 1024;  ///< connections at a time
  /// Connections that no other address can take away from one. IPv6 addresses count by their /64.
  std::size_t clients_per_address = 64;
  std::size_t event_streams = 256;  ///< Response::events at a time
  std::size_t streams = 8;          ///< Response::stream at a time

  std::size_t header_bytes = 16 * 1024;
  std::size_t target_bytes = 8 * 1024;  ///< path and query, as sent
  std::size_t body_bytes = 1024 * 1024;
  /// Of all clients together: bodies on their way in, and large answers on their way out. Beyond, 503.
  std::size_t all_bodies_bytes = 64 * 1024 * 1024;
  std::size_t all_answers_bytes = 256 * 1024 * 1024;
  std::size_t buffer_bytes = 64 * 1024;  ///< streams and events are asked for more when less than this is unsent

  std::chrono::milliseconds header_time{10'000};  ///< for a request's header, and a TLS handshake
  std::chrono::milliseconds idle_time{30'000};    ///< between requests
  std::chrono::milliseconds body_time{10'000};    ///< grace, on top of what `slowest_body` allows
  std::size_t slowest_body = 1024;                ///< bytes/s
  std::chrono::milliseconds write_time{30'000};   ///< in which a reader has to take `slowest_reader` x write_time
  std::size_t slowest_reader = 64;                ///< bytes/s
  std::chrono::milliseconds event_keep_alive{15'000};
};

struct TlsFiles {
  std::string certificate;  ///< PEM, the server's first, then intermediates
  std::string key;          ///< PEM
};

/// An address (or several) with routes of its own.
struct ListenerOptions {
  std::string name = "http";                          ///< in messages
  std::vector<std::string> listen{"127.0.0.1:8080"};  ///< HOST:PORT, [v6]:PORT, localhost:PORT, *:PORT; port 0: any
  std::optional<TlsFiles> tls;
  bool login = true;                   ///< takes users, tokens and sessions; false: everybody is `anonymous`
  Role anonymous = Role::read;         ///< what one may do without logging in
  bool allow_unauthenticated = false;  ///< `anonymous` above none is meant, even beyond loopback
  bool cors = false;                   ///< pages of any origin may read the answers
  /// Names under which it is reached besides localhost and addresses; with any, requests for others are refused on
  /// every address. Without, only loopback listeners that need no login check (DNS rebinding).
  std::vector<std::string> host_names;
};

/// What has happened since the start, and what is now. Plain numbers of one moment.
struct Counters {
  std::uint64_t requests = 0;             ///< answered
  std::uint64_t by_class[6] = {};         ///< answers 1xx..5xx by their first digit
  std::uint64_t connections = 0;          ///< accepted
  std::uint64_t refused_connections = 0;  ///< answered 503 at once: all places taken
  std::uint64_t evicted_connections = 0;  ///< closed to make room for another
  std::uint64_t no_descriptors = 0;       ///< times that accepting had to wait for file descriptors
  std::uint64_t timeouts = 0;             ///< clients too slow to send
  std::uint64_t slow_readers = 0;         ///< clients too slow to read, closed
  std::uint64_t tls_failures = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t handler_failures = 0;  ///< exceptions out of handlers and streams
  std::uint64_t busy = 0;              ///< 503 for want of a worker or a stream
  std::size_t clients = 0;             ///< now
  std::size_t event_streams = 0;       ///< now
  std::size_t streams = 0;             ///< now
  std::size_t waiting = 0;             ///< for a worker, now
};

/// A listener that can't be had; what() is the whole message: "code: what\n  expected ...\n  hint ...".
class ListenError : public std::runtime_error {
 public:
  ListenError(std::string code, const std::string& text)
      : std::runtime_error(code + ": " + text), code_(std::move(code)) {}
  [[nodiscard]] const std::string& code() const { return code_; }

 private:
  std::string code_;
};

}  // namespace mesura::http
