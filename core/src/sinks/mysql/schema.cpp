// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/schema.hpp"

#include "sinks/mysql/layout.hpp"

#include <mesura/sink.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace mesura::sinks::mysql {
namespace {

struct Table {
  std::string_view name;
  std::string_view columns;
  std::string_view comment;
};

// With what a person needs who sees them with a database browser.
constexpr std::array<Table, 9> kTables{{
    {"series", R"(
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  device VARCHAR(255) NOT NULL,
  channel VARCHAR(128) NOT NULL,
  quantity VARCHAR(128) NOT NULL,
  unit VARCHAR(32) NOT NULL COMMENT 'base unit: W, Wh, V, A, Cel, 1 ...',
  kind VARCHAR(16) NOT NULL COMMENT 'gauge, register (only grows), state',
  label TEXT NOT NULL COMMENT 'the user''s name for the channel',
  role VARCHAR(32) NOT NULL COMMENT 'grid, solar, battery, load; + is import, production, charging, consumption',
  source TEXT NOT NULL COMMENT 'what the wire calls it',
  fleet VARCHAR(255) NOT NULL COMMENT 'the fleet that the device belongs to, or empty',
  decimals INT NOT NULL COMMENT 'decimals that mean something',
  quality TINYINT UNSIGNED NOT NULL COMMENT 'flags of all its values that are not in table quality',
  table_name VARCHAR(64) NOT NULL COMMENT 'the table of the device or its fleet, or states',
  column_name VARCHAR(255) NOT NULL COMMENT 'its column there; for states: its flat name',
  first_seen DATETIME(6) NOT NULL COMMENT 'UTC',
  UNIQUE KEY by_name (device, channel, quantity, unit, table_name))",
     "what every column and every state means"},
    {"states", R"(
  series INT UNSIGNED NOT NULL COMMENT 'series.id',
  time DATETIME(6) NOT NULL COMMENT 'UTC',
  number DOUBLE NULL,
  text TEXT NULL,
  PRIMARY KEY (series, time))",
     "texts and enumerations; a row holds until the next one of its series"},
    {"quality", R"(
  time DATETIME(6) NOT NULL COMMENT 'UTC',
  series INT UNSIGNED NOT NULL COMMENT 'series.id',
  flags TINYINT UNSIGNED NOT NULL COMMENT
    '0 good, 1 clock suspect, 2 clock unsynced, 4 derived, 8 suspect, 16 stale, 32 estimated',
  PRIMARY KEY (time, series))",
     "values whose quality is not the usual one of their series"},
    {"devices", R"(
  id INT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'device_id in the tables of fleets',
  name VARCHAR(255) NOT NULL,
  fleet VARCHAR(255) NOT NULL,
  first_seen DATETIME(6) NOT NULL COMMENT 'UTC',
  UNIQUE KEY by_name (name, fleet))",
     "who is who in the tables of fleets"},
    {"rollup_tables", R"(
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  source VARCHAR(64) NOT NULL COMMENT 'the table that it sums up',
  level VARCHAR(8) NOT NULL COMMENT '1m, 15m, 1h, 1d; raw: the source itself',
  part INT UNSIGNED NOT NULL COMMENT '2, 3 ...: further columns, where one table does not take all',
  expired DATETIME(6) NULL COMMENT 'UTC; rows before this time have been deleted for their age',
  KEY by_source (source, level))",
     "tables with a row a minute, 15 minutes, hour (UTC) and day (of the site''s zone)"},
    {"rollup_columns", R"(
  source VARCHAR(64) NOT NULL,
  column_name VARCHAR(64) NOT NULL,
  kind VARCHAR(16) NOT NULL COMMENT 'gauge: NAME is the mean, and NAME_min, _max, _last; register: NAME is the last value, NAME_delta the growth; NAME_count: values, NULL: as many as rows (column count)',
  part INT UNSIGNED NOT NULL,
  name VARCHAR(64) NOT NULL COMMENT 'NAME in rollups',
  PRIMARY KEY (source, column_name))",
     "how a column of a table is called in its rollups"},
    {"rollup_pending", R"(
  writer BIGINT UNSIGNED NOT NULL COMMENT 'connection of the program that does it',
  source VARCHAR(64) NOT NULL,
  days BOOLEAN NOT NULL COMMENT '1: only the days, because the zone has changed',
  start DATETIME NOT NULL COMMENT 'UTC',
  until DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (writer, source, days, start, until))",
     "stretches of time whose rollups are behind the rows"},
    {"quarters", R"(
  device VARCHAR(255) NOT NULL,
  time DATETIME NOT NULL COMMENT 'its start, UTC',
  quarter_id INT NOT NULL COMMENT
    'local year - 2000, month, day, quarter of the day (+ 128 in summer time), a byte each',
  average_w BIGINT NOT NULL COMMENT 'import: mean of the steps that have one',
  samples INT UNSIGNED NOT NULL,
  import_w TEXT NOT NULL COMMENT
    'JSON array of means; null: nothing came; ends with the last step that has one',
  export_w TEXT NOT NULL COMMENT 'the same, positive',
  PRIMARY KEY (device, time))",
     "each quarter hour at the grid in 180 steps of five seconds"},
    // The last one: where it has a version, all others are there.
    {"meta", R"(
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  value TEXT NOT NULL)",
     "about this database"},
}};

