// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What happens to servers, tables and accounts while the sink writes.
#include "sinks/tests/mysql_adapter.hpp"

#include "support/catch.hpp"
#include "support/certificate.hpp"
#include "support/mariadb.hpp"

#include <fmt/format.h>
#include <atomic>

#include <chrono>
#include <thread>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;
using Catch::Matchers::StartsWith;
using database::mariadb::Connection;
using database::mariadb::Login;
using mesura::test::contains;
using mesura::test::MariaDb;

namespace {

constexpr std::int64_t kNoonUs = kNoon / 1000;

// A server that the test may do anything to.
struct OwnServer {
  MariaDb server;
  Feed feed;
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");
  mysql::Options options;

  explicit OwnServer(std::vector<std::string> arguments = {}) : server(std::move(arguments)) {
    options.login.host = "127.0.0.1";
    options.login.port = server.port();
    options.login.user = "root";
    options.login.database = "mesura";
    options.login.connect_timeout = 2s;
    options.login.answer_timeout = 2s;
    options.lock_timeout = 1s;
  }
  [[nodiscard]] std::unique_ptr<mysql::MysqlSink> sink() const {
    return std::make_unique<mysql::MysqlSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] Connection root() const {
    Login login;
    login.socket = server.socket();
    login.user = "root";
    Connection db{login};
    db.execute("SET SESSION time_zone = '+00:00'");
    return db;
  }
  // Value n at noon + n seconds.
  [[nodiscard]] std::vector<BatchPtr> values(std::int64_t first, std::int64_t count) const {
    std::vector<BatchPtr> out;
    for (std::int64_t n = first; n < first + count; ++n)
      out.push_back(feed.batch(kNoon + n * kSecond, {{power, static_cast<double>(n)}}));
    return out;
  }
  // Whether exactly the values [0, count) are there.
  [[nodiscard]] bool has(std::int64_t count) const {
    const Connection db = root();
    db.execute("USE mesura");
    Stored expected;
    for (std::int64_t n = 0; n < count; ++n)
      expected[{"grid", "l1_active_power_w", kNoonUs + n * 1'000'000}] = {static_cast<double>(n), "good"};
    return read_mysql(db, {"grid"}) == expected;
  }
};

}  // namespace

TEST_CASE_METHOD(OwnServer, "a server that is stopped, and comes back", "[faults]") {
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 100)).committed);
  SECTION("stopped") { server.stop(); }
  SECTION("killed") { server.kill(); }
  const auto lost = attempt(*s, values(100, 100));
  CHECK_FALSE(lost.committed);
  CHECK_THAT(lost.reason, StartsWith("sink-lost: mysql 127.0.0.1:"));
  const auto away = attempt(*s, values(100, 100));
  CHECK_FALSE(away.committed);
  CHECK_THAT(away.reason, StartsWith("sink-unreachable: mysql 127.0.0.1:"));
  CHECK_THAT(away.reason, contains("hint"));
  server.start();
  REQUIRE(attempt(*s, values(100, 100)).committed);
  CHECK(has(200));
}

TEST_CASE_METHOD(OwnServer, "a server that is killed within a transaction has kept nothing of it", "[faults]") {
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 10)).committed);
  // Somebody else's lock holds the transaction open at its last row, until the server is killed.
  const Connection other = root();
  other.execute("START TRANSACTION");
  other.execute("INSERT INTO mesura.grid (time) VALUES (FROM_UNIXTIME(" + std::to_string(kNoonUs / 1'000'000 + 109) +
                "))");
  options.lock_timeout = 20s;
  options.login.answer_timeout = 20s;
  s = sink();
  s->open();
  std::atomic<bool> written{false};
  std::thread killer{[&] {
    const Connection watch = root();
    // The table is a copy that the server makes anew only when nobody has asked for 100 ms.
    while (!written &&
           watch.integer("SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'") == 0)
      std::this_thread::sleep_for(150ms);
    server.kill();
  }};
  const WriteResult result = s->write(values(10, 100));
  written = true;
  killer.join();
  CHECK(result.outcome == WriteResult::Outcome::retry);
  CHECK_THAT(result.reason, StartsWith("sink-lost: "));
  server.start();
  CHECK(has(10));
  REQUIRE(attempt(*s, values(10, 100)).committed);
  CHECK(has(110));
}

TEST_CASE_METHOD(OwnServer, "a server that does not answer does not hang the sink", "[faults]") {
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 10)).committed);
  server.freeze();
  const auto start = std::chrono::steady_clock::now();
  const auto silent = attempt(*s, values(10, 10));
  const auto again = attempt(*s, values(10, 10));
  const auto waited = std::chrono::steady_clock::now() - start;
  server.thaw();
  CHECK_FALSE(silent.committed);
  CHECK_THAT(silent.reason, StartsWith("sink-lost: "));
  CHECK_FALSE(again.committed);
  CHECK(waited < 20s);
  REQUIRE(attempt(*s, values(10, 10)).committed);
  CHECK(has(20));
}

