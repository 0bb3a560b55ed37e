// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How far long work is, on stderr: a bar with rate and time left for people, JSON lines for programs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::app {

enum class ProgressStyle { automatic, bar, json, none };  ///< automatic: a bar on a terminal, else nothing

class Progress {
 public:
  /// `unit` of what is counted: "B" is shown as kB, MB, GB.
  Progress(ProgressStyle style, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap: shows something a few times a second. `total` 0: unknown.
  void show(std::string_view stage, std::uint64_t done, std::uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  void bar(std::uint64_t done, std::uint64_t total, double seconds) const;

  ProgressStyle style_;
  std::string unit_;
  std::string stage_;
  Clock::time_point started_;
  Clock::time_point shown_;
  bool on_line_ = false;
};

}  // namespace mesura::app
