// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/schema.hpp"

#include "sinks/sqlite/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace mesura::sinks::sqlite {
namespace {

// Read by people with `.schema`; /* */ because ALTER TABLE ADD COLUMN edits these texts.
constexpr const char* kCreate = R"sql(
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE series ( /* what every column and every state means */
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  channel TEXT NOT NULL,
  quantity TEXT NOT NULL,
  unit TEXT NOT NULL, /* base unit: W, Wh, V, A, Cel, 1 ... */
  kind TEXT NOT NULL, /* gauge, register (only grows), state */
  label TEXT NOT NULL, /* the user's name for the channel */
  role TEXT NOT NULL, /* grid, solar, battery, load; + is import, production, charging, consumption */
  source TEXT NOT NULL, /* what the wire calls it */
  decimals INTEGER NOT NULL, /* decimals that mean something */
  quality INTEGER NOT NULL, /* flags of all its values that are not in table quality */
  table_name TEXT NOT NULL, /* the device's or its fleet's table, or states */
  column_name TEXT NOT NULL, /* its column there; for states: its flat name */
  first_seen INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  fleet TEXT NOT NULL DEFAULT '', /* the fleet that the device belongs to */
  UNIQUE (device, channel, quantity, unit, table_name)
);

CREATE TABLE states ( /* texts and enumerations; a row holds until the next one of its series */
  series INTEGER NOT NULL REFERENCES series (id),
  time INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  number REAL,
  text TEXT,
  PRIMARY KEY (series, time)
) WITHOUT ROWID;

CREATE TABLE quality ( /* values whose quality is not their series' usual one */
  time INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  series INTEGER NOT NULL REFERENCES series (id),
  flags INTEGER NOT NULL, /* 0 good, 1 clock suspect, 2 clock unsynced, 4 derived, 8 suspect, 16 stale, 32 estimated */
  PRIMARY KEY (time, series)
) WITHOUT ROWID;

CREATE VIEW states_utc AS
  SELECT strftime('%Y-%m-%dT%H:%M:%S', st.time / 1000000, 'unixepoch') ||
         printf('.%03dZ', st.time / 1000 % 1000) AS utc,
         se.device, se.channel, se.quantity, coalesce(st.text, st.number) AS value
  FROM states AS st JOIN series AS se ON se.id = st.series;
)sql";

// The devices of fleets, which share one table a fleet.
constexpr const char* kCreateDevices = R"sql(
CREATE TABLE devices ( /* who is who in the tables of fleets */
  id INTEGER PRIMARY KEY, /* device_id there */
  name TEXT NOT NULL,
  fleet TEXT NOT NULL,
  first_seen INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  UNIQUE (name, fleet)
);
)sql";

constexpr const char* kCreateRollups = R"sql(
CREATE TABLE rollup_tables ( /* rows of 1 minute, 15 minutes, 1 hour (UTC) and 1 day (of the site's zone) */
  name TEXT PRIMARY KEY,
  source TEXT NOT NULL, /* the table that it sums up */
  level TEXT NOT NULL, /* 1m, 15m, 1h, 1d; raw: the source itself */
  part INTEGER NOT NULL, /* 2, 3 ...: further columns, where one table does not take all */
  expired INTEGER /* rows before this time have been deleted for their age */
) WITHOUT ROWID;

CREATE TABLE rollup_columns ( /* how a column of a table is called in its rollups */
  source TEXT NOT NULL,
  column_name TEXT NOT NULL,
  kind TEXT NOT NULL, /* gauge: NAME is the mean, and NAME_min, _max, _last; register: NAME is the last value, NAME_delta the growth; NAME_count: values, NULL: as many as rows (column count) */
  part INTEGER NOT NULL,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (source, column_name)
) WITHOUT ROWID;

CREATE TABLE rollup_pending ( /* stretches of time whose rollups are behind the rows */
  source TEXT NOT NULL,
  days INTEGER NOT NULL, /* 1: only the days, because the zone has changed */
  start INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  "end" INTEGER NOT NULL,
  PRIMARY KEY (source, days, start)
) WITHOUT ROWID;

