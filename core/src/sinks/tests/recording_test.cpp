// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"
#include "sinks/kinds.hpp"
#include "sinks/recording/cuts.hpp"
#include "sinks/recording/recording_sink.hpp"
#include "sinks/recording/sidecar.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using recording::Fill;

namespace {

constexpr std::size_t kChannels = 3;
constexpr double kPeriod = 1e9 / 8000;

/// The value of a channel in a row: tells where it belongs.
float value(std::uint64_t row, std::size_t channel) { return static_cast<float>(row * 4 + channel) + 0.25F; }

std::shared_ptr<const WaveformStream> stream(std::uint64_t id, std::int64_t start_ns = kNoon,
                                             const char* device = "lab") {
  auto s = std::make_shared<WaveformStream>();
  s->id = id;
  s->device = device;
  s->start_ns = start_ns;
  s->period_ns = kPeriod;
  s->names = {"v_l1", "i_l1", "v_l2"};
  s->units = {"V", "mA", "V"};
  return s;
}

BatchPtr block(const std::shared_ptr<const WaveformStream>& s, std::uint64_t first, std::uint64_t rows) {
  auto w = std::make_shared<Waveform>();
  w->stream = s;
  w->first_row = first;
  w->rows = rows;
  for (std::uint64_t row = first; row < first + rows; ++row) {
    for (std::size_t c = 0; c < kChannels; ++c) w->samples.push_back(value(row, c));
  }
  auto batch = std::make_shared<Batch>();
  batch->device = s->device;
  batch->time_ns = batch->received_ns = s->time_ns(first);
  batch->waveform = std::move(w);
  return batch;
}

std::vector<float> samples_in(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  REQUIRE(bytes.size() % sizeof(float) == 0);
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

/// The row numbers that a file holds; -1 for a row of NaN, -2 for zeros, -3 for anything torn.
std::vector<std::int64_t> rows_in(const std::filesystem::path& file) {
  std::vector<std::int64_t> out;
  const std::vector<float> samples = samples_in(file);
  REQUIRE(samples.size() % kChannels == 0);
  for (std::size_t at = 0; at < samples.size(); at += kChannels) {
    std::int64_t row = -3;
    if (std::isnan(samples[at])) row = -1;
    if (samples[at] == 0.0F) row = -2;
    if (row == -3) row = static_cast<std::int64_t>((samples[at] - 0.25F) / 4);
    for (std::size_t c = 0; c < kChannels && row >= 0; ++c) {
      if (samples[at + c] != value(static_cast<std::uint64_t>(row), c)) row = -3;
    }
    out.push_back(row);
  }
  return out;
}

std::vector<std::int64_t> count(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> out;
  for (std::int64_t row = from; row < to; ++row) out.push_back(row);
  return out;
}

struct Fixture {
  TempDir dir;
  recording::Options options{dir.path() / "rec", {}, Fill::none};

  [[nodiscard]] std::unique_ptr<Sink> sink() const {
    return std::make_unique<recording::RecordingSink>(options, runtime::Logger{});
  }
  [[nodiscard]] std::filesystem::path file(const std::string& name, const std::string& device = "lab") const {
    return options.directory / device / name;
  }
  [[nodiscard]] std::vector<std::string> names(const std::string& device = "lab") const {
    std::vector<std::string> out;
    for (const std::string& name : list_files(options.directory / device)) {
      if (name.ends_with(".f32")) out.push_back(name);
    }
    return out;
  }
  /// The part of a description that changes, blanks taken out.
  [[nodiscard]] std::string tail(const std::string& name) const {
    std::string text = read_file(file(name).replace_extension(".json"));
    text = text.substr(text.find("\"rows\""));
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\n'; }), text.end());
    return text;
  }
};

constexpr const char* kFirst = "lab_2026_06_14__12_00_00.f32";

}  // namespace

TEST_CASE_METHOD(Fixture, "rows lie in the file as they came, described beside it", "[recording]") {
  const auto s = sink();
  const auto run = stream(1);
  REQUIRE(attempt(*s, {block(run, 0, 100), block(run, 100, 20)}).committed);
  CHECK(names() == std::vector<std::string>{kFirst});
  CHECK(rows_in(file(kFirst)) == count(0, 120));
  CHECK(read_file(file(kFirst).replace_extension(".json")) == R"({
  "format": "mesura recording 1",
  "device": "lab",
  "file": "lab_2026_06_14__12_00_00.f32",
  "encoding": "float32, little-endian, interleaved",
  "names": ["v_l1","i_l1","v_l2"],
  "units": ["V","mA","V"],
  "row_bytes": 12,
  "rate_hz": 8000,
  "period_ns": 125000,
  "start": "2026-06-14T12:00:00.000000000Z",
  "start_ns": 1781438400000000000,
  "run_start": "2026-06-14T12:00:00.000000000Z",
  "first_row": 0,
  "gap_fill": "none",
  "rows": 120,
  "gaps": [],
  "finished": false,
  "interrupted": false
}
)");
  s->close();
  CHECK(tail(kFirst) == R"("rows":120,"gaps":[],"finished":true,"interrupted":false})");
  CHECK(list_files(options.directory / "lab").size() == 2);
}

