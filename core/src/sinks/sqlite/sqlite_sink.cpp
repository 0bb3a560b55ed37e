// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/sqlite_sink.hpp"

#include "sinks/sqlite/connection.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace mesura::sinks::sqlite {
namespace {

// A stop must not wait for more; writes must not, either.
constexpr auto kUpkeep = std::chrono::milliseconds{1000};

bool is_corrupt(const database::Error& e) { return e.primary() == SQLITE_CORRUPT || e.primary() == SQLITE_NOTADB; }

// What failed, in the words of the one who has to mend it.
std::string explain(const std::filesystem::path& path, const database::Error& e) {
  const std::string file = path.string();
  switch (e.primary()) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return fmt::format("sink-busy: {} is locked by another program: {}", file, e.what());
    case SQLITE_FULL: return fmt::format("sink-full: no space left for {}: {}", file, e.what());
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fmt::format(
          "sink-corrupt: {} is damaged or no SQLite database: {}\n  hint      move it aside to start a new one, and "
          "try "
          "`sqlite3 {} .recover` on a copy",
          file, e.what(), file);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return fmt::format("sink-read-only: {} cannot be written: {}", file, e.what());
    case SQLITE_CANTOPEN:
      return fmt::format("sink-open: {} cannot be opened: {}\n  hint      its directory must exist and be writable",
                         file, e.what());
    default: return fmt::format("sink-io: {}: {}", file, e.what());
  }
}

}  // namespace

SqliteSink::SqliteSink(Options options, const SeriesTable& series, runtime::Logger log)
    : options_(std::move(options)), series_(series), log_(std::move(log)) {}

SqliteSink::~SqliteSink() = default;

std::string SqliteSink::describe() const { return "sqlite " + options_.path.string(); }

void SqliteSink::open() {
  if (connection_) return;
  std::error_code error;
  if (const auto directory = options_.path.parent_path();
      !directory.empty() && !std::filesystem::is_directory(directory, error)) {
    throw SinkError(fmt::format("sink-path: {} is no directory, so {} cannot be made in it\n  hint      create it",
                                directory.string(), options_.path.filename().string()));
  }
  try {
    open_or_replace();
  } catch (const database::Error& e) {
    connection_.reset();
    throw SinkError(explain(options_.path, e));
  } catch (...) {
    connection_.reset();
    throw;
  }
}

// A damaged file of ours is moved aside: live data go on at once, and the old ones follow from what can be read.
void SqliteSink::open_or_replace() {
  std::string words;
  if (damage_) {
    words = *damage_;
  } else {
    try {
      connection_ = std::make_unique<Connection>(options_, series_);
      return;
    } catch (const database::Error& e) {
      if (!is_corrupt(e) || !looks_like_ours(options_.path)) throw;
      words = e.what();
    }
  }
  std::filesystem::path aside;
  try {
    aside = database::set_aside(options_.path);
  } catch (const std::system_error& e) {
    throw SinkError(
        fmt::format("sink-corrupt: {} is damaged and cannot be moved aside: {}\n  hint      its directory "
                    "must be writable",
                    options_.path.string(), e.what()));
  }
  damage_.reset();
  log_.error("sink-corrupt",
             "{} is damaged ({}): moved to {}; a new file goes on, and what can be read of the old one "
             "is copied into it in the background",
             options_.path.string(), words, aside.string());
  connection_ = std::make_unique<Connection>(options_, series_);
  asides_.push_back(aside);
  for (const auto& path : asides_) connection_->take_over(path);
}

void SqliteSink::note_damage(const database::Error& e) {
  if (is_corrupt(e)) damage_ = e.what();
}

WriteResult SqliteSink::write(std::span<const BatchPtr> batches) {
  if (!connection_) return WriteResult::retry("sink-closed: " + options_.path.string() + " is not open");
  if (!connection_->still_there()) {
    connection_.reset();
    return WriteResult::retry(
        fmt::format("sink-gone: {} was moved or deleted while it was open; a new one is made", options_.path.string()));
  }
  try {
    WriteResult result;
    result.rejected = connection_->write(batches);
    return result;
  } catch (const database::Error& e) {
    note_damage(e);
    const std::string reason = explain(options_.path, e);
    // What was read of the layout may be wrong now: open() reads it again. A lock says nothing about it.
    if (connection_->dirty()) connection_.reset();
    return WriteResult::retry(reason);
  }
}

void SqliteSink::maintain(std::int64_t now_ns) {
  if (!connection_) return;
  try {
    connection_->recover(kUpkeep, [&](const Recovery& r) {
      std::erase(asides_, r.path());
      log_.warn("sink-recovered",
                "{}: {} rows copied from {}, where {} stretches could not be read\n  hint      keep "
                "that file until you have looked at what you need; nobody reads it any more",
                options_.path.string(), r.rows(), r.path().string(), r.holes());
    });
    connection_->roll_up(now_ns / 1000, kUpkeep);
    const std::uint64_t gone = connection_->expire(now_ns / 1000);
    if (gone > 0) log_.debug("sink-retention", "{}: {} rows had reached their age", describe(), gone);
  } catch (const SinkError& e) {
    log_.warn("sink-upkeep", "{}", e.what());
    connection_.reset();
  } catch (const database::Error& e) {
    note_damage(e);
    log_.warn("sink-upkeep", "{}", explain(options_.path, e));
    if (connection_->dirty()) connection_.reset();
  }
}

void SqliteSink::close() {
  if (!connection_) return;
  try {
    // What does not find time is pending in the file.
    connection_->roll_up(INT64_MAX, kUpkeep);
    connection_->leave();
  } catch (const database::Error& e) {
    // Nothing is lost: the next one to open the file finds its WAL.
    log_.debug("sink-close", "{}", explain(options_.path, e));
  }
  connection_.reset();
}

}  // namespace mesura::sinks::sqlite
