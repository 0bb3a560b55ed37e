// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is in the database: for people, for other programs, for the next Mesura.
#include "sinks/mysql/reserved_words.hpp"
#include "sinks/names.hpp"
#include "sinks/tests/mysql_adapter.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using database::mariadb::Connection;

namespace {

struct Fixture {
  MysqlDatabase database;
  Feed feed;
  mysql::Options options = database.options();

  std::unique_ptr<mysql::MysqlSink> sink() const {
    return std::make_unique<mysql::MysqlSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] std::int64_t integer(const std::string& sql) const { return database.connect().integer(sql); }
  [[nodiscard]] std::string text(const std::string& sql) const { return database.connect().text(sql); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the database explains itself to a person", "[mysql]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon + 213'456'000, {{power, 1843.27}})}).committed);
  CHECK(text("SELECT CONCAT(time, ' ', l1_active_power_w) FROM grid") == "2026-06-14 12:00:00.213456 1843.27");
  CHECK(text("SELECT CONCAT(local_time, ' ', l1_active_power_w) FROM grid_local") ==
        "2026-06-14 16:00:00.213456 1843.27");
  CHECK(text("SELECT CONCAT_WS(' ', device, channel, quantity, unit, kind, table_name, column_name, first_seen) FROM "
             "series") == "grid l1 active_power W gauge grid l1_active_power_w 2026-06-14 12:00:00.213456");
  CHECK(text("SELECT COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = "
             "'l1_active_power_w' AND TABLE_NAME = 'grid'") == "l1 active_power in W");
  CHECK(text("SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "
             "'grid'") == "Mesura: device grid");
  CHECK(text("SELECT value FROM meta WHERE name = 'site_zone'") == "Europe/Moscow");
  CHECK(text("SELECT value FROM meta WHERE name = 'layout'") == "2");
  // Columns that come later are in the view, too.
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{voltage, 230.0}})}).committed);
  CHECK(text("SELECT l1_voltage_v FROM grid_local WHERE time = '2026-06-14 12:00:01'") == "230");
  s->close();
  // Another zone is in the views from the next start on; one that the server does not know gives no time, not a wrong
  // one.
  options.site_zone = "Japan";
  s = sink();
  s->open();
  CHECK(text("SELECT local_time FROM grid_local ORDER BY time LIMIT 1") == "2026-06-14 21:00:00.213456");
  s->close();
  options.site_zone = "Europe/Brussels";
  s = sink();
  s->open();
  CHECK(text("SELECT COALESCE(local_time, 'none') FROM grid_local LIMIT 1") == "none");
}

TEST_CASE_METHOD(Fixture, "times from 1677 to 2262 and every double come back as they went", "[mysql]") {
  const auto v = feed.number("grid", "l1", "voltage", "V");
  std::vector<BatchPtr> batches;
  Stored expected;
  const std::vector<double> values{0.1, -0.0, 5e-324, 1.7976931348623157e308, 441879.0, -1843.27, 1.0 / 3};
  const std::vector<std::int64_t> times{INT64_MIN + 1, -1, 0, 1, kNoon, kNoon + 999'999'999, INT64_MAX};
  for (std::size_t i = 0; i < values.size(); ++i) {
    batches.push_back(feed.batch(times[i], {{v, values[i]}}));
    const std::int64_t us = static_cast<std::int64_t>(std::floor(static_cast<long double>(times[i]) / 1000));
    // 0 and 1 ns are one microsecond: the later of them counts.
    expected[{"grid", "l1_voltage_v", us}] = {values[i], "good"};
  }
  auto s = sink();
  REQUIRE(attempt(*s, batches).committed);
  CHECK(read_mysql(database.connect(), {"grid"}) == expected);
}

