// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/session.hpp"

#include <mesura/store.hpp>

#include "sinks/sqlite/layout.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <system_error>
#include <utility>

namespace mesura::store::sqlite {
namespace {

using database::Database;
using database::Error;
using database::Statement;

// One process has few questions; each keeps its statement.
constexpr std::size_t kMaxStatements = 256;

StoreError unavailable(const std::string& what) { return {StoreError::Cause::unavailable, what}; }

StoreError explain(const std::filesystem::path& path, const Error& e) {
  const std::string file = path.string();
  switch (e.primary()) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(fmt::format(
          "store-busy: {} is locked by another program: {}\n  hint      ask again in a moment", file, e.what()));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return unavailable(
          fmt::format("store-corrupt: {} is damaged or no SQLite database: {}\n  hint      the sink moves it aside and "
                      "saves what can be read when it next writes",
                      file, e.what()));
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return unavailable(
          fmt::format("store-open: {} cannot be opened: {}\n  hint      it must be readable, and its directory too",
                      file, e.what()));
    default: return unavailable(fmt::format("store-io: {}: {}", file, e.what()));
  }
}

class SqliteRows final : public sql::Rows {
 public:
  SqliteRows(Statement statement, std::string sql, std::weak_ptr<SqliteSession::Statements> home,
             const std::filesystem::path& path)
      : statement_(std::move(statement)), sql_(std::move(sql)), home_(std::move(home)), path_(path) {}
  ~SqliteRows() override {
    statement_.reset();
    const auto home = home_.lock();
    if (home && home->size() < kMaxStatements) home->emplace(std::move(sql_), std::move(statement_));
  }

  bool next() override {
    try {
      return statement_.step();
    } catch (const Error& e) {
      throw explain(path_, e);
    }
  }
  [[nodiscard]] bool is_null(int column) const override { return statement_.is_null(column); }
  [[nodiscard]] std::int64_t integer(int column) const override { return statement_.integer(column); }
  [[nodiscard]] std::int64_t time_us(int column) const override { return statement_.integer(column); }
  [[nodiscard]] double number(int column) const override { return statement_.number(column); }
  [[nodiscard]] std::string text(int column) const override { return statement_.text(column); }
  void numbers(int first, std::span<double> out) const override {
    int column = first;
    for (double& value : out) {
      // Asking for types costs as much as reading; NULL reads as 0.
      value = statement_.number(column);
      if (value == 0 && !statement_.is_number(column)) value = std::numeric_limits<double>::quiet_NaN();
      ++column;
    }
  }

 private:
  Statement statement_;
  std::string sql_;
  std::weak_ptr<SqliteSession::Statements> home_;
  const std::filesystem::path& path_;
};

}  // namespace

void SqliteSession::close() {
  statements_.reset();
  for (Statement* s : {&begin_, &commit_, &data_version_, &content_}) *s = {};
  db_.reset();
  seen_version_ = -1;
}

void SqliteSession::fail(const Error& error) {
  broken_ = true;
  throw explain(path_, error);
}

bool SqliteSession::still_there() const {
  struct stat file {};
  return ::stat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
}

void SqliteSession::open() {
  struct stat file {};
  if (::stat(path_.c_str(), &file) != 0) {
    throw unavailable(fmt::format("store-missing: {}: {}\n  hint      the sink makes it with its first measurement",
                                  path_.string(), std::system_category().message(errno)));
  }
  device_ = file.st_dev;
  inode_ = file.st_ino;
  try {
    db_.emplace(path_, Database::Open::read_only);
    (void)db_->integer("PRAGMA schema_version");
  } catch (const Error& e) {
    // A WAL needs its index beside it. Where none is and none can be made, nobody writes the file either.
    const std::filesystem::path parent = path_.has_parent_path() ? path_.parent_path() : ".";
    std::error_code ignored;
    if ((e.primary() != SQLITE_CANTOPEN && e.primary() != SQLITE_READONLY) ||
        ::faccessat(AT_FDCWD, parent.c_str(), W_OK, AT_EACCESS) == 0 ||
        std::filesystem::exists(path_.string() + "-wal", ignored)) {
      throw;
    }
    db_.emplace(path_, Database::Open::immutable);
  }
  check_owner();
  statements_ = std::make_shared<Statements>();
  // Long scans of 10 GB files go through the page cache of the system.
  db_->execute("PRAGMA mmap_size = 268435456; PRAGMA cache_size = -8192");
  begin_ = db_->prepare("BEGIN", true);
  commit_ = db_->prepare("COMMIT", true);
  data_version_ = db_->prepare("PRAGMA data_version", true);
  content_ = db_->prepare("SELECT coalesce(max(id), 0) FROM series", true);
  ++generation_;
}

