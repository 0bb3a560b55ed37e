// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// CSV files under what happens to them: late data, restarts, full disks, kills; alone and all at random.
#include "runtime/time_text.hpp"
#include "sinks/csv/csv_sink.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <set>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr std::int64_t kMinute = 60 * kSecond;

std::string unpacked(const std::filesystem::path& path) {
  gzFile in = ::gzopen(path.c_str(), "rb");
  if (in == nullptr) throw std::runtime_error("gzopen " + path.string());
  std::string out;
  char part[65536];
  int n = 0;
  while ((n = ::gzread(in, part, sizeof part)) > 0) out.append(part, static_cast<std::size_t>(n));
  const bool whole = ::gzclose(in) == Z_OK && n == 0;
  if (!whole) throw std::runtime_error("torn " + path.string());
  return out;
}

struct Fixture {
  CsvWideAdapter far;
  Feed feed;
  csv::Options options{far.directory(), csv::Form::wide, 0, 24h, false};
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");
  std::uint32_t gas = feed.number("grid", "mbus1", "gas_volume", "m3");

  std::unique_ptr<csv::CsvSink> sink() const {
    return std::make_unique<csv::CsvSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] std::vector<std::string> files() const { return list_files(far.directory()); }
  [[nodiscard]] std::string file(const std::string& name) const { return read_file(far.directory() / name); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "late data go to a file of their own day, the newest goes on", "[csv]") {
  const std::string head = "time,quality,l1_active_power_w,mbus1_gas_volume_m3\n";
  const auto late = feed.batch(kNoon + kSecond, {{power, 2.0}, {gas, 7.5, MESURA_GOOD, kNoon - kDay}});
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}, {gas, 7.25, MESURA_GOOD, kNoon - kDay - kSecond}}), late})
              .committed);
  REQUIRE(attempt(*s, {feed.batch(kNoon + 2 * kSecond, {{power, 3.0}})}).committed);
  CHECK(files() == std::vector<std::string>{"grid-20260613-115959.csv", "grid-20260614-120000.csv.part"});
  CHECK(file("grid-20260613-115959.csv") == head + "2026-06-13T11:59:59.000Z,,,7.25\n2026-06-13T12:00:00.000Z,,,7.5\n");

  // The next late ones find that file finished.
  REQUIRE(attempt(*s, {feed.batch(kNoon - kDay + kSecond, {{gas, 7.75}})}).committed);
  CHECK(files() == std::vector<std::string>{"grid-20260613-115959.csv", "grid-20260613-120001.csv.part",
                                            "grid-20260614-120000.csv.part"});
  SECTION("a repeat changes nothing, also after a restart") {
    for (int i = 0; i < 2; ++i) {
      REQUIRE(attempt(*s, {late, feed.batch(kNoon - kDay + kSecond, {{gas, 7.75}})}).committed);
      CHECK(file("grid-20260613-120001.csv.part") == head + "2026-06-13T12:00:01.000Z,,,7.75\n");
      CHECK(file("grid-20260614-120000.csv.part") == head +
                                                         "2026-06-14T12:00:00.000Z,,1,\n2026-06-14T12:00:01.000Z,,2,\n"
                                                         "2026-06-14T12:00:02.000Z,,3,\n");
      CHECK(files().size() == 3);
      s = sink();
    }
  }
  SECTION("it is finished after ten quiet minutes, though the newest is written") {
    for (int i = 0; i <= 10; ++i) {
      CHECK(files()[1] == "grid-20260613-120001.csv.part");
      REQUIRE(attempt(*s, {feed.batch(kNoon + i * kMinute, {{power, 9.0}})}).committed);
      s->maintain(kNoon + i * kMinute);
    }
    CHECK(files() == std::vector<std::string>{"grid-20260613-115959.csv", "grid-20260613-120001.csv",
                                              "grid-20260614-120000.csv.part"});
  }
  SECTION("those of another day finish it") {
    REQUIRE(attempt(*s, {feed.batch(kNoon - 5 * kDay, {{gas, 1.0}})}).committed);
    CHECK(files() == std::vector<std::string>{"grid-20260609-120000.csv.part", "grid-20260613-115959.csv",
                                              "grid-20260613-120001.csv", "grid-20260614-120000.csv.part"});
  }
}

