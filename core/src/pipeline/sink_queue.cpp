// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sink_queue_state.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace mesura::pipeline {
namespace {

// Writes have gone quiet: nothing for so long.
constexpr auto kQuiet = std::chrono::seconds{2};
// What one write() gets from the spool: larger than a live flush, for the backlog is to be gone soon.
constexpr std::size_t kDrainBatches = 5000;
constexpr std::size_t kDrainValues = 50'000;
// A write must be done by the time its oldest batch would go into the spool: so long before it begins.
constexpr auto kLeastMargin = std::chrono::milliseconds{20};

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

std::size_t SinkQueue::Shared::memory_limit() const {
  // What waits for a spool that works, or is just being opened, is on its way out of the memory.
  const bool spools = spool ? !spool_failing : !options.spool.empty() && !spool_tried;
  return spools ? 2 * options.limit : options.limit;
}

bool SinkQueue::Shared::idle() const { return waiting.empty() && flight.empty() && spooled_batches == 0; }

// What is being written may already be stored: only the rest can go.
void SinkQueue::Shared::drop_oldest(std::size_t room_for) {
  while (!waiting.empty() && status.counts.waiting + room_for > memory_limit()) {
    const std::size_t gone = waiting.front().batch->values();
    waiting.pop_front();
    status.counts.waiting -= gone;
    status.counts.dropped += gone;
  }
}

SinkQueue::Push SinkQueue::Shared::push(BatchPtr batch) {
  const std::size_t size = batch->values();
  const std::lock_guard lock(mutex);
  if (finished || (stopping && steady_now() >= give_up)) {
    status.counts.pushed += size;
    status.counts.dropped += size;
    return Push::dropped;
  }
  const auto full = [&] {
    // What is being written and on disk as well is none of the memory's.
    return status.counts.waiting > 0 && status.counts.waiting + size > memory_limit();
  };
  bool dropped_any = false;
  if (full()) {
    if (options.policy == FullPolicy::block) {
      refused_one = true;
      return Push::full;
    }
    if (options.policy == FullPolicy::drop_oldest) {
      drop_oldest(size);
      dropped_any = true;
    }
    if (full()) {
      status.counts.pushed += size;
      status.counts.dropped += size;
      wake.notify_one();  // to report it
      return Push::dropped;
    }
  }
  status.counts.pushed += size;
  status.counts.waiting += size;
  waiting.push_back({next_id++, std::move(batch), steady_now(), false});
  // Between the first of a flush and the one that fills it, the worker's own timer does.
  if (waiting.size() == 1 || waiting.size() == options.flush_batches || status.counts.waiting >= options.limit / 4 ||
      dropped_any)
    wake.notify_one();
  if (waiting.size() == 1 || status.counts.waiting >= options.limit / 4 * 3) wake_spool.notify_one();
  return Push::queued;
}

SteadyTime SinkQueue::Shared::flush_time() const {
  SteadyTime at = last_write + options.commit_interval;
  if (!options.spool.empty()) {
    const Nanoseconds margin =
        std::min<Nanoseconds>(std::max<Nanoseconds>(kLeastMargin, 2 * last_duration), options.commit_interval / 2);
    at = std::min(at, waiting.front().since + options.commit_interval - margin);
  }
  return at;
}

bool SinkQueue::Shared::flush_due() const {
  if (spooled_batches > unerased.size() && !spool_failing) return true;
  if (waiting.empty()) return false;
  return stopping || write_failed || waiting.size() >= options.flush_batches ||
         status.counts.waiting >= options.limit / 4 || steady_now() >= flush_time();
}

// When the worker has something to do if nobody calls.
SteadyTime SinkQueue::Shared::next_turn() const {
  SteadyTime turn = last_maintained + options.maintain_interval;
  if (!open) {
    turn = next_attempt;
    if (failures > 0) turn = std::min(turn, next_summary);
  } else {
    if (!waiting.empty()) turn = std::min(turn, flush_time());
    if (!quiet_maintained) turn = std::min(turn, last_write + kQuiet);
  }
  if (status.counts.dropped > dropped_reported) turn = std::min(turn, next_drop_report);
  if (rejected_unreported > 0) turn = std::min(turn, next_reject_report);
  if (stopping) turn = std::min(turn, give_up);
  return turn;
}

// A backlog of hours must not keep the sink from it; nor may maintenance keep the backlog from being written.
bool SinkQueue::Shared::maintenance_first() const {
  return !stopping && last_write >= last_maintained && steady_now() >= last_maintained + options.maintain_interval;
}

void SinkQueue::Shared::run() {
  std::unique_lock lock(mutex);
  status.state = State::opening;
  // What is found in the spool is older than everything else.
  wake.wait(lock, [&] { return spool_tried; });
  std::uint64_t failures_at_stop = 0;
  for (;;) {
    if (stopping) {
      if (!std::exchange(hurried, true)) {
        next_attempt = steady_now();  // no back-off is worth the last chance
        failures_at_stop = failures;
      }
      if (idle() || steady_now() >= give_up) break;
      // The spool keeps what there is: nobody waits for a sink that is behind or away.
      if (spool && !spool_failing && (spooled_batches > 0 || failures > failures_at_stop)) break;
    }
    if (std::exchange(hurry, false)) next_attempt = steady_now();
    if (!unerased.empty() && !spool_failing) {
      lock.unlock();
      erase_spooled({});
      lock.lock();
      continue;
    }
    if (!open) {
      if (steady_now() >= next_attempt) {
        lock.unlock();
        open_sink();
        lock.lock();
        continue;
      }
    } else if (flush_due() && !maintenance_first()) {
      if (!take_group(lock)) continue;
      lock.unlock();
      write_group();
      lock.lock();
      continue;
    } else if (const auto t = steady_now();
               t >= last_maintained + options.maintain_interval || (!quiet_maintained && t >= last_write + kQuiet)) {
      lock.unlock();
      maintain();
      lock.lock();
      continue;
    }
    summarise();
    const SteadyTime turn = next_turn();
    if (turn > steady_now()) wake.wait_until(lock, turn);
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

// Fills `flight` and `group` with what comes first. False when there was nothing after all.
bool SinkQueue::Shared::take_group(std::unique_lock<std::mutex>& lock) {
  group.clear();
  if (spooled_batches > unerased.size() && !spool_failing) {
    if (!take_from_spool(lock)) return false;
  } else {
    const std::size_t n = std::min(waiting.size(), options.flush_batches);
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(n);
    flight.assign(std::make_move_iterator(waiting.begin()), std::make_move_iterator(end));
    waiting.erase(waiting.begin(), end);
  }
  for (const Item& item : flight) group.push_back(item.batch);
  writing_since = steady_now();
  // It watches the write; what comes from the disk has woken nobody.
  if (!flight.empty() && flight.front().spooled) wake_spool.notify_one();
  return !group.empty();
}

bool SinkQueue::Shared::take_from_spool(std::unique_lock<std::mutex>& lock) {
  const auto from = spool;
  lock.unlock();
  const std::lock_guard turn(moving);
  std::vector<spool::Entry> entries;
  std::string error;
  try {
    for (std::int64_t after = 0; entries.empty();) {
      entries = from->read(after, kDrainBatches, kDrainValues);
      if (entries.empty()) break;
      after = entries.back().id;
      std::erase_if(entries, [&](const spool::Entry& e) { return unerased.contains(e.id); });
    }
  } catch (const spool::SpoolError& e) {
    error = e.what();
  }
  if (!error.empty()) spool_failed(error);
  if (entries.empty()) count_spool();
  lock.lock();
  for (spool::Entry& e : entries) flight.push_back({e.id, std::move(e.batch), steady_now(), true});
  return !flight.empty();
}

void SinkQueue::Shared::write_group() {
  last_write = steady_now();
  quiet_maintained = false;
  WriteResult result;
  try {
    result = sink->write(group);
  } catch (const std::exception& e) {
    result = WriteResult::retry(e.what());
  } catch (...) {
    result = WriteResult::retry("sink-exception: write() threw something that is no std::exception");
  }
  last_duration = steady_now() - last_write;
  if (result.outcome == WriteResult::Outcome::committed) {
    result.done.resize(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) result.done[i] = i;
    if (failures > 0) recovered();
    settle(result);
  } else {
    std::erase_if(result.rejected, [&](const Rejected& r) {
      return !std::binary_search(result.done.begin(), result.done.end(), r.batch);
    });
    settle(result);
    give_back();
    failed(result.reason, true);
  }
  group.clear();
}

// Lets go of what is done.
void SinkQueue::Shared::settle(const WriteResult& result) {
  bury(result.rejected);
  std::vector<std::int64_t> in_spool;
  bool space = false;
  {
    const std::lock_guard lock(mutex);
    writing_since = SteadyTime{};
    std::uint64_t values = 0;
    std::vector<Item> rest;
    std::size_t next = 0;
    for (std::size_t i = 0; i < flight.size(); ++i) {
      Item& item = flight[i];
      if (next >= result.done.size() || result.done[next] != i) {
        rest.push_back(std::move(item));
        continue;
      }
      ++next;
      values += item.batch->values();
      if (item.spooled) {
        in_spool.push_back(item.id);
      } else {
        status.counts.waiting -= item.batch->values();
      }
    }
    flight = std::move(rest);
    if (!result.done.empty()) {
      status.counts.committed += values - result.rejected.size();
      status.counts.rejected += result.rejected.size();
      status.last_commit_ns = clock.wall_ns();
    }
    if (result.outcome == WriteResult::Outcome::committed) {
      ++status.counts.writes;
      status.state = State::ready;
    }
    // Half a queue of room: one refused batch after each commit would wake the caller a thousand times.
    if (refused_one && status.counts.waiting <= options.limit / 2) {
      refused_one = false;
      space = true;
    }
  }
  if (!in_spool.empty()) erase_spooled(in_spool);
  change.notify_all();
  if (space && callbacks.on_space) callbacks.on_space();
}

void SinkQueue::Shared::give_back() {
  const std::lock_guard lock(mutex);
  for (auto item = flight.rbegin(); item != flight.rend(); ++item) {
    if (!item->spooled) waiting.push_front(std::move(*item));
  }
  flight.clear();
}

// Dead letters are safe before the queue lets go of them; where the disk takes none, the log has at least the latest.
void SinkQueue::Shared::bury(const std::vector<Rejected>& rejected) {
  if (rejected.empty()) return;
  if (const auto keeper = the_spool()) {
    std::vector<spool::Spool::Rejection> letters;
    letters.reserve(rejected.size());
    for (const Rejected& r : rejected) letters.push_back({group[r.batch].get(), r.item, r.reason});
    try {
      keeper->bury(letters, clock.wall_ns());
      count_spool();
    } catch (const spool::SpoolError& e) {
      spool_failed(e.what());
    }
  }
  for (const Rejected& r : rejected) {
    if (callbacks.on_rejected) callbacks.on_rejected(group[r.batch], r.item, r.reason);
  }
  last_rejection = rejected.back().reason;
  rejected_unreported += rejected.size();
}

void SinkQueue::Shared::erase_spooled(const std::vector<std::int64_t>& ids) {
  unerased.insert(ids.begin(), ids.end());
  const std::vector<std::int64_t> all{unerased.begin(), unerased.end()};
  try {
    // A queue that was stopped while its sink hung has closed it: they are written once more after a restart.
    if (const auto keeper = the_spool()) keeper->erase(all);
    unerased.clear();
  } catch (const spool::SpoolError& e) {
    // They are written once more after a restart, which changes nothing at the far end.
    spool_failed(e.what());
  }
  count_spool();
}

void SinkQueue::Shared::failed(const std::string& reason, bool in_write) {
  open = false;
  write_failed = write_failed || in_write;
  next_attempt = steady_now() + backoff.next();
  const bool first = failures++ == 0;
  {
    const std::lock_guard lock(mutex);
    status.state = State::failing;
    status.last_error = reason;
    status.last_error_ns = clock.wall_ns();
    ++status.counts.retries;
    draining_since = SteadyTime{};
  }
  change.notify_all();
  wake_spool.notify_one();
  if (first) report_failing(reason);
}

void SinkQueue::Shared::recovered() {
  backoff.reset();
  report_recovered();
  failures = 0;
  write_failed = false;
}

void SinkQueue::Shared::maintain() {
  last_maintained = steady_now();
  quiet_maintained = true;
  try {
    sink->maintain(clock.wall_ns());
  } catch (const std::exception& e) {
    log.warn("sink-maintain", "{}: {}", sink->describe(), e.what());
  } catch (...) {
    log.warn("sink-maintain", "{}: threw something that is no std::exception", sink->describe());
  }
}

void SinkQueue::Shared::finish() {
  if (open) {
    try {
      sink->close();
    } catch (const std::exception& e) {
      log.warn("sink-close", "{}: {}", sink->describe(), e.what());
    } catch (...) {
      log.warn("sink-close", "{}: threw something that is no std::exception", sink->describe());
    }
  }
  {
    const std::lock_guard lock(mutex);
    status.state = State::stopped;
    finished = true;
  }
  change.notify_all();
}

SinkQueue::SinkQueue(std::unique_ptr<Sink> sink, Options options, SeriesTable& series, runtime::Logger log,
                     const runtime::Clock& clock, Callbacks callbacks)
    : shared_(std::make_shared<Shared>(std::move(sink), std::move(options), series, std::move(log), clock,
                                       std::move(callbacks))) {}

SinkQueue::~SinkQueue() { stop(Nanoseconds{0}); }

void SinkQueue::start() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->thread.joinable() || shared_->finished) return;
  if (shared_->options.spool.empty()) {
    shared_->spool_tried = true;
  } else {
    shared_->spool_thread = std::thread([shared = shared_] { shared->spool_run(); });
  }
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
  s.give_up = steady_now() + grace;
  s.wake.notify_one();
  // A write that has begun may end a little after the deadline; one that hangs must not hold up the end of the program.
  bool ended = s.change.wait_until(lock, s.give_up + std::chrono::milliseconds{500}, [&] { return s.finished; });
  const bool opening = !s.spool_tried;  // the worker waits for it, and has not even begun
  s.finished = true;
  s.spool_stop = true;
  s.wake_spool.notify_one();
  lock.unlock();
  if (s.spool_thread.joinable()) s.spool_thread.join();
  if (!ended && opening) {
    lock.lock();
    ended = s.change.wait_for(lock, std::chrono::milliseconds{500}, [&] { return s.status.state == State::stopped; });
    lock.unlock();
  }
  if (ended) {
    s.thread.join();
  } else {
    s.log.error("sink-hangs", "{} did not come back within {}", s.sink->describe(), in_words(grace));
    s.thread.detach();
    const std::lock_guard again(s.mutex);
    s.left_behind = true;
  }
  return s.spool_rest();
}

bool SinkQueue::left_behind() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->left_behind;
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
  return shared_->change.wait_for(lock, timeout, [&] { return shared_->idle(); });
}

void SinkQueue::hurry() {
  const std::lock_guard lock(shared_->mutex);
  shared_->hurry = true;
  shared_->wake.notify_one();
}

std::size_t SinkQueue::requeue(std::span<const std::int64_t> ids) {
  Shared& s = *shared_;
  std::shared_ptr<spool::Spool> spool;
  std::int64_t first = 0;
  {
    const std::lock_guard lock(s.mutex);
    spool = s.spool;
    if (!spool) throw spool::SpoolError("spool-none: sink '" + s.options.name + "' has no spool");
    first = s.next_id;
    s.next_id += static_cast<std::int64_t>(spool::Spool::kMaxDead);
  }
  std::uint64_t values = 0;
  const std::size_t count = spool->requeue(ids, first, &values);
  s.count_spool();
  const std::lock_guard lock(s.mutex);
  s.status.counts.found += values;
  s.wake.notify_one();
  return count;
}

}  // namespace mesura::pipeline
