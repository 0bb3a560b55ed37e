// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  TempDir dir;
  Feed feed;
  sqlite::Options options{dir.path() / "store.db", true, {}, "Europe/Brussels"};

  std::unique_ptr<sqlite::SqliteSink> sink() const {
    return std::make_unique<sqlite::SqliteSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] database::Database database() const { return database::Database{options.path}; }
  [[nodiscard]] std::int64_t integer(const std::string& sql) const { return database().integer(sql); }
  [[nodiscard]] std::string text(const std::string& sql) const { return database().text(sql); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the file explains itself to a person with the sqlite3 shell", "[sqlite]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon + 213'000'000, {{power, 1843.27}})}).committed);
  CHECK(integer("PRAGMA application_id") == 0x4d657375);
  CHECK(integer("PRAGMA user_version") == 3);
  CHECK(text("PRAGMA journal_mode") == "wal");
  CHECK(integer("SELECT time FROM grid") == 1'781'438'400'213'000);
  CHECK(text("SELECT l1_active_power_w FROM grid") == "1843.27");
  CHECK(text("SELECT utc || ' ' || l1_active_power_w FROM grid_utc") == "2026-06-14T12:00:00.213Z 1843.27");
  CHECK(text("SELECT device || ' ' || channel || ' ' || quantity || ' ' || unit || ' ' || kind || ' ' || table_name || "
             "' ' || "
             "column_name || ' ' || first_seen FROM series") ==
        "grid l1 active_power W gauge grid l1_active_power_w 1781438400213000");
  CHECK(text("SELECT value FROM meta WHERE key = 'site_zone'") == "Europe/Brussels");
  // Columns that come later are in the view, too.
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{voltage, 230.0}})}).committed);
  CHECK(text("SELECT l1_voltage_v FROM grid_utc WHERE time = 1781438401000000") == "230.0");
}

TEST_CASE_METHOD(Fixture, "names that mean something to SQLite or to us get a prefix, and keep it", "[sqlite]") {
  std::vector<BatchPtr> batches;
  for (const char* device : {"order", "series", "grid_utc", "sqlite_x", "grid", "GRID"}) {
    batches.push_back(feed.batch(kNoon, {{feed.number(device, "l1", "voltage", "V"), 230.0}}));
  }
  auto s = sink();
  REQUIRE(attempt(*s, batches).committed);
  // Not device_GRID: its view would be device_GRID_utc, and SQLite ignores case.
  const auto names = [&] {
    return text("SELECT group_concat(device || ':' || table_name, ' ') FROM (SELECT * FROM series ORDER BY id)");
  };
  CHECK(names() ==
        "order:device_order series:device_series grid_utc:device_grid_utc sqlite_x:device_sqlite_x grid:grid "
        "GRID:device_GRID_2");
  s->close();
  s = sink();
  REQUIRE(attempt(*s, batches).committed);
  CHECK(names() ==
        "order:device_order series:device_series grid_utc:device_grid_utc sqlite_x:device_sqlite_x grid:grid "
        "GRID:device_GRID_2");
}

TEST_CASE_METHOD(Fixture, "a state that goes on is written once in five minutes", "[sqlite]") {
  const auto mode = feed.text("grid", "total", "message");
  auto s = sink();
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t <= 600; ++t)
    batches.push_back(feed.batch(kNoon + t * kSecond, {{mode, std::string{"ok"}}}));
  batches.push_back(feed.batch(kNoon + 601 * kSecond, {{mode, std::string{"fault"}}}));
  const auto times = [&] {
    return text("SELECT group_concat((time / 1000000 - 1781438400) || text, ' ') FROM states");
  };
  REQUIRE(attempt(*s, batches).committed);
  CHECK(times() == "0ok 300ok 600ok 601fault");
  REQUIRE(attempt(*s, batches).committed);
  CHECK(times() == "0ok 300ok 600ok 601fault");
  s->close();
  s = sink();
  REQUIRE(attempt(*s, batches).committed);
  CHECK(times() == "0ok 300ok 600ok 601fault");
}

