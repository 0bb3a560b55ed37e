// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/workers.hpp"

#include <algorithm>
#include <utility>

namespace mesura::sinks::recording {

Workers::Workers(std::size_t threads) : wanted_(std::max<std::size_t>(threads, 1) - 1) {}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Workers::run(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (count <= 1 || wanted_ == 0) {
    std::exception_ptr failure;
    for (std::size_t i = 0; i < count; ++i) {
      try {
        work(i);
      } catch (...) {
        failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    while (threads_.size() < wanted_) threads_.emplace_back([this] { serve(); });
    work_ = &work;
    count_ = count;
    next_ = 0;
    ++turn_;
    busy_ = 1;
  }
  wake_.notify_all();
  take_part();
  std::unique_lock lock(mutex_);
  --busy_;
  done_.wait(lock, [&] { return busy_ == 0; });
  // A thread that wakes only now finds nothing to do.
  work_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Workers::take_part() {
  for (std::size_t i = next_++; i < count_; i = next_++) {
    try {
      (*work_)(i);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
  }
}

void Workers::serve() {
  std::size_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || (work_ != nullptr && turn_ != seen); });
    if (stopping_) return;
    seen = turn_;
    ++busy_;
    lock.unlock();
    take_part();
    lock.lock();
    if (--busy_ == 0) done_.notify_all();
  }
}

}  // namespace mesura::sinks::recording
