// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mesura::http {

/// A few threads for work that blocks, shared fairly between clients.
///
/// Each key (a client's address) has a queue of its own; they are served in turn, and no key gets the last free thread
/// for itself. So one client with a hundred slow questions delays its own hundred.
/// thread  any
class Workers {
 public:
  using Job = std::function<void()>;  ///< must not throw

  Workers(std::size_t threads, std::size_t max_waiting);
  /// stop()
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
  /// Lets what has begun run to its end, begins nothing more. Once.
  void stop();
  /// False when the queue is full, or this key's half of it.
  [[nodiscard]] bool submit(const std::string& key, Job job);
  /// The same without limit, for work that has its own: at most one such job for each request that is being answered.
  void go_on(const std::string& key, Job job);
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Queue {
    std::deque<Job> jobs;
    std::size_t running = 0;
  };
  void run();
  bool take(std::string& key, Job& job);
  void add(const std::string& key, Job job);

  const std::size_t max_waiting_;
  const std::size_t max_running_;  ///< of one key
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Queue> queues_;
  std::deque<std::string> turns_;  ///< keys that have something waiting
  std::size_t waiting_ = 0;
  bool stopping_ = false;
  const std::size_t count_;
  std::vector<std::thread> threads_;
};

}  // namespace mesura::http
