// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sink_queue.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace mesura::pipeline {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using Nanoseconds = SinkQueue::Nanoseconds;

SteadyTime now() { return std::chrono::steady_clock::now(); }

// Writes have gone quiet: nothing for so long.
constexpr auto kQuiet = std::chrono::seconds{2};

std::string in_words(Nanoseconds d) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  if (seconds < 1) return fmt::format("{} ms", std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

std::string_view to_string(SinkQueue::State state) {
  switch (state) {
    case SinkQueue::State::idle: return "idle";
    case SinkQueue::State::opening: return "opening";
    case SinkQueue::State::ready: return "ready";
    case SinkQueue::State::failing: return "failing";
    case SinkQueue::State::stopped: return "stopped";
  }
  return "unknown";
}

std::string_view to_string(FullPolicy policy) {
  switch (policy) {
    case FullPolicy::block: return "block";
    case FullPolicy::drop_oldest: return "drop_oldest";
    case FullPolicy::drop_newest: return "drop_newest";
  }
  return "unknown";
}

// Everything the worker uses. The worker holds a share of it, so that a sink that never comes back keeps what it needs.
struct SinkQueue::Shared {
  Shared(std::unique_ptr<Sink> s, Options o, runtime::Logger l, const runtime::Clock& c, Callbacks cb)
      : sink(std::move(s)),
        options(std::move(o)),
        log(std::move(l)),
        clock(c),
        callbacks(std::move(cb)),
        backoff(options.backoff, options.seed) {}

  // Any thread.
  Push push(BatchPtr batch);

  // The worker.
  void run();
  void open_sink();
  void write_group();
  void committed(const std::vector<Rejected>& rejected);
  void report_rejected(const std::vector<Rejected>& rejected);
  void failed(const std::string& reason, bool in_write);
  void recovered();
  void summarise();
  void maintain();
  void finish();
  [[nodiscard]] SteadyTime next_turn() const;
  [[nodiscard]] bool flush_due() const;

  const std::unique_ptr<Sink> sink;
  const Options options;
  const runtime::Logger log;
  const runtime::Clock& clock;
  const Callbacks callbacks;

  mutable std::mutex mutex;
  mutable std::condition_variable wake;    // the worker
  mutable std::condition_variable change;  // those who wait for the worker
  std::thread thread;
  std::deque<BatchPtr> waiting;  // the first `in_flight` of them are being written
  std::size_t in_flight = 0;
  Status status;
  bool stopping = false;
  SteadyTime give_up{};  // valid while stopping
  bool finished = false;
  bool refused_one = false;  // someone waits for on_space
  bool lost_some = false;    // at the end

  // Only the worker touches these.
  runtime::Backoff backoff;
  std::vector<BatchPtr> group;
  bool open = false;
  SteadyTime next_attempt{};
  SteadyTime last_write{};
  SteadyTime last_maintained = now();
  bool quiet_maintained = true;
  SteadyTime failing_since{};
  SteadyTime next_summary{};
  std::uint64_t failures = 0;  // since failing_since
  bool write_failed = false;   // only a commit ends this failure
  bool hurried = false;
  std::uint64_t dropped_reported = 0;
  SteadyTime next_drop_report{};
  std::uint64_t rejected_unreported = 0;
  SteadyTime next_reject_report{};
  std::string last_rejection;
};

SinkQueue::Push SinkQueue::Shared::push(BatchPtr batch) {
  const std::size_t size = batch->values();
  const std::lock_guard lock(mutex);
  if (finished || (stopping && now() >= give_up)) {
    status.counts.pushed += size;
    status.counts.dropped += size;
    return Push::dropped;
  }
  bool dropped_any = false;
  if (status.counts.waiting + size > options.limit && !waiting.empty()) {
    if (options.policy == FullPolicy::block) {
      refused_one = true;
      return Push::full;
    }
    // What is being written may already be stored: only the rest can go.
    while (options.policy == FullPolicy::drop_oldest && waiting.size() > in_flight &&
           status.counts.waiting + size > options.limit) {
      const auto oldest = waiting.begin() + static_cast<std::ptrdiff_t>(in_flight);
      const std::size_t gone = (*oldest)->values();
      waiting.erase(oldest);
      --status.counts.waiting_batches;
      status.counts.waiting -= gone;
      status.counts.dropped += gone;
      dropped_any = true;
    }
    if (status.counts.waiting + size > options.limit && !waiting.empty()) {
      status.counts.pushed += size;
      status.counts.dropped += size;
      wake.notify_one();  // to report it
      return Push::dropped;
    }
  }
  status.counts.pushed += size;
  status.counts.waiting += size;
  ++status.counts.waiting_batches;
  waiting.push_back(std::move(batch));
  // Between the first of a flush and the one that fills it, the worker's own timer does.
  if (waiting.size() == 1 || waiting.size() == options.flush_batches || status.counts.waiting >= options.limit / 4 ||
      dropped_any)
    wake.notify_one();
  return Push::queued;
}

bool SinkQueue::Shared::flush_due() const {
  if (waiting.empty()) return false;
  return stopping || waiting.size() >= options.flush_batches || status.counts.waiting >= options.limit / 4 ||
         now() >= last_write + options.commit_interval;
}

// When the worker has something to do if nobody calls.
SteadyTime SinkQueue::Shared::next_turn() const {
  SteadyTime turn = last_maintained + options.maintain_interval;
  if (!open) {
    turn = next_attempt;
    if (failures > 0) turn = std::min(turn, next_summary);
  } else {
    if (!waiting.empty()) turn = std::min(turn, last_write + options.commit_interval);
    if (!quiet_maintained) turn = std::min(turn, last_write + kQuiet);
  }
  if (status.counts.dropped > dropped_reported) turn = std::min(turn, next_drop_report);
  if (rejected_unreported > 0) turn = std::min(turn, next_reject_report);
  if (stopping) turn = std::min(turn, give_up);
  return turn;
}

void SinkQueue::Shared::run() {
  std::unique_lock lock(mutex);
  status.state = State::opening;
  for (;;) {
    const bool late = stopping && now() >= give_up;
    if (stopping && (waiting.empty() || late)) break;
    if (stopping && !std::exchange(hurried, true)) next_attempt = now();  // no back-off is worth the last chance
    if (!open) {
      if (now() >= next_attempt) {
        lock.unlock();
        open_sink();
        lock.lock();
        continue;
      }
    } else if (flush_due()) {
      const std::size_t n = std::min(waiting.size(), options.flush_batches);
      group.assign(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(n));
      in_flight = n;
      lock.unlock();
      write_group();
      lock.lock();
      continue;
    } else if (const auto t = now();
               t >= last_maintained + options.maintain_interval || (!quiet_maintained && t >= last_write + kQuiet)) {
      lock.unlock();
      maintain();
      lock.lock();
      continue;
    }
    summarise();
    const SteadyTime turn = next_turn();
    if (turn > now()) wake.wait_until(lock, turn);
  }
  lock.unlock();
  finish();
}

void SinkQueue::Shared::open_sink() {
  try {
    sink->open();
  } catch (const std::exception& e) {
    failed(e.what(), false);
    return;
  } catch (...) {
    failed("sink-exception: open() threw something that is no std::exception", false);
    return;
  }
  open = true;
  // A far end that opens and then refuses to write is not well: the back-off goes on growing until a commit.
  if (write_failed) return;
  if (failures > 0) {
    recovered();
  } else {
    log.info("sink-open", "{} is open", sink->describe());
  }
  {
    const std::lock_guard lock(mutex);
    status.state = State::ready;
  }
  change.notify_all();
}

void SinkQueue::Shared::write_group() {
  last_write = now();
  quiet_maintained = false;
  WriteResult result;
  try {
    result = sink->write(group);
  } catch (const std::exception& e) {
    result.outcome = WriteResult::Outcome::retry;
    result.reason = e.what();
  } catch (...) {
    result.outcome = WriteResult::Outcome::retry;
    result.reason = "sink-exception: write() threw something that is no std::exception";
  }
  if (result.outcome == WriteResult::Outcome::committed) {
    committed(result.rejected);
  } else {
    {
      const std::lock_guard lock(mutex);
      in_flight = 0;
    }
    failed(result.reason, true);
  }
  group.clear();
}

void SinkQueue::Shared::committed(const std::vector<Rejected>& rejected) {
  if (failures > 0) recovered();
  // Dead letters are safe before the queue lets go of them.
  report_rejected(rejected);
  bool space = false;
  {
    const std::lock_guard lock(mutex);
    std::size_t measurements = 0;
    for (const BatchPtr& batch : group) measurements += batch->values();
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(group.size()));
    in_flight = 0;
    status.counts.waiting -= measurements;
    status.counts.waiting_batches -= group.size();
    status.counts.committed += measurements - rejected.size();
    status.counts.rejected += rejected.size();
    ++status.counts.writes;
    status.state = State::ready;
    status.last_commit_ns = clock.wall_ns();
    // Half a queue of room: one refused batch after each commit would wake the caller a thousand times.
    if (refused_one && status.counts.waiting <= options.limit / 2) {
      refused_one = false;
      space = true;
    }
  }
  change.notify_all();
  if (space && callbacks.on_space) callbacks.on_space();
}

