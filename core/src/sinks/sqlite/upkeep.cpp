// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a connection does beside writing: rollups brought up to date, old rows deleted.
#include "sinks/sqlite/connection.hpp"
#include "sinks/sqlite/schema.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::sinks::sqlite {
namespace {

constexpr std::int64_t kExpireRows = 5000;
// A thousand devices bring 60 000 rows between two calls: they must also be able to go.
constexpr auto kExpireTime = std::chrono::milliseconds{1000};
// Readers and the next write wait for no longer.
constexpr auto kTransactionTime = std::chrono::milliseconds{100};

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void SqliteSink::Connection::prepare_rollups(const Options& options) {
  const model::Zone zone = model::Zone::find(options.site_zone).value_or(model::Zone::utc());
  store_ = std::make_unique<RollupStore>(db_, layout_);
  if (options.rollups) rollup_ = std::make_unique<rollup::Rollup>(*store_, zone);
  transaction([&] {
    keep_zone(zone);
    keep_switch();
  });
}

// A file that was not closed is looked through: what it says of itself may not be true.
void SqliteSink::Connection::look_for_damage() {
  constexpr int kSeconds = 20;
  const bool closed = db_.integer("SELECT count(*) FROM meta WHERE key = 'in_use'") == 0;
  if (!closed) {
    if (const auto damage = database::find_damage(db_, kSeconds)) throw database::Error(SQLITE_CORRUPT, *damage);
  }
  transaction([&] { db_.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('in_use', 'yes')"); });
  // Into the file itself: a WAL can get lost.
  db_.execute("PRAGMA wal_checkpoint(PASSIVE)");
}

void SqliteSink::Connection::leave() {
  transaction([&] { db_.execute("DELETE FROM meta WHERE key = 'in_use'"); });
  checkpoint();
}

std::vector<std::string> SqliteSink::Connection::damaged() const {
  std::vector<std::string> out;
  Statement list = db_.prepare("SELECT substr(key, 9) FROM meta WHERE key LIKE 'salvage %' ORDER BY key");
  while (list.step()) out.push_back(list.text(0));
  return out;
}

void SqliteSink::Connection::take_over(const std::filesystem::path& damaged) {
  transaction([&] {
    Statement put = db_.prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('salvage ' || ?1, 'pending')");
    const std::string path = damaged.string();
    put.bind(1, std::string_view{path});
    put.run();
  });
}

void SqliteSink::Connection::recover(std::chrono::milliseconds limit,
                                     const std::function<void(const Recovery&)>& done) {
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  do {
    if (!recovery_) {
      const auto waiting = damaged();
      if (waiting.empty()) return;
      recovery_ =
          std::make_unique<Recovery>(waiting.front(), Recovery::Target{db_, layout_, *store_, rollup_.get(), series_});
    }
    bool more = true;
    transaction([&] {
      more = recovery_->portion();
      if (more) return;
      Statement drop = db_.prepare("DELETE FROM meta WHERE key = 'salvage ' || ?1");
      const std::string path = recovery_->path().string();
      drop.bind(1, std::string_view{path});
      drop.run();
    });
    if (more) continue;
    done(*recovery_);
    recovery_.reset();
  } while (std::chrono::steady_clock::now() < deadline);
}

// What was stored while there were no rollups gets them when they are switched on.
void SqliteSink::Connection::keep_switch() {
  if (!rollup_) {
    db_.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('rollups_off', 'yes')");
    return;
  }
  if (db_.integer("SELECT count(*) FROM meta WHERE key = 'rollups_off'") == 0) return;
  db_.execute("DELETE FROM meta WHERE key = 'rollups_off'");
  for (std::uint32_t table = 0; table < layout_.tables().size(); ++table) {
    Statement range =
        db_.prepare(fmt::format("SELECT min(time), max(time) FROM {}", quote_name(layout_.tables()[table].name)));
    if (range.step() && !range.is_null(0)) rollup_->rebuild(table, {range.integer(0), range.integer(1) + 1});
  }
}

// The file's zone is the configuration's; another one makes other days.
void SqliteSink::Connection::keep_zone(const model::Zone& zone) {
  const std::string before = db_.text("SELECT value FROM meta WHERE key = 'site_zone'");
  const std::int64_t now = wall_us();
  const bool changed = before != options_.site_zone;
  constexpr std::int64_t kFiveYears = std::int64_t{5} * 365 * rollup::kDayUs;
  if (changed || db_.integer("SELECT max(start) FROM zone_offsets") < now + kFiveYears) {
    // A zone without clock changes has one row, and needs no more.
    if (changed || db_.integer("SELECT count(*) FROM zone_offsets") != 1) write_zone_offsets(db_, zone, now);
  }
  if (!changed) return;
  Statement put = db_.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('site_zone', ?1)");
  put.bind(1, std::string_view{options_.site_zone});
  put.run();
  if (!rollup_) return;
  for (std::uint32_t table = 0; table < layout_.tables().size(); ++table) {
    const auto names = store_->names(table, rollup::Level::hour);
    if (names.empty()) continue;
    Statement range = db_.prepare(fmt::format("SELECT min(time), max(time) FROM {}", quote_name(names.front())));
    if (!range.step() || range.is_null(0)) continue;
    // Days whose hours have gone stay what they are.
    std::int64_t from = range.integer(0);
    if (const std::int64_t horizon = store_->horizon(table, rollup::Level::hour); horizon > from) {
      from = rollup_->calendar().window(rollup::Level::day, horizon).end;
    } else {
      from = rollup_->calendar().window(rollup::Level::day, from).start;
    }
    const rollup::Span span{from, range.integer(1) + rollup::kHourUs};
    if (span.start >= span.end) continue;
    store_->erase(table, rollup::Level::day, {from - rollup::kDayUs + 1, INT64_MAX});
    rollup_->rebuild_days(table, span);
  }
}

bool SqliteSink::Connection::roll_up(std::int64_t now_us, std::chrono::milliseconds limit) {
  if (!rollup_) return false;
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  transaction([&] {
    rollup_->refresh();
    rollup_->close_minutes(now_us);
  });
  bool more = true;
  do {
    const Deadline part = std::min(deadline, std::chrono::steady_clock::now() + kTransactionTime);
    transaction([&] { more = rollup_->work(now_us, part); });
  } while (more && std::chrono::steady_clock::now() < deadline);
  return more;
}

// Deletes by parts until nothing is left or the time is over: the file never stays locked for long.
std::uint64_t SqliteSink::Connection::sweep(Statement delete_some, Deadline deadline) {
  std::uint64_t gone = 0;
  int changed = kExpireRows;
  while (changed == kExpireRows && std::chrono::steady_clock::now() < deadline) {
    transaction([&] {
      delete_some.run();
      changed = db_.changes();
    });
    gone += static_cast<std::uint64_t>(changed);
  }
  return gone;
}

std::uint64_t SqliteSink::Connection::expire_raw(std::int64_t before_us, Deadline deadline) {
  std::uint64_t gone = 0;
  for (std::uint32_t table = 0; table < layout_.tables().size(); ++table) {
    const std::int64_t before = rollup_ ? std::min(before_us, rollup_->needed_since(table)) : before_us;
    const std::string name = quote_name(layout_.tables()[table].name);
    if (db_.integer(fmt::format("SELECT EXISTS (SELECT 1 FROM {} WHERE time < {})", name, before)) == 0) continue;
    transaction([&] { store_->set_horizon(table, std::nullopt, before); });
    gone += sweep(
        db_.prepare(fmt::format("DELETE FROM {} WHERE rowid IN (SELECT rowid FROM {} WHERE time < {} ORDER BY time "
                                "LIMIT {})",
                                name, name, before, kExpireRows)),
        deadline);
  }
  // A state holds until the next one: the last of each series stays, however old.
  for (const std::int64_t id : layout_.state_series()) {
    gone += sweep(
        db_.prepare(fmt::format("DELETE FROM states WHERE series = {0} AND time IN (SELECT time FROM states WHERE "
                                "series = {0} AND time < {1} AND time < "
                                "(SELECT max(time) FROM states WHERE series = {0}) ORDER BY time LIMIT {2})",
                                id, before_us, kExpireRows)),
        deadline);
  }
  return gone +
         sweep(db_.prepare(fmt::format("DELETE FROM quality WHERE (time, series) IN (SELECT time, series FROM quality "
                                       "WHERE time < {} ORDER BY time LIMIT {})",
                                       before_us, kExpireRows)),
               deadline);
}

std::uint64_t SqliteSink::Connection::expire_level(rollup::Level level, std::int64_t before_us, Deadline deadline) {
  std::uint64_t gone = 0;
  for (std::uint32_t table = 0; table < layout_.tables().size(); ++table) {
    for (const std::string& plain : store_->names(table, level)) {
      const std::string name = quote_name(plain);
      if (db_.integer(fmt::format("SELECT EXISTS (SELECT 1 FROM {} WHERE time < {})", name, before_us)) == 0) continue;
      transaction([&] { store_->set_horizon(table, level, before_us); });
      gone += sweep(
          db_.prepare(fmt::format("DELETE FROM {} WHERE rowid IN (SELECT rowid FROM {} WHERE time < {} ORDER BY time "
                                  "LIMIT {})",
                                  name, name, before_us, kExpireRows)),
          deadline);
    }
  }
  return gone;
}

std::uint64_t SqliteSink::Connection::expire(std::int64_t now_us) {
  const Deadline deadline = std::chrono::steady_clock::now() + kExpireTime;
  const auto before = [&](const Options::Age& age) { return now_us - age->count() / 1000; };
  std::uint64_t gone = 0;
  if (options_.keep_raw) gone += expire_raw(before(options_.keep_raw), deadline);
  using enum rollup::Level;
  for (const auto& [level, age] : {std::pair{minute, options_.keep_minutes},
                                   {quarter_hour, options_.keep_quarter_hours},
                                   {hour, options_.keep_hours},
                                   {day, options_.keep_days}}) {
    if (age) gone += expire_level(level, before(age), deadline);
  }
  if (options_.keep_quarters) {
    gone += sweep(
        db_.prepare(fmt::format("DELETE FROM quarters WHERE (device, time) IN (SELECT device, time FROM quarters WHERE "
                                "time < {} LIMIT {})",
                                before(options_.keep_quarters), kExpireRows)),
        deadline);
  }
  return gone;
}

}  // namespace mesura::sinks::sqlite
