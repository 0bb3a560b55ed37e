// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sink_queue_state.hpp"

#include <algorithm>
#include <limits>
#include <system_error>

namespace mesura::pipeline {
namespace {

// A write() that takes so long is told of.
constexpr auto kHang = std::chrono::seconds{10};
constexpr auto kIdle = std::chrono::hours{1};

}  // namespace

std::shared_ptr<spool::Spool> SinkQueue::Shared::the_spool() const {
  const std::lock_guard lock(mutex);
  return spool;
}

bool SinkQueue::Shared::refresh_spool_counts() {
  if (!spool) return false;
  const spool::Contents contents = spool->contents();
  status.counts.spooled = contents.values;
  status.spool_bytes = contents.bytes;
  status.dead = contents.dead;
  spooled_batches = contents.batches;
  if (contents.batches == 0 && draining_since != SteadyTime{}) {
    log.info("spool-drained", "{}: {} measurements that had waited on disk are written, after {}", sink->describe(),
             draining, in_words(steady_now() - draining_since));
    draining_since = SteadyTime{};
  }
  return idle();
}

void SinkQueue::Shared::count_spool() {
  bool all_done = false;
  {
    const std::lock_guard lock(mutex);
    all_done = refresh_spool_counts();
  }
  if (all_done) change.notify_all();
}

void SinkQueue::Shared::open_spool() {
  std::shared_ptr<spool::Spool> opened;
  std::string error;
  try {
    std::error_code ignored;  // the spool itself says what is wrong with its place
    std::filesystem::create_directories(options.spool.parent_path(), ignored);
    opened = std::make_shared<spool::Spool>(options.spool, series, log);
  } catch (const std::exception& e) {
    error = e.what();
  }
  if (!opened) spool_failed(error);
  std::uint64_t found = 0;
  if (opened) {
    const spool::Contents contents = opened->contents();
    const std::lock_guard lock(mutex);
    // What has been pushed meanwhile comes after what is there.
    const std::int64_t offset = opened->last_id();
    for (Item& item : flight) item.id += offset;
    for (Item& item : waiting) item.id += offset;
    next_id += offset;
    spool = opened;
    found = contents.values;
    status.counts.found += contents.values;
    draining_since = contents.batches > 0 ? steady_now() : SteadyTime{};
    draining = contents.values;
  }
  count_spool();
  if (found > 0) log.info("spool-found", "{}: {} measurements wait in {}", options.name, found, options.spool.string());
  if (opened) spool_works();
  {
    const std::lock_guard lock(mutex);
    spool_tried = true;
  }
  wake.notify_one();
}

void SinkQueue::Shared::spool_run() {
  open_spool();
  std::unique_lock lock(mutex);
  while (!spool_stop) {
    const SteadyTime t = steady_now();
    watch_write();
    SteadyTime turn = std::min(spool_time(), t + kIdle);
    const bool crowded = status.counts.waiting >= options.limit / 4 * 3;
    if (crowded && !(waiting.empty() && flight.empty())) turn = t;
    turn = std::max(turn, spool_retry);
    if (!spool || spool_failing) turn = spool_retry;
    if (turn <= t) {
      if (!spool) {
        lock.unlock();
        open_spool();
        lock.lock();
      } else if (!spool_some(lock, crowded || status.state == State::failing)) {
        spool_retry = std::max(spool_retry, t + std::min(options.commit_interval, options.spool_retry));
      }
      continue;
    }
    if (writing_since != SteadyTime{} && !hang_reported) turn = std::min(turn, std::max(t, writing_since + kHang));
    wake_spool.wait_until(lock, turn);
  }
}

// When the oldest that is not on disk must be.
SteadyTime SinkQueue::Shared::spool_time() const {
  for (const Item& item : flight) {
    if (!item.spooled) return item.since + options.commit_interval;
  }
  return waiting.empty() ? SteadyTime::max() : waiting.front().since + options.commit_interval;
}

// What goes now: all that is not on disk yet or, of a sink that is only slow, what soon would have to.
std::vector<spool::Entry> SinkQueue::Shared::overdue(bool everything) const {
  std::vector<spool::Entry> entries;
  const SteadyTime since = everything ? SteadyTime::max() : steady_now() - options.commit_interval / 2;
  for (const Item& item : flight) {
    if (!item.spooled && item.since <= since) entries.push_back({item.id, item.batch, 0});
  }
  for (const Item& item : waiting) {
    if (item.since > since) break;
    entries.push_back({item.id, item.batch, 0});
  }
  return entries;
}

// False when nothing could be done: the spool is full or broken.
bool SinkQueue::Shared::spool_some(std::unique_lock<std::mutex>& lock, bool everything) {
  lock.unlock();
  std::unique_lock turn(moving);
  lock.lock();
  std::vector<spool::Entry> entries = overdue(everything);
  const bool failing = spool_failing;
  if (entries.empty() && !failing) return false;
  const auto to = spool;
  lock.unlock();
  bool done = false;
  bool full = false;
  try {
    full = !entries.empty() && !make_room(entries);
    if (!entries.empty() && !full) {
      to->append(entries);
    } else if (failing) {
      to->probe();
    }
    done = true;
  } catch (const spool::SpoolError& e) {
    spool_failed(e.what());
  }
  std::vector<std::int64_t> settled;
  if (full && done) {
    if (failing) spool_works();  // the worker makes room again
    done = false;
  } else if (done) {
    moved_to_spool(entries, settled);
    try {
      to->erase(settled);
      spool_works();
    } catch (const spool::SpoolError& e) {
      spool_failed(e.what());  // written once more, which changes nothing
    }
    count_spool();
  }
  turn.unlock();
  lock.lock();
  wake.notify_one();
  return done;
}

// Keeps the spool under its limit; `entries` may lose their oldest. False: it stays as it is, nothing fits.
bool SinkQueue::Shared::make_room(std::vector<spool::Entry>& entries) {
  std::uint64_t cost = 0;
  for (const spool::Entry& e : entries) cost += spool::Spool::cost(*e.batch);
  const auto to = the_spool();
  const std::uint64_t used = to->contents().bytes;
  if (used + cost <= options.spool_limit) return true;
  if (options.policy != FullPolicy::drop_oldest) {
    if (used + spool::Spool::cost(*entries.front().batch) > options.spool_limit) return false;
    // As much as fits.
    while (used + cost > options.spool_limit) {
      cost -= spool::Spool::cost(*entries.back().batch);
      entries.pop_back();
    }
    return !entries.empty();
  }
  std::int64_t written = 0;  // what is being written may be stored already
  {
    const std::lock_guard lock(mutex);
    for (const Item& item : flight)
      if (item.spooled) written = std::max(written, item.id);
  }
  while (cost > options.spool_limit && entries.size() > 1) {
    cost -= spool::Spool::cost(*entries.front().batch);
    entries.erase(entries.begin());
  }
  drop_before(entries.front().id);
  const spool::Dropped dropped = to->drop_oldest(written, used + cost - options.spool_limit);
  const std::lock_guard lock(mutex);
  status.counts.dropped += dropped.values;
  wake.notify_one();  // to report it
  return true;
}

// What is older than what fits.
void SinkQueue::Shared::drop_before(std::int64_t id) {
  const std::lock_guard lock(mutex);
  while (!waiting.empty() && waiting.front().id < id) {
    const std::size_t gone = waiting.front().batch->values();
    waiting.pop_front();
    status.counts.waiting -= gone;
    status.counts.dropped += gone;
  }
}

// `settled`: those that were confirmed or dropped while they were being spooled.
void SinkQueue::Shared::moved_to_spool(const std::vector<spool::Entry>& entries, std::vector<std::int64_t>& settled) {
  bool space = false;
  {
    const std::lock_guard lock(mutex);
    auto entry = entries.begin();
    const auto pass = [&](std::int64_t id) {
      while (entry != entries.end() && entry->id < id) settled.push_back((entry++)->id);
      if (entry == entries.end() || entry->id != id) return false;
      ++entry;
      return true;
    };
    for (Item& item : flight) {
      if (item.spooled || !pass(item.id)) continue;
      item.spooled = true;
      status.counts.waiting -= item.batch->values();
    }
    auto keep = waiting.begin();
    while (keep != waiting.end() && entry != entries.end() && pass(keep->id)) {
      status.counts.waiting -= keep->batch->values();
      ++keep;
    }
    waiting.erase(waiting.begin(), keep);
    while (entry != entries.end()) settled.push_back((entry++)->id);
    // In one step for the worker: what was here is there.
    (void)refresh_spool_counts();
    if (refused_one && status.counts.waiting <= options.limit / 2) {
      refused_one = false;
      space = true;
    }
  }
  if (space && callbacks.on_space) callbacks.on_space();
}

void SinkQueue::Shared::spool_failed(const std::string& reason) {
  bool first = false;
  {
    const std::lock_guard lock(mutex);
    first = !std::exchange(spool_failing, true);
    status.spool_error = reason;
    spool_retry = steady_now() + options.spool_retry;
  }
  wake_spool.notify_one();  // it may be the worker who noticed
  if (first) {
    log.error("spool-failing",
              "{}: {}\n  hint      until it works measurements wait in memory, at most {}, then {}; a kill loses them",
              options.name, reason, options.limit, to_string(options.policy));
  }
}

void SinkQueue::Shared::spool_works() {
  bool again = false;
  {
    const std::lock_guard lock(mutex);
    again = std::exchange(spool_failing, false);
    status.spool_error.clear();
  }
  if (again) log.info("spool-recovered", "{}: {} can be written again", options.name, options.spool.string());
}

// A write() that does not come back is no failure yet, but nobody should have to guess. With the lock held.
void SinkQueue::Shared::watch_write() {
  if (writing_since == SteadyTime{}) {
    hang_reported = false;
    return;
  }
  if (hang_reported || steady_now() - writing_since < kHang) return;
  hang_reported = true;
  status.state = State::failing;
  status.last_error = "sink-slow: a write has not come back for " + in_words(steady_now() - writing_since);
  status.last_error_ns = clock.wall_ns();
  log.warn("sink-slow", "{}: a write has not come back for {}; {} measurements wait on disk, {} in memory",
           sink->describe(), in_words(steady_now() - writing_since), status.counts.spooled, status.counts.waiting);
}

bool SinkQueue::Shared::spool_rest() {
  std::unique_lock lock(mutex);
  if (spool && !(waiting.empty() && flight.empty())) (void)spool_some(lock, true);
  std::uint64_t left = 0;
  for (const Item& item : flight) left += item.spooled ? 0 : item.batch->values();
  for (const Item& item : waiting) left += item.batch->values();
  if (left > 0) {
    log.error("sink-lost", "{}: stopped with {} measurements not written; {}", sink->describe(), left,
              status.last_error.empty() ? "there was no time left" : status.last_error);
    status.counts.dropped += left;
    dropped_reported += left;  // said just now, with the true cause
    status.counts.waiting = 0;
    waiting.clear();
    flight.clear();
    lost_some = true;
  } else if (spooled_batches > 0) {
    log.info("spool-keeps", "{}: {} measurements wait in {} for the next start", options.name, status.counts.spooled,
             options.spool.string());
  }
  if (!left_behind) {  // what the worker alone touches is nobody's now
    next_drop_report = next_reject_report = SteadyTime{};
    summarise();
  }
  // A new queue may open the file now.
  const auto close = std::move(spool);
  spool.reset();
  lock.unlock();
  return !lost_some;
}

}  // namespace mesura::pipeline
