// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Recordings in Matroska when things go wrong: full disks, deleted and torn files, kills.
#include "sinks/recording/matroska_scan.hpp"
#include "sinks/tests/matroska_fixture.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using Fixture = MatroskaFixture;
using recording::Fill;
using recording::Form;
using recording::Streams;

TEST_CASE_METHOD(Fixture, "mkv: a disk that takes no more means retry, nothing torn, nothing twice", "[matroska]") {
  options.cuts.rows = 20'000;
  const auto one = stream(1);
  const auto s = sink();
  REQUIRE(attempt(*s, {block(one, 0, 10)}).committed);
  const std::vector<BatchPtr> many{block(one, 10, 19'990), block(one, 20'001, 19'000)};
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (const rlim_t limit : {5'000U, 100'000U, 250'000U}) {
    rlimit small = before;
    small.rlim_cur = limit;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto refused = attempt(*s, many);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    INFO(limit);
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-"));
    CHECK(files(".part").size() == 1);
  }
  SECTION("the same again") {
    REQUIRE(attempt(*s, many).committed);
    s->close();
    REQUIRE(files().size() == 2);
    CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 20'000)));
    CHECK(ranges(rows_in(file(files()[1]))) == ranges(count(20'001, 39'001)));
  }
  SECTION("more than before") {
    REQUIRE(attempt(*s, {many[0], many[1], block(one, 39'001, 10)}).committed);
    s->close();
    CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 20'000)));
    CHECK(ranges(rows_in(file(files().at(1)))) == ranges(count(20'001, 39'011)));
  }
  SECTION("less than before, then the rest") {
    REQUIRE(attempt(*s, {block(one, 10, 5000)}).committed);
    REQUIRE(attempt(*s, {block(one, 5000, 10'000)}).committed);
    REQUIRE(attempt(*s, many).committed);
    s->close();
    CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 20'000)));
    CHECK(ranges(rows_in(file(files().at(1)))) == ranges(count(20'001, 39'001)));
  }
  SECTION("the file is finished in between") {
    s->maintain(kNoon);
    s->maintain(kNoon + 60 * kSecond);
    CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 20'000)));
    REQUIRE(attempt(*s, many).committed);
    s->close();
    REQUIRE(files().size() == 2);
    CHECK(ranges(rows_in(file(files()[1]))) == ranges(count(20'001, 39'001)));
  }
  SECTION("never again: what was encoded is kept, and known after a restart") {
    s->close();
    CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 20'000)));
    const auto next = sink();
    REQUIRE(attempt(*next, {block(stream(7), 0, 20'000), block(stream(7), 20'000, 50)}).committed);
    next->close();
    REQUIRE(files().size() == 2);
    CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 20'000)));
    CHECK(ranges(rows_in(file(files()[1]))) == ranges(count(20'000, 20'050)));
  }
}

TEST_CASE_METHOD(Fixture, "mkv: a directory that can't be written means retry", "[matroska]") {
  const auto s = sink();
  REQUIRE(attempt(*s, {block(stream(1), 0, 10)}).committed);
  REQUIRE(::chmod(options.directory.c_str(), 0555) == 0);
  {
    const OrdinaryUser nobody;
    const auto refused = attempt(*s, {block(stream(2, kSix, kNoon, "other"), 0, 10)});
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-"));
  }
  REQUIRE(::chmod(options.directory.c_str(), 0755) == 0);
  REQUIRE(attempt(*s, {block(stream(2, kSix, kNoon, "other"), 0, 10)}).committed);
  s->close();
  CHECK(ranges(rows_in(file("other_2026_06_14__12_00_00.mkv", "other"))) == ranges(count(0, 10)));
}

TEST_CASE_METHOD(Fixture, "mkv: a file deleted while it is written is noticed", "[matroska]") {
  const auto run = stream(1);
  const auto s = sink();
  REQUIRE(attempt(*s, {block(run, 0, 10)}).committed);
  std::filesystem::remove_all(options.directory / "lab");
  REQUIRE(attempt(*s, {block(run, 10, 10)}).committed);
  s->close();
  CHECK(ranges(rows_in(file(kFirst))) == ranges(count(10, 20)));
}

TEST_CASE_METHOD(Fixture, "mkv: a file cut off anywhere is mended to its last whole cluster", "[matroska]") {
  const bool per_line = GENERATE(false, true);
  options.streams = per_line ? Streams::per_line : Streams::single;
  {
    const auto s = sink();
    for (std::uint64_t n = 0; n < 8; ++n) REQUIRE(attempt(*s, {block(stream(1), n * 300, 300)}).committed);
    s->close();
  }
  const std::string whole = read_file(file(kFirst));
  const auto cut = dir.path() / "cut.mkv";
  std::set<std::uint64_t> seen;
  for (std::size_t length = 0; length < whole.size(); length += 37) {
    // After a kill the rest is missing, after a power cut it may be zeros.
    const bool zeros = length % 2 == 1;
    write_file(cut, whole.substr(0, length) + std::string(zeros ? whole.size() - length : 0, '\0'));
    const auto found = recording::mend_matroska(cut, 0);
    REQUIRE(std::filesystem::file_size(cut) == found.bytes);
    REQUIRE(found.rows % 300 == 0);
    if (!zeros) REQUIRE(found.bytes <= length);
    // Reading is slow: once for each number of clusters.
    if (found.rows == 0 || !seen.insert(found.rows).second) continue;
    const MatroskaFile got = read_matroska(cut);
    for (const auto& one : got.streams) REQUIRE(one.rows() == found.rows);
    if (!per_line) REQUIRE(ranges(rows_in(cut)) == ranges(count(0, static_cast<std::int64_t>(found.rows))));
  }
  CHECK(seen.size() == 8);
  const auto all = recording::scan_matroska(file(kFirst), 0);
  CHECK(all.rows == 2400);
  CHECK(all.bytes == whole.size());
  CHECK(all.indexed);
}

TEST_CASE_METHOD(Fixture, "mkv: kill -9 loses nothing that was confirmed, doubles nothing, and a restart goes on",
                 "[matroska]") {
  options.cuts.rows = 20'000;
  const int rounds = std::getenv("MESURA_SOAK") != nullptr ? 200 : 12;
  std::uint64_t done = 0;
  int open_writes = 0;
  for (int round = 1; round <= rounds; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const auto s = sink();
      // The same run in each life, as a spool would give it; in every other one the last confirmed write comes again.
      const auto run = stream(static_cast<std::uint64_t>(round));
      for (std::uint64_t row = done < 3000 || round % 2 == 0 ? done : done - 3000;; row += 3000) {
        if (!attempt(*s, {block(run, row, 1500), block(run, row + 1500, 1500)}).committed) ::_exit(1);
        const std::uint64_t next = row + 3000;
        if (::write(ends[1], &next, sizeof next) != sizeof next) ::_exit(1);
      }
    }
    ::close(ends[1]);
    std::uint64_t said = 0;
    for (int i = 0; i < 4; ++i) REQUIRE(::read(ends[0], &said, sizeof said) == sizeof said);
    ::usleep(static_cast<useconds_t>(round * 311 % 4000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (::read(ends[0], &said, sizeof said) == sizeof said) {
    }
    ::close(ends[0]);
    REQUIRE(said > done);
    done = said;
    if (!files(".mkv.part").empty()) ++open_writes;
  }
  const auto s = sink();
  s->open();
  s->close();
  CHECK(files(".part").empty());
  std::vector<std::int64_t> rows;
  for (const std::string& name : files()) {
    const auto some = rows_in(file(name));
    REQUIRE_THAT(sidecar(name), mesura::test::contains(fmt::format("\"rows\": {},", some.size())));
    REQUIRE_THAT(sidecar(name), mesura::test::contains("\"finished\": true"));
    rows.insert(rows.end(), some.begin(), some.end());
  }
  // Names of one second count up: _10 stands before _2.
  std::sort(rows.begin(), rows.end());
  REQUIRE(rows.size() >= done);
  REQUIRE((rows == count(0, static_cast<std::int64_t>(rows.size()))));
  CHECK(open_writes > 0);
  fmt::print("SOAK | kill -9 of recording, mkv | {} kills | {} rows confirmed, none lost, none twice\n", rounds, done);
}

TEST_CASE_METHOD(Fixture, "a run recorded before a restart is a repeat, in either form", "[matroska]") {
  options.form = GENERATE(Form::matroska, Form::plain);
  options.fill = GENERATE(Fill::none, Fill::nan);
  {
    const auto s = sink();
    REQUIRE(attempt(*s, {block(stream(1), 0, 100), block(stream(1), 150, 50)}).committed);
    s->close();
  }
  const std::string ending = options.form == Form::plain ? ".f32" : ".mkv";
  const auto again = sink();
  const auto run = stream(9);
  REQUIRE(attempt(*again, {block(run, 0, 100)}).committed);
  REQUIRE(attempt(*again, {block(run, 150, 50)}).committed);
  CHECK(files(ending).size() == 1);
  REQUIRE(attempt(*again, {block(run, 190, 20)}).committed);
  again->close();
  REQUIRE(files(ending).size() == 2);
  CHECK_THAT(sidecar(files(ending)[1]), mesura::test::contains("\"first_row\": 200,"));
  CHECK_THAT(sidecar(files(ending)[1]), mesura::test::contains("\"rows\": 10,"));
  // Another start, or other channels: another run.
  const auto third = sink();
  REQUIRE(attempt(*third, {block(stream(10, kSix, kNoon + 1), 0, 5), block(stream(11, {"v", "i"}), 0, 5)}).committed);
  third->close();
  CHECK(files(ending).size() == 4);
}
