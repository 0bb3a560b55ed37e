// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.hpp"

#include "database/sqlite_salvage.hpp"
#include "model/batch_codec.hpp"
#include "model/register_value.hpp"
#include "spool/repair.hpp"
#include "spool/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <system_error>
#include <utility>

namespace mesura::spool {
namespace {

/// "Mspl": PRAGMA application_id.
constexpr std::int64_t kApplicationId = 0x4d73706c;
constexpr std::int64_t kVersion = 1;
/// What SQLite needs beside the bytes of a batch.
constexpr std::uint64_t kRowBytes = 32;
/// What a kill left behind is looked through for so long: a gigabyte on an SD card must not hold up what comes.
constexpr int kCheckSeconds = 5;
/// So much free space is given back to the file system.
constexpr std::int64_t kShrinkPages = 1024;

constexpr char kCreate[] = R"sql(
CREATE TABLE batches ( /* what the sink has not confirmed, in the order in which it came */
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  value_count INTEGER NOT NULL,
  time_ns INTEGER NOT NULL, /* of the telegram, UTC */
  body BLOB NOT NULL,
  note INTEGER NOT NULL /* of whoever put it here */
);
CREATE TABLE contents ( /* one row: what the other tables hold, so that nobody has to read them all to know */
  batches INTEGER NOT NULL,
  value_count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  oldest_ns INTEGER NOT NULL,
  dead INTEGER NOT NULL
);
INSERT INTO contents VALUES (0, 0, 0, 0, 0);
CREATE TABLE registers ( /* integrated energy, as it stood with the newest batch that came here */
  device TEXT NOT NULL,
  channel TEXT NOT NULL,
  quantity TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (device, channel, quantity)
) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE dead ( /* what the sink will never take */
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rejected_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  damaged INTEGER NOT NULL, /* the body cannot be read */
  body BLOB NOT NULL
);
)sql";

std::uint64_t row_cost(std::size_t body) { return body + kRowBytes; }

}  // namespace

void Spool::put_contents(const Contents& contents) {
  put_contents_.bind(1, static_cast<std::int64_t>(contents.batches));
  put_contents_.bind(2, static_cast<std::int64_t>(contents.values));
  put_contents_.bind(3, static_cast<std::int64_t>(contents.bytes));
  put_contents_.bind(4, contents.oldest_ns);
  put_contents_.bind(5, static_cast<std::int64_t>(contents.dead));
  put_contents_.run();
}