void SqliteSession::check_owner() {
  const std::int64_t owner = db_->integer("PRAGMA application_id");
  if (owner != sinks::sqlite::kApplicationId) {
    const bool empty = db_->integer("SELECT count(*) FROM sqlite_schema") == 0;
    throw unavailable(
        empty ? fmt::format("store-empty: {} has no measurements yet\n  hint      the sink has not written to it",
                            path_.string())
              : fmt::format("store-foreign: {} is a database of another program (application_id {}, expected {})\n"
                            "  hint      old systems' databases are read by `mesura import`",
                            path_.string(), owner, sinks::sqlite::kApplicationId));
  }
  const std::int64_t version = db_->integer("PRAGMA user_version");
  if (version > sinks::sqlite::kLayoutVersion) {
    throw unavailable(
        fmt::format("store-newer: {} has layout {}, this program knows up to {}\n  hint      update Mesura",
                    path_.string(), version, sinks::sqlite::kLayoutVersion));
  }
  layout_ = static_cast<int>(version);
}

std::uint64_t SqliteSession::begin() {
  try {
    if (db_ && (broken_ || !still_there())) close();
    broken_ = false;
    if (!db_) open();
    begin_.run();
    // Read within the transaction: also what makes it begin. Every commit of the writer changes the number.
    const auto one = [](Statement& s) {
      const std::int64_t value = s.step() ? s.integer(0) : 0;
      s.reset();
      return value;
    };
    std::string content = std::to_string(one(content_));
    if (const std::int64_t version = one(data_version_); version != seen_version_) {
      seen_version_ = version;
      content += '/' + std::to_string(db_->integer("PRAGMA schema_version"));
      if (content != seen_content_) ++generation_;
      seen_content_ = content;
      layout_ = static_cast<int>(db_->integer("PRAGMA user_version"));
    }
    return generation_;
  } catch (const Error& e) {
    end();
    close();
    throw explain(path_, e);
  } catch (const StoreError&) {
    close();
    throw;
  }
}

void SqliteSession::end() noexcept {
  if (!db_ || !db_->in_transaction()) return;
  sqlite3_exec(db_->handle(), "COMMIT", nullptr, nullptr, nullptr);
  if (db_->in_transaction()) sqlite3_exec(db_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

std::unique_ptr<sql::Rows> SqliteSession::select(const std::string& sql, std::span<const sql::Parameter> parameters) {
  try {
    Statement statement;
    if (const auto kept = statements_->find(sql); kept != statements_->end()) {
      statement = std::move(kept->second);
      statements_->erase(kept);
    } else {
      if (statements_->size() >= kMaxStatements) statements_->clear();
      statement = db_->prepare(sql, true);
    }
    int index = 0;
    for (const sql::Parameter& parameter : parameters) {
      ++index;
      if (const auto* integer = std::get_if<std::int64_t>(&parameter)) statement.bind(index, *integer);
      if (const auto* time = std::get_if<sql::Time>(&parameter)) statement.bind(index, time->us);
      if (const auto* text = std::get_if<std::string>(&parameter)) statement.bind_text_copy(index, *text);
    }
    return std::make_unique<SqliteRows>(std::move(statement), sql, statements_, path_);
  } catch (const Error& e) {
    fail(e);
  }
}

std::vector<std::string> SqliteSession::columns(const std::string& table) {
  std::vector<std::string> out;
  const auto rows = select("SELECT name FROM pragma_table_info(?)", std::array<sql::Parameter, 1>{table});
  while (rows->next()) out.push_back(rows->text(0));
  return out;
}

std::string SqliteSession::meta(std::string_view key) {
  const auto rows = select("SELECT value FROM meta WHERE key = ?", std::array<sql::Parameter, 1>{std::string{key}});
  return rows->next() ? rows->text(0) : std::string{};
}

}  // namespace mesura::store::sqlite
