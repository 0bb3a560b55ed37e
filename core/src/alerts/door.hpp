// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "pipeline/alert.hpp"
#include "runtime/log.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace mesura::alerts {

using pipeline::Alert;

/// One object, without a line's end: {"rule":...,"subject":...,"kind":...,"state":"active"|"cleared","since":...,
/// "message":...}.
[[nodiscard]] std::string alert_json(const Alert& alert);

/// Brings one alert to somebody; waits as long as that takes. All calls but cancel() come from one thread.
class Courier {
 public:
  struct Outcome {
    std::string problem;   ///< empty: delivered. For people, without secrets
    bool lasting = false;  ///< another try would end the same
  };
  virtual ~Courier() = default;
  virtual Outcome deliver(const Alert& alert, const std::string& json) = 0;
  /// From another thread: a deliver() that waits comes back soon.
  virtual void cancel() {}
  /// The newest state of a subject is enough: what waits of an older one is not delivered any more.
  [[nodiscard]] virtual bool newest_only() const { return false; }
};

// The kinds. `options` are those of the door; the mqtt one's `sink` are the options of the sink that it names.
[[nodiscard]] std::unique_ptr<Courier> make_exec_courier(const config::Value& options, const runtime::Logger& log);
[[nodiscard]] std::unique_ptr<Courier> make_webhook_courier(const config::Value& options);
/// Null: this build has no MQTT.
[[nodiscard]] std::unique_ptr<Courier> make_mqtt_courier(const config::Value& options, const config::Value& sink,
                                                         const runtime::Logger& log);

/// A queue of alerts before a courier, and the thread that empties it.
///
/// What fails comes again after a growing delay, as often as `retries` says; then it is given up, logged. At most 500
/// wait: beyond that the oldest go, logged.
class Door {
 public:
  struct Options {
    std::string name;
    std::optional<int> retries;  ///< none: for ever
    std::chrono::nanoseconds first_delay = std::chrono::seconds{1};
    std::chrono::nanoseconds longest_delay = std::chrono::minutes{5};
  };
  static constexpr std::size_t kLimit = 500;

  Door(std::unique_ptr<Courier> courier, Options options, runtime::Logger log);
  /// Stops at once; what waits is lost, logged.
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  /// Never waits. Any thread.
  void send(Alert alert);
  /// Waits until nothing is left to deliver; false after `patience`.
  bool wait_idle(std::chrono::nanoseconds patience);

 private:
  void run();
  void deliver(std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<Courier> courier_;
  const Options options_;
  const runtime::Logger log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Alert> queue_;
  bool busy_ = false;
  bool stop_ = false;
  std::uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace mesura::alerts