void Spool::rollback() noexcept {
  // Some errors (disk full, I/O) have rolled back by themselves.
  if (db_->in_transaction()) sqlite3_exec(db_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  size_.reset();
  put_contents_.reset();
  series_->rolled_back();
}

Spool::Spool(std::filesystem::path path, SeriesTable& table, runtime::Logger log, Mode mode)
    : path_(std::move(path)), table_(table), log_(std::move(log)), mode_(mode) {
  guarded("opening", [&] { open(); });
}

Spool::~Spool() {
  if (mode_ != Mode::owner) return;
  try {
    db_->execute("PRAGMA user_version = 1; PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const database::Error& e) {
    log_.debug("spool-close", "{}: {}", path_.string(), e.what());
  }
}

void Spool::create() {
  // Before the first table, or it has no effect. Deleted batches would otherwise be overwritten with zeros (Debian's
  // default), which doubles what is written.
  db_->execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
  db_->execute("BEGIN IMMEDIATE");
  db_->execute(kCreate);
  SeriesStore::create(*db_);
  db_->execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT", kApplicationId, kVersion));
}

void Spool::open() {
  using database::Database;
  if (mode_ == Mode::reader) {
    db_ = std::make_unique<Database>(path_, Database::Open::existing);
    db_->execute("PRAGMA query_only = 1");
    if (db_->integer("PRAGMA application_id") != kApplicationId) {
      throw SpoolError(fmt::format("spool-foreign: {} is no spool of Mesura", path_.string()));
    }
    prepare();
    return;
  }
  std::optional<std::filesystem::path> damaged;
  try {
    db_ = std::make_unique<Database>(path_);
    if (db_->integer("SELECT count(*) FROM sqlite_schema") == 0) {
      create();
    } else if (db_->integer("PRAGMA application_id") != kApplicationId) {
      throw SpoolError(
          fmt::format("spool-foreign: {} is no spool of Mesura\n  hint      move it away", path_.string()));
    }
    // user_version is 0 while somebody has it open: what a kill leaves behind is looked through.
    if (db_->integer("PRAGMA user_version") == 0) {
      if (const auto damage = database::find_damage(*db_, kCheckSeconds)) {
        throw database::Error(SQLITE_CORRUPT, *damage);
      }
    }
    db_->execute("PRAGMA user_version = 0");
    prepare();
  } catch (const database::Error& e) {
    if (e.primary() != SQLITE_CORRUPT && e.primary() != SQLITE_NOTADB) throw;
    log_.error("spool-damaged", "{}: {}", path_.string(), e.what());
    series_.reset();
    for (database::Statement* s : {&begin_, &commit_, &put_, &read_, &erase_, &size_, &put_dead_, &put_contents_})
      *s = database::Statement{};
    db_.reset();
    damaged = database::set_aside(path_);
  }
  if (damaged) {
    Salvaged salvaged;
    try {
      db_ = std::make_unique<Database>(path_);
      create();
      db_->execute("PRAGMA user_version = 0; BEGIN IMMEDIATE");
      salvaged = salvage(*damaged, *db_);
      count(*db_);
      db_->execute("COMMIT");
    } catch (...) {
      // A full disk: the next opening must find the damaged file, not an empty new one.
      db_.reset();
      for (const char* suffix : {"-wal", "-shm", ""}) {
        std::error_code none;
        std::filesystem::remove(path_.string() + suffix, none);
        std::filesystem::rename(damaged->string() + suffix, path_.string() + suffix, none);
      }
      throw;
    }
    log_.warn("spool-repaired", "{}: {} batches and {} dead letters could be read and go on; the rest stays in {}",
              path_.string(), salvaged.batches, salvaged.dead, damaged->string());
    prepare();
  }
}

void Spool::prepare() {
  if (mode_ == Mode::owner) {
    db_->execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF; "
        "PRAGMA journal_size_limit = 16777216");
  }
  series_ = std::make_unique<SeriesStore>(*db_, table_);
  begin_ = db_->prepare(mode_ == Mode::owner ? "BEGIN IMMEDIATE" : "BEGIN", true);
  commit_ = db_->prepare("COMMIT", true);
  put_ = db_->prepare("INSERT INTO batches (id, value_count, time_ns, body, note) VALUES (?1, ?2, ?3, ?4, ?5)", true);
  read_ = db_->prepare("SELECT id, value_count, body, note FROM batches WHERE id > ?1 ORDER BY id", true);
  erase_ = db_->prepare("DELETE FROM batches WHERE id BETWEEN ?1 AND ?2", true);
  size_ = db_->prepare(
      "SELECT count(*), coalesce(sum(value_count), 0), coalesce(sum(length(body)), 0) FROM batches "
      "WHERE id BETWEEN ?1 AND ?2",
      true);
  put_dead_ = db_->prepare("INSERT INTO dead (rejected_ns, reason, damaged, body) VALUES (?1, ?2, ?3, ?4)", true);
  put_contents_ =
      db_->prepare("UPDATE contents SET batches = ?1, value_count = ?2, bytes = ?3, oldest_ns = ?4, dead = ?5", true);
  load_contents();
}

void Spool::load_contents() {
  Contents loaded;
  database::Statement s = db_->prepare("SELECT batches, value_count, bytes, oldest_ns, dead FROM contents");
  if (s.step()) {
    loaded = {static_cast<std::uint64_t>(s.integer(0)), static_cast<std::uint64_t>(s.integer(1)),
              static_cast<std::uint64_t>(s.integer(2)), s.integer(3), static_cast<std::uint64_t>(s.integer(4))};
  }
  last_id_ = std::max(db_->integer("SELECT max(id) FROM batches"),
                      db_->integer("SELECT seq FROM sqlite_sequence WHERE name = 'batches'"));
  const std::lock_guard lock(contents_mutex_);
  contents_ = loaded;
}

// Of a file that was put together from what could be read.
void Spool::count(const database::Database& db) {
  db.execute(fmt::format(
      "UPDATE contents SET (batches, value_count, bytes, oldest_ns, dead) = (SELECT count(*), "
      "coalesce(sum(value_count), "
      "0), coalesce(sum(length(body)), 0) + count(*) * {}, coalesce(min(time_ns), 0), (SELECT count(*) FROM dead) FROM "
      "batches)",
      kRowBytes));
}

Contents Spool::contents() const {
  const std::lock_guard lock(contents_mutex_);
  return contents_;
}

std::int64_t Spool::last_id() const {
  const std::lock_guard lock(mutex_);
  return last_id_;
}

std::uint64_t Spool::cost(const Batch& batch) {
  // An estimate from above, so that nobody has to encode a batch to know.
  if (batch.waveform) return row_cost(64 + batch.device.size() + batch.waveform->samples.size() * sizeof(float));
  return row_cost(32 + batch.device.size() + batch.items.size() * 22 + batch.texts.size());
}

void Spool::put(const Entry& entry) {
  const Batch& batch = *entry.batch;
  bytes_.clear();
  model::encode(batch, series_->stored_ids(), bytes_);
  put_.bind(1, entry.id);
  put_.bind(2, static_cast<std::int64_t>(batch.values()));
  put_.bind(3, batch.time_ns);
  put_.bind_blob(4, bytes_);
  put_.bind(5, entry.note);
  put_.run();
}

void Spool::append(std::span<const Entry> entries) {
  if (entries.empty()) return;
  const std::lock_guard lock(mutex_);
  guarded("writing", [&] {
    transaction([&](Contents& after) {
      for (const Entry& entry : entries) {
        put(entry);
        ++after.batches;
        after.values += entry.batch->values();
        after.bytes += row_cost(bytes_.size());
        const std::int64_t time = entry.batch->time_ns;
        after.oldest_ns = after.oldest_ns == 0 ? time : std::min(after.oldest_ns, time);
      }
      put_registers(entries);
      series_->put_attributes();
    });
  });
  last_id_ = std::max(last_id_, entries.back().id);
}

std::string Spool::meta(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  database::Statement s = db_->prepare("SELECT value FROM meta WHERE key = ?1");
  s.bind(1, std::string_view{key});
  return s.step() ? s.text(0) : std::string{};
}

void Spool::set_meta(const std::string& key, const std::string& value) {
  const std::lock_guard lock(mutex_);
  guarded("writing", [&] {
    database::Statement s = db_->prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)");
    s.bind(1, std::string_view{key});
    s.bind(2, std::string_view{value});
    s.run();
  });
}

