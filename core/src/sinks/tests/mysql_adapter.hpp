// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The mysql sink and a real server before the tests of all sinks.
#pragma once

#include "database/mariadb.hpp"
#include "sinks/mysql/mysql_sink.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/mariadb.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mesura::sinks::test {

/// The server of this program: started by the first test that asks, with the program gone.
[[nodiscard]] mesura::test::MariaDb& mysql_server();
/// A way in as root, into no database.
[[nodiscard]] database::mariadb::Login mysql_login();

/// A database of its own for each object; dropped with it.
class MysqlDatabase {
 public:
  MysqlDatabase();
  ~MysqlDatabase();
  MysqlDatabase(const MysqlDatabase&) = delete;
  MysqlDatabase& operator=(const MysqlDatabase&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  /// A connection into it.
  [[nodiscard]] database::mariadb::Connection connect() const;
  /// Of a sink that writes into it.
  [[nodiscard]] mysql::Options options() const;

 private:
  std::string name_;
};

class MysqlAdapter : public Adapter {
 public:
  [[nodiscard]] std::string name() const override { return "mysql"; }
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
  [[nodiscard]] Stored read(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::size_t rows(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::shared_ptr<void> lock() const override;

 protected:
  [[nodiscard]] const MysqlDatabase& database() const { return database_; }

 private:
  MysqlDatabase database_;
};

class MysqlFleetAdapter final : public MysqlAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "mysql, fleet"; }
  [[nodiscard]] std::string fleet() const override { return "ct6 units"; }
};

/// As to a server that takes no arrays.
class MysqlRowsAdapter final : public MysqlAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "mysql, multi-row"; }
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
};

#undef MESURA_EVERY_SINK
#undef MESURA_FILE_SINKS
#define MESURA_EVERY_SINK MysqlAdapter, MysqlFleetAdapter, MysqlRowsAdapter

/// What all series of these devices have in the database, read without any code of the sink's.
[[nodiscard]] Stored read_mysql(const database::mariadb::Connection& db, const std::vector<std::string>& devices);

}  // namespace mesura::sinks::test
