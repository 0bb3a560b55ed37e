// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "sinks/tests/rollup_check.hpp"
#include "sinks/tests/rollup_feed.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kMinuteNs = 60 * kSecond;
constexpr std::int64_t kHourNs = 3600 * kSecond;

struct Fixture {
  TempDir dir;
  sqlite::Options options{dir.path() / "store.db", true, {}, "Europe/Brussels"};

  std::unique_ptr<sqlite::SqliteSink> sink(const Feed& feed) const {
    return std::make_unique<sqlite::SqliteSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] database::Database database() const { return database::Database{options.path}; }
  [[nodiscard]] std::int64_t integer(const std::string& sql) const { return database().integer(sql); }
  [[nodiscard]] std::string text(const std::string& sql) const { return database().text(sql); }
};

// Until nothing is pending, as a program that runs on.
void settle(Sink& sink) {
  for (int i = 0; i < 1000; ++i) sink.maintain(INT64_MAX / 2);
}

}  // namespace

TEST_CASE_METHOD(Fixture, "rollups of a minute say what the minute had", "[sqlite][rollup]") {
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
  CHECK(text("SELECT group_concat(time || ' ' || count || ' ' || completeness || ' ' || l1_active_power_w || ' ' || "
             "l1_active_power_w_min || ' ' || l1_active_power_w_max || ' ' || l1_active_power_w_last || ' ' || "
             "coalesce(l1_active_power_w_count, '-') || ' ' || total_active_energy_import_wh || ' ' || "
             "total_active_energy_import_wh_delta || ' ' || total_active_energy_import_wh_count) FROM grid_1m") ==
        "1781438400000000 60 1.0 29.5 0.0 59.0 59.0 - 103.0 3.0 2.0");
  s->close();
  CHECK(text("SELECT group_concat(time || ' ' || count || ' ' || completeness || ' ' || l1_active_power_w || ' ' || "
             "total_active_energy_import_wh_delta) FROM grid_1m WHERE time > 1781438400000000") ==
        "1781438460000000 15 0.25 67.0 1.0");
  CHECK(text("SELECT time || ' ' || count || ' ' || l1_active_power_w || ' ' || l1_active_power_w_min || ' ' || "
             "l1_active_power_w_max || ' ' || l1_active_power_w_last || ' ' || total_active_energy_import_wh_delta "
             "FROM grid_1h") == "1781438400000000 75 37.0 0.0 74.0 74.0 4.0");
  CHECK(rollups_differ(database(), "grid", kRegisters, "Europe/Brussels").empty());
  CHECK(integer("SELECT count(*) FROM rollup_pending") == 0);
}

