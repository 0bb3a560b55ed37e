// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/mysql_adapter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace mesura::sinks::test {

using database::mariadb::Connection;
using database::mariadb::Login;
using database::mariadb::quote_name;
using database::mariadb::Statement;

mesura::test::MariaDb& mysql_server() {
  static mesura::test::MariaDb server;
  return server;
}

Login mysql_login() {
  Login login;
  login.socket = mysql_server().socket();
  login.user = "root";
  return login;
}

MysqlDatabase::MysqlDatabase() {
  // Here, and not in a child of the test: its death would be that of the server.
  (void)mysql_server();
  static int count = 0;
  name_ = fmt::format("mesura {}_{}", ::getpid(), ++count);
}

MysqlDatabase::~MysqlDatabase() {
  try {
    Connection{mysql_login()}.execute("DROP DATABASE IF EXISTS " + quote_name(name_));
  } catch (const database::mariadb::Error&) {
    // A test may have left the server in any state.
    (void)0;
  }
}

Connection MysqlDatabase::connect() const {
  Login login = mysql_login();
  login.database = name_;
  Connection db{login};
  db.execute("SET SESSION time_zone = '+00:00', group_concat_max_len = 1000000");
  return db;
}

mysql::Options MysqlDatabase::options() const {
  mysql::Options options;
  options.login = mysql_login();
  options.login.database = name_;
  options.lock_timeout = std::chrono::seconds{1};
  options.site_zone = "Europe/Moscow";
  return options;
}

std::unique_ptr<Sink> MysqlAdapter::make(const SeriesTable& series) const {
  return std::make_unique<mysql::MysqlSink>(database_.options(), series, runtime::Logger{});
}

std::unique_ptr<Sink> MysqlRowsAdapter::make(const SeriesTable& series) const {
  mysql::Options options = database().options();
  options.arrays = false;
  return std::make_unique<mysql::MysqlSink>(options, series, runtime::Logger{});
}

Stored read_mysql(const Connection& db, const std::vector<std::string>& devices) {
  Stored out;
  for (const auto& row : db.query("SELECT id, device, table_name, column_name, quality, fleet FROM series")) {
    const std::string& device = *row[1];
    const std::string& column = *row[3];
    if (std::find(devices.begin(), devices.end(), device) == devices.end()) continue;
    const auto usual = static_cast<std::uint8_t>(std::stoi(*row[4]));
    std::map<std::int64_t, std::uint8_t> marks;
    Statement quality{db, "SELECT time, flags FROM quality WHERE series = " + *row[0]};
    quality.execute();
    while (quality.fetch()) marks[quality.time_us(0)] = static_cast<std::uint8_t>(quality.integer(1));

    std::string sql = "SELECT time, number, text FROM states WHERE series = " + *row[0];
    if (*row[2] != "states") {
      sql = fmt::format("SELECT time, {0}, 'no text' FROM {1} WHERE {0} IS NOT NULL", quote_name(column),
                        quote_name(*row[2]));
      if (!row[5]->empty()) {
        sql += fmt::format(" AND device_id = (SELECT id FROM devices WHERE name = {} AND fleet = {})", db.quote(device),
                           db.quote(*row[5]));
      }
    }
    Statement values{db, sql};
    values.execute();
    while (values.fetch()) {
      const std::int64_t time = values.time_us(0);
      const auto mark = marks.find(time);
      const std::string flags = quality_to_string(mark != marks.end() ? mark->second : usual);
      const Feed::Value value = values.is_null(1) ? Feed::Value{values.text(2)} : Feed::Value{values.number(1)};
      out[{device, column, time}] = {value, flags};
    }
  }
  return out;
}

Stored MysqlAdapter::read(const std::vector<std::string>& devices) const {
  return read_mysql(database_.connect(), devices);
}

std::size_t MysqlAdapter::rows(const std::vector<std::string>& devices) const {
  const Connection db = database_.connect();
  std::set<std::string> tables;
  for (const auto& row : db.query("SELECT device, table_name FROM series")) {
    if (std::find(devices.begin(), devices.end(), *row[0]) != devices.end()) tables.insert(*row[1]);
  }
  std::int64_t n = 0;
  for (const std::string& table : tables) n += db.integer("SELECT COUNT(*) FROM " + quote_name(table));
  return static_cast<std::size_t>(n);
}

// The lock that programs take which are about to change tables.
std::shared_ptr<void> MysqlAdapter::lock() const {
  auto db = std::make_shared<Connection>(mysql_login());
  if (db->integer("SELECT GET_LOCK(" + db->quote("mesura " + database_.name()) + ", 0)") != 1)
    throw std::runtime_error("GET_LOCK");
  return db;
}

}  // namespace mesura::sinks::test