void Spool::probe() {
  const std::lock_guard lock(mutex_);
  guarded("writing", [&] { db_->execute("PRAGMA user_version = 0"); });
}

// In the transaction of the powers that they come from.
void Spool::put_registers(std::span<const Entry> entries) {
  std::map<std::uint32_t, double> latest;
  integrated_.resize(table_.size(), -1);
  for (const Entry& entry : entries) {
    for (const Measurement& m : entry.batch->items) {
      signed char& known = integrated_[m.series];
      if (known < 0) known = model::is_integrated(table_.at(m.series)) ? 1 : 0;
      if (known == 1) latest[m.series] = std::max(latest[m.series], m.number);
    }
  }
  if (latest.empty()) return;
  database::Statement put = db_->prepare(
      "INSERT INTO registers (device, channel, quantity, value) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT DO UPDATE SET value = max(value, excluded.value)");
  for (const auto& [series, value] : latest) {
    const SeriesInfo& info = table_.at(series);
    put.bind(1, std::string_view{info.device});
    put.bind(2, std::string_view{info.channel});
    put.bind(3, std::string_view{info.quantity});
    put.bind(4, value);
    put.run();
  }
}

std::vector<model::RegisterValue> Spool::registers() const {
  const std::lock_guard lock(mutex_);
  std::vector<model::RegisterValue> found;
  database::Statement s = db_->prepare("SELECT device, channel, quantity, value FROM registers");
  while (s.step()) found.push_back({s.text(0), s.text(1), s.text(2), s.number(3)});
  return found;
}