TEST_CASE_METHOD(Fixture, "rollups equal what a recomputation from raw rows gives, whatever came in which order",
                 "[sqlite][rollup]") {
  const auto seed = GENERATE(range(1, 13));
  CAPTURE(seed);
  const bool fleet = seed % 2 == 0;
  // The clock goes back on 2026-10-25 at 01:00Z and forth on 2026-03-29.
  const std::int64_t starts[] = {kNoon, 1'792'886'400 * kSecond - 40 * kMinuteNs, 1'774'738'800 * kSecond};
  Odd odd{fleet ? "units" : "", "one", static_cast<std::uint64_t>(seed), starts[seed % 3]};
  std::vector<BatchPtr> sent;
  auto s = sink(odd.feed);
  for (int step = 0; step < 220; ++step) {
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
  CHECK(integer("SELECT count(*) FROM rollup_pending") == 0);
  CHECK(rollups_differ(database(), fleet ? "units" : "one", kRegisters, "Europe/Brussels") == "");
  CHECK(integer(fmt::format("SELECT count(*) FROM {}_1d", fleet ? "units" : "one")) >= 2);
}

TEST_CASE_METHOD(Fixture, "what is over for many devices at once is written by and by", "[sqlite][rollup]") {
  Feed feed{"units"};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ids;
  for (int u = 0; u < 250; ++u) {
    const std::string name = fmt::format("unit{}", u);
    ids.emplace_back(feed.number(name, "total", "active_power_import", "W"),
                     as_register(feed, feed.number(name, "total", "active_energy_import", "Wh")));
  }
  auto s = sink(feed);
  std::int64_t before = 0;
  std::int64_t most = 0;
  // Over the end of an hour.
  for (std::int64_t second = 40 * 60; second < 80 * 60; second += 15) {
    std::vector<BatchPtr> now;
    for (std::size_t u = 0; u < ids.size(); ++u) {
      const auto value = static_cast<double>(second * 7 % 97 + static_cast<std::int64_t>(u));
      now.push_back(feed.batch(kNoon + second * kSecond + static_cast<std::int64_t>(u) * 1'000'000,
                               {{ids[u].first, value}, {ids[u].second, static_cast<double>(second)}}));
    }
    // One that comes late, in the second quarter hour.
    if (second == 61 * 60) now.push_back(feed.batch(kNoon + 50 * 60 * kSecond + 1, {{ids[7].first, 9.0}}));
    REQUIRE(attempt(*s, now).committed);
    std::int64_t rows = 0;
    for (const char* level : {"1m", "15m", "1h", "1d"}) {
      const std::string table = fmt::format("units_{}", level);
      if (integer("SELECT count(*) FROM sqlite_schema WHERE name = '" + table + "'") == 0) continue;
      rows += integer("SELECT count(*) FROM " + table);
    }
    most = std::max(most, rows - before);
    before = rows;
  }
  CHECK(most >= 100);
  CHECK(most <= 101);
  CHECK(integer("SELECT count(*) FROM units_1m WHERE time < " + std::to_string(kNoon / 1000 + 79 * 60'000'000LL)) ==
        39 * 250);
  CHECK(integer("SELECT count(*) FROM units_15m WHERE time = " + std::to_string(kNoon / 1000 + 30 * 60'000'000LL)) ==
        250);
  CHECK(integer("SELECT count(*) FROM quarters WHERE time = " + std::to_string(kNoon / 1000 + 30 * 60'000'000LL)) ==
        250);
  // As if killed.
  s = sink(feed);
  s->open();
  settle(*s);
  s->close();
  CHECK(integer("SELECT count(*) FROM rollup_pending") == 0);
  CHECK(rollups_differ(database(), "units", kRegisters, "Europe/Brussels") == "");
}

TEST_CASE_METHOD(Fixture, "kill -9 at any moment leaves rollups that come right by themselves", "[sqlite][rollup]") {
  const int rounds = std::getenv("MESURA_SOAK") != nullptr ? 200 : 8;
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
        if (!attempt(*s, now).committed) ::_exit(1);
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
  s->open();
  s->close();
  CHECK(integer("SELECT count(*) FROM rollup_pending") == 0);
  CHECK(rollups_differ(database(), "one", kRegisters, "Europe/Brussels") == "");
  fmt::print("SOAK | kill -9 of sqlite with rollups | {} kills | rollups equal a recomputation of {} rows\n", rounds,
             integer("SELECT count(*) FROM one"));
}

TEST_CASE_METHOD(Fixture, "days have 23 and 25 hours when the clock changes", "[sqlite][rollup]") {
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  // Local midnights: 2026-03-28T23:00Z, 29T22:00Z; 2026-10-24T22:00Z, 25T23:00Z.
  for (const std::int64_t start : {1'774'738'800LL, 1'792'879'200LL}) {
    std::vector<BatchPtr> batches;
    for (std::int64_t i = 0; i < 26 * 60; ++i)
      batches.push_back(feed.batch((start + i * 60) * kSecond, {{power, 1.0}}));
    REQUIRE(attempt(*s, batches).committed);
  }
  s->close();
  CHECK(text("SELECT group_concat((time / 1000000) || ' ' || count || ' ' || completeness, ', ') FROM grid_1d") ==
        "1774738800 1380 1.0, 1774821600 180 0.125, 1792879200 1500 1.0, 1792969200 60 0.0416666666666667");
  CHECK(rollups_differ(database(), "grid", {}, "Europe/Brussels") == "");
}

TEST_CASE_METHOD(Fixture, "another zone makes other days", "[sqlite][rollup]") {
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 60 * 60; ++i) batches.push_back(feed.batch(kNoon + i * 60 * kSecond, {{power, 1.0}}));
  REQUIRE(attempt(*s, batches).committed);
  s->close();
  for (const char* zone : {"Asia/Kolkata", "America/New_York", "Europe/Brussels"}) {
    options.site_zone = zone;
    s = sink(feed);
    s->open();
    s->close();
    CHECK(text("SELECT value FROM meta WHERE key = 'site_zone'") == zone);
    CHECK(rollups_differ(database(), "grid", {}, zone) == "");
  }
}

