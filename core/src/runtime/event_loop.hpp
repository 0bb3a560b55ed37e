// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/clock.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace mesura::runtime {

/// One thread's epoll, timers and hand-over queue. Everything but post() and stop() belongs to the thread that runs it.
///
/// A callback may watch, unwatch, arm, cancel, post and stop freely, also what is being dispatched: an event of a
/// closed descriptor is never delivered to its successor (descriptors are tagged with a generation). With a
/// ManualClock, timers follow that clock: run_once() fires those that are due and never waits for one.
class EventLoop {
 public:
  using WatchId = std::uint64_t;  ///< 0 is never valid
  using TimerId = std::uint64_t;  ///< 0 is never valid
  using Nanoseconds = std::chrono::nanoseconds;

  explicit EventLoop(const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// `events` are EPOLLIN, EPOLLOUT, ...; EPOLLHUP and EPOLLERR are always reported. The descriptor stays the caller's.
  WatchId watch(int fd, std::uint32_t events, std::function<void(std::uint32_t events)> callback);
  void modify(WatchId id, std::uint32_t events);
  /// Before the descriptor is closed. Unknown ids are ignored.
  void unwatch(WatchId id);

  /// Calls back once, not before `delay` has passed (at most about 1 ms late on an idle machine).
  TimerId after(Nanoseconds delay, std::function<void()> callback);
  /// False when it has fired or is unknown.
  bool cancel(TimerId id);

  /// Runs `callback` on the loop's thread, in the order of posting. Any thread.
  void post(std::function<void()> callback);

  /// Dispatches until stop(). Can be run again afterwards.
  void run();
  /// Waits at most `max_wait` for something to do, does it, and tells whether there was anything.
  bool run_once(Nanoseconds max_wait);
  /// Any thread; also before run(), which then returns at once.
  void stop();

  [[nodiscard]] const Clock& clock() const { return clock_; }

 private:
  struct Impl;
  const Clock& clock_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesura::runtime
