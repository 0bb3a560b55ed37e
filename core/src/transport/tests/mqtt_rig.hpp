// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// A broker of the test's own, and a foreign client of it.
#pragma once

#include "fixture.hpp"
#include "support/process.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct mosquitto;

namespace mesura::transport::test {

/// mosquitto on a free port of the loopback, with nothing of the machine's configuration.
class Broker {
 public:
  /// `config`: further lines. With `port` it is that one.
  explicit Broker(const std::string& config = "", std::uint16_t port = 0);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string file(const std::string& name) const { return dir_.file(name); }
  void stop();

 private:
  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<mesura::test::Process> process_;
};

/// Another program at the broker: plain libmosquitto, without anything of ours.
class ForeignClient {
 public:
  struct Message {
    std::string topic;
    std::string payload;
    bool operator==(const Message&) const = default;
  };
  ForeignClient(std::uint16_t port, const std::string& topic);
  ~ForeignClient();
  ForeignClient(const ForeignClient&) = delete;
  ForeignClient& operator=(const ForeignClient&) = delete;

  void publish(const std::string& topic, std::string_view payload, bool retain = false);
  /// Lets the connection work, as long as it needs nothing to wait for.
  void work();

  std::vector<Message> received;

 private:
  ::mosquitto* client_;
  bool subscribed_ = false;
};

}  // namespace mesura::transport::test
