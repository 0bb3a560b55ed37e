// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// A foreign client of a broker of the test's own.
#pragma once

#include "fixture.hpp"
#include "support/broker.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct mosquitto;

namespace mesura::transport::test {

using mesura::test::Broker;

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
