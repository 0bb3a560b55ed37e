// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The SQLite C API with owners: nothing more than we need.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mesura::database {

/// A failed call: the extended result code and SQLite's own words.
class Error : public std::runtime_error {
 public:
  Error(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  [[nodiscard]] int primary() const { return code_ & 0xff; }

 private:
  int code_;
};

/// A prepared statement. Parameters count from 1, columns from 0; texts given to bind() must live until the next
/// reset().
class Statement {
 public:
  Statement() = default;
  /// Throws Error.
  Statement(sqlite3* db, std::string_view sql, bool persistent = false);

  explicit operator bool() const { return stmt_ != nullptr; }
  void bind(int index, std::int64_t value) { check(sqlite3_bind_int64(stmt_.get(), index, value)); }
  void bind(int index, double value) { check(sqlite3_bind_double(stmt_.get(), index, value)); }
  void bind(int index, std::string_view value) {
    check(sqlite3_bind_text64(stmt_.get(), index, value.data() == nullptr ? "" : value.data(), value.size(), nullptr,
                              SQLITE_UTF8));
  }
  /// The same, with a copy of the text.
  void bind_text_copy(int index, std::string_view value) {
    check(sqlite3_bind_text64(stmt_.get(), index, value.data() == nullptr ? "" : value.data(), value.size(),
                              SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  /// Like a text, but bytes of any kind.
  void bind_blob(int index, std::string_view value) {
    check(sqlite3_bind_blob64(stmt_.get(), index, value.data() == nullptr ? "" : value.data(), value.size(), nullptr));
  }
  void bind_null(int index) { check(sqlite3_bind_null(stmt_.get(), index)); }
  /// True while there is a row. Throws Error.
  bool step();
  /// Steps to the end and resets, also when it throws.
  void run();
  /// The same, but a constraint that does not hold is an answer: false.
  bool try_run();
  void reset() { sqlite3_reset(stmt_.get()); }

  [[nodiscard]] int columns() const { return sqlite3_column_count(stmt_.get()); }
  /// SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB or SQLITE_NULL.
  [[nodiscard]] int type(int column) const { return sqlite3_column_type(stmt_.get(), column); }
  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(stmt_.get(), column) == SQLITE_NULL; }
  [[nodiscard]] bool is_number(int column) const {
    const int type = sqlite3_column_type(stmt_.get(), column);
    return type == SQLITE_FLOAT || type == SQLITE_INTEGER;
  }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(stmt_.get(), column); }
  [[nodiscard]] double number(int column) const { return sqlite3_column_double(stmt_.get(), column); }
  [[nodiscard]] std::string text(int column) const;
  /// The bytes of a blob, until the next step() or reset().
  [[nodiscard]] std::string_view blob(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(stmt_.get(), column));
    return bytes == nullptr
               ? std::string_view{}
               : std::string_view{bytes, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column))};
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  void check(int code) const {
    if (code != SQLITE_OK) fail(code);
  }
  [[noreturn]] void fail(int code) const;

  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
};

/// One connection, for one thread.
class Database {
 public:
  /// `immutable`: nobody writes it, and nothing is made beside it: for files in directories that can't be written.
  enum class Open : std::uint8_t { create, existing, read_only, immutable };
  /// Opens the file, by default also one that does not exist yet. Throws Error.
  explicit Database(const std::filesystem::path& path, Open open = Open::create);

  [[nodiscard]] Statement prepare(std::string_view sql, bool persistent = false) const {
    return Statement{db_.get(), sql, persistent};
  }
  /// One or more statements without results. Throws Error.
  void execute(const std::string& sql) const;
  /// The single value of a query: a PRAGMA, a count. 0 when there is no row or it is NULL.
  [[nodiscard]] std::int64_t integer(std::string_view sql) const;
  [[nodiscard]] std::string text(std::string_view sql) const;
  [[nodiscard]] int changes() const { return sqlite3_changes(db_.get()); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }
  [[nodiscard]] sqlite3* handle() const { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// A name as SQL text: "l1_voltage_v" in double quotes, those inside doubled.
[[nodiscard]] std::string quote_name(std::string_view name);

}  // namespace mesura::database