TEST_CASE_METHOD(Fixture, "names that mean something to SQL or to us get a prefix, and keep it", "[mysql]") {
  std::vector<BatchPtr> batches;
  for (const char* device : {"order", "series", "grid_local", "grid_1h", "grid", "GRID", "date"}) {
    batches.push_back(feed.batch(kNoon, {{feed.number(device, "l1", "voltage", "V"), 230.0}}));
  }
  auto s = sink();
  const auto names = [&] {
    return text("SELECT GROUP_CONCAT(device, ':', table_name ORDER BY id SEPARATOR ' ') FROM series");
  };
  // Not device_GRID: its view would be device_GRID_local, which is a table, and some servers ignore case.
  const std::string expected =
      "order:device_order series:device_series grid_local:device_grid_local grid_1h:device_grid_1h grid:grid "
      "GRID:device_GRID_2 date:date";
  REQUIRE(attempt(*s, batches).committed);
  CHECK(names() == expected);
  s->close();
  s = sink();
  REQUIRE(attempt(*s, batches).committed);
  CHECK(names() == expected);
  CHECK(mysql::is_reserved("select"));
  CHECK(mysql::is_reserved("zerofill"));
  CHECK(mysql::is_reserved("accessible"));
  CHECK_FALSE(mysql::is_reserved("grid"));
}

TEST_CASE_METHOD(Fixture, "hostile names are stored, told, and found again", "[mysql]") {
  std::vector<std::string> devices{"back`tick",
                                   "quote'\"\\",
                                   "emoji \xF0\x9F\x94\x8C plug",
                                   "trailing ",
                                   "trailing",
                                   std::string(200, 'x'),
                                   std::string(200, 'x') + "y",
                                   "`; DROP TABLE series; --",
                                   "100%_sure",
                                   "a\tb",
                                   "Zähler",
                                   "ZÄHLER",
                                   "zaehler"};
  std::string many;
  for (int i = 0; i < 70; ++i) many += "\xE7\x94\xB5";  // three bytes in UTF-8, five in the name of a file
  devices.push_back(many);
  std::vector<BatchPtr> batches;
  std::vector<std::uint32_t> ids;
  double value = 0;
  Stored expected;
  auto s = sink();
  for (const std::string& device : devices) {
    auto info = feed.table().at(feed.number(device, "l1", "voltage", "V"));
    info.flat_name = "l1_" + device;
    ids.push_back(feed.table().add(info));
    batches.push_back(feed.batch(kNoon, {{ids.back(), value += 1}}));
  }
  REQUIRE(attempt(*s, batches).committed);
  s->close();
  s = sink();
  REQUIRE(attempt(*s, batches).committed);
  const Stored got = read_mysql(database.connect(), devices);
  CHECK(got.size() == devices.size());
  value = 0;
  for (const std::string& device : devices) {
    value += 1;
    const auto found =
        std::find_if(got.begin(), got.end(), [&](const auto& e) { return std::get<0>(e.first) == device; });
    INFO(device);
    REQUIRE(found != got.end());
    CHECK(found->second.first == Feed::Value{value});
  }
  CHECK(integer("SELECT COUNT(*) FROM series") == static_cast<std::int64_t>(devices.size()));
  CHECK(integer("SELECT COUNT(DISTINCT table_name) FROM series") == static_cast<std::int64_t>(devices.size()));
}

TEST_CASE("identifiers are cut the same way each time", "[names]") {
  const NameLimits limits{20, false, SIZE_MAX};
  CHECK(identifier("l1_voltage_v", limits) == "l1_voltage_v");
  CHECK(identifier("exactly_20_characters"s.substr(0, 20), limits).size() == 20);
  const std::string cut = identifier("a_name_of_more_than_twenty_characters", limits);
  CHECK(cut == "a_name_of_m_" + cut.substr(12));
  CHECK(cut.size() == 20);
  CHECK(cut != identifier("a_name_of_more_than_twenty_characterz", limits));
  CHECK(identifier("a\xF0\x9F\x94\x8C"
                   "b",
                   limits) == "a_b");
  CHECK(identifier("a\xF0\x9F\x94\x8C"
                   "b",
                   {20, true, SIZE_MAX}) ==
        "a\xF0\x9F\x94\x8C"
        "b");
  CHECK(identifier("a\xff"
                   "b\xc3",
                   limits) == "a_b_");
  CHECK(identifier("blank ", limits) == "blank_");
}

