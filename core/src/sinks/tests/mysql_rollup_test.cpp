// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Rollups in the database equal what its raw rows say, whatever happens.
#include "database/sqlite.hpp"
#include "sinks/tests/mysql_adapter.hpp"
#include "sinks/tests/rollup_check.hpp"
#include "sinks/tests/rollup_feed.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;
using Catch::Matchers::StartsWith;
using database::mariadb::Connection;

namespace {

constexpr std::int64_t kMinuteNs = 60 * kSecond;
constexpr std::int64_t kHourNs = 3600 * kSecond;

struct Fixture {
  MysqlDatabase database;
  TempDir dir;
  mysql::Options options = database.options();

  Fixture() { options.site_zone = "Europe/Brussels"; }
  std::unique_ptr<mysql::MysqlSink> sink(const Feed& feed) const {
    return std::make_unique<mysql::MysqlSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] std::int64_t integer(const std::string& sql) const { return database.connect().integer(sql); }
  [[nodiscard]] std::string text(const std::string& sql) const { return database.connect().text(sql); }
  [[nodiscard]] std::int64_t pending() const { return integer("SELECT COUNT(*) FROM rollup_pending"); }

  // A table as one of SQLite, which the check reads.
  void mirror(const Connection& from, const database::Database& to, const std::string& table) const {
    std::string make;
    std::string read;
    std::string marks;
    for (const auto& row : from.query("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
                                      "DATABASE() AND TABLE_NAME = " +
                                      from.quote(table) + " ORDER BY ORDINAL_POSITION")) {
      const std::string& name = *row[0];
      make += (make.empty() ? "" : ", ") + database::quote_name(name);
      read += (read.empty() ? "" : ", ") + database::mariadb::quote_name(name);
      marks += marks.empty() ? "?" : ", ?";
    }
    if (make.empty()) return;
    to.execute(fmt::format("CREATE TABLE {} ({})", database::quote_name(table), make));
    database::mariadb::Statement rows{from,
                                      fmt::format("SELECT {} FROM {}", read, database::mariadb::quote_name(table))};
    database::Statement put = to.prepare(fmt::format("INSERT INTO {} VALUES ({})", database::quote_name(table), marks));
    const auto n = static_cast<std::size_t>(std::count(marks.begin(), marks.end(), '?'));
    rows.execute();
    to.execute("BEGIN");
    while (rows.fetch()) {
      put.bind(1, rows.time_us(0));
      for (std::size_t i = 1; i < n; ++i) {
        const int at = static_cast<int>(i) + 1;
        // Integers: device_id and counts. The library tells doubles by their own type.
        if (rows.is_null(i)) {
          put.bind_null(at);
        } else if (rows.number(i) != 0) {
          put.bind(at, rows.number(i));
        } else {
          put.bind(at, rows.integer(i));
        }
      }
      put.run();
    }
    to.execute("COMMIT");
  }
  [[nodiscard]] std::string differs(const std::string& source, const std::vector<std::string>& registers = kRegisters,
                                    const std::string& zone = "Europe/Brussels") const {
    static int count = 0;
    const database::Database copy{dir.path() / fmt::format("copy{}.db", ++count)};
    const Connection db = database.connect();
    for (const char* suffix : {"", "_1m", "_15m", "_1h", "_1d"}) mirror(db, copy, source + suffix);
    return rollups_differ(copy, source, registers, zone);
  }
  // As a program that runs on, until nothing is pending.
  void settle(Sink& sink) const {
    for (int i = 0; i < 200 && (i == 0 || pending() > 0); ++i) {
      sink.open();
      sink.maintain(INT64_MAX / 2);
    }
    CHECK(pending() == 0);
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "rollups in the database explain themselves to a person", "[mysql][rollup]") {
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto energy = as_register(feed, feed.number("grid", "total", "active_energy_import", "Wh"));
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 75; ++i) {
    batches.push_back(feed.batch(kNoon + i * kSecond, {{power, static_cast<double>(i)}}));
  }
  batches.push_back(feed.batch(kNoon + 10 * kSecond, {{energy, 100.0}}));
  batches.push_back(feed.batch(kNoon + 50 * kSecond, {{energy, 103.0}}));
  batches.push_back(feed.batch(kNoon + 70 * kSecond, {{energy, 104.0}}));
  REQUIRE(attempt(*s, batches).committed);
  CHECK(text("SELECT GROUP_CONCAT(CONCAT_WS(' ', time, count, completeness, l1_active_power_w, l1_active_power_w_min, "
             "l1_active_power_w_max, l1_active_power_w_last, COALESCE(l1_active_power_w_count, '-'), "
             "total_active_energy_import_wh, total_active_energy_import_wh_delta, "
             "total_active_energy_import_wh_count)) FROM grid_1m") ==
        "2026-06-14 12:00:00 60 1 29.5 0 59 59 - 103 3 2");
  s->close();
  CHECK(text("SELECT CONCAT_WS(' ', time, count, l1_active_power_w, l1_active_power_w_max, "
             "total_active_energy_import_wh_delta) FROM grid_1d") == "2026-06-13 22:00:00 75 37 74 4");
  CHECK(text("SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "
             "'grid_15m'") == "Mesura: grid by 15 minutes (UTC); rollup_columns explains the columns");
  CHECK(text("SELECT COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "
             "'grid_1d' AND COLUMN_NAME = 'l1_active_power_w'") == "mean");
  CHECK(differs("grid", {"total_active_energy_import_wh"}) == "");
  CHECK(pending() == 0);
}

TEST_CASE_METHOD(Fixture, "rollups equal a recomputation, whatever came in which order", "[mysql][rollup]") {
  const auto seed = GENERATE(range(1, 9));
  CAPTURE(seed);
  const bool fleet = seed % 2 == 0;
  options.arrays = seed % 4 < 2;
  // The clock goes back on 2026-10-25 at 01:00Z and forth on 2026-03-29.
  const std::int64_t starts[] = {kNoon, 1'792'886'400 * kSecond - 40 * kMinuteNs, 1'774'738'800 * kSecond};
  Odd odd{fleet ? "units" : "", "one", static_cast<std::uint64_t>(seed), starts[seed % 3]};
  std::vector<BatchPtr> sent;
  auto s = sink(odd.feed);
  for (int step = 0; step < 150; ++step) {
    std::vector<BatchPtr> now;
    if (fleet && odd.upto(6) == 0) odd.add(odd.upto(2) == 0 ? "one" : "two");
    const auto n = 1 + odd.upto(60);
    for (std::uint64_t i = 0; i < n; ++i) now.push_back(odd.next());
    switch (odd.upto(12)) {
      case 0: std::reverse(now.begin(), now.end()); break;
      case 1: std::shuffle(now.begin(), now.end(), odd.random); break;
      case 2:  // a repeat of something long ago
        for (int i = 0; i < 40 && !sent.empty(); ++i) now.push_back(sent[odd.upto(sent.size())]);
        break;
      case 3:  // another value for an instant that was there
        for (int i = 0; i < 5 && !sent.empty(); ++i) {
          const Batch& old = *sent[odd.upto(sent.size())];
          now.push_back(odd.feed.batch(old.time_ns, {{old.items.back().series, 77.5}}));
        }
        break;
      case 4:  // late rows
        for (int i = 0; i < 5; ++i) {
          const std::int64_t late = odd.time - static_cast<std::int64_t>(odd.upto(90'000)) * kSecond;
          now.push_back(odd.feed.batch(late, {{odd.gauges[0], 1.5}, {odd.registers[0], odd.energy}}));
        }
        break;
      case 5:  // years ago, in its own order
        for (int i = 0; i < 50; ++i) {
          now.push_back(odd.feed.batch(odd.time - 900 * 24 * kHourNs + i * 20 * kSecond, {{odd.gauges[1], 229.0}}));
        }
        break;
      default: break;
    }
    REQUIRE(attempt(*s, now).committed);
    sent.insert(sent.end(), now.begin(), now.end());
    switch (odd.upto(15)) {
      case 0:  // as if killed
        s = sink(odd.feed);
        break;
      case 1:
        s->close();
        s = sink(odd.feed);
        break;
      case 2: s->maintain(odd.time + kMinuteNs); break;
      case 3: s->maintain(odd.time + 8 * kSecond); break;
      default: break;
    }
  }
  REQUIRE(attempt(*s, {odd.next()}).committed);
  s->close();
  settle(*s);
  CHECK(differs(fleet ? "units" : "one") == "");
  CHECK(integer(fmt::format("SELECT COUNT(*) FROM {}_1d", fleet ? "units" : "one")) >= 2);
}

TEST_CASE_METHOD(Fixture, "locks, deadlocks and lost connections leave rollups that come right", "[mysql][rollup]") {
  Odd odd{"", "one", 4, kNoon};
  auto s = sink(odd.feed);
  std::vector<BatchPtr> first;
  for (int i = 0; i < 900; ++i) first.push_back(odd.next());
  REQUIRE(attempt(*s, first).committed);
  int failures = 0;
  for (int round = 0; round < 6; ++round) {
    std::vector<BatchPtr> now;
    for (int i = 0; i < 200; ++i) now.push_back(odd.next());
    const Connection other = database.connect();
    if (round % 3 == 0) {
      // Its rows are written, and it waits for the first row of the rollups that it wants to write.
      other.execute("START TRANSACTION");
      (void)other.query("SELECT * FROM one_1m FOR UPDATE");
    } else if (round % 3 == 1) {
      // The same in what is pending, at maintain().
      other.execute("START TRANSACTION");
      (void)other.query("SELECT * FROM rollup_pending FOR UPDATE");
    } else {
      for (const auto& row : other.query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID "
                                         "<> CONNECTION_ID()"))
        other.execute("KILL " + *row[0]);
    }
    const auto refused = attempt(*s, now);
    failures += refused.committed ? 0 : 1;
    s->maintain(odd.time + 20 * kMinuteNs);
    if (round % 3 != 2) other.execute("ROLLBACK");
    REQUIRE(attempt(*s, now).committed);
  }
  CHECK(failures >= 4);
  s->close();
  settle(*s);
  CHECK(differs("one") == "");
}

TEST_CASE_METHOD(Fixture, "kill -9 at any moment leaves rollups in the database that come right", "[mysql][rollup]") {
  const int rounds = std::getenv("MESURA_SOAK") != nullptr ? 100 : 6;
  std::int64_t written = 0;
  for (int round = 0; round < rounds; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Odd odd{"", "one", static_cast<std::uint64_t>(round), kNoon + (written - 20) * kSecond};
      auto s = sink(odd.feed);
      for (std::int64_t n = 0;; ++n) {
        std::vector<BatchPtr> now;
        for (int i = 0; i < 20; ++i) now.push_back(odd.next());
        if (n % 7 == 3) now.push_back(odd.feed.batch(odd.time - 4000 * kSecond, {{odd.gauges[0], 4.0}}));
        // The last one's connection may still be dying.
        while (!attempt(*s, now).committed) {
        }
        if (n % 11 == 5) s->maintain(odd.time);
        const std::int64_t at = (odd.time - kNoon) / kSecond;
        if (::write(ends[1], &at, sizeof at) != sizeof at) ::_exit(1);
      }
    }
    ::close(ends[1]);
    for (int i = 0; i < 12; ++i) REQUIRE(::read(ends[0], &written, sizeof written) == sizeof written);
    ::usleep(static_cast<useconds_t>(round * 1371 % 5000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (::read(ends[0], &written, sizeof written) == sizeof written) {
    }
    ::close(ends[0]);
  }
  const Feed feed;
  auto s = sink(feed);
  settle(*s);
  s->close();
  CHECK(differs("one") == "");
  fmt::print("SOAK | kill -9 of mysql with rollups | {} kills | rollups equal a recomputation of {} rows\n", rounds,
             integer("SELECT COUNT(*) FROM one"));
}

TEST_CASE_METHOD(Fixture, "another zone makes other days in the database", "[mysql][rollup]") {
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 60 * 60; ++i) batches.push_back(feed.batch(kNoon + i * 60 * kSecond, {{power, 1.0}}));
  REQUIRE(attempt(*s, batches).committed);
  s->close();
  settle(*s);
  for (const char* zone : {"Asia/Kolkata", "America/New_York", "Europe/Brussels"}) {
    options.site_zone = zone;
    s = sink(feed);
    settle(*s);
    s->close();
    CHECK(differs("grid", {}, zone) == "");
  }
}

TEST_CASE_METHOD(Fixture, "a device of many series has its rollups in several tables of the database",
                 "[mysql][rollup]") {
  constexpr std::size_t kSeries = 900;
  Feed feed;
  std::vector<std::uint32_t> ids;
  for (std::size_t i = 0; i < kSeries; ++i) ids.push_back(feed.number("wide", fmt::format("ch{}", i), "voltage", "V"));
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < 4; ++t) {
    std::vector<Feed::Item> items;
    for (std::size_t i = 0; i < (t < 2 ? kSeries / 2 : kSeries); ++i) {
      items.push_back({ids[i], static_cast<double>(t) + static_cast<double>(i) / 8});
    }
    batches.push_back(feed.batch(kNoon + t * kSecond, items));
    if (t != 1 && t != 3) continue;
    const auto done = attempt(*s, batches);
    INFO(done.reason);
    REQUIRE(done.committed);
  }
  s->close();
  settle(*s);
  CHECK(integer("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE "
                "'wide\\_1h%'") == 5);
  CHECK(text("SELECT CONCAT(ch0_voltage_v, ' ', ch0_voltage_v_max) FROM wide_1h") == "1.5 3");
  CHECK(text("SELECT CONCAT_WS(' ', ch899_voltage_v, ch899_voltage_v_count, count) FROM wide_1d_part5") ==
        "114.875 2 4");
}

TEST_CASE_METHOD(Fixture, "names of rollups fit and differ, as the server sees them", "[mysql][rollup]") {
  Feed feed;
  const std::string longest(64, 'x');
  const auto named = [&](const std::string& quantity, const std::string& flat) {
    auto info = feed.table().at(feed.number("grid", "l1", "voltage", "V"));
    info.quantity = quantity;
    info.flat_name = flat;
    return feed.table().add(info);
  };
  const auto a = feed.number("grid", "l1", "voltage", "V");
  const auto b = named("least", "L1_voltage_v_min");
  const auto c = named("counter", "Count");
  const auto d = named("o", "öl");
  const auto e = named("p", "ol_max");
  const auto f = named("longest", longest);
  const auto g = named("longer", longest.substr(1) + "y");
  auto s = sink(feed);
  const auto done =
      attempt(*s, {feed.batch(kNoon, {{a, 230.0}, {b, 225.0}, {c, 7.0}, {d, 1.0}, {e, 2.0}, {f, 3.0}, {g, 4.0}})});
  INFO(done.reason);
  REQUIRE(done.committed);
  s->close();
  CHECK(text("SELECT CONCAT_WS(' ', l1_voltage_v_min, L1_voltage_v_min_2, Count_2, `öl`, ol_max_2, count) FROM "
             "grid_1d") == "230 225 7 1 2 1");
  CHECK(integer("SELECT COUNT(DISTINCT name) FROM rollup_columns") == 7);
}

TEST_CASE_METHOD(Fixture, "rows in the database do not expire before they are rolled up", "[mysql][rollup]") {
  options.keep.raw = 1h;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 7200; ++i) batches.push_back(feed.batch(kNoon + i * kSecond, {{power, 5.0}}));
  REQUIRE(attempt(*s, batches).committed);
  for (int i = 0; i < 5; ++i) s->maintain(kNoon + 30 * 24 * kHourNs);
  CHECK(integer("SELECT COUNT(*) FROM grid") == 0);
  CHECK(integer("SELECT SUM(count) FROM grid_1m") == 7200);
  CHECK(integer("SELECT SUM(count) FROM grid_1d") == 7200);
  // One row of a minute whose sixty have gone, twice, and a minute that was never there.
  REQUIRE(attempt(*s, {batches[100], feed.batch(kNoon - kHourNs, {{power, 9.0}})}).committed);
  s->close();
  s = sink(feed);
  REQUIRE(attempt(*s, {batches[100]}).committed);
  for (int i = 0; i < 5; ++i) s->maintain(kNoon + 30 * 24 * kHourNs);
  CHECK(integer("SELECT COUNT(*) FROM grid") == 0);
  CHECK(integer("SELECT SUM(count) FROM grid_1m") == 7201);
  CHECK(integer("SELECT SUM(count) FROM grid_1d") == 7201);
  CHECK(integer("SELECT MAX(l1_active_power_w_max) FROM grid_1d") == 9);
}

