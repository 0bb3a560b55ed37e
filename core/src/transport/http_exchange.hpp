// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One HTTP request and its answer, by a call that waits: for threads that may.
#pragma once

#include "runtime/socket_address.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::transport {

/// A method for devices with a protocol of their own on their web server's port: the body goes out as it stands,
/// without a request line or headers, and the answer is what comes until the connection ends, read as HTTP.
inline constexpr std::string_view kRawMethod = "FILE";

struct HttpRequest {
  std::string to;  ///< as it was asked for
  std::string method;
  std::string host;
  std::uint16_t port = 80;
  bool tls = false;
  std::string path;
  std::string body;
  std::string content_type;                                       ///< of the body
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< further ones; may hold secrets

  /// "192.168.0.34:80"
  [[nodiscard]] std::string peer() const;
  /// "GET http://192.168.0.34:80/get_stats"
  [[nodiscard]] std::string describe() const;
};

/// Reads "METHOD /path" or "METHOD http://host[:port][/path]" (or https), with `standard` for what it leaves out.
/// Nothing for anything else, and for what could smuggle a second request in.
[[nodiscard]] std::optional<HttpRequest> parse_http_request(std::string_view to, const HttpRequest& standard);

struct HttpAnswer {
  int status = -1;   ///< -1: there is none, `body` is the reason
  std::string body;  ///< at most 1 MiB
};

/// How much longer an exchange may take because of what is sent: a second for each 4 KiB, for devices that write it to
/// flash as it comes.
[[nodiscard]] constexpr std::chrono::seconds time_to_send(std::size_t body_bytes) {
  constexpr std::size_t kBytesPerSecond = 4096;
  return std::chrono::seconds{body_bytes / kBytesPerSecond};
}

struct HttpTls {
  std::string ca_file;  ///< empty: the system's
  bool insecure = false;
};

struct HttpLimits {
  std::chrono::steady_clock::time_point deadline;  ///< of all of it
  std::chrono::nanoseconds timeout;                ///< what it came from, for messages
};

/// `on_socket` is told the connected socket, and -1 before that is closed: whoever shuts it down meanwhile ends the
/// exchange. Never throws.
[[nodiscard]] HttpAnswer exchange(const HttpRequest& request, const std::vector<runtime::SocketAddress>& addresses,
                                  const HttpTls& tls, const HttpLimits& limits,
                                  const std::function<void(int fd)>& on_socket);

}  // namespace mesura::transport
