// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What handlers of the HTTP server get and give.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::http {

/// What a client may do. Each includes those before it.
enum class Role : std::uint8_t { none, read, control };

/// Who asks.
struct Principal {
  std::string name;  ///< user or token; empty: nobody has logged in
  Role role = Role::none;
};

/// Fields by name, in their order; names of headers are compared without case.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// A request, read whole and within the server's limits.
struct Request {
  std::string method;                 ///< "GET" (HEAD requests come as GET; the server drops the body)
  std::string path;                   ///< decoded, valid UTF-8, begins with '/', without ".", ".." and empty parts
  std::vector<std::string> captures;  ///< what the route's placeholders stood for
  Fields query;                       ///< decoded, valid UTF-8
  Fields headers;
  std::string body;
  std::string peer;     ///< "192.168.0.7"
  bool secure = false;  ///< over TLS
  Principal principal;

  /// The first (only) value; nullopt when absent.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> parameters(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

/// The answer. Body, stream or events: at most one of them.
struct Response {
  int status = 200;
  Fields headers;  ///< without Content-Length, Content-Encoding, ETag, Date: the server's
  std::string content_type = "application/json";
  std::string body;

  /// More of a long body, appended; false when that was the last. Called on a worker, again and again as the client
  /// reads; may block. Sent chunked, compressed if the client takes it. An exception ends the connection without the
  /// final chunk.
  std::function<bool(std::string& out)> stream;

  /// Server-sent events: what has happened since it was last called, appended as event-stream text; nothing is fine.
  /// Called on the server's own thread every `interval` while the client reads as fast as that: must be quick. A client
  /// that does not read is not asked for, and closed after a while.
  std::function<void(std::string& out)> events;
  std::chrono::milliseconds interval{200};

  /// The server may answer 304 by a hash of `body`.
  bool etag = true;
};

/// An error in our style, as JSON:
/// {"error":{"code":"qry-series","message":"...","expected":"...","got":"...","hint":"..."}}
struct ErrorText {
  std::string code;
  std::string message;
  std::string expected;  ///< left out when empty, as are the next two
  std::string got;
  std::string hint;
};
[[nodiscard]] Response error_response(int status, const ErrorText& error);

using Handler = std::function<Response(const Request& request)>;

/// A place and who answers there.
struct Route {
  enum class Run : std::uint8_t {
    worker,  ///< one of a few threads: may block for databases
    front    ///< the server's own thread: memory only, well below a millisecond
  };
  std::string method;      ///< "GET", "POST", ...
  std::string pattern;     ///< "/api/v1/devices/{id}"; "{rest*}" as the last part takes all that follows
  Role role = Role::read;  ///< that it takes; none: anybody
  Run run = Run::worker;
  Handler handler;
  std::size_t body_bytes = 0;  ///< the longest body from who may control; 0: as everywhere
};

}  // namespace mesura::http
