// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of Rollup that folds from memory what has come in order, a few rows at a time.
#include "sinks/rollup/rollup.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mesura::sinks::rollup {

Fold& Rollup::Running::of(std::uint32_t member, Level from) {
  if (member >= folds.size()) folds.resize(member + 1);
  auto& f = folds[member];
  if (!f) f = std::make_unique<Fold>(window, from);
  return *f;
}

void Rollup::Running::lose() {
  exact = false;
  folds.clear();
}

// Rollups of this quarter hour are about to be made by reading: what was summed up of its windows is not all there is.
void Rollup::forget(Table& t, std::int64_t start) {
  if (const auto q = t.quarters.find(start); q != t.quarters.end()) q->second.sums.lose();
  for (auto& [running, level] : {std::pair{&t.hour, Level::hour}, {&t.day, Level::day}}) {
    const Span window = calendar_.window(level, start);
    if (window.start < running->window.start) continue;
    running->window = window;
    running->lose();
  }
}

bool Rollup::has_all_samples(std::uint32_t index, const Quarter& q) {
  if (!q.sampled_all) return false;
  const auto fits = [&](const Backend::Demand& d) {
    if (d.member >= q.sums.folds.size() || !q.sums.folds[d.member]) return true;
    const Sampled* sampled = d.member < q.sampled.size() ? q.sampled[d.member].get() : nullptr;
    return sampled != nullptr && sampled->demand == d;
  };
  const auto demands = backend_.demands(index);
  return std::all_of(demands.begin(), demands.end(), fits);
}

bool Rollup::begin_finish(std::uint32_t index, Table& t, std::int64_t start, Quarter& q) {
  const auto next = t.quarters.upper_bound(start);
  if (q.old || next == t.quarters.end() || q.changes != backend_.foreign_changes()) return false;
  const Span hour = calendar_.window(Level::hour, start);
  const Span day = calendar_.window(Level::day, start);
  // Where smaller rows may have gone for their age, the stored ones are looked at.
  if (start < backend_.horizon(index, Level::minute) || hour.start < backend_.horizon(index, Level::quarter_hour) ||
      day.start < backend_.horizon(index, Calendar::source(Level::day, day))) {
    return false;
  }
  for (const auto& [running, window] : {std::pair{&t.hour, hour}, {&t.day, day}}) {
    if (running->window == window) continue;
    *running = {window, t.newest_at_open < window.start && t.finished_until <= window.start, {}};
  }
  q.hour_over = !larger_can_wait(t, start);
  if (q.hour_over && !(t.hour.exact && t.day.exact)) return false;
  q.sampled_all = has_all_samples(index, q);
  q.finishing = true;
  t.finished_until = std::max(t.finished_until, start + kQuarterUs);
  return true;
}

void Rollup::finish_member(std::uint32_t index, Table& t, std::int64_t start, Quarter& q, std::uint32_t who) {
  const Row row = q.sums.folds[who]->result(who);
  backend_.write(index, Level::quarter_hour, row);
  if (t.hour.exact) t.hour.of(who, Level::quarter_hour).add(row, true);
  const Level from = Calendar::source(Level::day, t.day.window);
  if (t.day.exact && from == Level::quarter_hour) t.day.of(who, from).add(row, true);
  q.sums.folds[who].reset();
  if (!q.sampled_all || who >= q.sampled.size() || !q.sampled[who] || q.sampled[who]->samples.empty()) return;
  const bool expired = start < backend_.horizon(index, std::nullopt);
  backend_.write_quarter(index, who, q.sampled[who]->samples.result(calendar_.zone()), expired);
}

void Rollup::finish_hour(std::uint32_t index, Table& t, std::uint32_t who) {
  const Row row = t.hour.folds[who]->result(who);
  backend_.write(index, Level::hour, row);
  const Level from = Calendar::source(Level::day, t.day.window);
  if (from == Level::hour) t.day.of(who, from).add(row, true);
  if (who < t.day.folds.size() && t.day.folds[who]) backend_.write(index, Level::day, t.day.folds[who]->result(who));
}

// Writes up to `room` rows of what is over with this quarter hour, and takes them off it.
Rollup::Finish Rollup::finish(std::uint32_t index, std::int64_t start, std::size_t& room) {
  Table& t = table(index);
  const auto it = t.quarters.find(start);
  if (it == t.quarters.end()) return Finish::done;
  Quarter& q = it->second;
  if (!q.sums.exact || q.dirty != 0 || q.open > 0) return Finish::impossible;
  if (!q.finishing && !begin_finish(index, t, start, q)) return Finish::impossible;
  if (q.hour_over && !(t.hour.exact && t.day.exact)) return Finish::impossible;

  for (std::uint32_t& who = q.next_quarter; who < q.sums.folds.size(); ++who) {
    if (!q.sums.folds[who]) continue;
    if (room == 0) return Finish::more;
    finish_member(index, t, start, q, who);
    --room;
  }
  if (q.hour_over) {
    for (std::uint32_t& who = q.next_hour; who < t.hour.folds.size(); ++who) {
      if (!t.hour.folds[who]) continue;
      if (room == 0) return Finish::more;
      finish_hour(index, t, who);
      room -= std::min<std::size_t>(room, 2);
    }
    // A quarter hour that should still come for this hour is folded by reading.
    if (std::next(it)->first >= t.hour.window.end) t.hour.lose();
  }
  if (!q.sampled_all) detail(index, start);
  if (q.noted) backend_.drop_pending({index, {start, start + kQuarterUs}, false});
  t.quarters.erase(it);
  return Finish::done;
}

}  // namespace mesura::sinks::rollup
