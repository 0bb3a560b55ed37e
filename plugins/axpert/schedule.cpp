// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "schedule.hpp"

#include <algorithm>

namespace mesura::axpert {
namespace {

bool numbered(std::string_view pattern) { return pattern.ends_with('#'); }
std::string_view stem(std::string_view pattern) {
  return numbered(pattern) || pattern.ends_with('@') ? pattern.substr(0, pattern.size() - 1) : pattern;
}

}  // namespace

const Pace* Schedule::wish(const Query& query) const {
  for (const auto& [name, pace] : settings_.schedule)
    if (name == stem(query.command)) return &pace;
  return nullptr;
}

Schedule::Nanoseconds Schedule::usual(Cadence cadence) const {
  switch (cadence) {
    case Cadence::once: return Nanoseconds{0};
    case Cadence::cycle: return settings_.interval;
    case Cadence::second: return 2 * settings_.interval;
    case Cadence::parallel:
      if (parallel_) return settings_.interval;
      break;
    case Cadence::slow: break;
  }
  return std::max(settings_.ratings_interval, settings_.interval);
}

void Schedule::add(const Query& query, int unit) {
  const Pace* pace = wish(query);
  if (pace != nullptr && pace->kind == Pace::Kind::off) return;
  Entry e;
  e.query = &query;
  e.command = stem(query.command);
  e.unit = unit;
  if (unit >= 0) e.command += static_cast<char>('0' + unit);
  e.period = pace == nullptr ? usual(query.cadence) : pace->kind == Pace::Kind::once ? Nanoseconds{0} : pace->period;
  e.due = now_;
  entries_.push_back(std::move(e));
}

void Schedule::start(Dialect dialect, const std::set<std::string>& refused) {
  entries_.clear();
  parallel_ = false;
  for (const Query& query : queries()) {
    if (!axpert::has(query.dialects, dialect)) continue;
    if (refused.contains(std::string{query.command}) && !query.essential) continue;
    add(query, numbered(query.command) ? 0 : -1);
  }
}

void Schedule::tick(std::int64_t now_ns) {
  if (ticking_ && now_ns > last_ns_) now_ += Nanoseconds{now_ns - last_ns_};
  ticking_ = true;
  last_ns_ = now_ns;
}

void Schedule::fired() { now_ = std::max(now_, target_); }

Schedule::Entry* Schedule::due() {
  // The one that waits longest, so that nothing starves on a line that is too slow for all.
  Entry* first = nullptr;
  for (Entry& e : entries_)
    if (!e.dropped && e.due <= now_ && (first == nullptr || e.due < first->due)) first = &e;
  return first;
}

std::optional<Schedule::Nanoseconds> Schedule::due_in() {
  std::optional<Nanoseconds> first;
  for (const Entry& e : entries_)
    if (!e.dropped && (!first || e.due < *first)) first = e.due;
  if (!first) return std::nullopt;
  target_ = *first;
  return std::max(*first - now_, Nanoseconds{0});
}

void Schedule::asked(Entry& e) {
  if (e.period == Nanoseconds{0}) {
    e.dropped = true;
    return;
  }
  // Keep to the grid, but catch up on nothing.
  e.due += e.period;
  if (e.due <= now_) e.due += (now_ - e.due) / e.period * e.period + e.period;
}

void Schedule::add_unit(std::string_view pattern, int unit) {
  constexpr int kLast = 9;
  if (unit > kLast) return;
  for (const Entry& e : entries_)
    if (e.query->command == pattern && e.unit == unit) return;
  for (const Query& query : queries())
    if (query.command == pattern) add(query, unit);
}

void Schedule::set_parallel(bool parallel) {
  if (parallel == parallel_) return;
  parallel_ = parallel;
  for (Entry& e : entries_)
    if (e.query->cadence == Cadence::parallel && wish(*e.query) == nullptr) {
      e.period = usual(Cadence::parallel);
      e.due = std::min(e.due, now_ + e.period);
    }
}

void Schedule::rest(Entry& e) {
  if (wish(*e.query) != nullptr) return;
  e.period = std::max(settings_.ratings_interval, settings_.interval);
  e.due = now_ + e.period;
}

Schedule::Entry* Schedule::find(std::string_view pattern, int unit) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& e) { return e.query->command == pattern && e.unit == unit; });
  return found == entries_.end() ? nullptr : &*found;
}

bool Schedule::answered(std::string_view command) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.answered && e.command == command; });
}

}  // namespace mesura::axpert
