// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/state_check.hpp"

#include "database/sqlite.hpp"
#include "doctor/tests/unprivileged.hpp"
#include "service/state_directory.hpp"
#include "spool/spool.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

using namespace mesura;
using namespace mesura::doctor;
using namespace mesura::doctor::test;
using mesura::test::contains;
using mesura::test::TempDir;

namespace {

Findings state(const std::filesystem::path& directory) {
  Findings out;
  check_state(directory, running_service(directory), {}, out);
  return out;
}

Findings sqlite(const std::filesystem::path& file) {
  Findings out;
  check_sqlite("sink local", file, 20, out);
  return out;
}

}  // namespace

TEST_CASE("who holds the state directory is told by its lock, and only while it lives") {
  const TempDir dir;
  CHECK(running_service(dir.path()) == 0);
  {
    const service::StateDirectory mine{dir.path()};
    CHECK(running_service(dir.path()) == ::getpid());
    CHECK_THAT(the(state(dir.path()), "doc-service").message, contains(fmt::format("pid {}", ::getpid())));
  }
  CHECK(running_service(dir.path()) == 0);
  CHECK(the(state(dir.path()), "doc-service").severity == Severity::note);
}

TEST_CASE("a state directory that may not be looked into leaves the devices alone") {
  const TempDir dir;
  const service::StateDirectory theirs{dir / "state"};
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((dir / "state").c_str(), 0700) == 0);
  if (::geteuid() != 0) {
    WARN("SKIPPED: only root can make a directory that belongs to another");
    return;
  }
  const auto found = as_nobody([&] { return state(dir / "state"); });
  CHECK(the(found, "doc-state-access").severity == Severity::warning);
  CHECK(found.size() == 1);
}

TEST_CASE("an audit log that can't be written and a directory open to all") {
  const TempDir dir;
  std::ofstream{dir / "audit.jsonl"} << "{}\n";
  REQUIRE(::chmod(dir.path().c_str(), 0757) == 0);
  REQUIRE(::chmod((dir / "audit.jsonl").c_str(), 0444) == 0);
  const auto found = as_nobody([&] { return state(dir.path()); });
  CHECK(the(found, "doc-audit").severity == Severity::error);
  CHECK_THAT(the(found, "doc-audit").message, contains("no command that changes a device goes out"));
  CHECK(the(found, "doc-state-open").commands.at(0) == "chmod o-rwx " + dir.path().string());
}

TEST_CASE("dead letters and what waits in a spool") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "spool");
  SeriesTable series;
  SeriesInfo info;
  info.device = "grid";
  info.channel = "total";
  info.quantity = "active_power";
  info.unit = "W";
  info.flat_name = "total_active_power_w";
  const auto id = series.add(info);
  auto batch = std::make_shared<Batch>();
  batch->time_ns = batch->received_ns = 1'790'000'000'000'000'000;
  Measurement m{};
  m.series = id;
  m.time_ns = batch->time_ns;
  m.number = 230;
  batch->device = "grid";
  batch->items.push_back(m);
  {
    spool::Spool spool{spool::spool_path(dir.path(), "local"), series,
                       runtime::Logger{std::make_shared<runtime::Log>(), "test"}};
    CHECK(the(state(dir.path()), "doc-spool").severity == Severity::good);
    const std::vector<spool::Entry> entries{{1, batch, 0}};
    spool.append(entries);
    CHECK_THAT(the(state(dir.path()), "doc-spool-waiting").message, contains("1 measurements wait"));
    const std::vector<spool::Spool::Rejection> refused{{batch.get(), 0, "out of range"}};
    spool.bury(refused, 1);
  }
  const auto found = state(dir.path());
  CHECK(the(found, "doc-spool-dead").severity == Severity::warning);
  CHECK(the(found, "doc-spool-dead").commands ==
        std::vector<std::string>{"mesura spool ls local", "mesura spool requeue local"});
  std::ofstream{spool::spool_path(dir.path(), "local"), std::ios::trunc} << std::string(8192, 'x');
  CHECK(the(state(dir.path()), "doc-spool").severity == Severity::error);
}

TEST_CASE("a database is whole, damaged, or not there yet") {
  const TempDir dir;
  const auto file = dir / "local.db";
  CHECK(sqlite(file).empty());
  {
    const database::Database db{file};
    db.execute(
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t(b);"
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) "
        "INSERT INTO t SELECT x, hex(randomblob(40)) FROM n;");
  }
  CHECK(the(sqlite(file), "doc-sqlite").severity == Severity::good);
  {
    std::fstream out{file, std::ios::in | std::ios::out | std::ios::binary};
    out.seekp(3 * 4096);
    const std::string junk(3 * 4096, '\x5a');
    out.write(junk.data(), static_cast<std::streamsize>(junk.size()));
  }
  const auto damaged = sqlite(file);
  CHECK(the(damaged, "doc-sqlite").severity == Severity::error);
  CHECK(!the(damaged, "doc-sqlite").remedy.empty());
  std::ofstream{file, std::ios::trunc} << "this is no database at all, though it is long enough to be looked at";
  CHECK_THAT(the(sqlite(file), "doc-sqlite").got, contains("not a database"));
}