TEST_CASE_METHOD(Fixture, "each level in the database has its own retention", "[mysql][rollup]") {
  options.keep.minutes = 48h;
  options.keep.quarter_hours = 72h;
  options.keep.hours = 96h;
  options.keep.days = 150h;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 200 * 12; ++i) {
    batches.push_back(feed.batch(kNoon + i * 5 * kMinuteNs, {{power, 5.0}}));
  }
  REQUIRE(attempt(*s, batches).committed);
  const std::int64_t end = kNoon + 200 * kHourNs;
  for (int i = 0; i < 20; ++i) s->maintain(end);
  const auto oldest = [&](const char* level) {
    return integer(fmt::format("SELECT TIMESTAMPDIFF(HOUR, MIN(time), '2026-06-22 20:00:00') FROM grid_{}", level));
  };
  CHECK(integer("SELECT COUNT(*) FROM grid") == 2400);
  CHECK(oldest("1m") == 48);
  CHECK(oldest("15m") == 72);
  CHECK(oldest("1h") == 96);
  CHECK(oldest("1d") == 142);  // the day that began then
}

TEST_CASE_METHOD(Fixture, "rollups in the database can be switched off and on, and dropped", "[mysql][rollup]") {
  options.rollups = false;
  Odd odd{"", "one", 5, kNoon};
  auto s = sink(odd.feed);
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 2000; ++i) batches.push_back(odd.next());
  REQUIRE(attempt(*s, batches).committed);
  s->close();
  CHECK(integer("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE "
                "'one\\_1%'") == 0);
  options.rollups = true;
  s = sink(odd.feed);
  REQUIRE(attempt(*s, {odd.next()}).committed);
  settle(*s);
  s->close();
  CHECK(differs("one") == "");
  // What a person drops is made again.
  database.connect().execute("DROP TABLE one_1m, one_1d");
  s = sink(odd.feed);
  REQUIRE(attempt(*s, {odd.next()}).committed);
  settle(*s);
  s->close();
  CHECK(differs("one") == "");
}

