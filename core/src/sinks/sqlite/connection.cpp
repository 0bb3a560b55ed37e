// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/connection.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace mesura::sinks::sqlite {
namespace {

// A device sends few sets of columns (one a kind of telegram); more than this are leftovers.
constexpr std::size_t kMaxShapes = 32;
// The same state again is written at least this often while it is being reported, so that a row also says "still so".
constexpr std::int64_t kStateRepeatUs = 300'000'000;
// Default page cache is 2 MB; with many tables their last pages should all fit.
constexpr std::size_t kCacheKbPerTable = 64;
constexpr std::size_t kMaxCacheKb = 65536;

std::int64_t to_us(std::int64_t ns) {
  const std::int64_t us = ns / 1000;
  return ns % 1000 < 0 ? us - 1 : us;
}

// The items of a batch lie where another thread has put them.
void prefetch(const Batch& batch) {
  constexpr std::size_t kLine = 64;
  const auto* bytes = reinterpret_cast<const char*>(batch.items.data());
  const std::size_t size = std::min<std::size_t>(batch.items.size() * sizeof(Measurement), 64 * kLine);
  for (std::size_t at = 0; at < size; at += kLine) __builtin_prefetch(bytes + at);
}

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void check_owner(const std::filesystem::path& path, const Database& db) {
  const std::int64_t owner = db.integer("PRAGMA application_id");
  const std::int64_t version = db.integer("PRAGMA user_version");
  if (owner != kApplicationId) {
    throw SinkError(
        fmt::format("sink-foreign: {} is a database of another program (application_id {}, expected {})\n  hint      "
                    "give another path",
                    path.string(), owner, kApplicationId));
  }
  if (version > kLayoutVersion) {
    throw SinkError(fmt::format("sink-newer: {} has layout {}, this program knows up to {}\n  hint      update Mesura",
                                path.string(), version, kLayoutVersion));
  }
}

}  // namespace

