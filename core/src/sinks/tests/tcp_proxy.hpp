// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace mesura::sinks::test {

/// A way to a server that can be made to swallow the answers while connections stay open.
class TcpProxy {
 public:
  explicit TcpProxy(std::uint16_t server);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// From now on so many bytes of answers get through, the rest is lost.
  void pass_back(std::size_t bytes);
  void pass_back_all();
  /// Until the server was sent a piece that ends like `there` and has answered with one that ends like `back`.
  [[nodiscard]] bool wait_for(const std::string& there, const std::string& back, std::chrono::seconds patience);

 private:
  void run();

  std::uint16_t server_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::mutex mutex_;
  std::condition_variable change_;
  std::size_t allowed_ = SIZE_MAX;
  std::string last_there_;
  std::string last_back_;
  std::thread thread_;
};

}  // namespace mesura::sinks::test
