// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/tasks.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace mesura::doctor {

struct Tasks::Shared {
  struct Task {
    std::string where;
    bool done = false;
    Findings found;
  };
  std::mutex mutex;
  std::condition_variable change;
  std::deque<Task> tasks;
  std::size_t open = 0;
};

Tasks::Tasks() : shared_(std::make_shared<Shared>()) {}

void Tasks::add(std::string where, std::function<Findings()> work) {
  if (count_++ == 0) begin_ = std::chrono::steady_clock::now();
  Shared::Task* task = nullptr;
  {
    const std::lock_guard lock{shared_->mutex};
    task = &shared_->tasks.emplace_back();
    task->where = std::move(where);
    ++shared_->open;
  }
  std::thread{[shared = shared_, task, work = std::move(work)] {
    Findings found;
    try {
      found = work();
    } catch (const std::exception& e) {
      found.push_back({Severity::error, "doc-failed", task->where, e.what()});
    }
    const std::lock_guard lock{shared->mutex};
    task->found = std::move(found);
    task->done = true;
    --shared->open;
    shared->change.notify_all();
  }}.detach();
}

void Tasks::collect(std::chrono::milliseconds patience, Findings& out) {
  std::unique_lock lock{shared_->mutex};
  shared_->change.wait_until(lock, begin_ + patience, [&] { return shared_->open == 0; });
  left_behind_ = shared_->open > 0;
  for (auto& task : shared_->tasks) {
    if (task.done) {
      out.insert(out.end(), task.found.begin(), task.found.end());
      continue;
    }
    out.push_back({Severity::error, "doc-no-answer", task.where, "no answer",
                   "one within " + fmt::format("{} s", std::chrono::duration<double>(patience).count()), "none",
                   "is the network up, and does the name server answer?"});
  }
}

}  // namespace mesura::doctor