SqliteSink::Connection::Connection(const Options& options, const SeriesTable& series)
    : path_(options.path), options_(options), series_(series), db_(options.path) {
  prepare_file(options);
  look_for_damage();
  layout_.load();
  shapes_.resize(layout_.tables().size());
  put_state_ = db_.prepare(
      "INSERT INTO states (series, time, number, text) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT DO UPDATE SET number = excluded.number, text = excluded.text",
      true);
  find_state_ = db_.prepare(
      "SELECT s.time, s.number, s.text, coalesce(q.flags, ?3) FROM states AS s "
      "LEFT JOIN quality AS q ON q.time = s.time AND q.series = s.series "
      "WHERE s.series = ?1 AND s.time <= ?2 ORDER BY s.time DESC LIMIT 1",
      true);
  put_quality_ = db_.prepare("INSERT OR REPLACE INTO quality (time, series, flags) VALUES (?1, ?2, ?3)", true);
  drop_quality_ = db_.prepare("DELETE FROM quality WHERE time = ?1 AND series = ?2", true);
  Statement newest = db_.prepare("SELECT max(time) FROM quality");
  if (newest.step() && !newest.is_null(0)) newest_mark_ = newest.integer(0);

  prepare_rollups(options);

  struct stat file {};
  if (::stat(path_.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
}

void SqliteSink::Connection::prepare_file(const Options& options) {
  const bool fresh = db_.integer("SELECT count(*) FROM sqlite_schema") == 0;
  if (!fresh) check_owner(path_, db_);
  // Survives in the file; asked for each time because a person may have changed it.
  db_.execute("PRAGMA journal_mode = WAL");
  db_.execute(options.full_sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  // A long reader makes the WAL grow; give the space back afterwards.
  db_.execute("PRAGMA journal_size_limit = 67108864");
  begin_ = db_.prepare("BEGIN IMMEDIATE", true);
  commit_ = db_.prepare("COMMIT", true);
  if (fresh) {
    // Another process may have been faster.
    transaction([&] {
      if (db_.integer("SELECT count(*) FROM sqlite_schema") == 0) Layout::create(db_, options.site_zone, wall_us());
    });
    check_owner(path_, db_);
  } else if (db_.integer("PRAGMA user_version") < kLayoutVersion) {
    transaction([&] {
      if (db_.integer("PRAGMA user_version") < kLayoutVersion) Layout::upgrade(db_);
    });
  }
}

bool SqliteSink::Connection::still_there() const {
  struct stat file {};
  return ::stat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
}

void SqliteSink::Connection::rollback() {
  dirty_ = true;
  // Some errors (disk full, I/O) have rolled back by themselves.
  if (db_.in_transaction()) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

std::vector<Rejected> SqliteSink::Connection::write(std::span<const BatchPtr> batches) {
  std::vector<Rejected> rejected;
  shapes_.resize(std::max(shapes_.size(), layout_.tables().size()));
  transaction([&] {
    collect(batches, rejected);
    if (rollup_) rollup_->begin();
    for (const Rows::Row& row : rows_.rows()) {
      write_row(row);
      if (rollup_) rollup_->add(row, rows_.cells(row));
    }
    for (const State& state : states_) write_state(state);
    for (const Mark& mark : marks_) write_mark(mark);
    if (rollup_) rollup_->end();
  });
  return rejected;
}

// Lays the batches out as rows, states and marks; new series get their place on the way.
void SqliteSink::Connection::collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected) {
  rows_.clear();
  states_.clear();
  marks_.clear();
  slots_.resize(series_.size());
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Batch& batch = *batches[b];
    if (b + 1 < batches.size()) prefetch(*batches[b + 1]);
    for (std::size_t i = 0; i < batch.items.size(); ++i) {
      const Measurement& item = batch.items[i];
      const std::int64_t time = to_us(item.time_ns);
      const Slot* slot = &slots_[item.series];
      if (slot->place == Slot::Place::unknown) slot = &resolve(item, time);
      const bool text = item.type == MESURA_TEXT;
      if (!text && !std::isfinite(item.number)) {
        rejected.push_back(
            {b, i, fmt::format("sink-value: {} is not a finite number", series_.at(item.series).name())});
        continue;
      }
      if (slot->place == Slot::Place::wide) {
        if (text) {
          rejected.push_back({b, i,
                              fmt::format("sink-type: {} is a number, got the text '{}'",
                                          series_.at(item.series).name(), batch.text(item))});
          continue;
        }
        rows_.add(slot->table, slot->column, time, item, batch, slot->member);
      } else if (slot->place == Slot::Place::state) {
        states_.push_back({time, slot->id, slot->usual, &item, &batch});
      } else {
        const SeriesInfo& info = series_.at(item.series);
        rejected.push_back(
            {b, i,
             fmt::format("sink-columns: the table of {} '{}' has all the columns that SQLite takes",
                         info.fleet.empty() ? "device" : "fleet", info.fleet.empty() ? info.device : info.fleet)});
        continue;
      }
      if (item.quality != slot->usual) {
        marks_.push_back({time, slot->id, item.quality});
        newest_mark_ = std::max(newest_mark_, time);
      } else if (time <= newest_mark_) {
        marks_.push_back({time, slot->id, std::nullopt});
      }
    }
  }
  rows_.finish();
}

const Slot& SqliteSink::Connection::resolve(const Measurement& item, std::int64_t time_us) {
  Slot& slot = slots_[item.series];
  slot = layout_.resolve(series_.at(item.series), item.quality, time_us);
  if (shapes_.size() < layout_.tables().size()) {
    shapes_.resize(layout_.tables().size());
    const std::size_t cache = std::min(kMaxCacheKb, 2048 + kCacheKbPerTable * shapes_.size());
    db_.execute(fmt::format("PRAGMA cache_size = -{}", cache));
  }
  return slot;
}

void SqliteSink::Connection::write_row(const Rows::Row& row) {
  const std::span<const Rows::Cell> cells = rows_.cells(row);
  WideTable& table = layout_.tables()[row.table];
  Shape& s = shape(row.table, cells);
  const auto bind = [&](Statement& statement) -> Statement& {
    int index = 1;
    statement.bind(index, row.time);
    if (table.fleet) statement.bind(++index, std::int64_t{row.member});
    for (const Rows::Cell& cell : cells) statement.bind(++index, cell.item->number);
    return statement;
  };
  // A row after all others of its device cannot be there yet (unless another program wrote it), and a plain insert is
  // cheaper.
  if (std::int64_t& newest = table.newest_of(row.member); row.time > newest) {
    newest = row.time;
    if (bind(s.insert).try_run()) return;
  }
  bind(s.upsert).run();
}

SqliteSink::Connection::Shape& SqliteSink::Connection::shape(std::uint32_t table, std::span<const Rows::Cell> cells) {
  Shapes& shapes = shapes_[table];
  const auto fits = [&](const Shape& s) {
    return std::equal(s.columns.begin(), s.columns.end(), cells.begin(), cells.end(),
                      [](std::uint32_t column, const Rows::Cell& cell) { return column == cell.column; });
  };
  auto& list = shapes.list;
  if (shapes.latest >= list.size() || !fits(list[shapes.latest])) {
    auto found = std::find_if(list.begin(), list.end(), fits);
    if (found == list.end()) {
      if (list.size() >= kMaxShapes) {
        list.erase(
            std::min_element(list.begin(), list.end(), [](const Shape& a, const Shape& b) { return a.used < b.used; }));
      }
      list.push_back(make_shape(layout_.tables()[table], cells));
      found = list.end() - 1;
    }
    shapes.latest = static_cast<std::size_t>(found - list.begin());
  }
  Shape& s = list[shapes.latest];
  s.used = ++uses_;
  return s;
}

// Only the columns at hand are named: an update then merges partial rows and never overwrites with NULL.
SqliteSink::Connection::Shape SqliteSink::Connection::make_shape(const WideTable& table,
                                                                 std::span<const Rows::Cell> cells) const {
  Shape s;
  const std::string key = table.fleet ? "time, device_id" : "time";
  std::string names = key;
  std::string values = table.fleet ? "?, ?" : "?";
  std::string updates;
  for (const Rows::Cell& cell : cells) {
    s.columns.push_back(cell.column);
    const std::string name = quote_name(table.columns[cell.column]);
    names += ", " + name;
    values += ", ?";
    updates += (updates.empty() ? "" : ", ") + name + " = excluded." + name;
  }
  const std::string insert = fmt::format("INSERT INTO {} ({}) VALUES ({})", quote_name(table.name), names, values);
  s.insert = db_.prepare(insert, true);
  s.upsert = db_.prepare(fmt::format("{} ON CONFLICT ({}) DO UPDATE SET {}", insert, key, updates), true);
  return s;
}

// A state equal to the one before it, not long ago, says nothing new: it is not written, so that a text sent every
// second does not fill the disk. Looking at the row before makes this the same for a repeat, for late data and after a
// restart.
void SqliteSink::Connection::write_state(const State& state) {
  const Measurement& item = *state.item;
  const bool is_text = item.type == MESURA_TEXT;
  const std::string_view text = is_text ? state.batch->text(item) : std::string_view{};
  const StateRow* before = state_before(state);
  if (before != nullptr && before->quality == item.quality && before->is_text == is_text &&
      (is_text ? before->text == text : before->number == item.number) && state.time - before->time < kStateRepeatUs) {
    return;
  }
  put_state_.bind(1, state.series);
  put_state_.bind(2, state.time);
  if (is_text) {
    put_state_.bind_null(3);
    put_state_.bind(4, text);
  } else {
    put_state_.bind(3, item.number);
    put_state_.bind_null(4);
  }
  put_state_.run();
  const auto newest = newest_state_.find(state.series);
  if (newest == newest_state_.end() || newest->second.time > state.time) return;
  newest->second = {state.time, is_text, item.number, std::string{text}, item.quality};
}

// The row of the same series at the same time or before it; null when there is none.
const SqliteSink::Connection::StateRow* SqliteSink::Connection::state_before(const State& state) {
  constexpr std::int64_t kNone = INT64_MIN;
  const auto newest = newest_state_.find(state.series);
  const auto find = [&](std::int64_t time, StateRow& row) {
    find_state_.bind(1, state.series);
    find_state_.bind(2, time);
    find_state_.bind(3, std::int64_t{state.usual});
    const bool found = find_state_.step();
    if (found) {
      row.time = find_state_.integer(0);
      row.is_text = find_state_.is_null(1);
      row.number = find_state_.number(1);
      row.text = find_state_.text(2);
      row.quality = static_cast<std::uint8_t>(find_state_.integer(3));
    }
    find_state_.reset();
    return found;
  };
  StateRow& latest = newest != newest_state_.end() ? newest->second : newest_state_[state.series];
  if (newest == newest_state_.end()) {
    latest.time = kNone;
    find(INT64_MAX, latest);
  }
  if (latest.time == kNone) return nullptr;
  if (latest.time <= state.time) return &latest;
  return find(state.time, older_state_) ? &older_state_ : nullptr;
}

void SqliteSink::Connection::write_mark(const Mark& mark) {
  Statement& s = mark.flags ? put_quality_ : drop_quality_;
  s.bind(1, mark.time);
  s.bind(2, mark.series);
  if (mark.flags) s.bind(3, std::int64_t{*mark.flags});
  s.run();
}

void SqliteSink::Connection::checkpoint() { db_.execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

}  // namespace mesura::sinks::sqlite
