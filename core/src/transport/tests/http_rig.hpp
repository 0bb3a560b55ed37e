// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// A web server of the test's own.
#pragma once

#include "fixture.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace mesura::transport::test {

struct WebRequest {
  std::string method;
  std::string uri;
  std::string body;
  std::string content_type;
};
struct WebAnswer {
  int status = 200;
  std::string body;
};

/// Poco's server on a free port of the loopback; `handle` is called on its threads.
class WebServer {
 public:
  using Handle = std::function<WebAnswer(const WebRequest&)>;
  explicit WebServer(Handle handle);
  /// With TLS, by these files.
  WebServer(Handle handle, const std::string& certificate_file, const std::string& key_file);
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesura::transport::test