TEST_CASE_METHOD(Fixture, "a database of layout 1 gets its rollups by and by", "[mysql][rollup]") {
  const std::string name = GENERATE("one", "quarters");
  options.rollups = false;
  Odd odd{"", name, 6, kNoon};
  auto s = sink(odd.feed);
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 2000; ++i) batches.push_back(odd.next());
  REQUIRE(attempt(*s, batches).committed);
  s->close();
  {
    const Connection db = database.connect();
    db.execute("DROP TABLE rollup_tables, rollup_columns, rollup_pending, quarters");
    db.execute("DELETE FROM meta WHERE name LIKE 'rollup%'");
    db.execute("UPDATE meta SET value = '1' WHERE name = 'layout'");
    if (name == "quarters") {
      db.execute("DROP VIEW device_quarters_local");
      db.execute("RENAME TABLE device_quarters TO quarters");
      db.execute("UPDATE series SET table_name = 'quarters'");
    }
  }
  options.rollups = true;
  s = sink(odd.feed);
  // Live data do not wait for it.
  const auto live = attempt(*s, {odd.next()});
  INFO(live.reason);
  REQUIRE(live.committed);
  CHECK(text("SELECT value FROM meta WHERE name = 'layout'") == "2");
  CHECK(pending() > 0);
  settle(*s);
  s->close();
  const std::string table = name == "one" ? "one" : "device_quarters";
  CHECK(integer("SELECT COUNT(*) FROM " + table + "_local") == integer("SELECT COUNT(*) FROM " + table));
  CHECK(differs(table) == "");
}

