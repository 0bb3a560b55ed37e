// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace mesura::runtime {

/// The one back-off policy: exponential, with jitter, under a ceiling, reset after real success.
///
/// Without jitter a thousand clients of one broker come back in the same millisecond.
class Backoff {
 public:
  using Nanoseconds = std::chrono::nanoseconds;
  struct Policy {
    Nanoseconds first = std::chrono::seconds{1};
    Nanoseconds ceiling = std::chrono::seconds{30};
    double factor = 2.0;
    double jitter = 0.2;  ///< each delay is scaled by 1 +- jitter
  };

  Backoff(Policy policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  /// The delay before the next attempt.
  [[nodiscard]] Nanoseconds next();
  /// Real data came: the next failure starts at `first` again.
  void reset() { attempts_ = 0; }
  [[nodiscard]] std::uint32_t attempts() const { return attempts_; }

 private:
  Policy policy_;
  std::mt19937_64 random_;
  std::uint32_t attempts_ = 0;
};

}  // namespace mesura::runtime
