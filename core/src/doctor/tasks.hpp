// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "doctor/finding.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mesura::doctor {

/// Checks that wait for others, each on a thread of its own. Looking up a name cannot be called off: a thread that does
/// not come back is left behind.
class Tasks {
 public:
  Tasks();
  /// `work` must own what it uses: it may outlive this object.
  void add(std::string where, std::function<Findings()> work);
  /// What all have found, in the order of adding; for those that are not done at `patience` after the first add():
  /// doc-no-answer.
  void collect(std::chrono::milliseconds patience, Findings& out);
  /// Threads are still at work: end the process with _exit().
  [[nodiscard]] bool left_behind() const { return left_behind_; }

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::chrono::steady_clock::time_point begin_{};
  std::size_t count_ = 0;
  bool left_behind_ = false;
};

}  // namespace mesura::doctor
