// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/value.hpp"
#include "runtime/log.hpp"
#include "sinks/mqtt/client.hpp"
#include "sinks/mqtt/options.hpp"

#include <atomic>
#include <map>
#include <string>
#include <string_view>

namespace mesura::sinks::mqtt {

/// Single retained messages to the broker of a sink, over a connection of their own: what the sink has queued must not
/// delay them, nor they it. With the sink's login, and its client id with "-alerts" behind it.
class Notices {
 public:
  /// `sink`: the options of a sink of kind mqtt. Nothing is connected yet.
  Notices(const config::Value& sink, runtime::Logger log);

  struct Outcome {
    std::string problem;   ///< empty: the broker has it
    bool refused = false;  ///< and it will not take it at the next try either
  };
  /// Waits for the broker's word, QoS 1.
  [[nodiscard]] Outcome publish(const std::string& topic, std::string_view payload);
  /// From another thread: publish() gives up soon.
  void cancel() { cancelled_ = true; }

 private:
  const Options options_;
  const std::string problem_;
  std::atomic<bool> cancelled_ = false;
  std::map<int, int> answers_;  ///< MQTT 5's reason code by message id
  Client client_;               ///< the last, so that its thread ends before what its handlers use
};

}  // namespace mesura::sinks::mqtt