TEST_CASE_METHOD(Fixture, "a recording may begin in the middle of a run", "[recording]") {
  const auto s = sink();
  REQUIRE(attempt(*s, {block(stream(1), 16'000, 10)}).committed);
  CHECK(names() == std::vector<std::string>{"lab_2026_06_14__12_00_02.f32"});
  CHECK(tail("lab_2026_06_14__12_00_02.f32") == R"("rows":10,"gaps":[],"finished":false,"interrupted":false})");
  CHECK_THAT(read_file(file("lab_2026_06_14__12_00_02.json")), mesura::test::contains("\"first_row\": 16000,"));
}

TEST_CASE_METHOD(Fixture, "files are cut on the clock's grid, to the row, inside a block", "[recording]") {
  options.cuts.every_ns = 60 * kSecond;
  const auto s = sink();
  // Twelve and a half seconds before the minute; 8000 rows a second.
  const auto run = stream(1, kNoon - 12 * kSecond - kSecond / 2);
  REQUIRE(attempt(*s, {block(run, 0, 99'990), block(run, 99'990, 30), block(run, 100'020, 480'000)}).committed);
  CHECK(names() == std::vector<std::string>{"lab_2026_06_14__11_59_47.f32", kFirst, "lab_2026_06_14__12_01_00.f32"});
  CHECK(rows_in(file("lab_2026_06_14__11_59_47.f32")) == count(0, 100'000));
  CHECK(rows_in(file(kFirst)) == count(100'000, 580'000));
  CHECK(rows_in(file("lab_2026_06_14__12_01_00.f32")) == count(580'000, 580'020));
  CHECK(tail("lab_2026_06_14__11_59_47.f32") == R"("rows":100000,"gaps":[],"finished":true,"interrupted":false})");
  CHECK_THAT(read_file(file(kFirst).replace_extension(".json")),
             mesura::test::contains("\"start\": \"2026-06-14T12:00:00.000000000Z\""));
  CHECK_THAT(read_file(file(kFirst).replace_extension(".json")), mesura::test::contains("\"first_row\": 100000,"));
}

TEST_CASE_METHOD(Fixture, "files are cut by rows, however the blocks lie", "[recording]") {
  options.cuts.rows = 100;
  std::mt19937 random{7};
  for (int round = 0; round < 20; ++round) {
    options.directory = dir.path() / fmt::format("rec{}", round);
    const auto s = sink();
    const auto run = stream(1);
    std::uint64_t row = 0;
    while (row < 350) {
      std::vector<BatchPtr> batches;
      for (int n = 0; n < 4 && row < 350; ++n) {
        const std::uint64_t rows = std::min<std::uint64_t>(random() % 150 + 1, 350 - row);
        batches.push_back(block(run, row, rows));
        row += rows;
      }
      REQUIRE(attempt(*s, batches).committed);
    }
    s->close();
    // All begin in the same second.
    const std::vector<std::string> all{kFirst, "lab_2026_06_14__12_00_00_2.f32", "lab_2026_06_14__12_00_00_3.f32",
                                       "lab_2026_06_14__12_00_00_4.f32"};
    REQUIRE(names() == all);
    for (std::size_t n = 0; n < 4; ++n) {
      const auto first = static_cast<std::int64_t>(n) * 100;
      REQUIRE(rows_in(file(all[n])) == count(first, std::min<std::int64_t>(first + 100, 350)));
      REQUIRE(tail(all[n]).ends_with(R"("finished":true,"interrupted":false})"));
    }
  }
}

TEST_CASE_METHOD(Fixture, "gaps are told, and filled on demand", "[recording]") {
  const auto run = stream(1);
  const std::vector<BatchPtr> batches{block(run, 0, 10), block(run, 13, 2), block(run, 16, 4)};
  std::vector<std::int64_t> expected = count(0, 10);
  const auto rows_behind = [&](std::int64_t fill) {
    if (fill != 0) expected.insert(expected.end(), 3, fill);
    expected.insert(expected.end(), {13, 14});
    if (fill != 0) expected.push_back(fill);
    expected.insert(expected.end(), {16, 17, 18, 19});
  };
  std::string gaps = R"("rows":20,"gaps":[{"row":10,"missing":3},{"row":15,"missing":1}])";
  options.fill = GENERATE(Fill::none, Fill::nan, Fill::zero);
  rows_behind(options.fill == Fill::none ? 0 : options.fill == Fill::nan ? -1 : -2);
  if (options.fill == Fill::none) gaps = R"("rows":16,"gaps":[{"row":10,"missing":3},{"row":12,"missing":1}])";
  const auto s = sink();
  SECTION("in one write") { REQUIRE(attempt(*s, batches).committed); }
  SECTION("in several, with repeats") {
    for (const auto& b : batches) REQUIRE(attempt(*s, {b}).committed);
    REQUIRE(attempt(*s, batches).committed);
  }
  CHECK(rows_in(file(kFirst)) == expected);
  CHECK(tail(kFirst) == gaps + R"(,"finished":false,"interrupted":false})");
}

TEST_CASE_METHOD(Fixture, "a gap across a cut belongs to both files", "[recording]") {
  options.cuts.rows = 100;
  const auto run = stream(1);
  std::vector<std::int64_t> first = count(0, 90);
  std::vector<std::int64_t> second = count(110, 120);
  std::string first_tail = R"("rows":90,"gaps":[{"row":90,"missing":10}])";
  std::string second_tail = R"("rows":10,"gaps":[{"row":0,"missing":10}])";
  SECTION("none") {}
  SECTION("nan") {
    options.fill = Fill::nan;
    first.insert(first.end(), 10, -1);
    second.insert(second.begin(), 10, -1);
    first_tail = R"("rows":100,"gaps":[{"row":90,"missing":10}])";
    second_tail = R"("rows":20,"gaps":[{"row":0,"missing":10}])";
  }
  const auto s = sink();
  REQUIRE(attempt(*s, {block(run, 0, 90), block(run, 110, 10)}).committed);
  s->close();
  CHECK(rows_in(file(names().at(0))) == first);
  CHECK(rows_in(file(names().at(1))) == second);
  CHECK(tail(names().at(0)) == first_tail + R"(,"finished":true,"interrupted":false})");
  CHECK(tail(names().at(1)) == second_tail + R"(,"finished":true,"interrupted":false})");
  CHECK_THAT(read_file(file(names().at(1)).replace_extension(".json")), mesura::test::contains("\"first_row\": 100,"));
}

TEST_CASE_METHOD(Fixture, "a gap too long to be filled begins a new file", "[recording]") {
  options.fill = Fill::nan;
  const auto run = stream(1);
  const auto s = sink();
  const std::uint64_t far = 1'000'000'000'000;
  REQUIRE(attempt(*s, {block(run, 0, 10), block(run, far, 10)}).committed);
  s->close();
  REQUIRE(names().size() == 2);
  CHECK(rows_in(file(names()[0])) == count(0, 10));
  CHECK(std::filesystem::file_size(file(names()[1])) == 120);
  CHECK_THAT(read_file(file(names()[1]).replace_extension(".json")),
             mesura::test::contains(fmt::format("\"first_row\": {},", far)));
}

TEST_CASE_METHOD(Fixture, "a new run is a new file, a repeat changes nothing, also of an earlier run", "[recording]") {
  const auto one = stream(1);
  const auto two = stream(2);
  const auto s = sink();
  const std::vector<BatchPtr> batches{block(one, 0, 50), block(one, 50, 10), block(two, 0, 20)};
  REQUIRE(attempt(*s, batches).committed);
  REQUIRE(attempt(*s, batches).committed);
  REQUIRE(attempt(*s, {batches[1], batches[2], block(two, 15, 10)}).committed);
  s->close();
  CHECK(names() == std::vector<std::string>{kFirst, "lab_2026_06_14__12_00_00_2.f32"});
  CHECK(rows_in(file(kFirst)) == count(0, 60));
  CHECK(rows_in(file("lab_2026_06_14__12_00_00_2.f32")) == count(0, 25));
}

TEST_CASE_METHOD(Fixture, "devices have directories of their own, whatever they are called", "[recording]") {
  const auto s = sink();
  REQUIRE(attempt(*s, {block(stream(1, kNoon, "../a b"), 0, 5), block(stream(2), 0, 7)}).committed);
  CHECK(rows_in(file("%2E.%2Fa%20b_2026_06_14__12_00_00.f32", "%2E.%2Fa%20b")) == count(0, 5));
  CHECK(rows_in(file(kFirst)) == count(0, 7));
}

TEST_CASE_METHOD(Fixture, "what is no block of waveform is rejected, the rest committed", "[recording]") {
  Feed feed;
  const auto power = feed.number("lab", "l1", "active_power", "W");
  auto torn = std::make_shared<Waveform>(*block(stream(1), 0, 5)->waveform);
  torn->samples.pop_back();
  auto bad = std::make_shared<Batch>();
  bad->waveform = torn;
  const auto s = sink();
  const auto done = attempt(*s, {feed.batch(kNoon, {{power, 1.0}}), bad, block(stream(1), 0, 5)});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 2);
  CHECK(done.rejected[0].batch == 0);
  CHECK(done.rejected[0].reason == "sink-waveform: a recording takes blocks of waveform only");
  CHECK(done.rejected[1].batch == 1);
  CHECK(done.rejected[1].reason == "sink-shape: a block of lab has 14 values, expected 5 rows of 3");
  CHECK(rows_in(file(kFirst)) == count(0, 5));
}

TEST_CASE_METHOD(Fixture, "a recording to which nothing is added is finished, and goes on in a new file",
                 "[recording]") {
  const auto run = stream(1);
  const auto s = sink();
  REQUIRE(attempt(*s, {block(run, 0, 10)}).committed);
  s->maintain(kNoon);
  s->maintain(kNoon + 59 * kSecond);
  CHECK_THAT(tail(kFirst), mesura::test::contains("\"finished\":false"));
  s->maintain(kNoon + 60 * kSecond);
  CHECK_THAT(tail(kFirst), mesura::test::contains("\"finished\":true"));
  REQUIRE(attempt(*s, {block(run, 0, 10), block(run, 10, 10)}).committed);
  REQUIRE(names().size() == 2);
  CHECK(rows_in(file(names()[1])) == count(10, 20));
}

TEST_CASE_METHOD(Fixture, "a file deleted while it is written is noticed", "[recording]") {
  const auto run = stream(1);
  const auto s = sink();
  REQUIRE(attempt(*s, {block(run, 0, 10)}).committed);
  std::filesystem::remove_all(options.directory / "lab");
  REQUIRE(attempt(*s, {block(run, 10, 10)}).committed);
  CHECK(rows_in(file(kFirst)) == count(10, 20));
  std::filesystem::remove_all(options.directory);
  if (!attempt(*s, {block(run, 20, 10)}).committed) REQUIRE(attempt(*s, {block(run, 20, 10)}).committed);
  CHECK(rows_in(file(kFirst)) == count(20, 30));
}

TEST_CASE_METHOD(Fixture, "another program's lock means retry, then it goes on", "[recording]") {
  const auto s = sink();
  {
    const auto other = sink();
    other->open();
    const auto refused = attempt(*s, {block(stream(1), 0, 10)});
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-busy: another program writes recordings in "));
    other->close();
  }
  REQUIRE(attempt(*s, {block(stream(1), 0, 10)}).committed);
}

TEST_CASE_METHOD(Fixture, "a disk that takes no more means retry, nothing torn, nothing twice", "[recording]") {
  options.cuts.rows = 20'000;
  const auto one = stream(1);
  const auto two = stream(2, kNoon + kSecond, "other");
  const auto s = sink();
  REQUIRE(attempt(*s, {block(one, 0, 10), block(two, 0, 10)}).committed);
  // The first file is finished, the second begun and torn.
  const std::vector<BatchPtr> many{block(two, 12, 5), block(one, 10, 19'990), block(one, 20'001, 19'000)};
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (const rlim_t limit : {100'000U, 235'000U, 239'000U}) {
    rlimit small = before;
    small.rlim_cur = limit;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto refused = attempt(*s, many);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    INFO(limit);
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-"));
    CHECK(names() == std::vector<std::string>{kFirst});
  }
  SECTION("the same again") {
    REQUIRE(attempt(*s, many).committed);
    s->close();
    REQUIRE(names().size() == 2);
    CHECK(rows_in(file(kFirst)) == count(0, 20'000));
    CHECK(rows_in(file(names()[1])) == count(20'001, 39'001));
    CHECK(tail(names()[1]) == R"("rows":19000,"gaps":[{"row":0,"missing":1}],"finished":true,"interrupted":false})");
    const std::string other = names("other").at(0);
    CHECK(rows_in(file(other, "other")) == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16});
  }
  SECTION("never again") {
    s->close();
    CHECK(rows_in(file(kFirst)) == count(0, 10));
    CHECK(tail(kFirst) == R"("rows":10,"gaps":[],"finished":true,"interrupted":false})");
  }
}

TEST_CASE("what a dead program left is right to the row", "[recording]") {
  const auto run = stream(1);
  const std::string open =
      recording::sidecar_text(*run, "x.f32", 0, Fill::none, 10, {{4, 2}, {12, 9}, {30, 5}}, recording::Ending::open);
  const auto repaired = recording::close_interrupted(open, 20 * 12 + 7);
  REQUIRE(repaired);
  CHECK(repaired->rows == 20);
  CHECK(repaired->bytes == 240);
  CHECK(repaired->text ==
        recording::sidecar_text(*run, "x.f32", 0, Fill::none, 20, {{4, 2}, {12, 9}}, recording::Ending::interrupted));
  // Nothing is to be done to finished ones, or to others' files.
  CHECK_FALSE(recording::close_interrupted(repaired->text, 500));
  CHECK_FALSE(recording::close_interrupted("{\"finished\": false}", 500));
  for (std::size_t length = 0; length < open.size(); ++length) {
    (void)recording::close_interrupted(std::string_view{open}.substr(0, length), 500);
  }
}

TEST_CASE_METHOD(Fixture, "kill -9 loses nothing that was confirmed, and the next start closes the file",
                 "[recording]") {
  options.cuts.rows = 50'000;
  std::uint64_t first = 0;
  for (std::uint64_t round = 1; round <= 8; ++round) {
    options.directory = dir.path() / fmt::format("rec{}", round);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const auto s = sink();
      const auto run = stream(round);
      for (std::uint64_t row = first;; row += 3001) {
        // Every block leaves one row out.
        if (!attempt(*s, {block(run, row, 1500), block(run, row + 1500, 1500)}).committed) ::_exit(1);
        const std::uint64_t done = row + 3000;
        if (::write(ends[1], &done, sizeof done) != sizeof done) ::_exit(1);
      }
    }
    ::close(ends[1]);
    std::uint64_t done = 0;
    for (int i = 0; i < 12; ++i) REQUIRE(::read(ends[0], &done, sizeof done) == sizeof done);
    ::usleep(static_cast<useconds_t>(round * 311 % 2000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (::read(ends[0], &done, sizeof done) == sizeof done) {
    }
    ::close(ends[0]);

    const auto s = sink();
    s->open();
    std::vector<std::int64_t> rows;
    std::vector<std::int64_t> wanted;
    for (std::int64_t row = 0; row < static_cast<std::int64_t>(done); ++row) {
      if (row % 3001 != 3000) wanted.push_back(row);
    }
    for (const std::string& name : names()) {
      REQUIRE_THAT(tail(name), mesura::test::contains("\"finished\":true"));
      const auto some = rows_in(file(name));
      REQUIRE_THAT(tail(name), mesura::test::contains(fmt::format("\"rows\":{},", some.size())));
      rows.insert(rows.end(), some.begin(), some.end());
    }
    REQUIRE(rows.size() >= wanted.size());
    rows.resize(wanted.size());
    REQUIRE((rows == wanted));
  }
}

TEST_CASE("cuts: every row belongs to exactly one file", "[recording]") {
  std::mt19937_64 random{11};
  for (int round = 0; round < 300; ++round) {
    WaveformStream s;
    s.start_ns = kNoon + static_cast<std::int64_t>(random() % 3'600'000'000'000ULL);
    s.period_ns = round % 2 == 0 ? 31250.0 : 1e9 / static_cast<double>(random() % 50'000 + 3);
    recording::Cuts cuts;
    if (round % 3 != 0) cuts.every_ns = static_cast<std::int64_t>(random() % 5 + 1) * kSecond;
    if (round % 3 != 1) cuts.rows = random() % 100'000 + 1;
    std::uint64_t row = random() % 1'000'000;
    auto range = cuts.around(s, row);
    for (int n = 0; n < 50; ++n) {
      REQUIRE(range.begin <= row);
      REQUIRE(row < range.end);
      for (const std::uint64_t inside : {range.begin, range.end - 1, range.begin + (range.end - range.begin) / 2}) {
        const auto same = cuts.around(s, inside);
        REQUIRE(same.begin == range.begin);
        REQUIRE(same.end == range.end);
      }
      if (cuts.every_ns > 0 && cuts.rows == 0 && range.begin > 0) {
        // The first row not before the cut.
        REQUIRE(s.time_ns(range.begin) / cuts.every_ns == s.time_ns(range.begin - 1) / cuts.every_ns + 1);
      }
      row = range.end;
      const auto next = cuts.around(s, row);
      REQUIRE(next.begin == row);
      range = next;
    }
  }
}

TEST_CASE_METHOD(Fixture, "without its module, mkv says which package it needs, and goes on when it is there",
                 "[recording]") {
  // This program never loads the module: it is looked for each time.
  REQUIRE(::setenv("MESURA_MODULE_PATH", dir.path().c_str(), 1) == 0);
  options.form = recording::Form::matroska;
  const auto s = sink();
  const std::string file = (dir.path() / "mesura-matroska.so").string();
  auto refused = attempt(*s, {block(stream(1), 0, 10)});
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-module: `format: mkv` needs mesura-matroska.so\n"));
  CHECK_THAT(refused.reason, mesura::test::contains("expected  " + file + "\n  got       no such file"));
  CHECK_THAT(refused.reason, mesura::test::contains("mesura-matroska, or write `format: plain`") ||
                                 mesura::test::contains("MESURA_WITH_LIBAV=OFF"));
  write_file(file, "no library");
  refused = attempt(*s, {block(stream(1), 0, 10)});
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, mesura::test::contains("file too short"));
  REQUIRE(::unsetenv("MESURA_MODULE_PATH") == 0);
}

TEST_CASE_METHOD(Fixture, "the configuration: every hour, or as many rows as asked for", "[recording]") {
  const sinks::Kind* kind = find_kind("recording");
  REQUIRE(kind != nullptr);
  CHECK(kind->takes_waveforms);
  CHECK_FALSE(find_kind("csv")->takes_waveforms);
  const SeriesTable series;
  // A block from five seconds before noon to five seconds after it.
  const auto run = stream(1, kNoon - 5 * kSecond);
  const auto files_with = [&](const std::string& directory, const std::string& options_text) {
    options.directory = dir.path() / directory;
    const auto reading =
        config::read_text(fmt::format("{{path: {}{}}}", options.directory.string(), options_text), kind->schema);
    REQUIRE(reading.ok());
    const auto s = kind->make(reading.value, {series, {}, "Etc/UTC"});
    REQUIRE(attempt(*s, {block(run, 0, 79'000), block(run, 79'001, 999)}).committed);
    std::vector<std::size_t> rows;
    for (const std::string& name : names()) rows.push_back(rows_in(file(name)).size());
    return rows;
  };
  using Rows = std::vector<std::size_t>;
  CHECK(files_with("a", "") == Rows{40'000, 39'999});
  CHECK(files_with("b", ", rows: 30000") == Rows{30'000, 30'000, 19'999});
  CHECK(files_with("c", ", rows: 30000, every: 1h") == Rows{30'000, 10'000, 30'000, 9'999});
  CHECK(files_with("d", ", every: 0s, gaps: zero") == Rows{80'000});
  CHECK_FALSE(config::read_text("{gaps: fill}", kind->schema).ok());
}