TEST_CASE_METHOD(Fixture, "a series that is always derived costs no quality rows", "[sqlite]") {
  const auto net = feed.number("grid", "total", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{net, 1.0, MESURA_DERIVED}}),
                       feed.batch(kNoon + kSecond, {{net, 2.0, MESURA_DERIVED}}),
                       feed.batch(kNoon + 2 * kSecond, {{net, 3.0}})})
              .committed);
  CHECK(integer("SELECT quality FROM series") == MESURA_DERIVED);
  CHECK(text("SELECT group_concat(time || '=' || flags) FROM quality") == "1781438402000000=0");
}

TEST_CASE_METHOD(Fixture, "a device with too many series keeps the first ones", "[sqlite]") {
  std::vector<Feed::Item> items;
  for (int i = 0; i < 2000; ++i) items.push_back({feed.number("wide", fmt::format("ch{}", i), "voltage", "V"), 1.0});
  auto s = sink();
  const auto done = attempt(*s, {feed.batch(kNoon, items)});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 2);
  CHECK(done.rejected[0].item == 1998);
  CHECK(done.rejected[0].reason == "sink-columns: the table of device 'wide' has all the columns that SQLite takes");
  CHECK(integer("SELECT count(*) FROM wide_utc") == 1);
}

TEST_CASE_METHOD(Fixture, "a fleet is one table that a person can read by the names of its devices", "[sqlite]") {
  Feed units{"units"};
  std::vector<BatchPtr> batches;
  for (const char* device : {"garage", "roof"}) {
    const auto power = units.number(device, "ct1", "active_power", "W");
    const auto voltage = units.number(device, "l1", "voltage", "V");
    const auto mode = units.text(device, "total", "message");
    const double watts = device[0] == 'g' ? 100 : 200;
    batches.push_back(units.batch(kNoon, {{power, watts}, {voltage, 230.0}, {mode, std::string{"ok"}}}));
    batches.push_back(units.batch(kNoon + kSecond, {{power, watts + 1, MESURA_SUSPECT}}));
  }
  sqlite::SqliteSink s{options, units.table(), runtime::Logger{}};
  REQUIRE(attempt(s, batches).committed);
  CHECK(integer("SELECT count(*) FROM units") == 4);
  CHECK(text("SELECT group_concat(name, ' ') FROM pragma_table_info('units')") ==
        "time device_id ct1_active_power_w l1_voltage_v");
  CHECK(text("SELECT group_concat(name, ' ') FROM pragma_table_info('units_utc')") ==
        "utc device time device_id ct1_active_power_w l1_voltage_v");
  CHECK(
      text("SELECT utc || ' ' || ct1_active_power_w FROM units_utc WHERE device = 'roof' ORDER BY time DESC LIMIT 1") ==
      "2026-06-14T12:00:01.000Z 201.0");
  CHECK(text("SELECT fleet || ' ' || table_name || ' ' || column_name FROM series WHERE device = 'roof' AND channel = "
             "'ct1'") == "units units ct1_active_power_w");
  CHECK(integer("SELECT count(*) FROM series") == 6);
  CHECK(text("SELECT group_concat(se.device) FROM quality AS q JOIN series AS se ON se.id = q.series") ==
        "garage,roof");
  CHECK(text("SELECT group_concat(device || value, ' ') FROM states_utc") == "garageok roofok");
}

TEST_CASE_METHOD(Fixture, "a fleet shares its columns: only names that mean something else get another", "[sqlite]") {
  Feed units{"units"};
  const auto a = units.number("a", "l1", "voltage", "V");
  const auto b = units.number("b", "l1", "voltage", "V");
  auto odd = units.table().at(units.number("b", "l1", "voltage", "mV"));
  odd.flat_name = "l1_voltage_v";
  const auto c = units.table().add(odd);
  sqlite::SqliteSink s{options, units.table(), runtime::Logger{}};
  REQUIRE(attempt(s, {units.batch(kNoon, {{a, 1.0}}), units.batch(kNoon, {{b, 2.0}, {c, 3.0}})}).committed);
  CHECK(text("SELECT group_concat(name, ' ') FROM pragma_table_info('units')") ==
        "time device_id l1_voltage_v l1_voltage_v_2");
  CHECK(text("SELECT group_concat(device || l1_voltage_v || coalesce(l1_voltage_v_2, '-'), ' ') FROM units_utc") ==
        "a1.0- b2.03.0");
}

