// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace mesura::http {

/// Makes each wrong guess cost longer than the one before, by key (an address, a user). Not thread-safe.
class Throttle {
 public:
  Throttle(int free_failures, std::chrono::nanoseconds first_delay, std::chrono::nanoseconds longest_delay);

  /// How long `key` has to wait before it is listened to; 0: not at all.
  [[nodiscard]] std::chrono::nanoseconds wait(const std::string& key, std::int64_t now_ns) const;
  void failed(const std::string& key, std::int64_t now_ns);
  void succeeded(const std::string& key) { entries_.erase(key); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    int failures = 0;
    std::int64_t until_ns = 0;
    std::int64_t last_ns = 0;
  };
  void make_room(std::int64_t now_ns);

  int free_failures_;
  std::chrono::nanoseconds first_delay_;
  std::chrono::nanoseconds longest_delay_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace mesura::http
