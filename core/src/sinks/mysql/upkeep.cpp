// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What layout `mesura` does beside writing: rollups brought up to date, old rows deleted.
#include "sinks/mysql/schema.hpp"
#include "sinks/mysql/wide_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::datetime_text;
using rollup::Level;

constexpr std::uint64_t kExpireRows = 5000;
// A thousand devices bring 60 000 rows between two calls: they must also be able to go.
constexpr auto kExpireTime = std::chrono::milliseconds{1000};
// Rows stay locked for no longer.
constexpr auto kTransactionTime = std::chrono::milliseconds{100};
// Tables are made between two transactions: four statements each, which the server writes to its disk.
constexpr std::size_t kTablesAtOnce = 4;

std::optional<rollup::Span> range_of(const Connection& db, const std::string& table) {
  database::mariadb::Statement range{db, fmt::format("SELECT MIN(time), MAX(time) FROM {}", quote_name(table))};
  range.execute();
  std::optional<rollup::Span> out;
  while (range.fetch()) {
    if (!range.is_null(0)) out = rollup::Span{range.time_us(0), range.time_us(1) + 1};
  }
  return out;
}

}  // namespace

// The layout has been read: tables have new numbers, and what stood in memory is pending in the database.
void WideWriter::start_rollups() {
  rollup_.reset();
  store_.reset();
  if (!rollups_) {
    if (meta_text(db_, "rollups_off").empty()) put_meta(db_, "rollups_off", "yes");
    return;
  }
  store_ = std::make_unique<RollupStore>(db_, layout_, arrays_);
  const model::Zone zone = model::Zone::find(site_zone_).value_or(model::Zone::utc());
  const bool was_off = !meta_text(db_, "rollups_off").empty();
  const std::string days_of = meta_text(db_, "rollup_zone");
  const bool other_days = !days_of.empty() && days_of != site_zone_;
  if (was_off || other_days) {
    std::vector<std::uint32_t> all(layout_.tables().size());
    for (std::uint32_t t = 0; t < all.size(); ++t) all[t] = t;
    std::vector<std::uint32_t> lost;
    store_->prepare(all, lost);
  }
  transaction([&] {
    rollup_ = std::make_unique<rollup::Rollup>(*store_, zone);
    // What was stored while there were no rollups gets them when they are switched on.
    for (const std::uint32_t t : was_off ? store_->ready() : std::vector<std::uint32_t>{}) {
      if (const auto range = range_of(db_, layout_.tables()[t].name)) rollup_->rebuild(t, *range);
    }
    for (const std::uint32_t t : other_days && !was_off ? store_->ready() : std::vector<std::uint32_t>{}) {
      remake_days(t);
    }
    if (was_off) db_.execute("DELETE FROM meta WHERE name = 'rollups_off'");
    if (days_of != site_zone_) put_meta(db_, "rollup_zone", site_zone_);
  });
}

void WideWriter::remake_days(std::uint32_t table) {
  auto range = range_of(db_, store_->name_of(table, Level::hour));
  if (!range) return;
  // Days whose hours have gone stay what they are.
  const std::int64_t horizon = store_->horizon(table, Level::hour);
  if (horizon > range->start) {
    range->start = rollup_->calendar().window(Level::day, horizon).end;
  } else {
    store_->erase(table, Level::day, {INT64_MIN / 4, INT64_MAX / 4});
  }
  if (range->start >= range->end) return;
  store_->erase(table, Level::day, {range->start, INT64_MAX / 4});
  rollup_->rebuild_days(table, *range);
}

// Makes what rollups of these tables need, outside of any transaction.
void WideWriter::prepare_rollups(std::span<const std::uint32_t> tables) {
  std::vector<std::uint32_t> lost;
  if (!store_->prepare(tables, lost)) {
    if (lost.empty()) return;
  }
  transaction([&] {
    rollup_->refresh();
    for (const std::uint32_t t : lost) {
      if (const auto range = range_of(db_, layout_.tables()[t].name)) rollup_->rebuild(t, *range);
    }
  });
}

bool WideWriter::roll_up(std::int64_t now_us, std::chrono::milliseconds limit) {
  if (!rollup_) return false;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const auto over = [&] { return std::chrono::steady_clock::now() >= deadline; };
  bool more = true;
  do {
    const auto waiting = store_->waiting(kTablesAtOnce);
    if (waiting.empty()) break;
    prepare_rollups(waiting);
  } while (!over());
  const auto tables = store_->ready();
  transaction([&] {
    store_->lock(tables);
    rollup_->refresh();
    rollup_->close_minutes(now_us);
    store_->flush();
  });
  do {
    const auto part = std::min(deadline, std::chrono::steady_clock::now() + kTransactionTime);
    transaction([&] {
      store_->lock(tables);
      more = rollup_->work(now_us, part);
      store_->flush();
    });
  } while (more && !over());
  return more;
}

