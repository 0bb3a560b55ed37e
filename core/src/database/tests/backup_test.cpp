// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/sqlite_backup.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <vector>

using namespace mesura;

namespace {

struct Fixture {
  test::TempDir dir;
  std::filesystem::path from = dir.path() / "from.db";
  std::filesystem::path to = dir.path() / "to.db";
  database::Database db{from};

  Fixture() {
    db.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
    fill(20'000);
  }
  void fill(int rows) const {
    db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(rows) +
               ") INSERT INTO t (text) SELECT printf('%0200d', i) FROM n");
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator{dir.path()}) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a backup is the file as it was when it began, while others write", "[backup]") {
  std::uint64_t steps = 0;
  std::uint64_t last = 0;
  bool checked = false;
  const auto size = database::backup(from, to, [&](const database::BackupProgress& p) {
    CHECK(p.done_bytes >= last);
    CHECK(p.done_bytes <= p.total_bytes);
    last = p.done_bytes;
    checked = checked || p.checking;
    if (++steps <= 3) fill(100);
  });
  CHECK(steps > 5);
  CHECK(checked);
  CHECK(size == std::filesystem::file_size(to));
  CHECK(db.integer("SELECT count(*) FROM t") == 20'300);
  const database::Database copy{to};
  CHECK(copy.integer("SELECT count(*) FROM t") == 20'000);
  CHECK(copy.text("PRAGMA integrity_check") == "ok");
  const auto left = files();
  CHECK(std::count(left.begin(), left.end(), "to.db.partial") == 0);
}

TEST_CASE_METHOD(Fixture, "a backup that is given up leaves nothing, and nothing is written over", "[backup]") {
  const auto before = files();
  CHECK_THROWS_AS(database::backup(from, to, [](const database::BackupProgress&) { throw std::runtime_error("stop"); }),
                  std::runtime_error);
  CHECK(files() == before);
  std::ofstream{to} << "mine";
  CHECK_THROWS_AS(database::backup(from, to, [](const database::BackupProgress&) {}), std::runtime_error);
  CHECK(std::filesystem::file_size(to) == 4);
  CHECK_THROWS_AS(database::backup(dir.path() / "none.db", dir.path() / "x.db", [](const database::BackupProgress&) {}),
                  std::system_error);
  CHECK_THROWS_AS(database::backup(from, dir.path() / "no" / "x.db", [](const database::BackupProgress&) {}),
                  database::Error);
}

TEST_CASE_METHOD(Fixture, "the copy of a damaged file is not given out as good", "[backup]") {
  db.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream f{from, std::ios::in | std::ios::out | std::ios::binary};
    f.seekp(static_cast<std::streamoff>(std::filesystem::file_size(from) / 2 / 4096 * 4096));
    f << std::string(4096, '\xa5');
  }
  const auto give = [&] { database::backup(from, to, [](const database::BackupProgress&) {}); };
  CHECK_THROWS(give());
  CHECK_FALSE(std::filesystem::exists(to));
}