TEST_CASE_METHOD(Fixture, "names sort as the files were written", "[csv]") {
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}}), feed.batch(kNoon - 2 * kDay, {{power, 1.0}})}).committed);
  REQUIRE(attempt(*s, {feed.batch(kNoon - 2 * kDay - 60 * kSecond, {{power, 0.5}})}).committed);
  REQUIRE(attempt(*s, {feed.batch(kNoon - 3 * kDay, {{power, 1.0}})}).committed);
  s->close();
  s = sink();
  // Earlier than what stands in that day's file: a correction must not come before what it corrects.
  REQUIRE(attempt(*s, {feed.batch(kNoon - 2 * kDay - 60 * kSecond, {{power, 0.25}})}).committed);
  CHECK(files() == std::vector<std::string>{"grid-20260611-120000.csv", "grid-20260612-120000.csv",
                                            "grid-20260612-120001.csv", "grid-20260612-120002.csv.part",
                                            "grid-20260614-120000.csv.part"});
  CHECK(far.read({"grid"}).at({"grid", "l1_active_power_w", (kNoon - 2 * kDay - 60 * kSecond) / 1000}).first ==
        Feed::Value{0.25});
}

TEST_CASE_METHOD(Fixture, "a directory that becomes read-only and writable again: nothing lost, nothing twice",
                 "[csv]") {
  options.every = 1h;
  const auto permit = [&](unsigned mode) {
    std::filesystem::permissions(far.directory(), static_cast<std::filesystem::perms>(mode));
  };
  const std::vector<BatchPtr> next{feed.batch(kNoon + 1800 * kSecond, {{power, 2.0}}),
                                   feed.batch(kNoon + 3600 * kSecond, {{power, 3.0}})};
  auto s = sink();
  permit(0777);
  {
    const OrdinaryUser nobody;
    REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  }
  permit(0555);
  {
    const OrdinaryUser nobody;
    // The file in progress takes its line; what needs the directory fails: its last name, the next file.
    for (int i = 0; i < 3; ++i) CHECK_THAT(attempt(*s, next).reason, Catch::Matchers::StartsWith("sink-read-only: "));
    const std::string head = "time,quality,l1_active_power_w\n";
    CHECK(file("grid-20260614-120000.csv.part") == head + "2026-06-14T12:00:00.000Z,,1\n");
    REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{power, 1.5}})}).committed);
  }
  permit(0777);
  {
    const OrdinaryUser nobody;
    REQUIRE(attempt(*s, next).committed);
    s->close();
  }
  CHECK(files() == std::vector<std::string>{"grid-20260614-120000.csv", "grid-20260614-130000.csv.part"});
  CHECK(far.rows({"grid"}) == 4);
  CHECK(far.read({"grid"}).size() == 4);
}

TEST_CASE_METHOD(Fixture, "times at both ends of what there is", "[csv]") {
  options.every = GENERATE(0ns, std::chrono::nanoseconds{1h});
  auto s = sink();
  const std::vector<BatchPtr> batches{
      feed.batch(runtime::parse_time("1678-01-01T00:00:00Z").value(), {{power, 1.0}}),
      feed.batch(runtime::parse_time("2261-12-31T23:59:59.999Z").value(), {{power, 2.0}}),
      feed.batch(-1, {{power, 3.0}})};
  for (int i = 0; i < 2; ++i) {
    REQUIRE(attempt(*s, batches).committed);
    s->close();
    CAPTURE(files());
    CHECK(far.rows({"grid"}) == 3);
  }
}

