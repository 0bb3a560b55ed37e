// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of Rollup that reads: minutes made from raw rows, windows folded from smaller ones.
#include "sinks/rollup/rollup.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mesura::sinks::rollup {
namespace {

constexpr std::uint16_t kAll = 0x7fff;
constexpr std::int64_t kFarPast = INT64_MIN / 4;
constexpr std::int64_t kFarFuture = INT64_MAX / 4;

}  // namespace

// Brings all rollups of a quarter hour up to the raw rows.
void Rollup::process(std::uint32_t index, std::int64_t start, std::uint16_t mask, Larger larger) {
  Table& t = table(index);
  write_all_ended(index);
  if (const auto q = t.quarters.find(start); q != t.quarters.end()) q->second.old = false;
  forget(t, start);
  for (;;) {
    // Making a minute may show that a later one is wrong, too.
    if (const auto q = t.quarters.find(start); q != t.quarters.end()) mask |= std::exchange(q->second.dirty, 0);
    if (mask == 0) break;
    for (int first = 0; first < 15;) {
      if ((mask >> first & 1) == 0) {
        ++first;
        continue;
      }
      int end = first;
      while (end < 15 && (mask >> end & 1) != 0) ++end;
      remake(index, {start + first * kMinuteUs, start + end * kMinuteUs});
      first = end;
    }
    mask = 0;
  }
  fold(index, Level::quarter_hour, calendar_.window(Level::quarter_hour, start));
  const auto q = t.quarters.find(start);
  const bool open = q != t.quarters.end() && q->second.open > 0;
  if (larger == Larger::now || !larger_can_wait(t, start)) {
    const Span hour = calendar_.window(Level::hour, start);
    fold(index, Level::hour, hour);
    // At the end of the latest hour the day is known as it stands, and goes on in memory.
    const auto next = t.quarters.upper_bound(start);
    const bool last =
        !open && t.finished_until <= start + kQuarterUs && next != t.quarters.end() && next->first >= hour.end;
    fold(index, Level::day, calendar_.window(Level::day, start), last ? &t.day : nullptr);
  }
  detail(index, start);
  t.finished_until = std::max(t.finished_until, start + kQuarterUs);
  if (open || q == t.quarters.end()) return;
  if (q->second.noted) backend_.drop_pending({index, {start, start + kQuarterUs}, false});
  t.quarters.erase(q);
}

// Hours and days are folded once an hour: a later quarter hour is behind already (in the database, too) and will do it.
bool Rollup::larger_can_wait(const Table& t, std::int64_t start) const {
  const auto next = t.quarters.upper_bound(start);
  if (next == t.quarters.end()) return false;
  return floor_to(next->first, kHourUs) == floor_to(start, kHourUs) &&
         calendar_.window(Level::day, next->first) == calendar_.window(Level::day, start);
}

void Rollup::read_old(std::uint32_t index, Span span, Scratches& scratches,
                      std::map<std::pair<std::int64_t, std::uint32_t>, std::uint64_t>& counts) {
  backend_.read(index, Level::minute, span, [&](const Row& row, bool whole) {
    if (whole) counts[{row.time, row.member}] = row.count;
    auto& last = scratches[row.member].old_last;
    if (last.size() < row.columns.size()) last.resize(row.columns.size());
    for (std::size_t c = 0; c < row.columns.size(); ++c) {
      if (row.columns[c].count > 0) last[c] = row.columns[c].last;
    }
  });
}

// Makes the minutes in `span` from raw rows.
void Rollup::remake(std::uint32_t index, Span span) {
  Table& t = table(index);
  const bool expired = span.start < backend_.horizon(index, std::nullopt);
  Scratches scratches;
  std::map<std::pair<std::int64_t, std::uint32_t>, std::uint64_t> old_counts;
  read_old(index, span, scratches, old_counts);

  std::vector<Row> rows;
  backend_.read_raw(index, span, {}, [&](std::int64_t time, std::uint32_t who, std::span<const double> values) {
    const std::int64_t minute = floor_to(time, kMinuteUs);
    // A minute that is still open is written when it closes.
    const Member* m = who < t.members.size() ? t.members[who].get() : nullptr;
    if (m != nullptr && m->open && m->minute.minute() == minute) return;
    Scratch& s = scratches[who];
    if (!s.started || s.minute.minute() != minute) {
      if (s.started) rows.push_back(finish(index, who, s, span.start));
      s.started = true;
      s.minute.begin(minute);
    }
    s.minute.row(time);
    for (std::uint32_t c = 0; c < values.size(); ++c) {
      if (!std::isnan(values[c])) s.minute.value(c, values[c]);
    }
  });
  for (auto& [who, s] : scratches) {
    if (s.started) rows.push_back(finish(index, who, s, span.start));
  }
  for (const Row& row : rows) {
    const auto old = old_counts.find({row.time, row.member});
    if (expired && old != old_counts.end() && old->second > row.count) {
      scratches[row.member].kept = true;
      continue;
    }
    backend_.write(index, Level::minute, row);
  }
  for (const auto& [who, s] : scratches) {
    if (s.started && !s.kept) spread(index, span, who, s);
  }
}