TEST_CASE_METHOD(OwnServer, "what a person drops is made anew, and nothing is lost", "[faults]") {
  auto s = sink();
  const auto mode = feed.text("grid", "total", "message");
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{mode, std::string{"x"}}})}).committed);
  REQUIRE(attempt(*s, values(1, 10)).committed);
  std::string dropped;
  SECTION("the table") { dropped = "DROP TABLE mesura.grid"; }
  SECTION("the database") { dropped = "DROP DATABASE mesura"; }
  SECTION("the column") { dropped = "ALTER TABLE mesura.grid DROP COLUMN l1_active_power_w"; }
  SECTION("a table of ours") { dropped = "DROP TABLE mesura.series, mesura.states"; }
  root().execute(dropped);
  const std::vector<BatchPtr> next{feed.batch(kNoon + kSecond, {{power, 1.0}, {mode, std::string{"y"}}})};
  auto result = attempt(*s, next);
  if (!result.committed) {
    CHECK_THAT(result.reason, StartsWith("sink-layout: mysql 127.0.0.1:"));
    result = attempt(*s, next);
  }
  INFO(result.reason);
  REQUIRE(result.committed);
  const Connection db = root();
  db.execute("USE mesura");
  const Stored got = read_mysql(db, {"grid"});
  CHECK(got.at({"grid", "l1_active_power_w", kNoonUs + 1'000'000}) == std::pair{Feed::Value{1.0}, std::string{"good"}});
  CHECK(got.at({"grid", "total_message", kNoonUs + 1'000'000}) ==
        std::pair{Feed::Value{std::string{"y"}}, std::string{"good"}});
  CHECK(db.integer("SELECT COUNT(*) FROM series") == 2);
}

TEST_CASE_METHOD(OwnServer, "an account that is wrong, and mended, without its password in any message", "[faults]") {
  root().execute("CREATE USER meter@'127.0.0.1' IDENTIFIED BY 'right-one-5813'");
  root().execute("GRANT ALL ON mesura.* TO meter@'127.0.0.1'");
  options.login.user = "meter";
  options.login.password = "right-one-5813";
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 10)).committed);
  root().execute("ALTER USER meter@'127.0.0.1' IDENTIFIED BY 'another-7742'");
  // What is connected stays connected.
  s->close();
  const auto refused = attempt(*s, values(10, 10));
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, StartsWith("sink-access: "));
  CHECK_THAT(refused.reason, contains("'meter'"));
  CHECK_THAT(refused.reason, !contains("right-one"));
  CHECK_THAT(s->describe(), !contains("right-one"));
  root().execute("ALTER USER meter@'127.0.0.1' IDENTIFIED BY 'right-one-5813'");
  REQUIRE(attempt(*s, values(10, 10)).committed);
  // Without the right to make tables what is there goes on.
  root().execute("REVOKE CREATE, ALTER ON mesura.* FROM meter@'127.0.0.1'");
  s->close();
  REQUIRE(attempt(*s, values(20, 10)).committed);
  const auto fresh = feed.number("grid", "l2", "active_power", "W");
  const auto denied = attempt(*s, {feed.batch(kNoon, {{fresh, 1.0}})});
  CHECK_FALSE(denied.committed);
  CHECK_THAT(denied.reason, StartsWith("sink-access: "));
  CHECK(has(30));
}

TEST_CASE_METHOD(OwnServer, "a server that is read-only for a while", "[faults]") {
  root().execute("CREATE USER meter@'127.0.0.1'");
  root().execute("GRANT ALL ON mesura.* TO meter@'127.0.0.1'");
  options.login.user = "meter";
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 10)).committed);
  root().execute("SET GLOBAL read_only = 1");
  const auto refused = attempt(*s, values(10, 10));
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, StartsWith("sink-read-only: "));
  root().execute("SET GLOBAL read_only = 0");
  REQUIRE(attempt(*s, values(10, 10)).committed);
  CHECK(has(20));
}

