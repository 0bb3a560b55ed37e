// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command/command.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace mesura::command::mqtt {

/// A payload: {"id":"...", and what append_result tells}; without `id` when there is none. What is too long for a
/// broker is left out, and that is said.
[[nodiscard]] std::string reply_json(const Result& result, const std::string& id);

/// What was done lately, so that a message that comes again is not done again. Bounded.
class Done {
 public:
  static constexpr std::size_t kMost = 1000;
  static constexpr std::chrono::nanoseconds kFor = std::chrono::minutes{10};
  static constexpr std::size_t kMostReply = 16 * 1024;

  [[nodiscard]] bool knows(const std::string& key) const { return replies_.contains(key); }
  /// `now_ns`: steady.
  void begin(const std::string& key, std::int64_t now_ns);
  /// Unknown keys are ignored.
  void finish(const std::string& key, const std::string& reply);
  /// Nothing came of it: it may be tried again.
  void forget(const std::string& key);
  /// Empty: it is at work, or its answer was too long to keep.
  [[nodiscard]] const std::string& reply(const std::string& key) const;

 private:
  std::map<std::string, std::string> replies_;
  std::deque<std::pair<std::int64_t, std::string>> order_;
};

}  // namespace mesura::command::mqtt