constexpr std::string_view kOptions = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4";

std::string meta(const database::mariadb::Connection& db, std::string_view name) {
  return db.text(fmt::format("SELECT value FROM meta WHERE name = {}", db.quote(name)));
}

bool is_utc(std::string_view zone) {
  return zone.empty() || zone == "UTC" || zone == "Etc/UTC" || zone == "Etc/GMT" || zone == "GMT";
}

}  // namespace

std::string collation_of(const database::mariadb::Connection& db) {
  return db.is_mariadb() ? "utf8mb4_nopad_bin"
         : db.integer("SELECT COUNT(*) FROM information_schema.COLLATIONS WHERE COLLATION_NAME = 'utf8mb4_0900_bin'") >
                 0
             ? "utf8mb4_0900_bin"
             : "utf8mb4_bin";
}

std::size_t max_columns(const database::mariadb::Connection& db) {
  constexpr std::size_t kOfPage = 66;        // 8126 of a page of 16 KiB
  constexpr std::size_t kOfRow = 80;         // key, header, transaction
  constexpr std::size_t kBits = 65;          // of a column: its value, and whether it is NULL
  constexpr std::size_t kInnodb = 1017 - 2;  // without the key
  const auto page = std::clamp<std::int64_t>(db.integer("SELECT @@innodb_page_size"), 4096, 32'768);
  return std::min(kInnodb, (static_cast<std::size_t>(page) / 2 - kOfPage - kOfRow) * 8 / kBits);
}

bool is_complete(const database::mariadb::Connection& db) {
  std::string names;
  for (const Table& table : kTables) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", table.name);
  const auto n = db.integer(fmt::format(
      "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({})", names));
  return n == static_cast<std::int64_t>(kTables.size()) && !meta(db, "layout").empty();
}

void create_tables(const database::mariadb::Connection& db, const std::string& collation, std::string_view site_zone,
                   std::int64_t now_us) {
  for (const Table& table : kTables) {
    db.execute(fmt::format("CREATE TABLE IF NOT EXISTS {} ({}\n) {} COLLATE={} COMMENT='{}'", table.name, table.columns,
                           kOptions, collation, table.comment));
  }
  // Somebody else's tables of these names have other columns.
  const auto columns = db.integer(
      "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND (TABLE_NAME, COLUMN_NAME) "
      "IN "
      "(('series', 'first_seen'), ('states', 'number'), ('quality', 'flags'), ('devices', 'fleet'), ('meta', "
      "'value'), ('rollup_tables', 'expired'), ('rollup_columns', 'part'), ('rollup_pending', 'until'), ('quarters', "
      "'quarter_id'))");
  if (columns != static_cast<std::int64_t>(kTables.size())) {
    throw SinkError(fmt::format(
        "sink-foreign: database '{}' has tables of another program: one of series, states, quality, devices, meta, "
        "rollup_tables, rollup_columns, rollup_pending, quarters is not Mesura's\n  hint      give another database",
        db.text("SELECT DATABASE()")));
  }
  db.execute(
      "CREATE OR REPLACE SQL SECURITY INVOKER VIEW states_named AS SELECT st.time, se.device, se.channel, se.quantity, "
      "COALESCE(st.text, st.number) AS value FROM states AS st JOIN series AS se ON se.id = st.series");
  const auto put = [&](std::string_view name, std::string_view value) {
    db.execute(fmt::format("INSERT IGNORE INTO meta (name, value) VALUES ({}, {})", db.quote(name), db.quote(value)));
  };
  put("about", "Measurements by Mesura. One table per device or fleet; table series explains every column.");
  put("time", "DATETIME(6), UTC; the views ending in _local have the installation's local time");
  put("rollups",
      "Tables ending in _1m, _15m, _1h and _1d have one row a minute, 15 minutes, hour (UTC) and day (of the site's "
      "zone); tables rollup_columns and rollup_tables explain them.");
  put("site_zone", site_zone);
  put("created", database::mariadb::datetime_text(now_us));
  put("layout", std::to_string(kLayoutVersion));
}

void check_version(const database::mariadb::Connection& db) {
  const std::int64_t version = std::atoll(meta(db, "layout").c_str());
  if (version > kLayoutVersion) {
    throw SinkError(
        fmt::format("sink-newer: database '{}' has layout {}, this program knows up to {}\n  hint      update "
                    "Mesura",
                    db.text("SELECT DATABASE()"), version, kLayoutVersion));
  }
}

// Layout 1 had no rollups: a device may have a table of a name that is ours now.
void make_room(const database::mariadb::Connection& db) {
  if (db.integer("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN "
                 "('meta', 'series')") != 2 ||
      meta(db, "layout") != "1") {
    return;
  }
  for (const auto& row : db.query(
           "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN "
           "('rollup_tables', 'rollup_columns', 'rollup_pending', 'quarters') AND (TABLE_COMMENT LIKE 'Mesura: device "
           "%' OR TABLE_COMMENT LIKE 'Mesura: fleet %')")) {
    const std::string from = row[0].value_or("");
    const std::string to = "device_" + from;
    db.execute(fmt::format("RENAME TABLE {} TO {}", quote_name(from), quote_name(to)));
    db.execute(fmt::format("UPDATE series SET table_name = {} WHERE table_name = {}", db.quote(to), db.quote(from)));
    db.execute(fmt::format("DROP VIEW IF EXISTS {}", quote_name(from + "_local")));
  }
}

bool upgrade(const database::mariadb::Connection& db) {
  if (meta(db, "layout") != "1") return false;
  // The rollups of what is there are made by and by.
  for (const auto& row : db.query("SELECT DISTINCT s.table_name FROM series AS s JOIN information_schema.TABLES AS t "
                                  "ON t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = s.table_name AND t.TABLE_TYPE = "
                                  "'BASE TABLE' WHERE s.table_name <> 'states'")) {
    const std::string name = row[0].value_or("");
    // Whole quarter hours, two at least: a single one would be taken for one that is being written.
    db.execute(fmt::format(
        "INSERT IGNORE INTO rollup_pending (writer, source, days, start, until) SELECT 0, {}, 0, MIN(time) - INTERVAL "
        "(MINUTE(MIN(time)) MOD 15) MINUTE - INTERVAL SECOND(MIN(time)) SECOND - INTERVAL MICROSECOND(MIN(time)) "
        "MICROSECOND, MAX(time) - INTERVAL (MINUTE(MAX(time)) MOD 15) MINUTE - INTERVAL SECOND(MAX(time)) SECOND - "
        "INTERVAL MICROSECOND(MAX(time)) MICROSECOND + INTERVAL 30 MINUTE FROM {} HAVING MIN(time) IS NOT NULL",
        db.quote(name), quote_name(name)));
  }
  db.execute(fmt::format("UPDATE meta SET value = '{}' WHERE name = 'layout'", kLayoutVersion));
  return true;
}

std::string meta_text(const database::mariadb::Connection& db, std::string_view name) { return meta(db, name); }

void put_meta(const database::mariadb::Connection& db, std::string_view name, std::string_view value) {
  db.execute(fmt::format("REPLACE INTO meta (name, value) VALUES ({}, {})", db.quote(name), db.quote(value)));
}

std::string rollup_table_sql(std::string_view quoted_name, const RollupTable& table, std::string_view columns,
                             std::string_view collation, std::string_view quoted_comment) {
  return fmt::format(
      "CREATE TABLE {} (\n  time DATETIME NOT NULL COMMENT 'start, UTC',\n{}  `count` INT UNSIGNED NOT NULL COMMENT "
      "'rows',\n{}{}  PRIMARY KEY (time{})\n) {} COLLATE={} COMMENT={}",
      quoted_name, table.fleet ? "  device_id INT UNSIGNED NOT NULL COMMENT 'devices.id',\n" : "",
      table.first ? "  completeness DOUBLE NOT NULL COMMENT '0..1: the part of the time that rows cover',\n" : "",
      columns, table.fleet ? ", device_id" : "", kOptions, collation, quoted_comment);
}

bool note_zone(const database::mariadb::Connection& db, std::string_view site_zone) {
  if (meta(db, "site_zone") == site_zone) return false;
  db.execute(fmt::format("REPLACE INTO meta (name, value) VALUES ('site_zone', {})", db.quote(site_zone)));
  return true;
}

std::string wide_table_sql(std::string_view quoted_name, bool fleet, std::string_view collation,
                           std::string_view quoted_comment) {
  return fmt::format("CREATE TABLE {} (\n  time DATETIME(6) NOT NULL COMMENT 'UTC',\n  {}\n) {} COLLATE={} COMMENT={}",
                     quoted_name,
                     fleet ? "device_id INT UNSIGNED NOT NULL COMMENT 'devices.id',\n  PRIMARY KEY (time, device_id)"
                           : "PRIMARY KEY (time)",
                     kOptions, collation, quoted_comment);
}

// Without tables of time zones in the server (mysql_tzinfo_to_sql) CONVERT_TZ is NULL, and no lie.
std::string view_sql(const std::string& table, bool fleet, std::string_view quoted_zone, std::string_view zone) {
  const std::string local = is_utc(zone) ? "t.time" : fmt::format("CONVERT_TZ(t.time, '+00:00', {})", quoted_zone);
  return fmt::format("CREATE OR REPLACE SQL SECURITY INVOKER VIEW {} AS SELECT {} AS local_time, {}t.* FROM {} AS t{}",
                     quote_name(table + "_local"), local, fleet ? "d.name AS device, " : "", quote_name(table),
                     fleet ? " JOIN devices AS d ON d.id = t.device_id" : "");
}

}  // namespace mesura::sinks::mysql
