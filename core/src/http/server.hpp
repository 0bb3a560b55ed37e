// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/message.hpp"
#include "http/options.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mesura::http {

class Authenticator;
class Front;

/// An HTTP/1.1 server: one thread for all sockets, a few workers for handlers that block.
///
/// No client costs a thread, whatever it does: not reading, sending a byte a second, keeping a connection. Everything
/// that one may hold is bounded (ServerOptions).
/// thread  handlers run on the workers or on the server's own thread, as their Route says; the rest is thread-safe
class Server {
 public:
  /// Without an authenticator nobody can log in.
  Server(const ServerOptions& options, std::shared_ptr<Authenticator> authenticator, runtime::Logger log);
  /// stop(0).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Before start(). Binds at once, so that what can't be had is known before anything runs; nobody is answered yet.
  /// Throws ListenError: http-address (malformed, or not of this machine), http-open (beyond loopback, without login,
  /// not said to be meant), http-bind (in use, not allowed), http-tls (certificate or key), http-route (two routes for
  /// one place, a malformed pattern).
  void add_listener(ListenerOptions options, std::vector<Route> routes);

  void start();
  /// Accepts no more, ends event streams, lets requests finish for `grace`, closes the rest. Waits for handlers that
  /// run: they can't be interrupted. Can be called twice.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{2000});

  /// Where it listens, "127.0.0.1:8080", by listener and then in the order of their `listen` (a name, or "*", may stand
  /// for several); with the real port.
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] std::string address(std::size_t i = 0) const { return addresses().at(i); }
  [[nodiscard]] std::uint16_t port(std::size_t i = 0) const;

  [[nodiscard]] Counters counters() const;

 private:
  std::unique_ptr<Front> front_;
};

}  // namespace mesura::http
