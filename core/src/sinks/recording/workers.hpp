// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mesura::sinks::recording {

/// Threads that share the work of one caller: as many as there are cores, the caller's among them. They are started by
/// the first work that is worth it.
class Workers {
 public:
  explicit Workers(std::size_t threads = std::thread::hardware_concurrency());
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Calls work(0) .. work(count - 1), each once, on any threads, and waits for all. When some throw, the others are
  /// done all the same, and one of the exceptions is thrown again.
  void run(std::size_t count, const std::function<void(std::size_t)>& work);

 private:
  void serve();
  void take_part();

  std::size_t wanted_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::size_t busy_ = 0;  // threads in take_part()
  std::size_t turn_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
};

}  // namespace mesura::sinks::recording