Row Rollup::finish(std::uint32_t index, std::uint32_t member_index, Scratch& s, std::int64_t from) {
  Row row;
  s.minute.summary(row);
  row.member = member_index;
  const auto kinds = backend_.columns(index);
  if (s.carries.size() < row.columns.size()) s.carries.resize(row.columns.size());
  for (std::uint32_t c = 0; c < row.columns.size(); ++c) {
    if (kinds[c] != ColumnKind::reg || row.columns[c].count == 0) continue;
    Carry& carry = s.carries[c];
    if (!carry.known) carry = last_before(index, member_index, c, from);
    if (carry.has) row.columns[c].delta += std::max(0.0, *s.minute.first(c) - carry.value);
    carry = {true, true, row.columns[c].last, row.time};
  }
  return row;
}

// The last value of a register in `span` is the one from which the next minute counts: where it has changed, that
// minute is wrong now.
void Rollup::spread(std::uint32_t index, Span span, std::uint32_t member_index, const Scratch& s) {
  Table& t = table(index);
  const auto kinds = backend_.columns(index);
  Member& m = member(t, member_index);
  if (m.carries.size() < s.carries.size()) m.carries.resize(s.carries.size());
  for (std::uint32_t c = 0; c < s.carries.size(); ++c) {
    const Carry& now = s.carries[c];
    if (kinds[c] != ColumnKind::reg || !now.known) continue;
    Carry& live = m.carries[c];
    if (live.known && (!live.has || live.minute <= now.minute)) live = now;
    const bool same = c < s.old_last.size() && s.old_last[c] == now.value;
    if (same) continue;
    if (const auto next = next_value(index, member_index, c, span.end)) {
      mark(t, *next);
      const std::int64_t start = floor_to(*next, kQuarterUs);
      note(index, start, t.quarters[start]);
    }
  }
}

// `keep`: where the window goes on in memory.
void Rollup::fold(std::uint32_t index, Level level, Span window, Running* keep) {
  const Level from = Calendar::source(level, window);
  Running running{window, true, {}};
  backend_.read(index, from, window, [&](const Row& row, bool whole) { running.of(row.member, from).add(row, whole); });
  std::map<std::uint32_t, std::uint64_t> fuller;
  if (window.start < backend_.horizon(index, from)) {
    backend_.read(index, level, {window.start, window.start + 1}, [&](const Row& row, bool whole) {
      if (whole) fuller[row.member] = row.count;
    });
  }
  for (std::uint32_t who = 0; who < running.folds.size(); ++who) {
    if (!running.folds[who]) continue;
    const Row row = running.folds[who]->result(who);
    const auto old = fuller.find(who);
    if (old == fuller.end() || old->second <= row.count) backend_.write(index, level, row);
  }
  if (keep != nullptr) *keep = std::move(running);
}

void Rollup::detail(std::uint32_t index, std::int64_t start) {
  const auto demands = backend_.demands(index);
  if (demands.empty()) return;
  std::vector<std::uint32_t> columns;
  std::map<std::uint32_t, std::pair<const Backend::Demand*, std::optional<QuarterSamples>>> members;
  for (const Backend::Demand& d : demands) {
    members[d.member].first = &d;
    for (const auto& c : {d.imported, d.exported, d.net}) {
      if (c && std::find(columns.begin(), columns.end(), *c) == columns.end()) columns.push_back(*c);
    }
  }
  const auto value = [&](const std::optional<std::uint32_t>& column, std::span<const double> values) {
    if (!column) return std::nan("");
    const auto at = std::find(columns.begin(), columns.end(), *column) - columns.begin();
    return values[static_cast<std::size_t>(at)];
  };
  backend_.read_raw(index, {start, start + kQuarterUs}, columns,
                    [&](std::int64_t time, std::uint32_t who, std::span<const double> values) {
                      const auto found = members.find(who);
                      if (found == members.end()) return;
                      auto& [demand, samples] = found->second;
                      if (!samples) samples.emplace(start);
                      if (demand->net) {
                        const double net = value(demand->net, values);
                        samples->add(time, net, -net);
                      } else {
                        samples->add(time, value(demand->imported, values), value(demand->exported, values));
                      }
                    });
  const bool expired = start < backend_.horizon(index, std::nullopt);
  for (const auto& [who, entry] : members) {
    if (!entry.second || entry.second->empty()) continue;
    backend_.write_quarter(index, who, entry.second->result(calendar_.zone()), expired);
  }
}