std::vector<Entry> Spool::read(std::int64_t after, std::size_t max_batches, std::size_t max_values) {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  std::vector<std::pair<std::int64_t, std::string>> damaged;
  const model::LoadedIds ids = series_->loaded_ids();
  guarded("reading", [&] {
    std::size_t values = 0;
    read_.bind(1, after);
    try {
      while (entries.size() < max_batches && (entries.empty() || values < max_values) && read_.step()) {
        const std::int64_t id = read_.integer(0);
        try {
          entries.push_back({id, model::decode(read_.blob(2), ids), read_.integer(3)});
          values += entries.back().batch->values();
        } catch (const std::runtime_error& e) {
          damaged.emplace_back(id, e.what());
        }
      }
    } catch (...) {
      read_.reset();
      throw;
    }
    read_.reset();
    if (mode_ != Mode::owner) return;
    for (const auto& [id, reason] : damaged) bury_damaged(id, reason);
    // Somebody else has taken them: who waits for them must not wait for ever.
    if (after == 0 && entries.empty() && contents_.batches > 0) {
      count(*db_);
      load_contents();
    }
  });
  return entries;
}

void Spool::erase(std::span<const std::int64_t> ids) {
  if (ids.empty()) return;
  const std::lock_guard lock(mutex_);
  guarded("emptying", [&] {
    transaction([&](Contents& after) {
      // A backlog goes in long runs of numbers: two statements for each.
      for (std::size_t from = 0; from < ids.size();) {
        std::size_t to = from + 1;
        while (to < ids.size() && ids[to] == ids[to - 1] + 1) ++to;
        erase_run(ids[from], ids[to - 1], after);
        from = to;
      }
      if (after.batches == 0 && after.dead == 0) series_->forget_streams();
    });
  });
  if (contents_.batches == 0) shrink();
}

void Spool::erase_run(std::int64_t first, std::int64_t last, Contents& left) {
  size_.bind(1, first);
  size_.bind(2, last);
  if (size_.step()) {
    const auto batches = static_cast<std::uint64_t>(size_.integer(0));
    left.batches -= batches;
    left.values -= static_cast<std::uint64_t>(size_.integer(1));
    left.bytes -= static_cast<std::uint64_t>(size_.integer(2)) + batches * kRowBytes;
  }
  size_.reset();
  erase_.bind(1, first);
  erase_.bind(2, last);
  erase_.run();
}

void Spool::erase_up_to(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  guarded("emptying", [&] { transaction([&](Contents& after) { erase_run(INT64_MIN, id, after); }); });
  if (contents_.batches == 0) shrink();
}

// A spool that is empty again need not occupy the disk.
void Spool::shrink() {
  try {
    if (db_->integer("PRAGMA freelist_count") < kShrinkPages) return;
    db_->execute("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const database::Error& e) {
    log_.debug("spool-shrink", "{}: {}", path_.string(), e.what());
  }
}

Dropped Spool::drop_oldest(std::int64_t after, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  Dropped dropped;
  guarded("emptying", [&] {
    std::uint64_t freed = 0;
    std::int64_t last = after;
    read_.bind(1, after);
    try {
      while (freed < bytes && read_.step()) {
        last = read_.integer(0);
        ++dropped.batches;
        dropped.values += static_cast<std::uint64_t>(read_.integer(1));
        freed += row_cost(read_.blob(2).size());
      }
    } catch (...) {
      read_.reset();
      throw;
    }
    read_.reset();
    transaction([&](Contents& left) { erase_run(after + 1, last, left); });
  });
  return dropped;
}

}  // namespace mesura::spool
