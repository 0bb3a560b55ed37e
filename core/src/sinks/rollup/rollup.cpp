// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/rollup/rollup.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mesura::sinks::rollup {
namespace {

// Rows of the devices of a fleet are not in step.
constexpr std::int64_t kGraceUs = 5 * kSecondUs;
// Making a quarter hour of a large fleet from raw rows takes seconds: a write does few, the rest is for work().
constexpr int kRebuildsAnAdd = 2;
// Nor is a write the place to read back a quarter hour of more members than this.
constexpr std::size_t kManyMembers = 100;
// Rollup rows that a write does beside its own; more when it is a large one, so that nothing piles up.
constexpr std::size_t kRowsAWrite = 100;
constexpr std::size_t kRowsShare = 10;

std::uint16_t bit_of(std::int64_t minute) {
  return static_cast<std::uint16_t>(1U << ((minute - floor_to(minute, kQuarterUs)) / kMinuteUs));
}

}  // namespace

Rollup::Rollup(Backend& backend, model::Zone zone) : backend_(backend), calendar_(zone) { refresh(); }

void Rollup::refresh() {
  constexpr std::uint16_t kAll = 0x7fff;
  for (const Backend::Pending& p : backend_.pending()) {
    if (p.days || p.span.end - p.span.start != kQuarterUs) {
      const auto same = [&](const Backend::Pending& known) {
        return known.table == p.table && known.days == p.days && known.span == p.span;
      };
      if (std::none_of(backlog_.begin(), backlog_.end(), same)) backlog_.push_back(p);
      continue;
    }
    Quarter& q = table(p.table).quarters[p.span.start];
    if (q.noted) continue;
    q.dirty = kAll;
    q.sums.lose();
    q.noted = q.old = true;
  }
}

Rollup::Table& Rollup::table(std::uint32_t index) {
  if (index >= tables_.size()) tables_.resize(index + 1);
  Table& t = tables_[index];
  if (!t.known) {
    t.known = true;
    t.newest = t.newest_at_open = backend_.newest_at_open(index);
  }
  return t;
}

Rollup::Member& Rollup::member(Table& t, std::uint32_t index) const {
  if (index >= t.members.size()) t.members.resize(index + 1);
  auto& m = t.members[index];
  if (!m) {
    m = std::make_unique<Member>();
    ++t.known_members;
    // What is not later than all rows of another life may be one of them: only the raw rows know.
    m->newest = t.newest_at_open;
    if (t.newest_at_open != INT64_MIN) m->closed_until = floor_to(t.newest_at_open, kMinuteUs) + kMinuteUs;
  }
  return *m;
}

Rollup::Quarter& Rollup::quarter(Table& t, std::int64_t time) {
  Quarter& q = t.quarters[floor_to(time, kQuarterUs)];
  q.touched = adds_;
  return q;
}

void Rollup::mark(Table& t, std::int64_t minute) {
  Quarter& q = quarter(t, minute);
  q.dirty |= bit_of(minute);
  q.sums.lose();
}

void Rollup::begin() {
  ++adds_;
  rows_ = 0;
  touched_.clear();
}

void Rollup::add(const Rows::Row& row, std::span<const Rows::Cell> cells) {
  ++rows_;
  Table& t = table(row.table);
  if (t.touched != adds_) {
    t.touched = adds_;
    touched_.push_back(row.table);
  }
  add_row(row.table, t, row, cells);
}

void Rollup::end() {
  std::size_t room = std::max(kRowsAWrite, rows_ / kRowsShare);
  for (; room > 0 && !waiting_.empty(); waiting_.pop_front()) {
    const auto [index, who] = waiting_.front();
    Member& m = *tables_[index].members[who];
    if (m.ended_in == nullptr) continue;
    write_ended(index, m, who);
    --room;
  }
  int rebuilds = 0;
  for (const std::uint32_t index : touched_) settle(index, tables_[index], rebuilds, room);
}

void Rollup::add_row(std::uint32_t index, Table& t, const Rows::Row& row, std::span<const Rows::Cell> cells) {
  Member& m = member(t, row.member);
  t.newest = std::max(t.newest, row.time);
  if (row.time > m.newest) {
    m.newest = row.time;
    if (row.time < m.closed_until) {
      mark(t, floor_to(row.time, kMinuteUs));
      return;
    }
    if (!m.open || row.time - m.minute.minute() >= kMinuteUs) {
      open_minute(index, t, m, row);
    } else {
      m.quarter->touched = adds_;
    }
    add_values(m, row.time, cells);
    return;
  }
  if (m.open && row.time >= m.minute.minute()) {
    m.quarter->touched = adds_;
    m.quarter->sampled_all = false;
    const auto known = [&](const Rows::Cell& cell) { return m.minute.has(cell.column); };
    if (row.time < m.newest || std::any_of(cells.begin(), cells.end(), known)) {
      m.clean = false;
    } else {
      for (const Rows::Cell& cell : cells) m.minute.value(cell.column, cell.item->number);
    }
    return;
  }
  mark(t, floor_to(row.time, kMinuteUs));
}