TEST_CASE_METHOD(Fixture, "columns that the server takes for the same get different names", "[mysql]") {
  std::vector<Feed::Item> items;
  for (const char* channel : {"gr\xC3\xB6\xC3\x9F"
                              "e",
                              "grosse", "GROSSE"})
    items.push_back({feed.number("d", channel, "x", "1"), static_cast<double>(items.size())});
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, items)}).committed);
  CHECK(read_mysql(database.connect(), {"d"}).size() == 3);
  CHECK(
      integer("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'd'") ==
      4);
}

TEST_CASE_METHOD(Fixture, "a state that goes on is written once in five minutes", "[mysql]") {
  const auto mode = feed.text("grid", "total", "message");
  auto s = sink();
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t <= 600; ++t)
    batches.push_back(feed.batch(kNoon + t * kSecond, {{mode, std::string{"ok"}}}));
  batches.push_back(feed.batch(kNoon + 601 * kSecond, {{mode, std::string{"fault"}}}));
  const auto times = [&] {
    return text(
        "SELECT GROUP_CONCAT(TIMESTAMPDIFF(SECOND, '2026-06-14 12:00:00', time), text ORDER BY time SEPARATOR ' ') "
        "FROM states");
  };
  REQUIRE(attempt(*s, batches).committed);
  CHECK(times() == "0ok 300ok 600ok 601fault");
  REQUIRE(attempt(*s, batches).committed);
  CHECK(times() == "0ok 300ok 600ok 601fault");
  s->close();
  s = sink();
  REQUIRE(attempt(*s, batches).committed);
  CHECK(times() == "0ok 300ok 600ok 601fault");
  // Late, between what is there.
  REQUIRE(attempt(*s, {feed.batch(kNoon + 100 * kSecond, {{mode, std::string{"late"}}}),
                       feed.batch(kNoon + 101 * kSecond, {{mode, std::string{"late"}}}),
                       feed.batch(kNoon + 102 * kSecond, {{mode, std::string{"ok"}}})})
              .committed);
  CHECK(times() == "0ok 100late 102ok 300ok 600ok 601fault");
  CHECK(integer("SELECT COUNT(*) FROM states_named WHERE device = 'grid' AND value = 'late'") == 1);
}

TEST_CASE_METHOD(Fixture, "a series that is always derived costs no quality rows", "[mysql]") {
  const auto net = feed.number("grid", "total", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{net, 1.0, MESURA_DERIVED}}),
                       feed.batch(kNoon + kSecond, {{net, 2.0, MESURA_DERIVED}}),
                       feed.batch(kNoon + 2 * kSecond, {{net, 3.0}})})
              .committed);
  CHECK(integer("SELECT quality FROM series") == MESURA_DERIVED);
  CHECK(text("SELECT GROUP_CONCAT(time, '=', flags) FROM quality") == "2026-06-14 12:00:02.000000=0");
}

TEST_CASE_METHOD(Fixture, "a device with too many series keeps the first ones", "[mysql]") {
  std::vector<Feed::Item> items;
  for (int i = 0; i < 1100; ++i) items.push_back({feed.number("wide", fmt::format("ch{}", i), "voltage", "V"), 1.0});
  auto s = sink();
  const auto done = attempt(*s, {feed.batch(kNoon, items)});
  INFO(done.reason);
  REQUIRE(done.committed);
  REQUIRE_FALSE(done.rejected.empty());
  const std::size_t kept = 1100 - done.rejected.size();
  INFO(kept);
  CHECK(kept > 900);
  CHECK(done.rejected[0].item == kept);
  CHECK(done.rejected[0].reason ==
        "sink-columns: the table of device 'wide' has all the columns that the server takes");
  CHECK(read_mysql(database.connect(), {"wide"}).size() == kept);
  // The others go on, also after a restart.
  s->close();
  s = sink();
  const auto again = attempt(*s, {feed.batch(kNoon + kSecond, items)});
  REQUIRE(again.committed);
  CHECK(again.rejected.size() == done.rejected.size());
  CHECK(read_mysql(database.connect(), {"wide"}).size() == 2 * kept);
}

