// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/mysql_sink.hpp"

#include "sinks/mysql/explain.hpp"
#include "sinks/mysql/table_writer.hpp"
#include "sinks/mysql/wide_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::sinks::mysql {

using database::mariadb::Connection;
using database::mariadb::Error;
using database::mariadb::Login;

namespace {

constexpr unsigned kNoDatabase = 1049;
constexpr auto kUpkeep = std::chrono::milliseconds{1000};

// Where another node of the cluster may do better.
bool another_may_do(const Error& e) {
  constexpr unsigned kNumbers[] = {1040, 1047, 1053, 1129, 1130, 1203, 1290, 1792, 1836, 1927};
  return e.of_client() || std::find(std::begin(kNumbers), std::end(kNumbers), e.number()) != std::end(kNumbers);
}

// Strict: a value that does not fit is refused and told, never bent.
void set_up(const Connection& db, std::chrono::milliseconds lock_timeout) {
  const auto seconds = std::max<std::int64_t>(1, lock_timeout.count() / 1000);
  db.execute(
      fmt::format("SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
                  "innodb_lock_wait_timeout = {}, lock_wait_timeout = {}",
                  seconds, seconds));
}

Connection connection(const Login& login, std::chrono::milliseconds lock_timeout) {
  try {
    Connection db{login};
    set_up(db, lock_timeout);
    return db;
  } catch (const Error& e) {
    if (e.number() != kNoDatabase) throw;
  }
  Login outside = login;
  outside.database.clear();
  Connection db{outside};
  set_up(db, lock_timeout);
  const std::string name = database::mariadb::quote_name(login.database);
  db.execute("CREATE DATABASE IF NOT EXISTS " + name + " DEFAULT CHARACTER SET utf8mb4");
  db.execute("USE " + name);
  return db;
}

}  // namespace

struct MysqlSink::Session {
  Connection db;
  std::unique_ptr<Writer> writer;
};

MysqlSink::MysqlSink(Options options, const SeriesTable& series, runtime::Logger log)
    : options_(std::move(options)), series_(series), log_(std::move(log)) {
  hosts_.emplace_back(options_.login.host, options_.login.port);
  hosts_.insert(hosts_.end(), options_.more_hosts.begin(), options_.more_hosts.end());
}

MysqlSink::~MysqlSink() = default;

std::string MysqlSink::describe() const {
  std::string where = options_.login.socket;
  if (where.empty()) {
    for (const auto& [host, port] : hosts_) where += fmt::format("{}{}:{}", where.empty() ? "" : ",", host, port);
  }
  return options_.tables ? fmt::format("mysql {} ({})", where, options_.tables->name)
                         : fmt::format("mysql {}/{}", where, options_.login.database);
}

std::string MysqlSink::explain(const Error& error) const {
  std::string what = describe();
  if (hosts_.size() > 1) what += fmt::format(" (at {}:{})", hosts_[host_].first, hosts_[host_].second);
  return mysql::explain(what, options_.login.user, error);
}

void MysqlSink::next_host() { host_ = (host_ + 1) % hosts_.size(); }

std::unique_ptr<MysqlSink::Session> MysqlSink::connect() {
  Login login = options_.login;
  login.host = hosts_[host_].first;
  login.port = hosts_[host_].second;
  if (options_.tables) login.database.clear();
  auto session = std::make_unique<Session>(Session{connection(login, options_.lock_timeout), nullptr});
  if (options_.tables) {
    session->writer =
        std::make_unique<TableWriter>(session->db, series_, options_.tables, options_.site_zone, options_.arrays);
  } else {
    session->writer =
        std::make_unique<WideWriter>(session->db, series_, options_.site_zone, options_.arrays, options_.rollups);
  }
  return session;
}

void MysqlSink::open() {
  if (session_) return;
  std::string reasons;
  for (std::size_t tried = 0; tried < hosts_.size(); ++tried) {
    try {
      session_ = connect();
      return;
    } catch (const Error& e) {
      reasons += (reasons.empty() ? "" : "\n") + explain(e);
      if (!another_may_do(e)) break;
      next_host();
    }
  }
  throw SinkError(reasons);
}

WriteResult MysqlSink::write(std::span<const BatchPtr> batches) {
  if (!session_) return WriteResult::retry("sink-closed: " + describe() + " is not open");
  try {
    WriteResult result;
    result.rejected = session_->writer->write(batches);
    return result;
  } catch (const Error& e) {
    const std::string reason = explain(e);
    // Whatever was read of the tables may be wrong now, and a transaction may be open: open() begins anew.
    session_.reset();
    if (another_may_do(e)) next_host();
    return WriteResult::retry(reason);
  }
}

void MysqlSink::maintain(std::int64_t now_ns) {
  if (!session_) return;
  try {
    session_->writer->settle();
    session_->writer->roll_up(now_ns / 1000, kUpkeep);
    const std::uint64_t gone = session_->writer->expire(options_.keep, now_ns / 1000);
    if (gone > 0) log_.debug("sink-retention", "{}: {} rows had reached their age", describe(), gone);
  } catch (const Error& e) {
    log_.warn("sink-upkeep", "{}", explain(e));
    session_.reset();
  }
}

void MysqlSink::close() {
  if (!session_) return;
  try {
    // What does not find time is pending in the database.
    session_->writer->roll_up(INT64_MAX, kUpkeep);
  } catch (const Error& e) {
    log_.debug("sink-close", "{}", explain(e));
  }
  session_.reset();
}

}  // namespace mesura::sinks::mysql
