// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The readings of the virtual CT6 and the means over them, one window for each path (UDP, MQTT).
#pragma once

#include <cstdint>

#include "virtual_chips.hpp"
#include "virtual_firmware.hpp"

namespace mesura::ct6::twin {

/// The samples between two answers.
struct Window {
  std::int64_t next = 0;  ///< index of the first sample that is not in `sum`
  std::int64_t count = 0;
  Reading sum;  ///< or, in the firmware that gets it wrong, the running value
};

/// Takes a sample every `sample_ms`, but computes it only when somebody asks: what a unit costs depends on how often it
/// is asked, not on how long it runs. A window of more than 64 samples is made of 64 spread over it.
class Sampler {
 public:
  Sampler(std::int64_t phase_ns, std::int64_t period_ns) : phase_ns_(phase_ns), period_ns_(period_ns) {}

  /// Index of the last sample at or before `now_ns`.
  [[nodiscard]] std::int64_t index_at(std::int64_t now_ns) const;
  [[nodiscard]] std::int64_t period_ns() const { return period_ns_; }
  void set_period(std::int64_t period_ns) { period_ns_ = period_ns; }

  /// Begins a window after the last sample at `now_ns`.
  void restart(Window& window, std::int64_t now_ns) const;
  /// Adds the samples up to `now_ns`, as chips and loads are now. To be called before either changes.
  void fold(Window& window, std::int64_t now_ns, Loads& loads, const Chips& chips, Averaging averaging);
  /// The mean of the window, which starts anew; nothing if it has no sample.
  const Reading* take(Window& window, Averaging averaging);
  /// The reading of this moment.
  const Reading& live(std::int64_t now_ns, Loads& loads, const Chips& chips);

 private:
  std::int64_t phase_ns_;
  std::int64_t period_ns_;
  Reading scratch_, mean_;
};

}  // namespace mesura::ct6::twin