TEST_CASE_METHOD(OwnServer, "rows that another session holds", "[faults]") {
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 10)).committed);
  Connection other = root();
  other.execute("USE mesura");
  SECTION("a row") {
    other.execute("START TRANSACTION");
    other.execute("UPDATE grid SET l1_active_power_w = 5 WHERE time = '2026-06-14 12:00:05'");
  }
  SECTION("a table") { other.execute("LOCK TABLES grid WRITE"); }
  const auto start = std::chrono::steady_clock::now();
  const auto refused = attempt(*s, values(0, 20));
  CHECK(std::chrono::steady_clock::now() - start < 15s);
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, StartsWith("sink-busy: "));
  other.execute("ROLLBACK");
  other.execute("UNLOCK TABLES");
  REQUIRE(attempt(*s, values(0, 20)).committed);
  CHECK(has(20));
}

TEST_CASE_METHOD(OwnServer, "the next host of a cluster takes over", "[faults]") {
  MariaDb second;
  options.more_hosts.emplace_back("127.0.0.1", second.port());
  auto s = sink();
  REQUIRE(attempt(*s, values(0, 10)).committed);
  server.kill();
  CHECK_FALSE(attempt(*s, values(10, 10)).committed);
  REQUIRE(attempt(*s, values(10, 10)).committed);
  Login login;
  login.socket = second.socket();
  login.user = "root";
  login.database = "mesura";
  CHECK(read_mysql(Connection{login}, {"grid"}).size() == 10);
  second.kill();
  CHECK_FALSE(attempt(*s, values(20, 10)).committed);
  const auto none = attempt(*s, values(20, 10));
  CHECK_THAT(none.reason, contains(fmt::format("(at 127.0.0.1:{})", server.port())));
  CHECK_THAT(none.reason, contains(fmt::format("(at 127.0.0.1:{})", second.port())));
}

TEST_CASE("TLS: only servers that the certificate vouches for", "[faults]") {
  mesura::test::TempDir dir;
  const auto file = [&](const char* name) { return (dir / name).string(); };
  mesura::test::make_certificate(file("cert.pem"), file("key.pem"));
  mesura::test::make_certificate(file("other.pem"), file("other.key"));
  OwnServer own{{"--ssl-cert=" + file("cert.pem"), "--ssl-key=" + file("key.pem"), "--bind-address=0.0.0.0"}};
  own.root().execute("CREATE USER meter@'127.%' REQUIRE SSL");
  own.root().execute("GRANT ALL ON mesura.* TO meter@'127.%'");
  own.options.login.user = "meter";
  auto& tls = own.options.login.tls;
  const auto try_it = [&] { return attempt(*own.sink(), own.values(0, 10)); };

  CHECK_THAT(try_it().reason, StartsWith("sink-access: "));
  tls.mode = database::mariadb::TlsMode::on;
  CHECK_THAT(try_it().reason, StartsWith("sink-tls: "));
  tls.ca_file = file("other.pem");
  CHECK_THAT(try_it().reason, StartsWith("sink-tls: "));
  tls.mode = database::mariadb::TlsMode::unverified;
  CHECK(try_it().reason == "");
  tls.mode = database::mariadb::TlsMode::on;
  tls.ca_file = file("cert.pem");
  CHECK(try_it().reason == "");
  CHECK_FALSE(Connection{own.options.login}.cipher().empty());
  // The same server under a name that its certificate is not made out to.
  own.options.login.host = "127.0.0.2";
  CHECK_THAT(try_it().reason, StartsWith("sink-tls: "));
  CHECK(own.has(10));
}

namespace {

struct Refusing {
  MysqlDatabase database;
  Feed feed;
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");
  std::uint32_t voltage = feed.number("grid", "l1", "voltage", "V");
  std::uint32_t mode = feed.text("grid", "total", "message");
  mysql::Options options = database.options();
  std::unique_ptr<mysql::MysqlSink> sink;

  void make(bool arrays) {
    options.arrays = arrays;
    sink = std::make_unique<mysql::MysqlSink>(options, feed.table(), runtime::Logger{});
    REQUIRE(attempt(*sink, {feed.batch(kNoon - kSecond, {{power, 0.0}, {voltage, 0.0}, {mode, std::string{"a"}}})})
                .committed);
  }
  [[nodiscard]] std::vector<BatchPtr> thousand() const {
    std::vector<BatchPtr> batches;
    for (std::int64_t n = 0; n < 1000; ++n) {
      const bool bad = n == 137 || n == 138 || n == 999;
      batches.push_back(
          feed.batch(kNoon + n * kSecond,
                     {{power, bad ? 1e9 : static_cast<double>(n)}, {voltage, 230.0}, {mode, fmt::format("m{}", n)}}));
    }
    return batches;
  }
};

}  // namespace