void Rollup::open_minute(std::uint32_t index, Table& t, Member& m, const Rows::Row& row) {
  if (m.open) end_minute(index, m, row.member);
  m.minute.begin(floor_to(row.time, kMinuteUs));
  const std::int64_t start = floor_to(row.time, kQuarterUs);
  const auto [it, fresh] = t.quarters.try_emplace(start);
  Quarter& q = it->second;
  if (fresh) {
    // Else the database has rows of it already.
    q.sums = {{start, start + kQuarterUs}, t.newest_at_open < start && start >= t.finished_until, {}};
    q.changes = backend_.foreign_changes();
  }
  q.touched = adds_;
  ++q.open;
  m.open = m.clean = true;
  m.quarter = &q;
  const bool first = std::exchange(m.quarter_start, start) != start;
  m.sampled = nullptr;
  if (!q.sums.exact) return;
  if (row.member >= q.sampled.size()) q.sampled.resize(row.member + 1);
  auto& sampled = q.sampled[row.member];
  if (first) {
    const auto demands = backend_.demands(index);
    const auto mine = [&](const Backend::Demand& d) { return d.member == row.member; };
    const auto demand = std::find_if(demands.begin(), demands.end(), mine);
    if (demand != demands.end()) sampled = std::make_unique<Sampled>(Sampled{*demand, QuarterSamples{start}});
  }
  m.sampled = sampled.get();
}

void Rollup::add_values(Member& m, std::int64_t time, std::span<const Rows::Cell> cells) {
  // Mostly the row has the columns of those before it.
  const auto columns = m.minute.columns();
  bool same = cells.size() == columns.size();
  if (same) {
    const std::span<double> values = m.minute.values();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      values[i] = cells[i].item->number;
      same &= cells[i].column == columns[i];
    }
  }
  if (same) {
    m.minute.all(time);
  } else {
    m.minute.row(time);
    for (const Rows::Cell& cell : cells) m.minute.value(cell.column, cell.item->number);
  }
  if (m.sampled == nullptr) return;
  const Backend::Demand& d = m.sampled->demand;
  if (d.net) {
    const double net = m.minute.newest(d.net);
    m.sampled->samples.add(time, net, -net);
  } else {
    m.sampled->samples.add(time, m.minute.newest(d.imported), m.minute.newest(d.exported));
  }
}

// The open minute is over; its row may wait for a while.
void Rollup::end_minute(std::uint32_t index, Member& m, std::uint32_t member_index) {
  const std::int64_t minute = m.minute.minute();
  if (m.ended_in != nullptr) write_ended(index, m, member_index);
  m.open = false;
  m.closed_until = minute + kMinuteUs;
  if (!m.clean) {
    --m.quarter->open;
    m.quarter->dirty |= bit_of(minute);
    m.quarter->sums.lose();
    return;
  }
  std::swap(m.minute, m.ended);
  m.ended_in = m.quarter;
  waiting_.emplace_back(index, member_index);
}

void Rollup::write_ended(std::uint32_t index, Member& m, std::uint32_t member_index) {
  m.ended.summary(row_);
  row_.member = member_index;
  const auto kinds = backend_.columns(index);
  if (m.carries.size() < row_.columns.size()) m.carries.resize(row_.columns.size());
  for (std::uint32_t c = 0; c < row_.columns.size(); ++c) {
    if (kinds[c] != ColumnKind::reg || row_.columns[c].count == 0) continue;
    Carry& carry = m.carries[c];
    if (!carry.known) carry = last_before(index, member_index, c, row_.time);
    if (carry.has) row_.columns[c].delta += std::max(0.0, *m.ended.first(c) - carry.value);
    carry = {true, true, row_.columns[c].last, row_.time};
  }
  backend_.write(index, Level::minute, row_);
  Quarter& q = *std::exchange(m.ended_in, nullptr);
  --q.open;
  if (q.sums.exact) q.sums.of(member_index, Level::minute).add(row_, true);
}

void Rollup::write_all_ended(std::uint32_t index) {
  Table& t = tables_[index];
  for (std::uint32_t i = 0; i < t.members.size(); ++i) {
    if (Member* m = t.members[i].get(); m != nullptr && m->ended_in != nullptr) write_ended(index, *m, i);
  }
}

void Rollup::close(std::uint32_t index, Member& m, std::uint32_t member_index) {
  end_minute(index, m, member_index);
  if (m.ended_in != nullptr) write_ended(index, m, member_index);
}

void Rollup::write_minutes(std::uint32_t index, Table& t, const Quarter& q, std::size_t& room) {
  for (std::uint32_t i = 0; q.open > 0 && room > 0 && i < t.members.size(); ++i) {
    Member* m = t.members[i].get();
    if (m == nullptr) continue;
    if (m->ended_in == &q) {
      write_ended(index, *m, i);
      --room;
    }
    if (m->open && m->quarter == &q && room > 0) {
      close(index, *m, i);
      --room;
    }
  }
}