CREATE TABLE quarters ( /* each quarter hour at the grid in 180 steps of five seconds */
  device TEXT NOT NULL,
  time INTEGER NOT NULL, /* its start, Unix time in microseconds, UTC */
  quarter_id INTEGER NOT NULL, /* local year - 2000, month, day, quarter of the day (+ 128 in summer time), a byte each */
  average_w INTEGER NOT NULL, /* import: mean of the steps that have one */
  samples INTEGER NOT NULL,
  import_w TEXT NOT NULL, /* JSON array of means; null: nothing came; ends with the last step that has one */
  export_w TEXT NOT NULL,
  PRIMARY KEY (device, time)
) WITHOUT ROWID;

CREATE TABLE zone_offsets ( /* the site's local time: UTC + offset, from start on until the next row */
  start INTEGER PRIMARY KEY, /* Unix time in microseconds, UTC */
  "offset" INTEGER NOT NULL, /* seconds */
  text TEXT NOT NULL, /* +02:00 */
  summer INTEGER NOT NULL
);
)sql";

// The time as text, as the first column of our views.
constexpr std::string_view kUtc =
    "strftime('%Y-%m-%dT%H:%M:%S', t.time / 1000000, 'unixepoch') || printf('.%03dZ', t.time / 1000 % 1000) AS utc";
constexpr std::string_view kLocal =
    "strftime('%Y-%m-%dT%H:%M:%S', t.time / 1000000 + z.offset, 'unixepoch') || printf('.%03d', t.time / 1000 % 1000) "
    "|| z.text AS local";

void put_meta(const Database& db, std::string_view key, std::string_view value) {
  Statement add = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)");
  add.bind(1, key);
  add.bind(2, value);
  add.run();
}

// A device may have had the name of a table that is ours now.
void make_room(const Database& db, const char* name) {
  if (db.integer(fmt::format("SELECT count(*) FROM sqlite_schema WHERE lower(name) = '{}'", name)) == 0) return;
  db.execute(
      fmt::format("ALTER TABLE {0} RENAME TO device_{0};"
                  "UPDATE series SET table_name = 'device_{0}' WHERE lower(table_name) = '{0}'",
                  name));
}

void to_layout_2(const Database& db) {
  make_room(db, "devices");
  db.execute("ALTER TABLE series ADD COLUMN fleet TEXT NOT NULL DEFAULT ''");
  db.execute(kCreateDevices);
}

// The rollups of what is there are made by and by.
void to_layout_3(const Database& db) {
  for (const char* name : {"rollup_tables", "rollup_columns", "rollup_pending", "quarters", "zone_offsets"}) {
    make_room(db, name);
  }
  db.execute(kCreateRollups);
  std::vector<std::pair<std::string, bool>> tables;
  Statement list = db.prepare(
      "SELECT DISTINCT table_name, fleet <> '' FROM series JOIN sqlite_schema AS s ON s.name = table_name "
      "WHERE table_name <> 'states' AND s.type = 'table'");
  while (list.step()) tables.emplace_back(list.text(0), list.integer(1) != 0);
  Statement pend = db.prepare("INSERT INTO rollup_pending (source, days, start, \"end\") VALUES (?1, 0, ?2, ?3)");
  for (const auto& [name, fleet] : tables) {
    Statement taken = db.prepare("SELECT count(*) FROM sqlite_schema WHERE lower(name) = lower(?1)");
    const std::string view = name + "_local";
    taken.bind(1, std::string_view{view});
    if (taken.step() && taken.integer(0) == 0) create_views(db, name, fleet, Views::local);
    Statement range = db.prepare(fmt::format("SELECT min(time), max(time) FROM {}", quote_name(name)));
    if (!range.step() || range.is_null(0)) continue;
    const std::int64_t start = rollup::floor_to(range.integer(0), rollup::kQuarterUs);
    pend.bind(1, std::string_view{name});
    pend.bind(2, start);
    pend.bind(3, std::max(rollup::floor_to(range.integer(1), rollup::kQuarterUs) + rollup::kQuarterUs,
                          start + 2 * rollup::kQuarterUs));
    pend.run();
  }
}

}  // namespace