TEST_CASE_METHOD(Refusing, "records that the server refuses in the middle of a batch: the others are committed",
                 "[faults]") {
  make(GENERATE(true, false));
  const Connection db = database.connect();
  std::string reason;
  SECTION("by a constraint") {
    db.execute("ALTER TABLE grid ADD CONSTRAINT plausible CHECK (l1_active_power_w < 1e6)");
    reason = "CONSTRAINT `plausible` failed";
  }
  SECTION("by a trigger") {
    const std::string body =
        "FOR EACH ROW IF NEW.l1_active_power_w > 1e6 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = "
        "'not in my house'; END IF";
    db.execute("CREATE TRIGGER t BEFORE INSERT ON grid " + body);
    db.execute("CREATE TRIGGER u BEFORE UPDATE ON grid " + body);
    reason = "not in my house";
  }
  SECTION("by a column that was changed") {
    db.execute("ALTER TABLE grid MODIFY l1_active_power_w DECIMAL(8, 2)");
    reason = "Out of range value for column 'l1_active_power_w'";
  }
  const auto done = attempt(*sink, thousand());
  INFO(done.reason);
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 3);
  for (const auto& [batch, item, why] : done.rejected) {
    CHECK((batch == 137 || batch == 138 || batch == 999));
    CHECK(item == 0);
    CHECK_THAT(why, StartsWith("sink-refused: the server refuses a value of grid/l1/active_power: "));
    CHECK_THAT(why, contains(reason));
  }
  const Connection look = database.connect();
  CHECK(look.integer("SELECT COUNT(*) FROM grid WHERE l1_voltage_v = 230") == 1000);
  CHECK(look.integer("SELECT COUNT(l1_active_power_w) FROM grid WHERE time >= '2026-06-14 12:00:00'") == 997);
  CHECK(look.integer("SELECT COUNT(*) FROM states") == 1001);
}

TEST_CASE_METHOD(Refusing, "a state that the server refuses", "[faults]") {
  make(true);
  database.connect().execute("ALTER TABLE states ADD CONSTRAINT no_m500 CHECK (text <> 'm500')");
  const auto done = attempt(*sink, thousand());
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 1);
  CHECK(done.rejected[0].batch == 500);
  CHECK(done.rejected[0].item == 2);
  CHECK(database.connect().integer("SELECT COUNT(*) FROM states") == 1000);
  // Nothing of it is remembered as written.
  database.connect().execute("ALTER TABLE states DROP CONSTRAINT no_m500");
  REQUIRE(attempt(*sink, {thousand()[500]}).committed);
  CHECK(database.connect().integer("SELECT COUNT(*) FROM states") == 1001);
}

TEST_CASE_METHOD(Refusing, "a table that refuses every row", "[faults]") {
  make(true);
  database.connect().execute("ALTER TABLE grid ADD COLUMN mine INT NOT NULL");
  const auto done = attempt(*sink, thousand());
  REQUIRE(done.committed);
  CHECK(done.rejected.size() == 2000);
  CHECK_THAT(done.rejected[0].reason, contains("Field 'mine' doesn't have a default value"));
}

TEST_CASE("a server without room means retry, and nothing is lost", "[faults]") {
  // All tables in one file that may grow to so much: to the storage engine the same as a full disk.
  const auto room = [](const char* size) {
    return std::vector<std::string>{"--innodb-file-per-table=0",
                                    std::string{"--innodb-data-file-path=ibdata1:12M:autoextend:max:"} + size};
  };
  OwnServer own{room("18M")};
  auto s = own.sink();
  std::int64_t n = 0;
  int refused = 0;
  while (refused < 4 && n < 400'000) {
    const auto result = attempt(*s, own.values(n, 2000));
    if (result.committed) {
      n += 2000;
      continue;
    }
    REQUIRE_THAT(result.reason, StartsWith("sink-full: mysql 127.0.0.1:"));
    CHECK_THAT(result.reason, contains("hint"));
    // Also by one that starts when there is no room.
    if (++refused % 2 == 1) s = own.sink();
  }
  REQUIRE(refused == 4);
  CHECK(own.root().integer("SELECT COUNT(*) FROM mesura.grid") == n);
  own.server.stop();
  own.server.start(room("200M"));
  for (int i = 0; i < 3; ++i) {
    const auto again = attempt(*s, own.values(n, 2000));
    // The first one finds that its connection is gone.
    if (again.committed) n += 2000;
    CHECK((again.committed || i == 0));
  }
  const Connection db = own.root();
  for (int i = 0; i < 100 && (i == 0 || db.integer("SELECT COUNT(*) FROM mesura.rollup_pending") > 0); ++i) {
    s->open();
    s->maintain(INT64_MAX / 2);
  }
  s->close();
  CHECK(own.has(n));
  CHECK(db.integer("SELECT SUM(count) FROM mesura.grid_1m") == n);
  CHECK(db.integer("SELECT SUM(count) FROM mesura.grid_1d") == n);
}