TEST_CASE_METHOD(Fixture, "a device that joins a fleet goes on there, its states in their old series", "[sqlite]") {
  const auto power = feed.number("roof", "ct1", "active_power", "W");
  const auto mode = feed.text("roof", "total", "message");
  auto alone = sink();
  REQUIRE(attempt(*alone, {feed.batch(kNoon, {{power, 1.0}, {mode, std::string{"x"}}})}).committed);
  alone->close();
  Feed units{"units"};
  const auto power2 = units.number("roof", "ct1", "active_power", "W");
  const auto mode2 = units.text("roof", "total", "message");
  sqlite::SqliteSink s{options, units.table(), runtime::Logger{}};
  REQUIRE(attempt(s, {units.batch(kNoon + kSecond, {{power2, 2.0}, {mode2, std::string{"y"}}})}).committed);
  CHECK(text("SELECT group_concat(ct1_active_power_w) FROM roof") == "1.0");
  CHECK(text("SELECT group_concat(ct1_active_power_w) FROM units") == "2.0");
  CHECK(text("SELECT group_concat(value) FROM states_utc WHERE device = 'roof'") == "x,y");
  CHECK(
      text(
          "SELECT group_concat(quantity || ':' || fleet || ':' || table_name, ' ') FROM (SELECT * FROM series ORDER BY "
          "id)") == "active_power::roof message:units:states active_power:units:units");
}

TEST_CASE_METHOD(Fixture, "retention works in the table of a fleet, too", "[sqlite]") {
  options.keep_raw = 1h;
  Feed units{"units"};
  const auto a = units.number("a", "l1", "voltage", "V");
  const auto b = units.number("b", "l1", "voltage", "V");
  sqlite::SqliteSink s{options, units.table(), runtime::Logger{}};
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < 6000; ++t) {
    batches.push_back(units.batch(kNoon + t * kSecond, {{a, 1.0}}));
    batches.push_back(units.batch(kNoon + t * kSecond, {{b, 2.0}}));
  }
  REQUIRE(attempt(s, batches).committed);
  for (int turn = 0; turn < 1000 && integer("SELECT count(*) FROM units") > 2000; ++turn) {
    s.maintain(kNoon + (5'000 + 3'600) * kSecond);
  }
  CHECK(integer("SELECT count(*) FROM units") == 2000);
  CHECK(integer("SELECT min(time) FROM units") == (kNoon + 5'000 * kSecond) / 1000);
}

TEST_CASE_METHOD(Fixture, "a file of layout 1 learns of fleets, whatever its devices are called", "[sqlite]") {
  const auto power = feed.number("device_devices", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  s->close();
  // Back to how the layout was.
  database().execute(
      "DROP VIEW device_devices_local; DROP TABLE zone_offsets; DROP TABLE quarters; DROP TABLE rollup_pending; "
      "DROP TABLE rollup_columns; DROP TABLE rollup_tables; DROP TABLE IF EXISTS device_devices_1m; "
      "DROP TABLE IF EXISTS device_devices_15m; DROP TABLE IF EXISTS device_devices_1h; "
      "DROP TABLE IF EXISTS device_devices_1d; DROP TABLE devices; ALTER TABLE series DROP COLUMN fleet; ALTER TABLE "
      "device_devices RENAME TO devices; "
      "UPDATE series SET device = 'devices', table_name = 'devices'; PRAGMA user_version = 1");
  Feed later{"units"};
  const auto unit = later.number("roof", "l1", "active_power", "W");
  sqlite::SqliteSink young{options, later.table(), runtime::Logger{}};
  REQUIRE(attempt(young, {later.batch(kNoon, {{unit, 5.0}})}).committed);
  young.close();
  Feed old;
  const auto same = old.number("devices", "l1", "active_power", "W");
  sqlite::SqliteSink again{options, old.table(), runtime::Logger{}};
  REQUIRE(attempt(again, {old.batch(kNoon + kSecond, {{same, 2.0}})}).committed);
  CHECK(integer("PRAGMA user_version") == 3);
  CHECK(text("SELECT group_concat(l1_active_power_w) FROM device_devices") == "1.0,2.0");
  CHECK(text("SELECT group_concat(device || ':' || l1_active_power_w) FROM units_utc") == "roof:5.0");
}

TEST_CASE_METHOD(Fixture, "it can be read while it is written", "[sqlite]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  const database::Database reader = database();
  reader.execute("BEGIN");
  CHECK(reader.integer("SELECT count(*) FROM grid") == 1);
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{power, 2.0}, {feed.number("grid", "l1", "voltage", "V"), 230.0}})})
              .committed);
  CHECK(reader.integer("SELECT count(*) FROM grid") == 1);
  reader.execute("COMMIT");
  CHECK(reader.integer("SELECT count(*) FROM grid") == 2);
}

