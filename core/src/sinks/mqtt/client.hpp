// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/log.hpp"
#include "sinks/mqtt/options.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace mesura::sinks::mqtt {

/// A connection to a broker that stands by itself: a thread of its own makes it, keeps it alive while nothing is
/// written, and makes it anew, with a growing delay, when it breaks. Each connection is a fresh session: what the
/// broker had not confirmed on the old one is forgotten here, and the sink publishes it again.
///
/// Not mosquitto_loop_start(): its thread waits in select(), which a process with more than 1024 descriptors must not
/// use, and a lock and a wake-up per message cost a third of the rate. Whoever holds lock() drives the connection.
class Client {
 public:
  /// All are called with the lock held, by the thread that drives.
  struct Handlers {
    /// A connection stands; nothing of an older one is in flight any more. May publish and subscribe.
    std::function<void()> on_up;
    /// The broker's answer to a publish (QoS 0: it is written out). code: MQTT 5's reason code, 0 for 3.1.1.
    std::function<void(int id, int code)> on_published;
    std::function<void(std::string_view topic, bool retained, std::string_view payload)> on_message;
    /// After each turn of a connection that stands. May publish.
    std::function<void()> on_turn;
  };

  Client(const Options& options, Handlers handlers, runtime::Logger log);
  /// Ends the connection without a farewell: the broker publishes the last will.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Waits until the connection stands. Throws SinkError, after options.connect_timeout at the latest; the next call
  /// tries again at once.
  void connect();

  /// For all of what follows.
  [[nodiscard]] std::unique_lock<std::mutex> lock();
  [[nodiscard]] bool up() const;
  /// Why it is not up.
  [[nodiscard]] const std::string& reason() const;

  enum class Publish : std::uint8_t {
    sent,
    refused,  ///< such a message can never be sent; `problem` says why
    down      ///< the connection is gone
  };
  struct Sent {
    Publish outcome = Publish::sent;
    int id = 0;
    const char* problem = "";
  };
  Sent publish(const std::string& topic, std::string_view payload, int qos, bool retain);
  void subscribe(const std::string& topic);
  /// Waits for the broker at most so long and lets the connection work. False when it is down.
  bool turn(std::chrono::milliseconds patience);
  /// Gives the connection up: it is made anew by connect(), or after a delay.
  void drop(std::string reason);

  /// Without the lock: says farewell, and ends the thread.
  void close();

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;  // with the thread, which may hang in a connect() when we go
};

}  // namespace mesura::sinks::mqtt