TEST_CASE_METHOD(Fixture, "a device of a thousand series has its rollups in several tables", "[sqlite][rollup]") {
  Feed feed;
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(feed.number("wide", fmt::format("ch{}", i), "voltage", "V"));
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < 20; ++t) {
    std::vector<Feed::Item> items;
    for (std::size_t i = 0; i < (t < 10 ? 500U : ids.size()); ++i) {
      items.push_back({ids[i], static_cast<double>(t) + static_cast<double>(i) / 8});
    }
    batches.push_back(feed.batch(kNoon + t * 7 * kSecond, items));
  }
  REQUIRE(attempt(*s, {batches.begin(), batches.begin() + 10}).committed);
  s->close();
  s = sink(feed);
  REQUIRE(attempt(*s, batches).committed);
  REQUIRE(integer("SELECT count(*) FROM wide") == 20);
  s->close();
  CHECK(text("SELECT group_concat(name, ' ') FROM (SELECT name FROM rollup_tables WHERE level = '1h' ORDER BY part)") ==
        "wide_1h wide_1h_part2 wide_1h_part3 wide_1h_part4");
  CHECK(text("SELECT ch0_voltage_v || ' ' || ch0_voltage_v_max FROM wide_1h") == "9.5 19.0");
  CHECK(text("SELECT ch999_voltage_v || ' ' || ch999_voltage_v_count || ' ' || count FROM wide_1h_part4") ==
        "139.375 10.0 20");
}

TEST_CASE_METHOD(Fixture, "names of rollups do not collide with those of series", "[sqlite][rollup]") {
  Feed feed;
  const auto a = feed.number("grid", "l1", "voltage", "V");
  auto info = feed.table().at(a);
  info.quantity = "voltage_least";
  info.flat_name = "l1_voltage_v_min";
  const auto b = feed.table().add(info);
  info.quantity = "counter";
  info.flat_name = "Count";
  const auto c = feed.table().add(info);
  auto s = sink(feed);
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{a, 230.0}, {b, 225.0}, {c, 7.0}})}).committed);
  s->close();
  CHECK(text("SELECT group_concat(column_name || '>' || name, ' ') FROM (SELECT * FROM rollup_columns ORDER BY "
             "position)") == "l1_voltage_v>l1_voltage_v l1_voltage_v_min>l1_voltage_v_min_2 Count>Count_2");
  CHECK(text("SELECT l1_voltage_v_min || ' ' || l1_voltage_v_min_2 || ' ' || Count_2 || ' ' || count FROM grid_1d") ==
        "230.0 225.0 7.0 1");
}

TEST_CASE_METHOD(Fixture, "rows do not expire before they are rolled up, and late ones do not spoil what was",
                 "[sqlite][rollup]") {
  options.keep_raw = 1h;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 7200; ++i) batches.push_back(feed.batch(kNoon + i * kSecond, {{power, 5.0}}));
  REQUIRE(attempt(*s, batches).committed);
  s->maintain(kNoon + 30 * 24 * kHourNs);
  CHECK(integer("SELECT count(*) FROM grid") == 0);
  CHECK(integer("SELECT sum(count) FROM grid_1m") == 7200);
  CHECK(integer("SELECT sum(count) FROM grid_1d") == 7200);
  // One row of a minute whose sixty have gone, twice, and a minute that was never there.
  REQUIRE(attempt(*s, {batches[100], feed.batch(kNoon - kHourNs, {{power, 9.0}})}).committed);
  s->close();
  s = sink(feed);
  REQUIRE(attempt(*s, {batches[100]}).committed);
  s->maintain(kNoon + 30 * 24 * kHourNs);
  CHECK(integer("SELECT count(*) FROM grid") == 0);
  CHECK(integer("SELECT sum(count) FROM grid_1m") == 7201);
  CHECK(integer("SELECT sum(count) FROM grid_1d") == 7201);
  CHECK(integer("SELECT max(l1_active_power_w_max) FROM grid_1d") == 9);
}

