// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/workers.hpp"

#include <algorithm>
#include <utility>

namespace mesura::http {

Workers::Workers(std::size_t threads, std::size_t max_waiting)
    : max_waiting_(max_waiting),
      max_running_(std::max<std::size_t>(threads, 2) - 1),
      count_(std::max<std::size_t>(threads, 1)) {}

void Workers::start() {
  while (threads_.size() < count_) threads_.emplace_back([this] { run(); });
}

Workers::~Workers() { stop(); }

void Workers::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

bool Workers::submit(const std::string& key, Job job) {
  {
    const std::lock_guard lock{mutex_};
    if (waiting_ >= max_waiting_) return false;
    const auto own = queues_.find(key);
    if (own != queues_.end() && own->second.jobs.size() >= std::max<std::size_t>(max_waiting_ / 2, 1)) return false;
    add(key, std::move(job));
  }
  changed_.notify_one();
  return true;
}

void Workers::go_on(const std::string& key, Job job) {
  {
    const std::lock_guard lock{mutex_};
    add(key, std::move(job));
  }
  changed_.notify_one();
}

void Workers::add(const std::string& key, Job job) {
  auto& queue = queues_[key];
  if (queue.jobs.empty()) turns_.push_back(key);
  queue.jobs.push_back(std::move(job));
  ++waiting_;
}

std::size_t Workers::waiting() const {
  const std::lock_guard lock{mutex_};
  return waiting_;
}

bool Workers::take(std::string& key, Job& job) {
  const auto turn = std::find_if(turns_.begin(), turns_.end(),
                                 [this](const std::string& one) { return queues_[one].running < max_running_; });
  if (turn == turns_.end()) return false;
  key = std::move(*turn);
  turns_.erase(turn);
  auto& queue = queues_[key];
  job = std::move(queue.jobs.front());
  queue.jobs.pop_front();
  ++queue.running;
  --waiting_;
  if (!queue.jobs.empty()) turns_.push_back(key);
  return true;
}

void Workers::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    std::string key;
    Job job;
    changed_.wait(lock, [&] { return stopping_ || take(key, job); });
    if (!job) return;
    lock.unlock();
    job();
    job = nullptr;  // what it owns may block as it goes
    lock.lock();
    const auto queue = queues_.find(key);
    if (--queue->second.running == 0 && queue->second.jobs.empty()) queues_.erase(queue);
    // This thread takes the next itself; another may have waited for this key to have one less running.
    if (!turns_.empty()) changed_.notify_one();
  }
}

}  // namespace mesura::http
