// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Files damaged in every way that is known to happen: the sink goes on, and what can be read is kept.
#include "database/sqlite.hpp"
#include "database/sqlite_salvage.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "sinks/tests/rollup_check.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;

namespace {

constexpr std::int64_t kRows = 20'000;

void overwrite(const std::filesystem::path& file, std::uintmax_t at, std::size_t bytes, char with = '\xa5') {
  std::fstream f{file, std::ios::in | std::ios::out | std::ios::binary};
  f.seekp(static_cast<std::streamoff>(at));
  f << std::string(bytes, with);
}

struct Fixture {
  TempDir dir;
  Feed feed;
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");
  std::uint32_t voltage = feed.number("grid", "l1", "voltage", "V");
  std::uint32_t import = feed.number("grid", "total", "active_power_import", "W");
  std::uint32_t mode = feed.state("grid", "total", "operating_mode");
  sqlite::Options options{dir.path() / "store.db", true, {}, "Europe/Brussels"};

  std::unique_ptr<sqlite::SqliteSink> sink() const {
    return std::make_unique<sqlite::SqliteSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] BatchPtr row(std::int64_t i) const {
    return feed.batch(kNoon + i * kSecond,
                      {{power, static_cast<double>(i) + 0.5, i % 100 == 0 ? MESURA_SUSPECT : MESURA_GOOD},
                       {voltage, 230.0},
                       {import, 100.0},
                       {mode, static_cast<double>(i / 1000)}});
  }
  /// kRows rows, in a file closed in good order.
  void fill() const {
    auto s = sink();
    for (std::int64_t at = 0; at < kRows; at += 1000) {
      std::vector<BatchPtr> batches;
      for (std::int64_t i = at; i < at + 1000; ++i) batches.push_back(row(i));
      REQUIRE(attempt(*s, batches).committed);
    }
    s->close();
    REQUIRE(list_files(dir.path()) == std::vector<std::string>{"store.db"});
  }
  /// As if the program had been killed: the next one looks for damage.
  void forget_close() const {
    const database::Database db{options.path};
    db.execute("INSERT INTO meta VALUES ('in_use', 'yes')");
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  [[nodiscard]] std::string damaged_file() const {
    for (const std::string& name : list_files(dir.path())) {
      if (name.starts_with("store.db.damaged-") && name.ends_with("Z")) return name;
    }
    return {};
  }
  [[nodiscard]] std::int64_t integer(const std::string& sql) const {
    return database::Database{options.path}.integer(sql);
  }
  [[nodiscard]] std::string text(const std::string& sql) const { return database::Database{options.path}.text(sql); }

  /// The sink takes a live row at once, then copies; `least`: rows that must be back.
  void recovers(std::int64_t least) {
    auto s = sink();
    const std::int64_t live = kRows + 5000;
    REQUIRE(attempt(*s, {row(live)}).committed);
    REQUIRE(integer("SELECT count(*) FROM grid") == 1);
    REQUIRE_FALSE(damaged_file().empty());
    for (int i = 0; i < 500 && integer("SELECT count(*) FROM meta WHERE key LIKE 'salvage%'") > 0; ++i) {
      s->maintain(kNoon + live * kSecond + 600 * kSecond);
    }
    s->close();
    s = sink();
    s->open();
    s->close();
    const std::int64_t back = integer("SELECT count(*) FROM grid") - 1;
    INFO(back);
    CHECK(back >= least);
    CHECK(back <= kRows);
    CHECK(integer("SELECT count(*) FROM grid WHERE l1_active_power_w <> (time / 1000000 - 1781438400) + 0.5") == 0);
    CHECK(text("PRAGMA integrity_check") == "ok");
    CHECK(integer("SELECT count(*) FROM rollup_pending") == 0);
    CHECK_FALSE(damaged_file().empty());
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "bytes overwritten in the middle cost the rows that were there", "[sqlite][recovery]") {
  fill();
  forget_close();
  const auto size = std::filesystem::file_size(options.path);
  const auto places = GENERATE(1, 2, 4);
  for (int i = 1; i <= places; ++i) {
    overwrite(options.path,
              size * static_cast<std::uintmax_t>(i) / static_cast<std::uintmax_t>(places + 1) / 4096 * 4096, 4096);
  }
  recovers(kRows - 400 * places);
}

TEST_CASE_METHOD(Fixture, "everything comes back with the rows: states, quality, quarter hours, rollups",
                 "[sqlite][recovery]") {
  fill();
  const std::string quality = text("SELECT count(*) || ' ' || sum(time) || ' ' || sum(flags) FROM quality");
  const std::string states = text("SELECT group_concat(time || '=' || number) FROM states");
  const std::string quarters = text("SELECT count(*) || ' ' || sum(samples) || ' ' || sum(average_w) FROM quarters");
  const auto minutes = stored_rollups(database::Database{options.path}, "grid_1m");
  forget_close();
  overwrite(options.path, 0, 100, '\0');
  SECTION("the header alone") {}
  recovers(kRows);
  CHECK(std::filesystem::exists(dir.path() / (damaged_file() + ".header")));
  CHECK(text("SELECT count(*) || ' ' || sum(time) || ' ' || sum(flags) FROM quality WHERE time < 1781458400000000") ==
        quality);
  CHECK(text("SELECT group_concat(time || '=' || number) FROM states WHERE time < 1781458400000000") == states);
  CHECK(text("SELECT count(*) || ' ' || sum(samples) || ' ' || sum(average_w) FROM quarters WHERE time < "
             "1781458400000000") == quarters);
  const database::Database db{options.path};
  CHECK(rollups_differ(db, "grid", {}, "Europe/Brussels") == "");
  auto now = stored_rollups(db, "grid_1m");
  now.erase(std::prev(now.end()));
  CHECK(difference(now, minutes) == "");
}

TEST_CASE_METHOD(Fixture, "a file that was cut off keeps what is before the cut", "[sqlite][recovery]") {
  fill();
  forget_close();
  std::filesystem::resize_file(options.path, std::filesystem::file_size(options.path) / 2 / 4096 * 4096 + 1000);
  recovers(kRows / 4);
}

TEST_CASE_METHOD(Fixture, "damage that shows while writing is mended at once", "[sqlite][recovery]") {
  fill();
  auto s = sink();
  s->open();
  // Closed in good order: nobody looks. A late row needs a page that is not in memory.
  const auto size = std::filesystem::file_size(options.path);
  for (std::uintmax_t at = 4096 * 40; at + 4096 <= size; at += 4096) overwrite(options.path, at, 4096);
  const std::vector<BatchPtr> live{row(kRows / 2), row(kRows + 10)};
  std::string reason;
  for (int i = 0; i < 3; ++i) {
    const auto done = attempt(*s, live);
    if (done.committed) break;
    reason = done.reason;
  }
  CHECK_THAT(reason, Catch::Matchers::StartsWith("sink-corrupt: "));
  CHECK(integer("SELECT count(*) FROM grid WHERE time >= 1781458410000000") == 1);
  CHECK_FALSE(damaged_file().empty());
}

TEST_CASE_METHOD(Fixture, "a WAL that is missing or torn costs its commits and no more", "[sqlite][recovery]") {
  fill();
  // A process that dies: its WAL stays.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto s = sink();
    for (std::int64_t i = kRows; i < kRows + 50; ++i) {
      if (!attempt(*s, {row(i)}).committed) ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  const std::filesystem::path wal = options.path.string() + "-wal";
  REQUIRE(std::filesystem::file_size(wal) > 10'000);
  SECTION("missing") { std::filesystem::remove(wal); }
  SECTION("torn") { std::filesystem::resize_file(wal, std::filesystem::file_size(wal) / 2 + 77); }
  SECTION("its middle overwritten") { overwrite(wal, std::filesystem::file_size(wal) / 2, 5000); }
  auto s = sink();
  REQUIRE(attempt(*s, {row(kRows + 100)}).committed);
  CHECK(integer("SELECT count(*) FROM grid") >= kRows + 1);
  CHECK(damaged_file().empty());
  s->close();
  CHECK(text("PRAGMA integrity_check") == "ok");
  CHECK(rollups_differ(database::Database{options.path}, "grid", {}, "Europe/Brussels") == "");
}

TEST_CASE_METHOD(Fixture, "a fleet's rows come back under the names of their devices", "[sqlite][recovery]") {
  Feed units{"units"};
  const auto a = units.number("a", "l1", "voltage", "V");
  const auto b = units.number("b", "l1", "voltage", "V");
  {
    sqlite::SqliteSink s{options, units.table(), runtime::Logger{}};
    std::vector<BatchPtr> batches;
    for (std::int64_t t = 0; t < 8000; ++t) {
      batches.push_back(units.batch(kNoon + t * kSecond, {{a, 1.0}}));
      batches.push_back(units.batch(kNoon + t * kSecond, {{b, 2.0}}));
    }
    REQUIRE(attempt(s, batches).committed);
    s.close();
  }
  forget_close();
  overwrite(options.path, std::filesystem::file_size(options.path) / 2 / 4096 * 4096, 4096);
  // In the new file the other one comes first, and has the other number.
  sqlite::SqliteSink s{options, units.table(), runtime::Logger{}};
  REQUIRE(attempt(s, {units.batch(kNoon + 9000 * kSecond, {{b, 2.0}})}).committed);
  for (int i = 0; i < 50; ++i) s.maintain(kNoon + 20'000 * kSecond);
  s.close();
  CHECK(integer("SELECT count(*) FROM units_utc WHERE device = 'a' AND l1_voltage_v = 1") > 7000);
  CHECK(integer("SELECT count(*) FROM units_utc WHERE device = 'b' AND l1_voltage_v = 2") > 7000);
  CHECK(integer("SELECT count(*) FROM units_utc WHERE (device = 'a') <> (l1_voltage_v = 1)") == 0);
}

TEST_CASE("salvage reads around every page that is gone", "[salvage]") {
  const TempDir dir;
  const auto path = dir.path() / "x.db";
  constexpr std::int64_t kCount = 5000;
  {
    const database::Database db{path};
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
    db.execute("BEGIN");
    database::Statement put = db.prepare("INSERT INTO t VALUES (?1, ?2)");
    for (std::int64_t i = 0; i < kCount; ++i) {
      const std::string text = fmt::format("row {} {}", i, std::string(100, 'x'));
      put.bind(1, (i - 2500) * 1'000'003);
      put.bind(2, std::string_view{text});
      put.run();
    }
    db.execute("COMMIT");
  }
  const auto pages = std::filesystem::file_size(path) / 4096;
  const std::string whole = read_file(path);
  std::size_t checked = 0;
  // Page 2 is the table's root: without it nothing is left.
  for (std::uintmax_t page = 2; page < pages; page += 3) {
    write_file(path, whole);
    overwrite(path, page * 4096, 4096);
    const database::Database db{path};
    database::Salvage salvage{db, {"t", "rowid", {}, {"text"}}};
    std::size_t wrong = 0;
    std::int64_t last = INT64_MIN;
    bool more = true;
    while (more) {
      more = salvage.next(100, [&](const database::Statement& row) {
        const std::int64_t i = row.integer(0) / 1'000'003 + 2500;
        if (row.integer(0) <= last || !row.text(1).starts_with(fmt::format("row {} ", i))) ++wrong;
        last = row.integer(0);
      });
    }
    CHECK(wrong == 0);
    CHECK(salvage.rows() >= kCount - 40);
    CHECK(salvage.rows() < kCount);
    CHECK(salvage.holes() == 1);
    ++checked;
  }
  CHECK(checked > 40);
  write_file(path, whole);
  const database::Database db{path};
  database::Salvage salvage{db, {"t", "rowid", {}, {}}};
  while (salvage.next(1000, [](const database::Statement&) {})) {
  }
  CHECK(salvage.rows() == kCount);
  CHECK(salvage.holes() == 0);
}
