// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/rebuild.hpp"

#include "database/sqlite.hpp"
#include "sinks/rollup/levels.hpp"
#include "sinks/sqlite/layout.hpp"
#include "store/archive.hpp"
#ifdef MESURA_WITH_MYSQL
#include "database/mariadb.hpp"
#include "sinks/mysql/layout.hpp"
#include "sinks/mysql/logins.hpp"
#endif

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace mesura::store {
namespace {

using sinks::rollup::floor_to;
using sinks::rollup::kQuarterUs;
using sinks::rollup::Span;

StoreError refuse(StoreError::Cause cause, const std::string& what) { return {cause, what}; }

StoreError no_device(const std::string& device) {
  return refuse(StoreError::Cause::unknown,
                fmt::format("store-device: nothing is stored of device '{}'\n  hint      `mesura query` tells which "
                            "there are",
                            device));
}

StoreError no_rollups(const std::string& what) {
  return refuse(StoreError::Cause::question,
                fmt::format("store-rollups: {} keeps no rollups\n  hint      `rollups: true`, and start the service "
                            "once, which then makes all of them",
                            what));
}

// What is asked of the rows from `first` to `last`; nullopt: nothing.
std::optional<Span> stretch_of(TimeRange range, std::int64_t first_us, std::int64_t last_us) {
  const std::int64_t from = std::max(floor_to(range.from_ns, 1000) / 1000, first_us);
  const std::int64_t to = std::min(floor_to(range.to_ns - 1, 1000) / 1000, last_us);
  if (from > to) return std::nullopt;
  Span span{floor_to(from, kQuarterUs), floor_to(to, kQuarterUs) + kQuarterUs};
  // A single quarter hour would be taken for one that is being written.
  span.end = std::max(span.end, span.start + 2 * kQuarterUs);
  return span;
}

class SqliteRebuild final : public Rebuild {
 public:
  explicit SqliteRebuild(std::filesystem::path path) : path_(std::move(path)) {}

  Noted note(const std::string& device, TimeRange range) override {
    return guard([&](const database::Database& db) {
      if (db.integer("SELECT count(*) FROM meta WHERE key = 'rollups_off'") != 0)
        throw no_rollups("sqlite " + path_.string());
      std::vector<std::string> tables;
      database::Statement list = db.prepare(
          "SELECT DISTINCT table_name FROM series JOIN sqlite_schema AS s ON s.name = table_name AND s.type = 'table' "
          "WHERE table_name <> 'states' AND (?1 = '' OR device = ?1)");
      list.bind(1, std::string_view{device});
      while (list.step()) tables.push_back(list.text(0));
      if (tables.empty() && !device.empty()) throw no_device(device);
      Noted noted;
      db.execute("BEGIN IMMEDIATE");
      for (const std::string& table : tables) {
        database::Statement rows =
            db.prepare(fmt::format("SELECT (SELECT min(time) FROM {0}), (SELECT max(time) FROM "
                                   "{0})",
                                   database::quote_name(table)));
        if (!rows.step() || rows.is_null(0)) continue;
        const auto span = stretch_of(range, rows.integer(0), rows.integer(1));
        if (!span) continue;
        database::Statement put = db.prepare(
            "INSERT INTO rollup_pending (source, days, start, \"end\") VALUES (?1, 0, ?2, ?3) ON CONFLICT DO UPDATE "
            "SET \"end\" = max(\"end\", excluded.\"end\")");
        put.bind(1, std::string_view{table});
        put.bind(2, span->start);
        put.bind(3, span->end);
        put.run();
        ++noted.tables;
        noted.us += span->end - span->start;
      }
      db.execute("COMMIT");
      return noted;
    });
  }

  std::int64_t left_us() override {
    return guard([](const database::Database& db) {
      return db.integer(fmt::format(
          "SELECT coalesce(sum(\"end\" - start), 0) FROM rollup_pending WHERE days = 0 AND \"end\" - start > {}",
          kQuarterUs));
    });
  }

 private:
  template <typename Work>
  auto guard(Work&& work) -> std::invoke_result_t<Work, const database::Database&> {
    try {
      std::error_code ignored;
      if (!std::filesystem::exists(path_, ignored)) {
        throw refuse(StoreError::Cause::unavailable,
                     fmt::format("store-missing: {} is not there\n  hint      the sink makes it with its first "
                                 "measurement",
                                 std::filesystem::absolute(path_, ignored).string()));
      }
      const database::Database db{path_, database::Database::Open::existing};
      if (db.integer("PRAGMA application_id") != sinks::sqlite::kApplicationId ||
          db.integer("PRAGMA user_version") != sinks::sqlite::kLayoutVersion) {
        throw refuse(
            StoreError::Cause::unavailable,
            fmt::format("store-layout: {} is no database of layout {}\n  hint      a service that writes to it "
                        "brings an older one up to date",
                        path_.string(), sinks::sqlite::kLayoutVersion));
      }
      return work(db);
    } catch (const database::Error& e) {
      throw refuse(StoreError::Cause::unavailable, fmt::format("store-io: {}: {}", path_.string(), e.what()));
    }
  }
  std::filesystem::path path_;
};

#ifdef MESURA_WITH_MYSQL

class MysqlRebuild final : public Rebuild {
 public:
  explicit MysqlRebuild(const config::Value& options) {
    std::tie(login_, more_hosts_) = sinks::mysql::logins_of(options);
  }

  Noted note(const std::string& device, TimeRange range) override {
    return guard([&](const database::mariadb::Connection& db) {
      using database::mariadb::datetime_text;
      if (std::atoi(db.text("SELECT value FROM meta WHERE name = 'layout'").c_str()) != sinks::mysql::kLayoutVersion) {
        throw refuse(
            StoreError::Cause::unavailable,
            fmt::format("store-layout: {} is no database of layout {}\n  hint      a service that writes to it "
                        "brings an older one up to date",
                        what(), sinks::mysql::kLayoutVersion));
      }
      if (db.integer("SELECT COUNT(*) FROM meta WHERE name = 'rollups_off'") != 0) throw no_rollups(what());
      const auto tables = db.query(fmt::format(
          "SELECT DISTINCT s.table_name FROM series AS s JOIN information_schema.TABLES AS t ON t.TABLE_SCHEMA = "
          "DATABASE() AND t.TABLE_NAME = s.table_name WHERE s.table_name <> 'states'{}",
          device.empty() ? "" : " AND s.device = " + db.quote(device)));
      if (tables.empty() && !device.empty()) throw no_device(device);
      Noted noted;
      for (const auto& row : tables) {
        const std::string table = row[0].value_or("");
        database::mariadb::Statement rows{
            db, fmt::format("SELECT MIN(time), MAX(time) FROM {}", database::mariadb::quote_name(table))};
        rows.execute();
        std::optional<Span> span;
        while (rows.fetch())
          if (!rows.is_null(0)) span = stretch_of(range, rows.time_us(0), rows.time_us(1));
        if (!span) continue;
        // Writer 0 is nobody: the next one that looks takes it over.
        db.execute(fmt::format(
            "INSERT IGNORE INTO rollup_pending (writer, source, days, start, until) VALUES (0, {}, 0, '{}', '{}')",
            db.quote(table), datetime_text(span->start), datetime_text(span->end)));
        ++noted.tables;
        noted.us += span->end - span->start;
      }
      return noted;
    });
  }

  std::int64_t left_us() override {
    return guard([](const database::mariadb::Connection& db) {
      return db.integer(
                 "SELECT COALESCE(SUM(TIMESTAMPDIFF(SECOND, start, until)), 0) FROM rollup_pending WHERE days = 0 AND "
                 "until > start + INTERVAL 15 MINUTE") *
             1'000'000;
    });
  }

 private:
  [[nodiscard]] std::string what() const {
    return fmt::format("mysql {} database '{}'", login_.where(), login_.database);
  }

  template <typename Work>
  auto guard(Work&& work) -> std::invoke_result_t<Work, const database::mariadb::Connection&> {
    try {
      const database::mariadb::Connection db = connect();
      db.execute("SET SESSION time_zone = '+00:00'");
      return work(db);
    } catch (const database::mariadb::Error& e) {
      throw refuse(StoreError::Cause::unavailable, fmt::format("store-io: {}: {}", what(), e.what()));
    }
  }
  [[nodiscard]] database::mariadb::Connection connect() {
    for (const auto& [host, port] : more_hosts_) {
      try {
        return database::mariadb::Connection{login_};
      } catch (const database::mariadb::Error& e) {
        if (!e.of_client()) throw;
        login_.host = host;
        login_.port = port;
      }
    }
    return database::mariadb::Connection{login_};
  }

  database::mariadb::Login login_;
  std::vector<std::pair<std::string, std::uint16_t>> more_hosts_;
};

#endif

}  // namespace

std::unique_ptr<Rebuild> open_rebuild(const std::string& kind, const config::Value& options) {
  if (kind == "sqlite") return std::make_unique<SqliteRebuild>(options["path"].text());
#ifdef MESURA_WITH_MYSQL
  if (kind == "mysql" && options["layout"].text() == "mesura") return std::make_unique<MysqlRebuild>(options);
#endif
  return nullptr;
}

}  // namespace mesura::store