void SinkQueue::Shared::report_rejected(const std::vector<Rejected>& rejected) {
  for (const Rejected& r : rejected) {
    if (callbacks.on_rejected) callbacks.on_rejected(group[r.batch], r.item, r.reason);
  }
  if (rejected.empty()) return;
  last_rejection = rejected.back().reason;
  rejected_unreported += rejected.size();
}

void SinkQueue::Shared::failed(const std::string& reason, bool in_write) {
  open = false;
  write_failed = write_failed || in_write;
  next_attempt = now() + backoff.next();
  const bool first = failures++ == 0;
  {
    const std::lock_guard lock(mutex);
    status.state = State::failing;
    status.last_error = reason;
    status.last_error_ns = clock.wall_ns();
    ++status.counts.retries;
  }
  change.notify_all();
  if (!first) return;
  failing_since = now();
  next_summary = failing_since + options.summary_interval;
  log.warn("sink-failing", "{}: {}\n  hint      measurements wait, at most {}, then {}; trying again until it works",
           sink->describe(), reason, options.limit, to_string(options.policy));
}

void SinkQueue::Shared::recovered() {
  backoff.reset();
  log.info("sink-recovered", "{} works again after {} and {} failed attempts", sink->describe(),
           in_words(now() - failing_since), failures);
  failures = 0;
  write_failed = false;
}

