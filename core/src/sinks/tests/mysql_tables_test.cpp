// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Somebody else's tables, as any description makes them.
#include "sinks/mysql/table_layout.hpp"
#include "sinks/tests/mysql_adapter.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <unistd.h>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using Catch::Matchers::StartsWith;
using database::mariadb::Connection;
using database::mariadb::quote_name;

namespace {

constexpr const char* kLayout = R"yaml(
layout: acme
summary: the tables of an invented vendor
database: nickname
table: seconds
time: at
means: {minute: minutes, hour: hours, day: days}
columns:
  watts: {source: P, type: "FLOAT(6,1)"}
  pf: {source: PF, type: DOUBLE, absent: 0}
  volts: {source: U, type: DOUBLE}
meta:
  table: who
  columns: {serial_number: {attribute: serial}}
)yaml";

struct Acme {
  std::string name = fmt::format("acme {}", ::getpid());
  Feed feed;
  std::uint32_t watts = series("P", "active_power", true);
  std::uint32_t pf = series("PF", "power_factor", true);
  std::uint32_t volts = series("U", "voltage", false);
  std::uint32_t amps = series("I", "current", false);
  mysql::Options options;

  Acme() {
    drop();
    feed.table().set_attribute("meter", "nickname", name);
    feed.table().set_attribute("meter", "serial", "A1");
    options.login = mysql_login();
    options.site_zone = "UTC";
    options.tables = mysql::parse_table_layout(kLayout, "acme.yaml").layout;
    REQUIRE(options.tables != nullptr);
  }
  ~Acme() { drop(); }
  Acme(const Acme&) = delete;
  Acme& operator=(const Acme&) = delete;

  void drop() const { Connection{mysql_login()}.execute("DROP DATABASE IF EXISTS " + quote_name(name)); }
  std::uint32_t series(const char* source, const char* quantity, bool negated) {
    auto info = feed.table().at(feed.number("meter", "l1", quantity, "1"));
    info.source = source;
    info.negated = negated;
    return feed.table().add(info);
  }
  [[nodiscard]] std::unique_ptr<mysql::MysqlSink> sink() const {
    return std::make_unique<mysql::MysqlSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] std::string text(const std::string& sql) const {
    auto login = mysql_login();
    login.database = name;
    const Connection db{login};
    db.execute("SET SESSION group_concat_max_len = 100000");
    return db.text(sql);
  }
  [[nodiscard]] std::string all(const std::string& table, const std::string& column) const {
    return text(fmt::format("SELECT GROUP_CONCAT(TIME(at), '=', {} ORDER BY at SEPARATOR ' ') FROM {}", column, table));
  }
};

}  // namespace

TEST_CASE_METHOD(Acme, "values go where their source stands, with the wire's sign, and absent ones get theirs",
                 "[tables]") {
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon + 300'000'000, {{watts, 100.04}, {volts, 230.0}, {amps, 1.0}}),
                       feed.batch(kNoon + kSecond, {{watts, 0.0}, {pf, 0.5}})})
              .committed);
  CHECK(
      text("SELECT GROUP_CONCAT(CONCAT_WS(',', at, watts, pf, COALESCE(volts, 'NULL')) ORDER BY at SEPARATOR ' ') FROM "
           "seconds") == "2026-06-14 12:00:00,-100.0,0,230 2026-06-14 12:00:01,0.0,-0.5,NULL");
  // Parts of a second merge, a repeat changes nothing, the absent value does not come back.
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{volts, 231.0}})}).committed);
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{volts, 231.0}})}).committed);
  CHECK(text("SELECT CONCAT_WS(',', watts, pf, volts) FROM seconds WHERE at = '2026-06-14 12:00:01'") ==
        "0.0,-0.5,231");
  CHECK(text("SELECT COUNT(*) FROM seconds") == "2");
  CHECK(text("SELECT GROUP_CONCAT(serial_number) FROM who") == "A1");
  // Facts that change, change in place.
  feed.table().set_attribute("meter", "serial", "A2");
  REQUIRE(attempt(*s, {feed.batch(kNoon + 2 * kSecond, {{volts, 232.0}})}).committed);
  CHECK(text("SELECT GROUP_CONCAT(serial_number) FROM who") == "A2");
}

