// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "pipeline/hold_keeper.hpp"
#include "runtime/clock.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::pipeline {

/// Keeps a source's clock from overwriting what it already delivered.
///
/// A live telegram whose stamp is not later than all before it of the same device, but that differs from the one with
/// that stamp, is stored at its receive time as clock_suspect (a clock that was set back, two telegrams in one second).
/// Readings inside it that carry stamps of their own keep them.
///
/// A stamp more than five minutes ahead of our clock was a glitch and is not held against those after it.
class ClockGuard {
 public:
  /// `batch` carries the source's own time (time_ns != received_ns).
  void apply(Batch& batch);

 private:
  struct Last {
    std::int64_t time_ns;
    std::size_t content;
  };
  std::unordered_map<std::string, Last> last_;
};

/// Holds measurements that carry our own clock's time while that clock is not synchronised.
///
/// A board without a battery-backed clock boots with the time of its last shutdown. What arrives before the network
/// time does is held, bounded by time and number, and moved by the step that the clock then makes; what can't wait any
/// longer goes on marked clock_unsynced.
class SyncHold {
 public:
  struct Limits {
    std::chrono::nanoseconds hold = std::chrono::minutes{10};
    std::size_t measurements = 100'000;
  };
  /// `synchronised` is asked at every batch and tick. `keeper` (may be null) keeps what is held over a kill; what it
  /// still has of an earlier run is held again, or waits for the first tick if it has to go on.
  SyncHold(const runtime::Clock& clock, std::function<bool()> synchronised, Limits limits,
           std::unique_ptr<HoldKeeper> keeper = nullptr);

  /// `batch` is at its receive time. What may go on is appended to `out`, in order.
  void add(std::shared_ptr<Batch> batch, std::vector<BatchPtr>& out);
  /// Releases what the clock's state or the limits allow; call about once a second while held() is not 0.
  void tick(std::vector<BatchPtr>& out);
  /// Everything, marked clock_unsynced if it still is: the program stops.
  void release_all(std::vector<BatchPtr>& out);
  [[nodiscard]] std::size_t held() const { return measurements_; }

 private:
  struct Held {
    std::shared_ptr<Batch> batch;
    std::int64_t steady_ns;
    std::int64_t wall_ns;
    std::int64_t kept = 0;      ///< its number with the keeper
    bool unknown_boot = false;  ///< held before the machine's last start: nobody knows how far its clock was off
  };
  void take_over();
  void release(Held held, bool synchronised, std::vector<BatchPtr>& out);

  const runtime::Clock& clock_;
  std::function<bool()> synchronised_;
  Limits limits_;
  std::unique_ptr<HoldKeeper> keeper_;
  std::optional<std::int64_t> wall_offset_ns_;  ///< wall minus monotonic, when the clock was first found synchronised
  std::deque<Held> held_;
  std::size_t measurements_ = 0;
};

/// How much the machine's clock is trusted (`clock: {sync: ...}`).
enum class SyncMode : std::uint8_t {
  automatic,  ///< wait for the kernel's word that the clock is synchronised only shortly after boot; later it is what
              ///< it is
  ignore,     ///< always trusted
  require     ///< always wait for it
};
/// A function for SyncHold that asks the kernel (adjtimex). `hold` bounds the time after boot in mode automatic.
[[nodiscard]] std::function<bool()> kernel_synchronised(SyncMode mode, std::chrono::nanoseconds hold);

}  // namespace mesura::pipeline
