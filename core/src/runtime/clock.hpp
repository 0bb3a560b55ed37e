// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mesura::runtime {

/// Where the program reads the time: one object, so that tests and simulators can turn it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t steady_ns() const = 0;  ///< never jumps; arbitrary origin
  [[nodiscard]] virtual std::int64_t wall_ns() const = 0;    ///< ns since 1970-01-01T00:00:00Z
};

/// The machine's clocks (CLOCK_MONOTONIC, CLOCK_REALTIME).
class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t steady_ns() const override;
  [[nodiscard]] std::int64_t wall_ns() const override;
};

/// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_ns = 1'700'000'000'000'000'000) : wall_ns_(wall_ns) {}
  [[nodiscard]] std::int64_t steady_ns() const override { return steady_ns_; }
  [[nodiscard]] std::int64_t wall_ns() const override { return wall_ns_; }
  void advance(std::int64_t ns) {
    steady_ns_ += ns;
    wall_ns_ += ns;
  }
  void set_wall(std::int64_t ns) { wall_ns_ = ns; }

 private:
  std::int64_t steady_ns_ = 1'000'000'000;
  std::int64_t wall_ns_;
};

}  // namespace mesura::runtime
