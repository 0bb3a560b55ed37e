// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// libmosquitto on the event loop: one connection, from connecting to its end.
#pragma once

#include "transport/transport.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mesura::transport {

struct MqttOptions {
  std::string host;
  std::uint16_t port = 1883;
  std::string client_id;  ///< empty: made up
  std::string username;   ///< empty: none
  std::string password;
  std::vector<std::string> topics;  ///< subscribed to; may hold wildcards
  int qos = 1;                      ///< of subscriptions and of what is published
  std::chrono::seconds keepalive{30};
  std::chrono::nanoseconds timeout{0};  ///< until the subscriptions stand
  bool tls = false;
  std::string ca_file;  ///< empty: the system's
  std::string cert_file;
  std::string key_file;
  bool insecure = false;
};

/// Calls come on the loop's thread, also after the object has been let go in one of them; finding and connecting happen
/// on a thread of their own.
class MqttClient {
 public:
  struct Handlers {
    /// Connected, and all topics are subscribed to.
    std::function<void()> on_open;
    std::function<void(std::string_view topic, Bytes payload)> on_message;
    std::function<void(Reason)> on_end;
    /// Asked before on_message; false: left out. `retained`: it is older than the subscription. Empty: all are taken.
    std::function<bool(std::string_view topic, bool retained)> accept = {};
  };

  /// `what` names it in reasons.
  MqttClient(const Context& context, MqttOptions options, std::string what, Handlers handlers);
  /// No handler is called any more; never waits.
  ~MqttClient();
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  /// False when not open, when `topic` is none to publish to, or when more than 1 MiB would wait for the broker.
  bool publish(std::string_view topic, Bytes payload);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace mesura::transport