TEST_CASE_METHOD(Fixture, "what a killed program left half made is found and used", "[mysql]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  REQUIRE(attempt(*sink(), {feed.batch(kNoon, {{power, 1.0}})}).committed);
  // The table and a column are there, their series are not.
  database.connect().execute("DELETE FROM series");
  database.connect().execute("ALTER TABLE grid ADD COLUMN l1_voltage_v DOUBLE");
  // One of a person's own, which is not ours to write to.
  database.connect().execute("ALTER TABLE grid ADD COLUMN l1_current_a VARCHAR(9)");
  const auto current = feed.number("grid", "l1", "current", "A");
  REQUIRE(attempt(*sink(), {feed.batch(kNoon + kSecond, {{power, 2.0}, {voltage, 230.0}, {current, 3.0}})}).committed);
  CHECK(text("SELECT GROUP_CONCAT(table_name, '.', column_name ORDER BY id SEPARATOR ' ') FROM series") ==
        "grid.l1_active_power_w grid.l1_voltage_v grid.l1_current_a_2");
  CHECK(text("SELECT GROUP_CONCAT(l1_active_power_w ORDER BY time) FROM grid") == "1,2");
}

TEST_CASE_METHOD(Fixture, "a name longer than the database's is told", "[mysql]") {
  const auto longest = feed.number(std::string(256, 'x'), "l1", "voltage", "V");
  const auto fits = feed.number(std::string(255, 'x'), "l1", "voltage", "V");
  const auto done = attempt(*sink(), {feed.batch(kNoon, {{longest, 1.0}}), feed.batch(kNoon, {{fits, 2.0}})});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 1);
  CHECK(done.rejected[0].batch == 0);
  CHECK_THAT(done.rejected[0].reason, Catch::Matchers::StartsWith("sink-name: xxx"));
}

TEST_CASE_METHOD(Fixture, "a fleet is one table that a person can read by the names of its devices", "[mysql]") {
  Feed units{"units"};
  std::vector<BatchPtr> batches;
  for (const char* device : {"garage", "roof"}) {
    const auto power = units.number(device, "ct1", "active_power", "W");
    const auto voltage = units.number(device, "l1", "voltage", "V");
    const double watts = device[0] == 'g' ? 100 : 200;
    batches.push_back(units.batch(kNoon, {{power, watts}, {voltage, 230.0}}));
    batches.push_back(units.batch(kNoon + kSecond, {{power, watts + 1, MESURA_SUSPECT}}));
  }
  auto odd = units.table().at(units.number("roof", "l1", "voltage", "mV"));
  odd.flat_name = "l1_voltage_v";
  batches.push_back(units.batch(kNoon, {{units.table().add(odd), 3.0}}));
  mysql::MysqlSink s{options, units.table(), runtime::Logger{}};
  REQUIRE(attempt(s, batches).committed);
  CHECK(integer("SELECT COUNT(*) FROM units") == 4);
  CHECK(text("SELECT GROUP_CONCAT(COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR ' ') FROM information_schema.COLUMNS "
             "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'units_local'") ==
        "local_time device time device_id ct1_active_power_w l1_voltage_v l1_voltage_v_2");
  CHECK(text("SELECT CONCAT(time, ' ', ct1_active_power_w) FROM units_local WHERE device = 'roof' ORDER BY time DESC "
             "LIMIT 1") == "2026-06-14 12:00:01.000000 201");
  CHECK(text("SELECT CONCAT_WS(' ', fleet, table_name, column_name) FROM series WHERE device = 'roof' AND channel = "
             "'ct1'") == "units units ct1_active_power_w");
  CHECK(integer("SELECT COUNT(*) FROM series") == 5);
}

