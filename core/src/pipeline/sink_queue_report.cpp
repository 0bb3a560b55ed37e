// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sink_queue_state.hpp"

namespace mesura::pipeline {

std::string in_words(SinkQueue::Nanoseconds d) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  if (seconds < 1) return fmt::format("{} ms", std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

void SinkQueue::Shared::report_failing(const std::string& reason) {
  failing_since = steady_now();
  next_summary = failing_since + options.summary_interval;
  if (options.spool.empty()) {
    log.warn("sink-failing",
             "{}: {}\n  hint      measurements wait in memory, at most {}, then {}; trying again until it works",
             sink->describe(), reason, options.limit, to_string(options.policy));
  } else {
    log.warn("sink-failing",
             "{}: {}\n  hint      measurements wait in {}, at most {} MiB, then {}; trying again until it works",
             sink->describe(), reason, options.spool.string(), options.spool_limit >> 20U, to_string(options.policy));
  }
}

void SinkQueue::Shared::report_recovered() {
  const std::lock_guard lock(mutex);
  log.info(
      "sink-recovered", "{} works again after {} and {} failed attempts; {} measurements waited on disk, {} in memory",
      sink->describe(), in_words(steady_now() - failing_since), failures, status.counts.spooled, status.counts.waiting);
  if (spooled_batches == 0) return;
  draining_since = steady_now();
  draining = status.counts.spooled;
}

// What lasts is said once an interval. With the lock held: everything here is rare.
void SinkQueue::Shared::summarise() {
  const SteadyTime t = steady_now();
  if (failures > 0 && t >= next_summary) {
    next_summary = t + options.summary_interval;
    log.warn("sink-failing",
             "{} has failed for {} ({} attempts), {} measurements wait on disk, {} in memory; latest: {}",
             sink->describe(), in_words(t - failing_since), failures, status.counts.spooled, status.counts.waiting,
             status.last_error);
  }
  if (status.counts.dropped > dropped_reported && t >= next_drop_report) {
    next_drop_report = t + options.summary_interval;
    log.error("queue-full",
              "{}: the queue is full (limits: {} measurements in memory, {} MiB on disk; waiting: {} and {} MiB), {} "
              "dropped by {}, {} in all",
              options.name, options.limit, options.spool.empty() ? 0 : options.spool_limit >> 20U,
              status.counts.waiting, status.spool_bytes >> 20U, status.counts.dropped - dropped_reported,
              to_string(options.policy), status.counts.dropped);
    dropped_reported = status.counts.dropped;
  }
  if (rejected_unreported > 0 && t >= next_reject_report) {
    next_reject_report = t + options.summary_interval;
    log.error("sink-rejected", "{} refused {} measurements for good{}; latest: {}", sink->describe(),
              rejected_unreported, spool ? ", they are dead letters now (`mesura spool ls`)" : "", last_rejection);
    rejected_unreported = 0;
  }
}

}  // namespace mesura::pipeline
