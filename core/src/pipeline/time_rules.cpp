// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/time_rules.hpp"

#include <sys/timex.h>
#include <time.h>

#include <functional>
#include <string_view>
#include <utility>

namespace mesura::pipeline {

namespace {

/// Clocks of meters run ahead by minutes at most.
constexpr std::int64_t kFuture = 300'000'000'000;

std::size_t content_hash(const Batch& batch) {
  std::size_t hash = batch.items.size();
  const auto mix = [&hash](std::size_t value) { hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2); };
  for (const Measurement& m : batch.items) {
    mix(m.series);
    mix(m.type == MESURA_TEXT ? std::hash<std::string_view>{}(batch.text(m)) : std::hash<double>{}(m.number));
  }
  return hash;
}

}  // namespace

void ClockGuard::apply(Batch& batch) {
  const std::size_t content = content_hash(batch);
  auto [it, fresh] = last_.try_emplace(batch.device, Last{batch.time_ns, content});
  if (fresh) return;
  Last& last = it->second;
  // A stamp from the future was a glitch: it must not make everything after it suspect.
  const bool glitch = last.time_ns > batch.received_ns + kFuture;
  if (batch.time_ns > last.time_ns || glitch) {
    last = {batch.time_ns, content};
    return;
  }
  if (batch.time_ns == last.time_ns && content == last.content) return;  // the same telegram again: the same rows
  for (Measurement& m : batch.items) {
    if (m.time_ns != batch.time_ns) continue;
    m.time_ns = batch.received_ns;
    m.quality = static_cast<std::uint8_t>(m.quality | MESURA_CLOCK_SUSPECT);
  }
  batch.time_ns = batch.received_ns;
}

SyncHold::SyncHold(const runtime::Clock& clock, std::function<bool()> synchronised, Limits limits,
                   std::unique_ptr<HoldKeeper> keeper)
    : clock_(clock), synchronised_(std::move(synchronised)), limits_(limits), keeper_(std::move(keeper)) {
  if (keeper_) take_over();
}

void SyncHold::take_over() {
  HoldKeeper::Left left = keeper_->left_behind();
  if (left.same_boot) wall_offset_ns_ = left.wall_offset_ns;
  for (auto& found : left.found) {
    const std::int64_t wall = found.batch->time_ns;
    measurements_ += found.batch->items.size();
    held_.push_back({std::move(found.batch), wall - found.offset_ns, wall, found.id, !found.same_boot});
  }
}

void SyncHold::add(std::shared_ptr<Batch> batch, std::vector<BatchPtr>& out) {
  if (held_.empty() && synchronised_()) {
    out.push_back(std::move(batch));
    return;
  }
  if (held_.empty()) wall_offset_ns_.reset();  // the clock has been lost again
  measurements_ += batch->items.size();
  const std::int64_t steady = clock_.steady_ns();
  const std::int64_t wall = clock_.wall_ns();
  const std::int64_t kept = keeper_ ? keeper_->keep(*batch, wall - steady) : 0;
  held_.push_back({std::move(batch), steady, wall, kept, false});
  tick(out);
}

void SyncHold::tick(std::vector<BatchPtr>& out) {
  if (held_.empty()) return;
  const bool synchronised = synchronised_();
  const std::int64_t now = clock_.steady_ns();
  std::int64_t kept = 0;
  while (!held_.empty() && (synchronised || held_.front().unknown_boot || measurements_ > limits_.measurements ||
                            now - held_.front().steady_ns >= limits_.hold.count())) {
    Held front = std::move(held_.front());
    held_.pop_front();
    kept = front.kept;
    release(std::move(front), synchronised, out);
  }
  if (keeper_ && kept > 0) keeper_->released(kept, wall_offset_ns_);
}

void SyncHold::release_all(std::vector<BatchPtr>& out) {
  const bool synchronised = synchronised_();
  std::int64_t kept = 0;
  while (!held_.empty()) {
    Held front = std::move(held_.front());
    held_.pop_front();
    kept = front.kept;
    release(std::move(front), synchronised, out);
  }
  if (keeper_ && kept > 0) keeper_->released(kept, wall_offset_ns_);
}

void SyncHold::release(Held held, bool synchronised, std::vector<BatchPtr>& out) {
  measurements_ -= held.batch->items.size();
  const bool moves = synchronised && !held.unknown_boot;
  // Once for all: the clock is slewed a little all the time, and a batch that comes again after a kill must get the
  // same time again.
  if (moves && !wall_offset_ns_) wall_offset_ns_ = clock_.wall_ns() - clock_.steady_ns();
  // What the wall clock would have said then, had it been right: now minus the monotonic time that has passed.
  const std::int64_t shift = moves ? *wall_offset_ns_ - (held.wall_ns - held.steady_ns) : 0;
  Batch& batch = *held.batch;
  for (Measurement& m : batch.items) {
    if (m.time_ns != batch.time_ns) continue;
    if (moves)
      m.time_ns += shift;
    else
      m.quality = static_cast<std::uint8_t>(m.quality | MESURA_CLOCK_UNSYNCED);
  }
  batch.time_ns += shift;
  batch.received_ns += shift;
  out.push_back(std::move(held.batch));
}

std::function<bool()> kernel_synchronised(SyncMode mode, std::chrono::nanoseconds hold) {
  if (mode == SyncMode::ignore) return [] { return true; };
  return [mode, hold] {
    if (mode == SyncMode::automatic) {
      timespec boot{};
      clock_gettime(CLOCK_BOOTTIME, &boot);
      if (std::chrono::seconds{boot.tv_sec} > hold) return true;
    }
    timex state{};
    const int result = adjtimex(&state);
    // A kernel that will not tell (a sandbox) is no reason to hold a household's data back.
    return result == -1 || (result != TIME_ERROR && (state.status & STA_UNSYNC) == 0);
  };
}

}  // namespace mesura::pipeline
