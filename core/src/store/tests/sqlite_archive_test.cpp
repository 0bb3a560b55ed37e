// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What only a file can do: be moved, be old, be another program's, lie where nothing can be written.
#include "sinks/tests/rollup_feed.hpp"
#include "store/tests/truth.hpp"

#include "support/catch.hpp"

#include <filesystem>

using namespace mesura;
using namespace mesura::store;
using namespace mesura::store::test;
using mesura::sinks::test::attempt;
using mesura::sinks::test::Feed;
using mesura::sinks::test::kNoon;
using mesura::sinks::test::kSecond;

namespace {

struct Fixture {
  SqliteHome home;
  Feed feed;
  std::uint32_t power = feed.number("grid", "total", "active_power", "W");

  void write(double value) const {
    const auto sink = home.sink(feed.table());
    REQUIRE(attempt(*sink, {feed.batch(kNoon, {{power, value}})}).committed);
    sink->close();
  }
  std::string error(Store& store) const {
    try {
      (void)store.latest();
    } catch (const StoreError& e) {
      CHECK(e.cause() == StoreError::Cause::unavailable);
      return e.what();
    }
    return {};
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "sqlite: a file that is not there yet, then is", "[archive][sqlite]") {
  Store store = home.store();
  CHECK_THAT(error(store), mesura::test::contains("store-missing"));
  write(5);
  CHECK(store.latest().at(0).number == 5);
}

TEST_CASE_METHOD(Fixture, "sqlite: a file that was moved away and made anew", "[archive][sqlite]") {
  write(5);
  Store store = home.store();
  CHECK(store.latest().at(0).number == 5);
  const std::uint32_t id = store.series().at(0).info.id;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::rename(home.path().string() + suffix, home.path().string() + ".damaged" + suffix, ignored);
  }
  CHECK_THAT(error(store), mesura::test::contains("store-missing"));
  write(6);
  CHECK(store.latest().at(0).number == 6);
  CHECK(store.series().at(0).info.id == id);
}

TEST_CASE_METHOD(Fixture, "sqlite: other programs' files, newer ones, no database at all", "[archive][sqlite]") {
  Store store = home.store();
  { database::Database{home.path()}.execute("CREATE TABLE t (a)"); }
  CHECK_THAT(error(store), mesura::test::contains("store-foreign"));
  std::filesystem::remove(home.path());
  write(1);
  { database::Database{home.path()}.execute("PRAGMA user_version = 99"); }
  CHECK_THAT(error(store), mesura::test::contains("store-newer"));
  std::filesystem::remove(home.path());
  sinks::test::write_file(home.path(), std::string(10'000, 'x'));
  CHECK_THAT(error(store), mesura::test::contains("store-corrupt"));
}

TEST_CASE_METHOD(Fixture, "sqlite: a directory that cannot be written", "[archive][sqlite]") {
  write(5);
  const auto dir = home.path().parent_path();
  using std::filesystem::perms;
  const perms read = perms::owner_read | perms::group_read | perms::others_read;
  std::filesystem::permissions(home.path(), read);
  std::filesystem::permissions(dir, read | perms::owner_exec | perms::group_exec | perms::others_exec);
  {
    const sinks::test::OrdinaryUser user;
    Store store = home.store();
    CHECK(store.latest().at(0).number == 5);
  }
  std::filesystem::permissions(dir, std::filesystem::perms::owner_all);
}

TEST_CASE_METHOD(Fixture, "sqlite: a reader leaves the file as it is, and the writer its checkpoints",
                 "[archive][sqlite]") {
  write(5);
  Store store = home.store();
  CHECK(store.latest().at(0).number == 5);
  const auto sink = home.sink(feed.table());
  for (int i = 0; i < 200; ++i) {
    REQUIRE(attempt(*sink, {feed.batch(kNoon + (i + 1) * kSecond, {{power, 1.0 * i}})}).committed);
    REQUIRE(store.latest().at(0).number == i);
  }
  // Nobody is in a transaction: the WAL can be emptied.
  const database::Database db{home.path()};
  CHECK(db.integer("PRAGMA wal_checkpoint(TRUNCATE)") == 0);
  sink->close();
}

TEST_CASE("sqlite: a file of layout 2 is read, without rollups", "[archive][sqlite]") {
  SqliteHome home;
  std::filesystem::copy_file(std::filesystem::path{MESURA_TEST_DATA} / "layout_2.db", home.path());
  Store store = home.store();
  const auto list = store.series();
  REQUIRE_FALSE(list.empty());
  const auto latest = store.latest();
  CHECK_FALSE(latest.empty());
  for (const StoredSeries& s : list) {
    const auto extent = store.extent(s);
    INFO(s.info.name());
    REQUIRE(extent);
    Query query;
    query.series = {s.info.name()};
    query.range = {extent->from_ns, extent->to_ns + 1};
    query.points = 10;
    const Trace trace = store.query(query).at(0);
    CHECK(trace.resolution == Resolution::raw);
    CHECK_FALSE((trace.points.empty() && trace.states.empty()));
  }
}

TEST_CASE("archives: which kinds can be read back", "[archive]") {
  CHECK(can_read("sqlite"));
  CHECK_FALSE(can_read("csv"));
  CHECK(open_archive("csv", {}, "UTC") == nullptr);
}
