// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mesura::app {

enum class ProgressForm : std::uint8_t {
  automatic,  ///< a bar on a terminal, else nothing
  json,       ///< a JSON object a line
  none
};

/// How far long work is, on stderr: a bar with rate and time left, or {"done", "total", "rate", "left_s"} lines.
class Progress {
 public:
  /// `what` is done to so many `unit`s: "writing", "measurements".
  Progress(std::string what, std::string unit, ProgressForm form);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows it at most ten times a second.
  void update(std::uint64_t done, std::uint64_t total);
  /// Shows the last state and ends the line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void show(Clock::time_point now);

  std::string what_;
  std::string unit_;
  ProgressForm form_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point shown_{};
  std::uint64_t first_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace mesura::app
