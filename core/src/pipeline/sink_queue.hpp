// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "runtime/backoff.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mesura::pipeline {

/// What a full queue does with one batch too many.
enum class FullPolicy : std::uint8_t {
  block,        ///< nothing is dropped: push() refuses, and `on_space` says when to go on
  drop_oldest,  ///< the batches that waited longest go
  drop_newest   ///< the new batch goes
};

/// The bounded queue before one sink, and the thread that feeds the sink from it.
///
/// The first batch after idle is written at once; after that one write() starts every `commit_interval`, or as soon as
/// `flush_batches` wait. A batch stays in the queue until the sink has committed it: a sink that answers retry, throws
/// or cannot be opened is opened again after a back-off and gets the same batches in the same order.
///
/// Threads: push(), status() and the rest may be called from any thread and never wait for the sink, except wait_idle()
/// and stop(). Callbacks come on the worker's thread, without a lock held.
class SinkQueue {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  struct Options {
    std::string name;             ///< of the sink, for messages
    std::size_t limit = 200'000;  ///< measurements that may wait; a single larger batch passes when nothing else waits
    FullPolicy policy = FullPolicy::drop_oldest;
    Nanoseconds commit_interval = std::chrono::seconds{1};
    std::size_t flush_batches = 1000;  ///< also the most that one write() gets
    runtime::Backoff::Policy backoff;
    std::uint64_t seed = 0;                                   ///< of the jitter
    Nanoseconds summary_interval = std::chrono::minutes{1};   ///< of a lasting failure, in the log
    Nanoseconds maintain_interval = std::chrono::minutes{1};  ///< also once when writes have gone quiet
  };

  struct Callbacks {
    /// Room again after push() answered full.
    std::function<void()> on_space;
    /// The sink will never take this record; `batch->items[item]`.
    std::function<void(const BatchPtr& batch, std::size_t item, const std::string& reason)> on_rejected;
  };

  enum class Push : std::uint8_t {
    queued,
    dropped,  ///< by the policy, or because the queue is stopping; counted
    full      ///< policy block: not taken, push it again after on_space
  };

  enum class State : std::uint8_t { idle, opening, ready, failing, stopped };

  /// In measurements, except where it says otherwise. pushed = committed + rejected + dropped + waiting.
  struct Counts {
    std::uint64_t pushed = 0;
    std::uint64_t committed = 0;
    std::uint64_t rejected = 0;
    std::uint64_t dropped = 0;
    std::uint64_t waiting = 0;
    std::uint64_t waiting_batches = 0;
    std::uint64_t writes = 0;   ///< write() calls that committed
    std::uint64_t retries = 0;  ///< failed calls of open() and write()
  };

  struct Status {
    State state = State::idle;
    Counts counts;
    std::string last_error;          ///< kept after recovery
    std::int64_t last_error_ns = 0;  ///< wall clock; 0: never
    std::int64_t last_commit_ns = 0;
  };

  /// `clock` gives the wall time that maintain() and the status speak of; waiting is always in real time.
  SinkQueue(std::unique_ptr<Sink> sink, Options options, runtime::Logger log, const runtime::Clock& clock,
            Callbacks callbacks = {});
  /// Stops without a grace period: a sink that hangs is left behind on its thread.
  ~SinkQueue();
  SinkQueue(const SinkQueue&) = delete;
  SinkQueue& operator=(const SinkQueue&) = delete;

  void start();
  Push push(BatchPtr batch);
  /// Writes what waits, closes the sink and ends the thread, at the latest after `grace`. False when batches were lost
  /// or the sink did not come back in time; both are logged. What is pushed afterwards is dropped.
  bool stop(Nanoseconds grace);

  [[nodiscard]] Status status() const;
  /// Measurements that wait; cheaper than status().
  [[nodiscard]] std::size_t waiting() const;
  /// True as soon as nothing waits and nothing is being written, false after `timeout`.
  [[nodiscard]] bool wait_idle(Nanoseconds timeout) const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive us when a sink hangs
};

[[nodiscard]] std::string_view to_string(SinkQueue::State state);  ///< "idle", "opening", "ready", ...
[[nodiscard]] std::string_view to_string(FullPolicy policy);       ///< "block", "drop_oldest", "drop_newest"

}  // namespace mesura::pipeline
