// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A server on a free port, and a client that sends what it is told to, byte by byte if need be.
#pragma once

#include "http/server.hpp"
#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"

#include <openssl/ssl.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::test {

struct Reply {
  int status = 0;
  std::string head;  ///< status line and fields
  std::string body;  ///< without chunks, as sent otherwise
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// One connection. Reading gives up after 20 s with an exception: a failed test, not a hanging one.
class Client {
 public:
  explicit Client(std::uint16_t port, const char* host = "127.0.0.1", int receive_buffer = 0);
  ~Client();
  Client(Client&&) noexcept;

  /// TLS from now on, without looking at the certificate.
  void start_tls();
  /// Of the peer, by SHA-256; after start_tls().
  [[nodiscard]] std::string certificate_hash() const;

  void send(std::string_view bytes);
  /// What the socket takes now; false when it takes nothing more, or is dead.
  bool try_send(std::string_view bytes);
  /// Up to so many bytes; empty at the end, or when the connection was reset.
  std::string receive(std::size_t most = 65536);
  std::string receive_all();
  /// Of GET; for HEAD say so.
  Reply read_reply(bool head_only = false);
  Reply get(std::string_view path, std::string_view more_headers = "");
  Reply post(std::string_view path, std::string_view body, std::string_view more_headers = "");
  /// True once the other side has closed, or the connection is dead; false if `patience` passes before.
  bool wait_closed(std::chrono::milliseconds patience = std::chrono::seconds{20});
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bool fill();
  runtime::UniqueFd fd_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string in_;
};

/// A log that tests can wait on and look through.
class LogLines {
 public:
  LogLines();
  [[nodiscard]] runtime::Logger logger() const { return {log_, "http"}; }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool wait_for(std::string_view part) const;

 private:
  std::shared_ptr<runtime::Log> log_ = std::make_shared<runtime::Log>();
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string text_;
};

/// A flag that threads wait for; gives up after 20 s.
class Gate {
 public:
  void open();
  bool wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// Asks until it is so; false after 20 s.
bool eventually(const std::function<bool()>& condition);

http::Response text_response(std::string body);
http::Route route(std::string method, std::string pattern, http::Handler handler,
                  http::Route::Run run = http::Route::Run::front, http::Role role = http::Role::read);

/// A started server on loopback; "/hello" says "hello\n" unless there are routes.
struct Rig {
  explicit Rig(std::vector<http::Route> routes = {}, http::ServerOptions options = {},
               http::ListenerOptions listener = {}, std::shared_ptr<http::Authenticator> authenticator = nullptr);
  LogLines log;
  http::Server server;
  [[nodiscard]] Client connect(int receive_buffer = 0) const {
    return Client{server.port(), "127.0.0.1", receive_buffer};
  }
};

}  // namespace mesura::test