TEST_CASE_METHOD(Acme, "means of minutes, hours and days are weighted by time and true", "[tables]") {
  auto s = sink();
  // One second a minute 6000 W, else nothing, which a sample a minute would show as 0 or as 6000. Half an hour is
  // sparse: one value in 20 s.
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < 3600; ++t) {
    const double value = t % 60 == 30 ? -6000 : 0;
    if (t < 1800) {
      batches.push_back(feed.batch(kNoon + t * kSecond, {{watts, value}, {volts, 230.0}}));
    } else if (t % 20 == 0) {
      batches.push_back(feed.batch(kNoon + t * kSecond, {{watts, -300.0}, {volts, 240.0}}));
    }
    if (batches.size() >= 700) {
      REQUIRE(attempt(*s, batches).committed);
      batches.clear();
    }
  }
  REQUIRE(attempt(*s, batches).committed);
  // 1800 s at 100 W, 1800 s at 300 W; the last value is of 12:59:40.
  CHECK(text("SELECT watts FROM minutes WHERE TIME(at) = '12:00:00'") == "100.0");
  CHECK(text("SELECT watts FROM minutes WHERE TIME(at) = '12:45:00'") == "300.0");
  CHECK(text("SELECT COUNT(*) FROM minutes") == "59");
  REQUIRE(attempt(*s, {feed.batch(kNoon + 3600 * kSecond, {{watts, -1.0}})}).committed);
  CHECK(text("SELECT COUNT(*) FROM minutes") == "60");
  CHECK(std::stod(all("hours", "watts").substr(9)) == Approx(200.0).margin(1.2));
  CHECK(all("days", "watts").substr(0, 9) == "00:00:00=");

  SECTION("late rows change the means of their time") {
    REQUIRE(attempt(*s, {feed.batch(kNoon + 10 * kSecond, {{watts, -3000.0}})}).committed);
    CHECK(text("SELECT watts FROM minutes WHERE TIME(at) = '12:00:00'") == "150.0");
  }
  SECTION("what a stop left open is closed by the next start") {
    s->close();
    s = sink();
    REQUIRE(attempt(*s, {feed.batch(kNoon + 7200 * kSecond, {{watts, -1.0}})}).committed);
    const std::string hours = all("hours", "watts");
    CHECK(hours.substr(hours.find(' ') + 1) == "13:00:00=1.0");
    CHECK(text("SELECT COUNT(*) FROM minutes") == "61");
  }
  SECTION("what a silent device left open is closed after a while") {
    s->maintain(0);
    CHECK(text("SELECT COUNT(*) FROM hours") == "1");
    s->maintain(0);
    CHECK(text("SELECT COUNT(*) FROM hours") == "2");
  }
}

TEST_CASE_METHOD(Acme, "a value that the table does not take is told, the rest is there", "[tables]") {
  auto s = sink();
  const auto done = attempt(
      *s, {feed.batch(kNoon, {{watts, 1.0}, {volts, 1.0}}), feed.batch(kNoon + kSecond, {{watts, 1e9}, {volts, 2.0}}),
           feed.batch(kNoon + 2 * kSecond, {{watts, 3.0}, {volts, 3.0}})});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 1);
  CHECK(done.rejected[0].batch == 1);
  CHECK(done.rejected[0].item == 0);
  CHECK_THAT(done.rejected[0].reason, StartsWith("sink-refused: the server refuses a value of meter/l1/active_power"));
  CHECK(all("seconds", "volts") == "12:00:00=1 12:00:01=2 12:00:02=3");
}

TEST_CASE_METHOD(Acme, "tables and databases that are dropped are made anew", "[tables]") {
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{watts, 1.0}})}).committed);
  drop();
  const std::vector<BatchPtr> next{feed.batch(kNoon + kSecond, {{watts, 2.0}})};
  const auto lost = attempt(*s, next);
  CHECK_FALSE(lost.committed);
  CHECK_THAT(lost.reason, StartsWith("sink-layout: mysql "));
  REQUIRE(attempt(*s, next).committed);
  CHECK(all("seconds", "watts") == "12:00:01=-2.0");
}

TEST_CASE("a description with mistakes is told with its lines", "[tables]") {
  const auto wrong = mysql::parse_table_layout("layout: x\ncolumns: {a: {source: P}}\n", "x.yaml");
  CHECK(wrong.layout == nullptr);
  CHECK(wrong.diagnostics.has_errors());
}
