// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Quarter hours in five-second steps; expected values from the sheet of the reference monitor (dsmr_p1 §11.4).
#include "database/sqlite.hpp"
#include "sinks/rollup/quarter.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <cmath>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;

namespace {

struct Fixture {
  TempDir dir;
  Feed feed;
  sqlite::Options options{dir.path() / "store.db", true, {}, "Europe/Brussels"};

  std::unique_ptr<sqlite::SqliteSink> sink() const {
    return std::make_unique<sqlite::SqliteSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] std::int64_t integer(const std::string& sql) const {
    return database::Database{options.path}.integer(sql);
  }
  [[nodiscard]] std::string text(const std::string& sql) const { return database::Database{options.path}.text(sql); }
};

std::int64_t at(int year, int month, int day, int hour, int minute, int second = 0) {
  model::LocalTime t;
  t.year = year;
  t.month = month;
  t.day = day;
  t.hour = hour;
  t.minute = minute;
  t.second = second;
  return *model::Zone::utc().to_utc(t);
}

}  // namespace

TEST_CASE("quarter hours have the reference monitor's numbers", "[quarter]") {
  const model::Zone brussels = *model::Zone::find("Europe/Brussels");
  const auto id = [&](std::int64_t ns) { return rollup::quarter_id(ns / 1000, brussels); };
  CHECK(id(at(2023, 12, 1, 15, 15)) == 386662721);
  CHECK(id(at(2024, 2, 29, 22, 45)) == 402791775);
  CHECK(id(at(2024, 7, 1, 10, 15)) == 403112369);
  CHECK(id(at(2025, 10, 26, 0, 45)) == 420092555);
  CHECK(id(at(2025, 10, 26, 1, 0)) == 420092424);
  CHECK(id(at(2026, 3, 29, 0, 45)) == 436411655);
  CHECK(id(at(2026, 3, 29, 1, 0)) == 436411788);
}

TEST_CASE_METHOD(Fixture, "a quarter hour has the means of its five seconds", "[sqlite][quarter]") {
  const auto import = feed.number("grid", "total", "active_power_import", "W");
  const auto production = feed.number("grid", "total", "active_power_export", "W");
  const std::int64_t start = at(2023, 12, 1, 15, 30);
  auto s = sink();
  const auto sample = [&](std::int64_t second, double in, double out) {
    return feed.batch(start + second * kSecond, {{import, in}, {production, out}});
  };
  REQUIRE(attempt(*s, {sample(0, 650, 0), sample(3, 655, 0), sample(12, 10, 300), sample(13, 11, 301)}).committed);
  CHECK(integer("SELECT count(*) FROM quarters") == 0);
  // The next quarter hour.
  REQUIRE(attempt(*s, {sample(900, 5, 0)}).committed);
  REQUIRE(attempt(*s, {sample(906, 5, 0)}).committed);
  const std::string all =
      "SELECT device || ' ' || time || ' ' || quarter_id || ' ' || average_w || ' ' || samples || ' ' || import_w || "
      "' ' || export_w FROM quarters ORDER BY time LIMIT 1";
  CHECK(text(all) == "grid 1701444600000000 386662722 331 4 [652,null,10] [0,null,300]");
  // Late: its own five seconds.
  REQUIRE(attempt(*s, {sample(899, 100, 0)}).committed);
  s->maintain(start + 920 * kSecond);
  CHECK(text("SELECT average_w || ' ' || json_array_length(import_w) || ' ' || json_extract(import_w, '$[179]') FROM "
             "quarters ORDER BY time LIMIT 1") == "254 180 100");
  s->close();
  CHECK(text("SELECT group_concat(quarter_id) FROM quarters") == "386662722,386662723");
  CHECK(integer("SELECT count(*) FROM quarters") == 2);
}

TEST_CASE_METHOD(Fixture, "net power at the grid stands for both, no other power does", "[sqlite][quarter]") {
  const auto net_of = [&](const char* device, const char* role) {
    auto info = feed.table().at(feed.number(device, "total", "active_power", "W"));
    info.role = role;
    return feed.table().add(info);
  };
  const auto grid = net_of("grid", "grid");
  const auto solar = net_of("roof", "solar");
  const auto both = net_of("p1", "grid");
  const auto import = feed.number("p1", "total", "active_power_import", "W");
  const auto phase = feed.number("p2", "l1", "active_power_import", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{grid, 500.0}}), feed.batch(kNoon + kSecond, {{grid, -300.0}}),
                       feed.batch(kNoon, {{solar, 500.0}}), feed.batch(kNoon, {{both, 7.0}, {import, 9.0}}),
                       feed.batch(kNoon, {{phase, 500.0}})})
              .committed);
  s->close();
  CHECK(text("SELECT group_concat(device || average_w || import_w || export_w, ' ') FROM quarters") ==
        "grid250[250][150] p19[9][]");
}

TEST_CASE_METHOD(Fixture, "each device of a fleet has its own quarter hours, kept as long as they shall be",
                 "[sqlite][quarter]") {
  Feed units{"units"};
  const auto a = units.number("a", "total", "active_power_import", "W");
  const auto b = units.number("b", "total", "active_power_import", "W");
  options.keep_raw = std::chrono::hours{1};
  const auto open = [&] { return std::make_unique<sqlite::SqliteSink>(options, units.table(), runtime::Logger{}); };
  auto s = open();
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < 400; ++t) {
    batches.push_back(units.batch(kNoon + t * 5 * kSecond, {{a, 100.0}}));
    batches.push_back(units.batch(kNoon + t * 5 * kSecond, {{b, 200.0}}));
  }
  REQUIRE(attempt(*s, batches).committed);
  const std::int64_t later = kNoon + 365LL * 86400 * kSecond;
  s->maintain(later);
  CHECK(integer("SELECT count(*) FROM units") == 0);
  const std::string all = "SELECT group_concat(device || average_w || ' ' || samples, ' ') FROM quarters";
  CHECK(text(all) == "a100 180 a100 180 a100 40 b200 180 b200 180 b200 40");
  // A repeat of one row does not spoil what was made of 180.
  REQUIRE(attempt(*s, {batches[10]}).committed);
  s->maintain(later);
  CHECK(text(all) == "a100 180 a100 180 a100 40 b200 180 b200 180 b200 40");
  s->close();
  options.keep_quarters = std::chrono::hours{24};
  s = open();
  s->open();
  s->maintain(later);
  CHECK(integer("SELECT count(*) FROM quarters") == 0);
}