TEST_CASE_METHOD(Fixture, "what is older than its retention goes, the newest state of a series stays", "[mysql]") {
  options.keep.raw = 1h;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto mode = feed.text("grid", "total", "message");
  const auto other = feed.text("grid", "total", "firmware");
  auto s = sink();
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 12'000; ++i)
    batches.push_back(
        feed.batch(kNoon + i * kSecond, {{power, static_cast<double>(i), i == 0 ? MESURA_SUSPECT : MESURA_GOOD}}));
  batches.push_back(feed.batch(kNoon, {{mode, std::string{"old"}}, {other, std::string{"v1"}}}));
  batches.push_back(feed.batch(kNoon + 7000 * kSecond, {{mode, std::string{"new"}}}));
  REQUIRE(attempt(*s, batches).committed);
  s->maintain(kNoon + 12'000 * kSecond);
  CHECK(integer("SELECT COUNT(*) FROM grid") == 3600);
  CHECK(text("SELECT MIN(time) FROM grid") == "2026-06-14 14:20:00.000000");
  CHECK(text("SELECT GROUP_CONCAT(text ORDER BY text) FROM states") == "new,v1");
  CHECK(integer("SELECT COUNT(*) FROM quality") == 0);
}

TEST_CASE_METHOD(Fixture, "a database of another program or a newer Mesura is left alone", "[mysql]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const std::vector<BatchPtr> batches{feed.batch(kNoon, {{power, 1.0}})};
  SECTION("another program") {
    const auto name = database::mariadb::quote_name(database.name());
    Connection{mysql_login()}.execute("CREATE DATABASE " + name);
    database.connect().execute("CREATE TABLE series (title TEXT, season INT)");
    const auto refused = attempt(*sink(), batches);
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-foreign: database 'mesura "));
    CHECK(integer("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "
                  "'series'") == 2);
  }
  SECTION("a newer Mesura") {
    REQUIRE(attempt(*sink(), batches).committed);
    database.connect().execute("UPDATE meta SET value = '3' WHERE name = 'layout'");
    const auto refused = attempt(*sink(), batches);
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, mesura::test::contains("has layout 3, this program knows up to 2"));
  }
  SECTION("tables of others beside ours are no trouble") {
    REQUIRE(attempt(*sink(), batches).committed);
    database.connect().execute("CREATE TABLE inverter (x INT)");
    const auto id = feed.number("inverter", "l1", "voltage", "V");
    REQUIRE(attempt(*sink(), {feed.batch(kNoon, {{id, 1.0}})}).committed);
    CHECK(text("SELECT table_name FROM series WHERE device = 'inverter'") == "device_inverter");
  }
}

TEST_CASE_METHOD(Fixture, "two programs may write into one database", "[mysql]") {
  auto one = sink();
  Feed other;
  mysql::MysqlSink two{options, other.table(), runtime::Logger{}};
  const auto a = feed.number("a", "l1", "voltage", "V");
  const auto b = other.number("b", "l1", "voltage", "V");
  REQUIRE(attempt(*one, {feed.batch(kNoon, {{a, 1.0}})}).committed);
  REQUIRE(attempt(two, {other.batch(kNoon, {{b, 2.0}})}).committed);
  // Each has read the layout before the other one added to it.
  const auto a2 = feed.number("a", "l2", "voltage", "V");
  const auto ab = feed.number("b", "l2", "voltage", "V");
  REQUIRE(attempt(*one, {feed.batch(kNoon, {{a2, 3.0}, {ab, 4.0}, {a, 1.5}})}).committed);
  const auto bb = other.number("b", "l3", "voltage", "V");
  const auto same = other.number("b", "l2", "voltage", "V");
  REQUIRE(attempt(two, {other.batch(kNoon + kSecond, {{bb, 5.0}, {same, 6.0}, {b, 2.5}})}).committed);
  const auto at = [](std::int64_t s) { return kNoon / 1000 + s * 1'000'000; };
  CHECK(read_mysql(database.connect(), {"a", "b"}) == Stored{{{"a", "l1_voltage_v", at(0)}, {1.5, "good"}},
                                                             {{"a", "l2_voltage_v", at(0)}, {3.0, "good"}},
                                                             {{"b", "l1_voltage_v", at(0)}, {2.0, "good"}},
                                                             {{"b", "l2_voltage_v", at(0)}, {4.0, "good"}},
                                                             {{"b", "l1_voltage_v", at(1)}, {2.5, "good"}},
                                                             {{"b", "l2_voltage_v", at(1)}, {6.0, "good"}},
                                                             {{"b", "l3_voltage_v", at(1)}, {5.0, "good"}}});
  CHECK(integer("SELECT COUNT(*) FROM series") == 5);
}