TEST_CASE_METHOD(Fixture, "a disk that fills up loses nothing and tears nothing", "[csv]") {
  // A file system of our own, in a name space of our own, seen by this child alone.
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto say = [&](const std::string& text) {
      static_cast<void>(!::write(pipe_ends[1], text.data(), text.size()));
      ::_exit(0);
    };
    const auto disk = far.directory() / "disk";
    std::filesystem::create_directory(disk);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", disk.c_str(), "tmpfs", 0, "size=256k") != 0)
      say("not permitted");
    try {
      write_file(disk / "ballast", std::string(192 * 1024, 'x'));
      options.directory = disk;
      options.every = 1h;  // rotates on the full disk, too
      auto s = sink();
      int refused = 0;
      for (int i = 0; i < 200; ++i) {
        std::vector<BatchPtr> batches;
        for (int k = 0; k < 10; ++k)
          batches.push_back(feed.batch(kNoon + (i * 10 + k) * kMinute, {{power, i * 10 + k + 0.5}, {gas, 1.0}}));
        const auto result = attempt(*s, batches);
        if (!result.committed) {
          if (result.reason.find("sink-full: ") != 0) say("not full: " + result.reason);
          if (++refused == 3) std::filesystem::remove(disk / "ballast");
          if (refused == 20) say("the rest does not fit");
          if (refused % 2 == 1) s = sink();  // also by one that starts on a full disk
          --i;
        }
      }
      if (refused < 3) say("the disk never was full");
      s->close();
      std::set<std::string> times;
      std::size_t rows = 0;
      for (const std::string& name : list_files(disk)) {
        for (const auto& record : parse_csv(read_file(disk / name))) {
          if (record.size() != 4) say("torn: " + name);
          if (record[0].text == "time") continue;
          times.insert(record[0].text);
          ++rows;
        }
      }
      say(rows == 2000 && times.size() == 2000 ? "good" : fmt::format("{} rows of {} times", rows, times.size()));
    } catch (const std::exception& e) {
      say(e.what());
    }
  }
  ::close(pipe_ends[1]);
  std::string told(4096, '\0');
  const ssize_t n = ::read(pipe_ends[0], told.data(), told.size());
  ::close(pipe_ends[0]);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  told.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (told == "not permitted") {
    WARN("no file system can be mounted here: left to the limit on the size of files, see the contract");
    return;
  }
  CHECK(told == "good");
}

TEST_CASE_METHOD(Fixture, "kill -9 while it compresses: each file is whole, plain or compressed", "[csv]") {
  options.every = 1h;
  options.gzip = true;
  constexpr int kRounds = 12;
  constexpr int kRows = 20'000;
  std::mt19937 random{4711};
  bool hit = false;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<BatchPtr> batches;
    for (int i = 0; i < kRows; ++i)
      batches.push_back(
          feed.batch(kNoon + round * 3600 * kSecond + i * kSecond / 10, {{power, (i * 7919) % 1000 / 8.0}}));
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto s = sink();
      const char ok = attempt(*s, batches).committed ? 'y' : 'n';
      if (::write(pipe_ends[1], &ok, 1) != 1) ::_exit(1);
      for (int i = 0;; ++i) s->maintain(kNoon + (round + 1) * 3600 * kSecond + i * kMinute);
    }
    ::close(pipe_ends[1]);
    char ok = 0;
    REQUIRE(::read(pipe_ends[0], &ok, 1) == 1);
    REQUIRE(ok == 'y');
    ::usleep(static_cast<useconds_t>(random() % 30'000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    ::close(pipe_ends[0]);
    for (const std::string& name : files()) hit = hit || name.ends_with(".gz.part");
    auto s = sink();
    s->open();
    s->close();
    for (const std::string& name : files()) CHECK_FALSE(name.ends_with(".gz.part"));
  }
  std::size_t rows = 0;
  const auto all = files();
  for (const std::string& name : all) {
    const bool packed = name.ends_with(".gz");
    if (packed) CHECK(std::count(all.begin(), all.end(), name.substr(0, name.size() - 3)) == 0);
    const auto records = parse_csv(packed ? unpacked(far.directory() / name) : file(name));
    rows += records.size() - 1;
  }
  CHECK(rows == static_cast<std::size_t>(kRounds) * kRows);
  if (!hit) WARN("no kill hit a compression");
}

