// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The inside of SinkQueue, in three files: sink_queue.cpp (what callers see, and the worker that feeds the sink),
// sink_queue_spooling.cpp (the thread that fills the spool), sink_queue_report.cpp (what is said about it).
#pragma once

#include "pipeline/sink_queue.hpp"
#include "spool/spool.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mesura::pipeline {

using SteadyTime = std::chrono::steady_clock::time_point;
inline SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

/// "250 ms", "12 s", "3 min 5 s", "2 h 10 min".
[[nodiscard]] std::string in_words(SinkQueue::Nanoseconds d);

// Everything the threads use. They hold a share of it, so that a sink that never comes back keeps what it needs.
//
// Order is everything: `flight` (being written) comes before `waiting`, and the spool holds a prefix of the two. What
// is in the spool is no longer in `waiting`; in `flight` it may still be.
struct SinkQueue::Shared {
  Shared(std::unique_ptr<Sink> s, Options o, SeriesTable& t, runtime::Logger l, const runtime::Clock& c, Callbacks cb)
      : sink(std::move(s)),
        options(std::move(o)),
        series(t),
        log(std::move(l)),
        clock(c),
        callbacks(std::move(cb)),
        backoff(options.backoff, options.seed) {}

  struct Item {
    std::int64_t id = 0;  ///< its number in the spool, should it go there
    BatchPtr batch;
    SteadyTime since;
    bool spooled = false;
  };

  // Any thread.
  Push push(BatchPtr batch);
  [[nodiscard]] bool idle() const;  // with the lock held
  void drop_oldest(std::size_t room_for);
  [[nodiscard]] std::size_t memory_limit() const;
  bool refresh_spool_counts();                                    // with the lock held; true: nothing waits any more
  void count_spool();                                             // takes the lock
  [[nodiscard]] std::shared_ptr<spool::Spool> the_spool() const;  // the same

  // The worker.
  void run();
  void open_sink();
  bool take_group(std::unique_lock<std::mutex>& lock);
  bool take_from_spool(std::unique_lock<std::mutex>& lock);
  void write_group();
  void settle(const WriteResult& result);
  void bury(const std::vector<Rejected>& rejected);
  void erase_spooled(const std::vector<std::int64_t>& ids);
  void give_back();
  void failed(const std::string& reason, bool in_write);
  void recovered();
  void maintain();
  void finish();
  [[nodiscard]] SteadyTime next_turn() const;
  [[nodiscard]] SteadyTime flush_time() const;
  [[nodiscard]] bool flush_due() const;
  [[nodiscard]] bool maintenance_first() const;

  // The spooler.
  void spool_run();
  void open_spool();
  [[nodiscard]] SteadyTime spool_time() const;
  bool spool_some(std::unique_lock<std::mutex>& lock, bool everything);
  [[nodiscard]] std::vector<spool::Entry> overdue(bool everything) const;
  bool make_room(std::vector<spool::Entry>& entries);
  void moved_to_spool(const std::vector<spool::Entry>& entries, std::vector<std::int64_t>& settled);
  void drop_before(std::int64_t id);
  void spool_failed(const std::string& reason);
  void spool_works();
  void watch_write();
  /// Of a stop: what is still in memory. False when some of it was lost.
  bool spool_rest();

  // What is said.
  void report_failing(const std::string& reason);
  void report_recovered();
  void summarise();  // with the lock held

  const std::unique_ptr<Sink> sink;
  const Options options;
  SeriesTable& series;
  const runtime::Logger log;
  const runtime::Clock& clock;
  const Callbacks callbacks;

  mutable std::mutex mutex;
  mutable std::condition_variable wake;        // the worker
  mutable std::condition_variable wake_spool;  // the spooler
  mutable std::condition_variable change;      // those who wait for the worker
  std::thread thread;
  std::thread spool_thread;
  std::deque<Item> waiting;
  std::vector<Item> flight;
  std::int64_t next_id = 1;
  Status status;
  bool stopping = false;
  SteadyTime give_up{};  // valid while stopping
  bool finished = false;
  bool refused_one = false;  // someone waits for on_space
  bool lost_some = false;    // at the end
  bool left_behind = false;
  bool hurry = false;          // the next attempt at once
  SteadyTime writing_since{};  // {}: the worker is not in write()
  bool hang_reported = false;

  // The spool: set once by the spooler, then used by all; its own lock guards it.
  std::shared_ptr<spool::Spool> spool;
  // Held while batches go from memory to the spool or from the spool to `flight`, so that nothing is seen in both or in
  // neither. Taken before `mutex`.
  std::mutex moving;
  std::uint64_t spooled_batches = 0;
  std::pair<std::int64_t, std::int64_t> appending{1,
                                                  0};  ///< first and last number: on their way to the disk, still here
  bool spool_tried = false;                            // to open it
  SteadyTime spool_retry{};                            // not before
  bool spool_stop = false;
  bool spool_failing = false;
  SteadyTime draining_since{};  // {}: it is empty, or the sink is away
  std::uint64_t draining = 0;   // measurements that were in it then

  // Only the worker touches these.
  runtime::Backoff backoff;
  std::vector<BatchPtr> group;
  bool open = false;
  SteadyTime next_attempt{};
  SteadyTime last_write{};
  Nanoseconds last_duration{0};  // of write()
  SteadyTime last_maintained = steady_now();
  bool quiet_maintained = true;
  SteadyTime failing_since{};
  SteadyTime next_summary{};
  std::uint64_t failures = 0;  // since failing_since
  bool write_failed = false;   // only a commit ends this failure
  bool hurried = false;
  std::set<std::int64_t> unerased;  // confirmed, and still in the spool because it could not be written
  std::uint64_t dropped_reported = 0;
  SteadyTime next_drop_report{};
  std::uint64_t rejected_unreported = 0;
  SteadyTime next_reject_report{};
  std::string last_rejection;
};

}  // namespace mesura::pipeline