// Deletes by parts until nothing is left or the time is over: rows never stay locked for long.
std::uint64_t WideWriter::sweep(const std::string& sql, Deadline deadline) const {
  std::uint64_t gone = 0;
  std::uint64_t changed = kExpireRows;
  while (changed == kExpireRows && std::chrono::steady_clock::now() < deadline) {
    db_.execute(fmt::format("{} LIMIT {}", sql, kExpireRows));
    changed = db_.changes();
    gone += changed;
  }
  return gone;
}

std::uint64_t WideWriter::expire_raw(std::int64_t before_us, Deadline deadline) {
  // Raw rows stay until they are rolled up, also those of other programs.
  std::map<std::string, std::int64_t> needed;
  if (rollup_) {
    database::mariadb::Statement list{db_,
                                      "SELECT source, MIN(start) FROM rollup_pending WHERE days = 0 GROUP BY source"};
    list.execute();
    while (list.fetch()) needed[list.text(0)] = list.time_us(1);
  }
  std::uint64_t gone = 0;
  for (std::uint32_t t = 0; t < layout_.tables().size(); ++t) {
    const std::string& name = layout_.tables()[t].name;
    std::int64_t until = rollup_ ? std::min(before_us, rollup_->needed_since(t)) : before_us;
    if (const auto found = needed.find(name); found != needed.end()) until = std::min(until, found->second);
    const std::string where = fmt::format("{} WHERE time < '{}'", quote_name(name), datetime_text(until));
    if (db_.integer(fmt::format("SELECT EXISTS (SELECT 1 FROM {})", where)) == 0) continue;
    if (store_) store_->set_horizon(name, std::nullopt, until);
    gone += sweep(fmt::format("DELETE FROM {} ORDER BY time", where), deadline);
  }
  const std::string before = "'" + datetime_text(before_us) + "'";
  // A state holds until the next one: the last of each series stays, however old.
  for (const auto& row : db_.query(fmt::format(
           "SELECT series, MAX(time) FROM states GROUP BY series HAVING MIN(time) < LEAST({}, MAX(time))", before))) {
    gone += sweep(fmt::format("DELETE FROM states WHERE series = {} AND time < LEAST({}, '{}') ORDER BY time",
                              row[0].value_or("0"), before, row[1].value_or("")),
                  deadline);
  }
  return gone + sweep(fmt::format("DELETE FROM quality WHERE time < {} ORDER BY time", before), deadline);
}

std::uint64_t WideWriter::expire_level(Level level, std::int64_t before_us, Deadline deadline) {
  std::uint64_t gone = 0;
  for (const auto& row :
       db_.query(fmt::format("SELECT r.name, r.source FROM rollup_tables AS r JOIN information_schema.TABLES AS t ON "
                             "t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = r.name WHERE r.level = '{}'",
                             suffix(level)))) {
    const std::string where =
        fmt::format("{} WHERE time < '{}'", quote_name(row[0].value_or("")), datetime_text(before_us));
    if (db_.integer(fmt::format("SELECT EXISTS (SELECT 1 FROM {})", where)) == 0) continue;
    if (store_) store_->set_horizon(row[1].value_or(""), level, before_us);
    gone += sweep(fmt::format("DELETE FROM {} ORDER BY time", where), deadline);
  }
  return gone;
}

std::uint64_t WideWriter::expire(const Retention& keep, std::int64_t now_us) {
  const Deadline deadline = std::chrono::steady_clock::now() + kExpireTime;
  const auto before = [&](const Retention::Age& age) { return now_us - age->count() / 1000; };
  std::uint64_t gone = 0;
  if (keep.raw) gone += expire_raw(before(keep.raw), deadline);
  using enum Level;
  for (const auto& [level, age] :
       {std::pair{minute, keep.minutes}, {quarter_hour, keep.quarter_hours}, {hour, keep.hours}, {day, keep.days}}) {
    if (age) gone += expire_level(level, before(age), deadline);
  }
  if (keep.quarters) {
    gone +=
        sweep(fmt::format("DELETE FROM quarters WHERE time < '{}'", datetime_text(before(keep.quarters))), deadline);
  }
  return gone;
}

}  // namespace mesura::sinks::mysql
