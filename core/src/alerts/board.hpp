// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/alert.hpp"

#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace mesura::alerts {

using pipeline::Alert;

/// What is wrong now, and what has changed lately, for whoever asks. Thread-safe.
class Board {
 public:
  static constexpr std::size_t kHistory = 200;

  /// By rule, then subject.
  [[nodiscard]] std::vector<Alert> active() const {
    const std::lock_guard lock{mutex_};
    return active_;
  }
  /// The last changes since the start, oldest first; `active` says which way each went.
  [[nodiscard]] std::vector<Alert> history() const {
    const std::lock_guard lock{mutex_};
    return {history_.begin(), history_.end()};
  }

  void set_active(std::vector<Alert> active) {
    const std::lock_guard lock{mutex_};
    active_ = std::move(active);
  }
  void add_change(Alert change) {
    const std::lock_guard lock{mutex_};
    if (history_.size() == kHistory) history_.pop_front();
    history_.push_back(std::move(change));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Alert> active_;
  std::deque<Alert> history_;
};

}  // namespace mesura::alerts
