// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace mesura::sinks::exec {

/// Brings what a child says into our log as it comes, on a thread of its own: nobody else reads between two writes, and
/// a child whose stderr is full would stand still.
///
/// At most 20 lines in 10 seconds; how many more there were is said afterwards. Control characters are escaped.
class LineLog {
 public:
  /// `code`: of the records; `from`: "grid.py, stderr".
  LineLog(runtime::Logger log, std::string code, std::string from, runtime::UniqueFd fd);
  /// Reads what is there, then ends.
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  /// Until everything has been read and nobody can write any more; false when `deadline` came first.
  bool wait_end(std::chrono::steady_clock::time_point deadline);
  /// The latest line, fit for a message; empty without one.
  [[nodiscard]] std::string last();

 private:
  void run();
  bool drain();
  void line(std::string_view text);
  void tell_left_out();

  const runtime::Logger log_;
  const std::string code_;
  const std::string from_;
  const runtime::UniqueFd fd_;
  runtime::UniqueFd stop_;  // an eventfd

  // Only the thread's.
  std::string partial_;
  std::chrono::steady_clock::time_point window_{};
  std::uint64_t in_window_ = 0;
  std::uint64_t left_out_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string last_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace mesura::sinks::exec
