// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/session.hpp"

#include <mesura/store.hpp>

#include "sinks/mysql/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

namespace mesura::store::mysql {
namespace {

using database::mariadb::Connection;
using database::mariadb::Error;
using database::mariadb::Statement;

// A server holds 16 382 for all its sessions.
constexpr std::size_t kMaxStatements = 64;
// What a DATETIME holds: the years 1000 to 9999.
constexpr std::int64_t kFirst = -30'610'224'000'000'000;
constexpr std::int64_t kLast = 253'402'300'799'000'000;
constexpr unsigned kNoDatabase = 1049;
constexpr unsigned kNoTable = 1146;

StoreError unavailable(const std::string& what) { return {StoreError::Cause::unavailable, what}; }

StoreError explain(const std::string& what, const std::string& user, const Error& e) {
  const std::string tail = fmt::format("{} (error {}, SQLSTATE {})", e.what(), e.number(), e.sqlstate());
  switch (e.number()) {
    case kNoDatabase:
    case kNoTable:
      return unavailable(
          fmt::format("store-missing: {}: {}\n  hint      the sink makes it with its first measurement", what, tail));
    case 1044:
    case 1045:
    case 1142:
    case 1143:
    case 1698:
      return unavailable(
          fmt::format("store-access: {}: {}\n  hint      user '{}' needs SELECT on the database", what, tail, user));
    default: break;
  }
  if (e.of_client()) {
    return unavailable(
        fmt::format("store-unreachable: {}: {}\n  hint      is the server running, are host and port "
                    "(or socket) right?",
                    what, tail));
  }
  return unavailable(fmt::format("store-io: {}: {}", what, tail));
}

class MysqlRows final : public sql::Rows {
 public:
  MysqlRows(Statement statement, std::string sql, std::weak_ptr<MysqlSession::Statements> home)
      : statement_(std::move(statement)), sql_(std::move(sql)), home_(std::move(home)) {}
  ~MysqlRows() override {
    const auto home = home_.lock();
    if (home && home->size() < kMaxStatements) home->emplace(std::move(sql_), std::move(statement_));
  }
  // They are all on this side already.
  bool next() override { return statement_.fetch(); }
  [[nodiscard]] bool is_null(int column) const override { return statement_.is_null(at(column)); }
  [[nodiscard]] std::int64_t integer(int column) const override {
    return is_null(column) ? 0 : statement_.integer(at(column));
  }
  [[nodiscard]] std::int64_t time_us(int column) const override { return statement_.time_us(at(column)); }
  [[nodiscard]] double number(int column) const override { return statement_.number_of_any(at(column)); }
  [[nodiscard]] std::string text(int column) const override {
    return is_null(column) ? std::string{} : statement_.text(at(column));
  }
  void numbers(int first, std::span<double> out) const override {
    std::size_t column = at(first);
    for (double& value : out) {
      value = statement_.is_null(column) ? std::numeric_limits<double>::quiet_NaN() : statement_.number_of_any(column);
      ++column;
    }
  }