// The next quarter hour of the backlog's first stretch; false at its end.
bool Rollup::portion() {
  Backend::Pending& p = backlog_.front();
  const auto raw = backend_.next_raw(p.table, p.span.start);
  const std::int64_t next = raw ? std::min(p.span.end, floor_to(*raw, kQuarterUs)) : p.span.end;
  const std::int64_t end = std::min(p.span.end, next + kQuarterUs);
  // What stands where no raw rows are is wrong, unless those have gone for their age.
  const std::int64_t horizon = backend_.horizon(p.table, std::nullopt);
  const std::int64_t from =
      std::max(p.span.start, horizon == INT64_MIN ? horizon : floor_to(horizon - 1, kDayUs) + kDayUs);
  if (from < end) {
    for (const Level level : kLevels) backend_.erase(p.table, level, {from, end});
    Table& t = table(p.table);
    for (auto q = t.quarters.lower_bound(from); q != t.quarters.end() && q->first < end; ++q) q->second.sums.lose();
    t.hour.lose();
    t.day.lose();
  }
  p.span.start = end;
  if (next < end) process(p.table, next, kAll);
  return p.span.start < p.span.end;
}

bool Rollup::portion_of_days(Backend::Pending& p) {
  const Span day = calendar_.window(Level::day, p.span.start);
  fold(p.table, Level::day, day);
  p.span.start = day.end;
  return p.span.start < p.span.end;
}

// Looks where it is likely first: a few hours of minutes, days of hours, all days.
Rollup::Carry Rollup::last_before(std::uint32_t index, std::uint32_t who, std::uint32_t column, std::int64_t before) {
  const Table& t = tables_[index];
  if (who < t.members.size() && t.members[who] && column < t.members[who]->carries.size()) {
    const Carry& live = t.members[who]->carries[column];
    if (live.known && live.has && live.minute < before) return live;
  }
  const std::int64_t hour = floor_to(before, kHourUs);
  // Of what is pending only the minutes are there.
  const auto pending = t.quarters.lower_bound(before - 3 * kDayUs);
  const std::int64_t behind = pending == t.quarters.end() ? before : floor_to(pending->first, kHourUs);
  const std::int64_t minutes = std::min(before - 2 * kHourUs, behind);
  auto found = backend_.find(index, Level::minute, who, column, {minutes, before}, true);
  if (!found) found = backend_.find(index, Level::hour, who, column, {hour - 3 * kDayUs, hour}, true);
  if (!found) found = backend_.find(index, Level::day, who, column, {kFarPast, hour - 3 * kDayUs}, true);
  return found ? Carry{true, true, found->last, found->time} : Carry{true, false, 0, 0};
}

// The minute that has the first value of a column from `from` on.
std::optional<std::int64_t> Rollup::next_value(std::uint32_t index, std::uint32_t who, std::uint32_t column,
                                               std::int64_t from) {
  const auto in = [&](Level level, Span span) { return backend_.find(index, level, who, column, span, false); };
  auto minute = in(Level::minute, {from, from + 2 * kHourUs});
  if (minute) return minute->time;
  auto hour = in(Level::hour, {floor_to(from, kHourUs) + kHourUs, from + 3 * kDayUs});
  if (!hour) {
    if (const auto day = in(Level::day, {from + 2 * kDayUs, kFarFuture})) {
      hour = in(Level::hour, {day->time, day->time + 26 * kHourUs});
    }
  }
  // What is pending has its minutes only, and what came last may not have been folded yet.
  const Table& t = table(index);
  const auto pending = t.quarters.lower_bound(floor_to(from, kHourUs));
  const std::int64_t behind = pending == t.quarters.end() ? kFarFuture : floor_to(pending->first, kHourUs);
  const std::int64_t first = std::min(behind, hour ? hour->time : floor_to(t.newest, kHourUs) - kHourUs);
  minute = in(Level::minute, {std::max(from, first), hour ? hour->time + kHourUs : kFarFuture});
  return minute ? std::optional{minute->time} : std::nullopt;
}

}  // namespace mesura::sinks::rollup
