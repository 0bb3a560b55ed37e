// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "alerts/door.hpp"

#include "runtime/backoff.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace mesura::alerts {

std::string alert_json(const Alert& alert) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object();
  json.key("rule").string(alert.rule);
  json.key("subject").string(alert.subject);
  json.key("kind").string(alert.kind);
  json.key("state").string(alert.active ? "active" : "cleared");
  json.key("since").string(runtime::format_time(alert.since_ns));
  json.key("message").string(alert.message);
  json.end_object();
  return out;
}

Door::Door(std::unique_ptr<Courier> courier, Options options, runtime::Logger log)
    : courier_(std::move(courier)), options_(std::move(options)), log_(std::move(log)) {
  thread_ = std::thread{[this] { run(); }};
}

Door::~Door() {
  {
    const std::lock_guard lock{mutex_};
    stop_ = true;
  }
  changed_.notify_all();
  courier_->cancel();
  thread_.join();
  if (!queue_.empty())
    log_.warn("alert-undelivered", "door '{}': {} alerts were not delivered before the end", options_.name,
              queue_.size());
}

void Door::send(Alert alert) {
  const std::lock_guard lock{mutex_};
  if (courier_->newest_only())
    queue_.erase(std::remove_if(queue_.begin(), queue_.end(),
                                [&](const Alert& a) { return a.rule == alert.rule && a.subject == alert.subject; }),
                 queue_.end());
  if (queue_.size() == kLimit) {
    queue_.pop_front();
    // Told at the first, then at each doubling.
    ++dropped_;
    if ((dropped_ & (dropped_ - 1)) == 0)
      log_.error("alert-dropped", "door '{}': {} alerts were dropped: {} wait already", options_.name, dropped_,
                 kLimit);
  }
  queue_.push_back(std::move(alert));
  changed_.notify_all();
}

bool Door::wait_idle(std::chrono::nanoseconds patience) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, patience, [this] { return queue_.empty() && !busy_; });
}

void Door::run() {
  std::unique_lock lock{mutex_};
  while (!stop_) {
    if (queue_.empty()) {
      changed_.wait(lock);
      continue;
    }
    deliver(lock);
    changed_.notify_all();
  }
}

void Door::deliver(std::unique_lock<std::mutex>& lock) {
  const Alert alert = std::move(queue_.front());
  queue_.pop_front();
  busy_ = true;
  runtime::Backoff::Policy policy;
  policy.first = options_.first_delay;
  policy.ceiling = options_.longest_delay;
  runtime::Backoff backoff{policy, std::hash<std::string>{}(options_.name)};
  const std::string json = alert_json(alert);
  const auto superseded = [&] {
    return courier_->newest_only() && std::any_of(queue_.begin(), queue_.end(), [&](const Alert& a) {
             return a.rule == alert.rule && a.subject == alert.subject;
           });
  };
  for (int tries = 1;; ++tries) {
    lock.unlock();
    const Courier::Outcome outcome = courier_->deliver(alert, json);
    lock.lock();
    if (outcome.problem.empty()) {
      if (tries > 1) log_.info("alert-delivered", "door '{}': delivered after {} tries", options_.name, tries);
      break;
    }
    if (stop_) {
      queue_.push_front(alert);
      break;
    }
    if (outcome.lasting || (options_.retries && tries > *options_.retries)) {
      log_.error("alert-undelivered", "door '{}': {}/{} was not delivered: {}", options_.name, alert.rule,
                 alert.subject, outcome.problem);
      break;
    }
    if (tries == 1)
      log_.warn("alert-retry", "door '{}': {}/{} comes again: {}", options_.name, alert.rule, alert.subject,
                outcome.problem);
    const auto until = std::chrono::steady_clock::now() + backoff.next();
    while (!stop_ && !superseded() && changed_.wait_until(lock, until) != std::cv_status::timeout) {
    }
    if (stop_) {
      queue_.push_front(alert);
      break;
    }
    if (superseded()) break;
  }
  busy_ = false;
}

}  // namespace mesura::alerts