// All of it at random, against a map: late and early, in parts, corrected, repeated, with new columns, restarts with
// and without a close, torn ends, disks that fill up at any byte.
TEST_CASE("csv files hold what was committed, whatever happened", "[csv]") {
  const auto form = GENERATE(csv::Form::wide, csv::Form::lines);
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto chance = [&](unsigned n) { return random() % n == 0; };
  CsvWideAdapter far;
  Feed feed;
  csv::Options options{far.directory(), form, 0, 1h, false};
  if (seed % 2 == 0) options.max_bytes = 4000;
  const std::vector<std::string> devices{"grid", "roof"};
  std::map<std::string, std::vector<std::uint32_t>> series;
  Stored expected;
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual) == 0);
  auto sink = std::make_unique<csv::CsvSink>(options, feed.table(), runtime::Logger{});
  std::vector<BatchPtr> before;
  int refusals = 0;
  for (int step = 0; step < 400; ++step) {
    std::vector<BatchPtr> batches;
    if (chance(4)) batches = before;  // the confirmation was lost
    const auto n = 1 + random() % 8;
    for (std::size_t i = 0; i < n; ++i) {
      const std::string& device = devices[random() % 2];
      auto& ids = series[device];
      if (ids.empty() || (ids.size() < 12 && chance(60)))
        ids.push_back(feed.number(device, fmt::format("l{}", ids.size()), "active_power", "W"));
      std::int64_t time = kNoon + step * 100 * kSecond + static_cast<std::int64_t>(random() % 20) * kSecond;
      if (chance(5)) time -= static_cast<std::int64_t>(random() % 8) * 1800 * kSecond;
      std::vector<Feed::Item> items;
      for (const auto id : ids) {
        if (!chance(3)) items.push_back({id, static_cast<double>(random() % 100'000) / 8, MESURA_GOOD, time});
      }
      if (!items.empty()) batches.push_back(feed.batch(time, items));
    }
    bool committed = false;
    for (int attempts = 0; !committed; ++attempts) {
      if (attempts < 3 && chance(6)) {
        rlimit small = usual;
        small.rlim_cur = random() % 6000;
        ::setrlimit(RLIMIT_FSIZE, &small);
      }
      const auto result = attempt(*sink, batches);
      ::setrlimit(RLIMIT_FSIZE, &usual);
      committed = result.committed;
      if (!committed) ++refusals;
      REQUIRE(attempts < 10);
      if (chance(12)) {
        if (chance(2)) sink->close();
        sink.reset();
        for (const std::string& name : list_files(far.directory())) {
          if (!name.ends_with(".part") || !chance(2)) continue;
          std::ofstream{far.directory() / name, std::ios::app | std::ios::binary} << "2026-06-14T12:00";
        }
        sink = std::make_unique<csv::CsvSink>(options, feed.table(), runtime::Logger{});
      }
    }
    if (chance(10)) {
      for (int turn = 0; turn < 12; ++turn) sink->maintain(kNoon + (step * 100 + turn * 60) * kSecond);
    }
    for (const BatchPtr& batch : batches) {
      for (const Measurement& m : batch->items) {
        const SeriesInfo& info = feed.table().at(m.series);
        expected[{info.device, info.flat_name, m.time_ns / 1000}] = {m.number, "good"};
      }
    }
    before = std::move(batches);
  }
  // The last attempt's torn ends.
  sink->open();
  REQUIRE(attempt(*sink, before).committed);
  sink->close();
  CHECK(refusals > 10);
  const Stored got = far.read(devices);
  REQUIRE(got.size() == expected.size());
  CHECK((got == expected));
  if (form == csv::Form::lines) return;
  // By the file's name the hour of all that is in it, but where it was begun at the very end of one.
  for (const std::string& name : list_files(far.directory())) {
    const auto records = parse_csv(read_file(far.directory() / name));
    const std::string hour = name.substr(name.find('-') + 10, 2);
    for (std::size_t r = 1; r < records.size(); ++r) CHECK(records[r][0].text.substr(11, 2) == hour);
  }
}