TEST_CASE_METHOD(Fixture, "each level has its own retention", "[sqlite][rollup]") {
  options.keep_minutes = 48h;
  options.keep_quarter_hours = 72h;
  options.keep_hours = 96h;
  options.keep_days = 150h;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (std::int64_t i = 0; i < 200 * 60; ++i) batches.push_back(feed.batch(kNoon + i * 60 * kSecond, {{power, 5.0}}));
  REQUIRE(attempt(*s, batches).committed);
  const std::int64_t end = kNoon + 200 * kHourNs;
  for (int i = 0; i < 50; ++i) s->maintain(end);
  const auto oldest = [&](const char* level) {
    return (end / 1000 - integer(fmt::format("SELECT min(time) FROM grid_{}", level))) / 3'600'000'000;
  };
  CHECK(integer("SELECT count(*) FROM grid") == 12'000);
  CHECK(oldest("1m") == 48);
  CHECK(oldest("15m") == 72);
  CHECK(oldest("1h") == 96);
  CHECK(oldest("1d") == 142);  // the day that began then
  // The rows of now still make the same of what is there.
  REQUIRE(attempt(*s, {feed.batch(kNoon + 10 * kHourNs, {{power, 5.0}})}).committed);
  for (int i = 0; i < 50; ++i) s->maintain(end);
  CHECK(oldest("1m") == 48);
}

TEST_CASE_METHOD(Fixture, "rollups can be switched off and on again", "[sqlite][rollup]") {
  options.rollups = false;
  Odd odd{"", "one", 5, kNoon};
  auto s = sink(odd.feed);
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 3000; ++i) batches.push_back(odd.next());
  REQUIRE(attempt(*s, batches).committed);
  s->close();
  CHECK(integer("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'one_1%'") == 0);
  options.rollups = true;
  s = sink(odd.feed);
  REQUIRE(attempt(*s, {odd.next()}).committed);
  settle(*s);
  s->close();
  CHECK(rollups_differ(database(), "one", kRegisters, "Europe/Brussels") == "");
}

TEST_CASE_METHOD(Fixture, "a file that the program wrote before it knew rollups gets them by and by",
                 "[sqlite][rollup]") {
  // Three telegrams of the sheet's vectors, replayed into a file of layout 2.
  std::filesystem::copy_file(std::filesystem::path{MESURA_TEST_DATA} / "layout_2.db", options.path);
  REQUIRE(integer("PRAGMA user_version") == 2);
  const std::int64_t rows = integer("SELECT count(*) FROM grid");
  REQUIRE(rows > 10);
  std::vector<std::string> registers;
  {
    const database::Database db = database();
    database::Statement list = db.prepare("SELECT column_name FROM series WHERE kind = 'register'");
    while (list.step()) registers.push_back(list.text(0));
  }
  REQUIRE(registers.size() > 4);
  Feed feed;
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto s = sink(feed);
  // Live data do not wait for it.
  REQUIRE(attempt(*s, {feed.batch(1'800'000'000 * kSecond, {{voltage, 230.0}})}).committed);
  CHECK(integer("PRAGMA user_version") == 3);
  CHECK(integer("SELECT count(*) FROM rollup_pending") > 0);
  CHECK(integer("SELECT count(*) FROM sqlite_schema WHERE name = 'grid_1m'") == 0);
  settle(*s);
  s->close();
  CHECK(integer("SELECT count(*) FROM rollup_pending") == 0);
  CHECK(integer("SELECT count(*) FROM grid") == rows + 1);
  CHECK(rollups_differ(database(), "grid", registers, "Europe/Brussels") == "");
  CHECK(text("SELECT group_concat(quarter_id) FROM quarters WHERE quarter_id IN (402787401, 403112369)") ==
        "402787401,403112369");
  CHECK(text("SELECT local || ' ' || utc FROM grid_local WHERE total_active_power_import_w = 2345") ==
        "2024-02-12T18:17:42.000+01:00 2024-02-12T17:17:42.000Z");
  CHECK(text("PRAGMA integrity_check") == "ok");
}

TEST_CASE_METHOD(Fixture, "local time beside UTC, also in the hour that comes twice", "[sqlite]") {
  const std::string fleet = GENERATE("", "units");
  Feed feed{fleet};
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto s = sink(feed);
  std::vector<BatchPtr> batches;
  for (const std::int64_t t : {1'774'745'999LL, 1'774'746'000LL, 1'792'886'400LL, 1'792'890'000LL, 2'092'890'000LL}) {
    batches.push_back(feed.batch(t * kSecond + 250'000'000, {{voltage, 1.0}}));
  }
  REQUIRE(attempt(*s, batches).committed);
  const std::string view = fleet.empty() ? "grid_local" : "units_local";
  CHECK(text("SELECT group_concat(local, ' ') FROM " + view) ==
        "2026-03-29T01:59:59.250+01:00 2026-03-29T03:00:00.250+02:00 2026-10-25T02:00:00.250+02:00 "
        "2026-10-25T02:00:00.250+01:00 2036-04-27T08:20:00.250+02:00");
  CHECK(text("SELECT utc FROM " + view + " ORDER BY time DESC LIMIT 1") == "2036-04-27T06:20:00.250Z");
}