// After the rows of a write: quarter hours that are over are folded, the others noted as being behind.
void Rollup::settle(std::uint32_t index, Table& t, int& rebuilds, std::size_t& room) {
  const auto over = [&](std::int64_t start) { return t.newest >= start + kQuarterUs + kGraceUs; };
  for (auto it = t.quarters.begin(); it != t.quarters.end();) {
    const std::int64_t start = it->first;
    Quarter& q = it->second;
    const bool quiet = q.touched != adds_;
    if (!q.old && over(start) && (q.open == 0 || quiet)) {
      // Only the latest may wait, so that what is in memory stays small.
      const auto next = std::next(it);
      std::size_t no_limit = SIZE_MAX;
      std::size_t& rows = next != t.quarters.end() && over(next->first) ? no_limit : room;
      write_minutes(index, t, q, rows);
      if (q.open == 0 && rows > 0) {
        const Finish finished = finish(index, start, rows);
        bool done = finished == Finish::done;
        if (finished == Finish::impossible && t.known_members <= kManyMembers &&
            (q.dirty == 0 || (quiet && rebuilds++ < kRebuildsAnAdd))) {
          process(index, start, 0, Larger::by_the_hour);
          done = true;
        }
        if (done) {
          it = t.quarters.upper_bound(start);
          continue;
        }
      }
    }
    note(index, start, q);
    ++it;
  }
}

void Rollup::note(std::uint32_t index, std::int64_t start, Quarter& q) {
  if (q.noted) return;
  backend_.put_pending({index, {start, start + kQuarterUs}, false});
  q.noted = true;
}

void Rollup::close_minutes(std::int64_t now_us) {
  waiting_.clear();
  for (std::uint32_t index = 0; index < tables_.size(); ++index) {
    Table& t = tables_[index];
    write_all_ended(index);
    for (std::uint32_t i = 0; i < t.members.size(); ++i) {
      Member* m = t.members[i].get();
      if (m == nullptr || !m->open) continue;
      if (now_us == INT64_MAX || m->minute.minute() + kMinuteUs + kGraceUs <= now_us) close(index, *m, i);
    }
  }
}

bool Rollup::work(std::int64_t now_us, Deadline deadline) {
  const auto over = [&] { return std::chrono::steady_clock::now() >= deadline; };
  for (std::uint32_t index = 0; index < tables_.size(); ++index) {
    auto& quarters = tables_[index].quarters;
    for (auto it = quarters.begin(); it != quarters.end();) {
      const std::int64_t start = it->first;
      const Quarter& q = it->second;
      // The running quarter hour is folded when it is over.
      const bool running = now_us != INT64_MAX && now_us < start + kQuarterUs + kGraceUs;
      if (q.dirty != 0 || (q.open == 0 && !running)) {
        Finish finished = Finish::more;
        while (finished == Finish::more) {
          std::size_t room = kRowsAWrite;
          finished = finish(index, start, room);
          if (finished == Finish::more && over()) return true;
        }
        if (finished == Finish::impossible) process(index, start, 0);
        if (over()) return true;
      }
      it = quarters.upper_bound(start);
    }
  }
  while (!backlog_.empty()) {
    const Backend::Pending before = backlog_.front();
    bool more = true;
    while (more && !over()) more = before.days ? portion_of_days(backlog_.front()) : portion();
    backend_.drop_pending(before);
    if (more) {
      backend_.put_pending(backlog_.front());
      return true;
    }
    backlog_.erase(backlog_.begin());
  }
  return false;
}

void Rollup::rebuild(std::uint32_t table, Span span) {
  add_backlog({table, {floor_to(span.start, kQuarterUs), floor_to(span.end - 1, kQuarterUs) + kQuarterUs}, false});
}

void Rollup::rebuild_days(std::uint32_t table, Span span) {
  add_backlog({table, {floor_to(span.start, kQuarterUs), floor_to(span.end - 1, kQuarterUs) + kQuarterUs}, true});
}

void Rollup::add_backlog(const Backend::Pending& pending) {
  // As long as a single quarter hour it would be taken for one that is noted: a quarter more does no harm.
  Backend::Pending p = pending;
  if (!p.days && p.span.end - p.span.start <= kQuarterUs) p.span.end = p.span.start + 2 * kQuarterUs;
  backend_.put_pending(p);
  backlog_.push_back(p);
}

std::int64_t Rollup::needed_since(std::uint32_t index) const {
  std::int64_t since = INT64_MAX;
  if (index < tables_.size() && !tables_[index].quarters.empty()) since = tables_[index].quarters.begin()->first;
  for (const Backend::Pending& p : backlog_) {
    if (p.table == index && !p.days) since = std::min(since, p.span.start);
  }
  return since;
}

std::int64_t Rollup::pending_us() const {
  std::int64_t sum = 0;
  for (const Table& t : tables_) {
    for (const auto& [start, q] : t.quarters) sum += q.open == 0 || q.dirty != 0 ? kQuarterUs : 0;
  }
  for (const Backend::Pending& p : backlog_) sum += p.span.end - p.span.start;
  return sum;
}

}  // namespace mesura::sinks::rollup