TEST_CASE_METHOD(Fixture, "retention deletes what is old and keeps the last state", "[sqlite]") {
  options.keep_raw = 1h;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto mode = feed.text("grid", "total", "message");
  auto s = sink();
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < 12'000; ++t)
    batches.push_back(feed.batch(kNoon + t * kSecond, {{power, 1.0, MESURA_SUSPECT}}));
  batches.push_back(feed.batch(kNoon, {{mode, std::string{"old"}}}));
  batches.push_back(feed.batch(kNoon + kSecond, {{mode, std::string{"last"}}}));
  REQUIRE(attempt(*s, batches).committed);
  // As many turns as a slow disk needs.
  for (int turn = 0; turn < 1000 && integer("SELECT count(*) FROM quality") > 3000; ++turn) {
    s->maintain(kNoon + (9'000 + 3'600) * kSecond);
  }
  CHECK(integer("SELECT count(*) FROM grid") == 3000);
  CHECK(integer("SELECT min(time) FROM grid") == (kNoon + 9'000 * kSecond) / 1000);
  CHECK(integer("SELECT count(*) FROM quality") == 3000);
  CHECK(text("SELECT group_concat(text) FROM states") == "last");
}

TEST_CASE_METHOD(Fixture, "a file that is not ours is refused untouched", "[sqlite]") {
  auto s = sink();
  SECTION("no database at all") {
    const std::string junk(8192, 'x');
    write_file(options.path, junk);
    const auto refused = attempt(*s, {});
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-corrupt: " + options.path.string()));
    CHECK(read_file(options.path) == junk);
  }
  SECTION("another program's") {
    database().execute("CREATE TABLE theirs (a)");
    const auto refused = attempt(*s, {});
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-foreign: "));
    CHECK(text("SELECT group_concat(name) FROM sqlite_schema") == "theirs");
    CHECK(text("PRAGMA journal_mode") == "delete");
  }
  SECTION("a younger version's") {
    s->open();
    s->close();
    database().execute("PRAGMA user_version = 4");
    const auto refused = attempt(*s, {});
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-newer: "));
  }
  SECTION("a directory that does not exist") {
    options.path = dir.path() / "missing" / "store.db";
    s = sink();
    const auto refused = attempt(*s, {});
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-path: "));
  }
}

TEST_CASE_METHOD(Fixture, "a file deleted while it is open is noticed", "[sqlite]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  for (const std::string& name : list_files(dir.path())) std::filesystem::remove(dir.path() / name);
  const std::vector<BatchPtr> batches{feed.batch(kNoon + kSecond, {{power, 2.0}})};
  CHECK_THAT(attempt(*s, batches).reason, Catch::Matchers::StartsWith("sink-gone: "));
  REQUIRE(attempt(*s, batches).committed);
  CHECK(text("SELECT group_concat(l1_active_power_w) FROM grid") == "2.0");
}

TEST_CASE_METHOD(Fixture, "a table or column that a person dropped comes back with the next value", "[sqlite]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}, {voltage, 230.0}})}).committed);
  SECTION("column") { database().execute("ALTER TABLE grid DROP COLUMN l1_voltage_v"); }
  SECTION("table") { database().execute("DROP VIEW grid_utc; DROP TABLE grid"); }
  const std::vector<BatchPtr> batches{feed.batch(kNoon + kSecond, {{power, 2.0}, {voltage, 231.0}})};
  if (!attempt(*s, batches).committed) REQUIRE(attempt(*s, batches).committed);
  CHECK(text("SELECT l1_active_power_w || ' ' || l1_voltage_v FROM grid WHERE time = 1781438401000000") == "2.0 231.0");
}

TEST_CASE_METHOD(Fixture, "closing leaves one file", "[sqlite]") {
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{feed.number("grid", "l1", "voltage", "V"), 230.0}})}).committed);
  s->close();
  CHECK(list_files(dir.path()) == std::vector<std::string>{"store.db"});
}