// What lasts is said once an interval. With the lock held: everything here is rare.
void SinkQueue::Shared::summarise() {
  const SteadyTime t = now();
  if (failures > 0 && t >= next_summary) {
    next_summary = t + options.summary_interval;
    log.warn("sink-failing", "{} has failed for {} ({} attempts), {} measurements wait; latest: {}", sink->describe(),
             in_words(t - failing_since), failures, status.counts.waiting, status.last_error);
  }
  if (status.counts.dropped > dropped_reported && t >= next_drop_report) {
    next_drop_report = t + options.summary_interval;
    log.error("queue-full", "{}: the queue is full (limit {} measurements, {} wait), {} dropped by {}, {} in all",
              options.name, options.limit, status.counts.waiting, status.counts.dropped - dropped_reported,
              to_string(options.policy), status.counts.dropped);
    dropped_reported = status.counts.dropped;
  }
  if (rejected_unreported > 0 && t >= next_reject_report) {
    next_reject_report = t + options.summary_interval;
    log.error("sink-rejected", "{} refused {} measurements for good; latest: {}", sink->describe(), rejected_unreported,
              last_rejection);
    rejected_unreported = 0;
  }
}

void SinkQueue::Shared::maintain() {
  last_maintained = now();
  quiet_maintained = true;
  try {
    sink->maintain(clock.wall_ns());
  } catch (const std::exception& e) {
    log.warn("sink-maintain", "{}: {}", sink->describe(), e.what());
  }
}

void SinkQueue::Shared::finish() {
  if (open) {
    try {
      sink->close();
    } catch (const std::exception& e) {
      log.warn("sink-close", "{}: {}", sink->describe(), e.what());
    }
  }
  {
    const std::lock_guard lock(mutex);
    lost_some = !waiting.empty();
    if (lost_some) {
      log.error("sink-lost", "{}: stopped with {} measurements not written; {}", sink->describe(),
                status.counts.waiting, status.last_error.empty() ? "there was no time left" : status.last_error);
      status.counts.dropped += status.counts.waiting;
      dropped_reported += status.counts.waiting;  // said just now, with the true cause
      status.counts.waiting = 0;
      status.counts.waiting_batches = 0;
      waiting.clear();
    }
    next_drop_report = next_reject_report = SteadyTime{};
    summarise();
    status.state = State::stopped;
    finished = true;
  }
  change.notify_all();
}

SinkQueue::SinkQueue(std::unique_ptr<Sink> sink, Options options, runtime::Logger log, const runtime::Clock& clock,
                     Callbacks callbacks)
    : shared_(
          std::make_shared<Shared>(std::move(sink), std::move(options), std::move(log), clock, std::move(callbacks))) {}

SinkQueue::~SinkQueue() { stop(Nanoseconds{0}); }

void SinkQueue::start() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->thread.joinable() || shared_->finished) return;
  shared_->thread = std::thread([shared = shared_] { shared->run(); });
}

SinkQueue::Push SinkQueue::push(BatchPtr batch) { return shared_->push(std::move(batch)); }

bool SinkQueue::stop(Nanoseconds grace) {
  Shared& s = *shared_;
  std::unique_lock lock(s.mutex);
  if (!s.thread.joinable()) {
    s.finished = true;
    return !s.lost_some && s.waiting.empty();
  }
  s.stopping = true;
  s.give_up = now() + grace;
  s.wake.notify_one();
  // A write that has begun may end a little after the deadline; one that hangs must not hold up the end of the program.
  const bool ended = s.change.wait_until(lock, s.give_up + std::chrono::milliseconds{500}, [&] { return s.finished; });
  if (ended) {
    lock.unlock();
    s.thread.join();
    return !s.lost_some;
  }
  s.log.error("sink-hangs", "{} did not come back within {}; {} measurements not confirmed", s.sink->describe(),
              in_words(grace), s.status.counts.waiting);
  s.thread.detach();
  return false;
}

SinkQueue::Status SinkQueue::status() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->status;
}

std::size_t SinkQueue::waiting() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->status.counts.waiting;
}

bool SinkQueue::wait_idle(Nanoseconds timeout) const {
  std::unique_lock lock(shared_->mutex);
  return shared_->change.wait_for(lock, timeout, [&] { return shared_->waiting.empty(); });
}

}  // namespace mesura::pipeline