 private:
  static std::size_t at(int column) { return static_cast<std::size_t>(column); }
  Statement statement_;
  std::string sql_;
  std::weak_ptr<MysqlSession::Statements> home_;
};

}  // namespace

MysqlSession::MysqlSession(database::mariadb::Login login, const Hosts& more_hosts) : login_(std::move(login)) {
  hosts_.emplace_back(login_.host, login_.port);
  hosts_.insert(hosts_.end(), more_hosts.begin(), more_hosts.end());
}

MysqlSession::~MysqlSession() { close(); }

std::string MysqlSession::describe() const {
  return fmt::format("mysql {} database '{}'", login_.where(), login_.database);
}

void MysqlSession::close() {
  statements_.reset();
  db_.reset();
}

void MysqlSession::fail(const Error& error) {
  broken_ = true;
  throw explain(describe(), login_.user, error);
}

void MysqlSession::connect() {
  for (std::size_t tries = 1;; ++tries) {
    std::tie(login_.host, login_.port) = hosts_[host_];
    try {
      db_.emplace(login_);
      break;
    } catch (const Error& e) {
      host_ = (host_ + 1) % hosts_.size();
      if (tries >= hosts_.size()) throw;
    }
  }
  statements_ = std::make_shared<Statements>();
  db_->execute("SET SESSION time_zone = '+00:00'");
  db_->execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  ++generation_;
}

// What may have been added; a few keys are read.
void MysqlSession::look() {
  const int version = std::atoi(db_->text("SELECT value FROM meta WHERE name = 'layout'").c_str());
  if (version > sinks::mysql::kLayoutVersion) {
    throw unavailable(
        fmt::format("store-newer: database '{}' has layout {}, this program knows up to {}\n  hint      update Mesura",
                    login_.database, version, sinks::mysql::kLayoutVersion));
  }
  if (version < 1) {
    throw unavailable(
        fmt::format("store-foreign: database '{}' is none of ours\n  hint      the sink makes its tables "
                    "with its first measurement",
                    login_.database));
  }
  layout_ = version + 1;
  std::string content = std::to_string(version) + db_->text("SELECT CONCAT('/', COALESCE(MAX(id), 0)) FROM series");
  if (layout_ >= 3) {
    content += db_->text(
        "SELECT CONCAT('/', (SELECT COUNT(*) FROM rollup_columns), '/', (SELECT COUNT(*) FROM rollup_tables), '/', "
        "(SELECT COUNT(*) FROM meta WHERE name = 'rollups_off'))");
  }
  if (content != seen_content_) ++generation_;
  seen_content_ = std::move(content);
}

std::uint64_t MysqlSession::begin() {
  if (broken_) close();
  broken_ = false;
  // Twice: servers close connections that have been idle for long.
  for (int tries = 0;; ++tries) {
    const bool fresh = !db_;
    try {
      if (fresh) connect();
      db_->execute("START TRANSACTION READ ONLY");
      look();
      return generation_;
    } catch (const Error& e) {
      close();
      if (fresh || !e.of_client() || tries > 0) throw explain(describe(), login_.user, e);
    } catch (const StoreError&) {
      close();
      throw;
    }
  }
}

void MysqlSession::end() noexcept {
  if (!db_) return;
  if (mysql_real_query(db_->handle(), "COMMIT", 6) != 0) broken_ = true;
}

std::unique_ptr<sql::Rows> MysqlSession::select(const std::string& sql, std::span<const sql::Parameter> parameters) {
  if (!db_) throw unavailable("store-lost: " + describe() + ": the connection was lost");
  try {
    Statement statement;
    if (const auto kept = statements_->find(sql); kept != statements_->end()) {
      statement = std::move(kept->second);
      statements_->erase(kept);
    } else {
      if (statements_->size() >= kMaxStatements) statements_->clear();
      statement = Statement{*db_, sql};
    }
    std::size_t index = 0;
    for (const sql::Parameter& parameter : parameters) {
      if (const auto* integer = std::get_if<std::int64_t>(&parameter)) statement.bind(index, *integer);
      if (const auto* time = std::get_if<sql::Time>(&parameter))
        statement.bind_time(index, std::clamp(time->us, kFirst, kLast));
      if (const auto* text = std::get_if<std::string>(&parameter)) statement.bind(index, std::string_view{*text});
      ++index;
    }
    statement.execute();
    return std::make_unique<MysqlRows>(std::move(statement), sql, statements_);
  } catch (const Error& e) {
    fail(e);
  }
}

std::vector<std::string> MysqlSession::columns(const std::string& table) {
  std::vector<std::string> out;
  const auto rows =
      select("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
             std::array<sql::Parameter, 1>{table});
  while (rows->next()) out.push_back(rows->text(0));
  return out;
}

std::string MysqlSession::meta(std::string_view key) {
  const auto rows = select("SELECT value FROM meta WHERE name = ?", std::array<sql::Parameter, 1>{std::string{key}});
  return rows->next() ? rows->text(0) : std::string{};
}

}  // namespace mesura::store::mysql