void create_schema(const Database& db, std::string_view site_zone, std::int64_t now_us) {
  db.execute(kCreate);
  db.execute(kCreateDevices);
  db.execute(kCreateRollups);
  db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kLayoutVersion));
  put_meta(db, "about", "Measurements by Mesura. One table per device or fleet; table series explains every column.");
  put_meta(db, "time",
           "Unix time in microseconds, UTC; the views ending in _utc have it as text, those in _local as the site's");
  put_meta(db, "rollups",
           "Tables ending in _1m, _15m, _1h and _1d have one row a minute, 15 minutes, hour (UTC) and day (of the "
           "site's zone); tables rollup_columns and rollup_tables explain them.");
  put_meta(db, "site_zone", site_zone);
  put_meta(db, "created", std::to_string(now_us));
}

void upgrade_schema(const Database& db) {
  if (db.integer("PRAGMA user_version") < 2) to_layout_2(db);
  to_layout_3(db);
  db.execute(fmt::format("PRAGMA user_version = {}", kLayoutVersion));
}

void create_views(const Database& db, const std::string& table, bool fleet, Views which) {
  // `*` is worked out at each query: the views follow their table's columns by themselves.
  const std::string device = fleet ? "d.name AS device, " : "";
  const std::string devices = fleet ? " JOIN devices AS d ON d.id = t.device_id" : "";
  if (which == Views::both) {
    db.execute(fmt::format("CREATE VIEW {} AS SELECT {}, {}t.* FROM {} AS t{}", quote_name(table + "_utc"), kUtc,
                           device, quote_name(table), devices));
  }
  // CROSS JOIN: the table is read in its order, and the offset looked up for each row.
  db.execute(
      fmt::format("CREATE VIEW {} AS SELECT {}, {}, {}t.* FROM {} AS t{} CROSS JOIN zone_offsets AS z "
                  "WHERE z.start = (SELECT max(start) FROM zone_offsets WHERE start <= t.time)",
                  quote_name(table + "_local"), kLocal, kUtc, device, quote_name(table), devices));
}

void write_zone_offsets(const Database& db, const model::Zone& zone, std::int64_t now_us) {
  constexpr std::int64_t kNs = 1'000'000'000;
  constexpr std::int64_t kStep = 7 * 86400 * kNs;
  db.execute("DELETE FROM zone_offsets");
  Statement put = db.prepare("INSERT INTO zone_offsets (start, \"offset\", text, summer) VALUES (?1, ?2, ?3, ?4)");
  const auto write = [&](std::int64_t start_ns) {
    const model::LocalTime local = zone.to_local(start_ns);
    const int minutes = std::abs(local.offset_s) / 60;
    const std::string text = fmt::format("{}{:02}:{:02}", local.offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    put.bind(1, start_ns / 1000);
    put.bind(2, std::int64_t{local.offset_s});
    put.bind(3, std::string_view{text});
    put.bind(4, std::int64_t{local.summer});
    put.run();
  };
  const std::int64_t end = now_us * 1000 + std::int64_t{25} * 365 * 86400 * kNs;
  write(0);
  for (std::int64_t at = 0; at < end; at += kStep) {
    if (zone.to_local(at).offset_s == zone.to_local(at + kStep).offset_s) continue;
    std::int64_t before = at;
    std::int64_t after = at + kStep;
    while (after - before > kNs) {
      const std::int64_t middle = (before / kNs + (after - before) / kNs / 2) * kNs;
      (zone.to_local(middle).offset_s == zone.to_local(at).offset_s ? before : after) = middle;
    }
    write(after);
  }
}

}  // namespace mesura::sinks::sqlite
