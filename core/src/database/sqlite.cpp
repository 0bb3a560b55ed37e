// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite.hpp"

#include <fmt/format.h>

namespace mesura::database {
namespace {

// A reader that checkpoints or a backup holds the lock for moments: not worth a retry of the whole write.
constexpr int kBusyTimeoutMs = 1000;

[[noreturn]] void fail(sqlite3* db, int code, std::string_view doing) {
  const char* detail = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  throw Error(code, fmt::format("{} ({}, while {})", detail, code, doing));
}

std::string immutable_uri(std::string_view path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%')
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri + "?immutable=1";
}

}  // namespace

Statement::Statement(sqlite3* db, std::string_view sql, bool persistent) {
  sqlite3_stmt* made = nullptr;
  const unsigned flags = persistent ? SQLITE_PREPARE_PERSISTENT : 0;
  const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), flags, &made, nullptr);
  stmt_.reset(made);
  if (code != SQLITE_OK) database::fail(db, code, fmt::format("preparing \"{}\"", sql.substr(0, 80)));
}

bool Statement::step() {
  const int code = sqlite3_step(stmt_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail(code);
}

void Statement::run() {
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(stmt_.get());
  sqlite3_reset(stmt_.get());
  if (code != SQLITE_DONE) fail(code);
}

bool Statement::try_run() {
  const int code = sqlite3_step(stmt_.get());
  sqlite3_reset(stmt_.get());
  if (code == SQLITE_DONE) return true;
  if ((code & 0xff) == SQLITE_CONSTRAINT) return false;
  fail(code);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(stmt_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column))};
}

void Statement::fail(int code) const {
  const char* sql = sqlite3_sql(stmt_.get());
  database::fail(sqlite3_db_handle(stmt_.get()), code,
                 fmt::format("running \"{}\"", std::string_view{sql == nullptr ? "" : sql}.substr(0, 80)));
}

Database::Database(const std::filesystem::path& path, Open open) {
  sqlite3* made = nullptr;
  // One thread uses a connection at a time: SQLite's own mutex around every bind would only cost.
  const bool writes = open == Open::create || open == Open::existing;
  const int flags = (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                    (open == Open::create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (open == Open::immutable ? SQLITE_OPEN_URI : 0);
  const std::string name = open == Open::immutable ? immutable_uri(path.string()) : path.string();
  const int code = sqlite3_open_v2(name.c_str(), &made, flags, nullptr);
  db_.reset(made);
  if (code != SQLITE_OK) fail(made, code, "opening");
  sqlite3_busy_timeout(made, kBusyTimeoutMs);
}

void Database::execute(const std::string& sql) const {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(db_.get(), code, fmt::format("running \"{}\"", std::string_view{sql}.substr(0, 80)));
}

std::int64_t Database::integer(std::string_view sql) const {
  Statement s = prepare(sql);
  return s.step() ? s.integer(0) : 0;
}

std::string Database::text(std::string_view sql) const {
  Statement s = prepare(sql);
  return s.step() ? s.text(0) : std::string{};
}

std::string quote_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace mesura::database
