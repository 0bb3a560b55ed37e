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
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mesura::pipeline {

/// What happens with one batch too many, when the spool is full or there is none.
enum class FullPolicy : std::uint8_t {
  block,        ///< nothing is dropped: push() refuses, and `on_space` says when to go on
  drop_oldest,  ///< the batches that waited longest go
  drop_newest   ///< the new batch goes
};

/// The bounded queue before one sink, its spool, and the threads that feed the one and fill the other.
///
/// The first batch after idle is written at once; after that one write() starts every `commit_interval`, or as soon as
/// `flush_batches` wait. A batch stays in the queue until the sink has committed it: a sink that answers retry, throws
/// or cannot be opened is opened again after a back-off and gets the same batches in the same order.
///
/// What the sink has not confirmed `commit_interval` after push() is in the spool by then, and leaves the memory unless
/// it is being written. So does what makes the memory full. The spool is emptied first, from its oldest batch on: the
/// order is kept. A stop leaves in the spool what there was no time to write.
///
/// Threads: push(), status() and the rest may be called from any thread and never wait for the sink or a disk, except
/// wait_idle(), stop() and requeue(). Callbacks come on the worker's thread, without a lock held.
class SinkQueue {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  struct Options {
    std::string name;             ///< of the sink, for messages
    std::size_t limit = 200'000;  ///< measurements that may wait in memory; a single larger batch passes when nothing
                                  ///< else waits
    FullPolicy policy = FullPolicy::drop_oldest;
    Nanoseconds commit_interval = std::chrono::seconds{1};
    std::size_t flush_batches = 1000;  ///< also the most that one write() gets
    runtime::Backoff::Policy backoff;
    std::uint64_t seed = 0;                                   ///< of the jitter
    std::filesystem::path spool = {};                         ///< its file; empty: there is none
    std::uint64_t spool_limit = 1ULL << 30U;                  ///< bytes
    Nanoseconds spool_retry = std::chrono::seconds{5};        ///< of a spool that cannot be opened or written
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

  /// In measurements, except where it says otherwise. found + pushed = committed + rejected + dropped + waiting +
  /// spooled.
  struct Counts {
    std::uint64_t found = 0;  ///< in the spool at the start, and what was put back from its dead letters
    std::uint64_t pushed = 0;
    std::uint64_t committed = 0;
    std::uint64_t rejected = 0;
    std::uint64_t dropped = 0;
    std::uint64_t waiting = 0;  ///< in memory only
    std::uint64_t spooled = 0;  ///< on disk
    std::uint64_t writes = 0;   ///< write() calls that committed
    std::uint64_t retries = 0;  ///< failed calls of open() and write()
  };

  struct Status {
    State state = State::idle;
    Counts counts;
    std::uint64_t spool_bytes = 0;
    std::uint64_t dead = 0;          ///< dead letters
    std::string spool_error;         ///< empty: the spool works, or there is none
    std::string last_error;          ///< kept after recovery
    std::int64_t last_error_ns = 0;  ///< wall clock; 0: never
    std::int64_t last_commit_ns = 0;
  };

  /// `clock` gives the wall time that maintain() and the status speak of; waiting is always in real time. `series` is
  /// that of the batches, and gets the series of what is found in the spool.
  SinkQueue(std::unique_ptr<Sink> sink, Options options, SeriesTable& series, runtime::Logger log,
            const runtime::Clock& clock, Callbacks callbacks = {});
  /// Stops without a grace period: a sink that hangs is left behind on its thread.
  ~SinkQueue();
  SinkQueue(const SinkQueue&) = delete;
  SinkQueue& operator=(const SinkQueue&) = delete;

  void start();
  Push push(BatchPtr batch);
  /// Writes what waits or spools it, closes the sink and ends the threads, at the latest after `grace`. False when
  /// batches were lost; that is logged. What is pushed afterwards is dropped.
  bool stop(Nanoseconds grace);

  /// After stop(): the sink did not come back from a write, and its thread goes on with what this was made of.
  [[nodiscard]] bool left_behind() const;

  [[nodiscard]] Status status() const;
  /// Measurements that wait in memory; cheaper than status().
  [[nodiscard]] std::size_t waiting() const;
  /// Tries a failing sink now instead of after its back-off.
  void hurry();
  /// Puts dead letters back, by their numbers; none given: all. Returns how many. Throws spool::SpoolError.
  std::size_t requeue(std::span<const std::int64_t> ids);
  /// True as soon as nothing waits, on disk neither, and nothing is being written; false after `timeout`.
  [[nodiscard]] bool wait_idle(Nanoseconds timeout) const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive us when a sink hangs
};

[[nodiscard]] std::string_view to_string(SinkQueue::State state);  ///< "idle", "opening", "ready", ...
[[nodiscard]] std::string_view to_string(FullPolicy policy);       ///< "block", "drop_oldest", "drop_newest"

}  // namespace mesura::pipeline