TEST_CASE_METHOD(Fixture, "two programs write devices of one fleet", "[mysql][rollup]") {
  Odd one{"units", "one", 7, kNoon};
  Odd two{"units", "two", 8, kNoon + 300'000'000};
  auto a = sink(one.feed);
  auto b = sink(two.feed);
  const auto both = [&](int rounds, bool second) {
    for (int round = 0; round < rounds; ++round) {
      for (auto [odd, s] : {std::pair{&one, a.get()}, {&two, b.get()}}) {
        if (odd == &two && !second) continue;
        std::vector<BatchPtr> now;
        for (int i = 0; i < 50; ++i) now.push_back(odd->next());
        while (!attempt(*s, now).committed) {
        }
        if (round % 5 == 0) s->maintain(odd->time);
      }
    }
  };
  both(60, true);
  // One dies, and the other one does what it has left.
  b.reset();
  both(30, false);
  // Again: what it knows of the other one's registers is long out of date.
  b = sink(two.feed);
  both(40, true);
  b.reset();
  both(30, false);
  a->close();
  settle(*a);
  CHECK(differs("units") == "");
}

TEST_CASE_METHOD(Fixture, "a quarter hour in the database has the means of its five seconds", "[mysql][rollup]") {
  const std::string fleet = GENERATE("", "units");
  Feed feed{fleet};
  const auto import = feed.number("grid", "total", "active_power_import", "W");
  const auto production = feed.number("grid", "total", "active_power_export", "W");
  const std::int64_t start = 1'701'444'600 * kSecond;
  auto s = sink(feed);
  const auto sample = [&](std::int64_t second, double in, double out) {
    return feed.batch(start + second * kSecond, {{import, in}, {production, out}});
  };
  REQUIRE(attempt(*s, {sample(0, 650, 0), sample(3, 655, 0), sample(12, 10, 300), sample(13, 11, 301)}).committed);
  CHECK(integer("SELECT COUNT(*) FROM quarters") == 0);
  REQUIRE(attempt(*s, {sample(900, 5, 0)}).committed);
  REQUIRE(attempt(*s, {sample(906, 5, 0)}).committed);
  CHECK(text("SELECT CONCAT_WS(' ', device, time, quarter_id, average_w, samples, import_w, export_w) FROM quarters "
             "ORDER BY time LIMIT 1") == "grid 2023-12-01 15:30:00 386662722 331 4 [652,null,10] [0,null,300]");
  REQUIRE(attempt(*s, {sample(899, 100, 0)}).committed);
  s->maintain(start + 920 * kSecond);
  CHECK(integer("SELECT average_w FROM quarters ORDER BY time LIMIT 1") == 254);
  s->close();
  CHECK(text("SELECT GROUP_CONCAT(quarter_id ORDER BY time) FROM quarters") == "386662722,386662723");
}
