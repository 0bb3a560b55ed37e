// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Recordings as WavPack in Matroska, read back with libav.
#include "config/reader.hpp"
#include "sinks/kinds.hpp"
#include "sinks/recording/layout.hpp"
#include "sinks/recording/matroska_scan.hpp"
#include "sinks/recording/recording_sink.hpp"
#include "sinks/tests/matroska_reader.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <set>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using recording::Fill;
using recording::Form;
using recording::Streams;

namespace {

// Before the first sink: the module of this build, not an installed one.
const int kModulePath = ::setenv("MESURA_MODULE_PATH", MESURA_TEST_MODULE_DIR, 1);

using Names = std::vector<std::string>;
const Names kSix{"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"};
constexpr std::uint32_t kNan = 0x7FC00000;

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

/// What a meter sends: the mains with noise; the row can be told from the first channel.
float wave(std::uint64_t row, std::size_t channel) {
  if (channel == 0) return static_cast<float>(row) + 0.25F;
  const double angle = static_cast<double>(row) * 0.0393 + static_cast<double>(channel);
  const auto noise = static_cast<double>((row * 2654435761U + channel * 40503U) % 1000) / 1000.0;
  return static_cast<float>((channel % 2 == 0 ? 325.27 : 14142.0) * std::sin(angle) + noise);
}

std::shared_ptr<WaveformStream> stream(std::uint64_t id, const Names& names = kSix, std::int64_t start_ns = kNoon,
                                       const char* device = "lab") {
  auto s = std::make_shared<WaveformStream>();
  s->id = id;
  s->device = device;
  s->start_ns = start_ns;
  s->period_ns = 1e9 / 8000;
  s->names = names;
  s->units.assign(names.size(), "V");
  return s;
}

using Value = float (*)(std::uint64_t row, std::size_t channel);

BatchPtr block(const std::shared_ptr<const WaveformStream>& s, std::uint64_t first, std::uint64_t rows,
               Value value = wave) {
  auto w = std::make_shared<Waveform>();
  w->stream = s;
  w->first_row = first;
  w->rows = rows;
  for (std::uint64_t row = first; row < first + rows; ++row) {
    for (std::size_t c = 0; c < s->channels(); ++c) w->samples.push_back(value(row, c));
  }
  auto batch = std::make_shared<Batch>();
  batch->device = s->device;
  batch->waveform = std::move(w);
  return batch;
}

struct Fixture {
  TempDir dir;
  recording::Options options{dir.path() / "rec", {}, Fill::none, Form::matroska};

  [[nodiscard]] std::unique_ptr<Sink> sink() const {
    return std::make_unique<recording::RecordingSink>(options, runtime::Logger{});
  }
  [[nodiscard]] std::filesystem::path file(const std::string& name, const std::string& device = "lab") const {
    return options.directory / device / name;
  }
  [[nodiscard]] Names files(const std::string& ending = ".mkv", const std::string& device = "lab") const {
    Names out;
    for (const std::string& name : list_files(options.directory / device)) {
      if (name.ends_with(ending)) out.push_back(name);
    }
    return out;
  }
  [[nodiscard]] std::string sidecar(const std::string& name) const {
    return read_file(file(name).replace_extension(".json"));
  }
};

/// The rows that a file of one stream holds, by the number in their first channel; -1: NaN, -2: zeros, -3: torn.
std::vector<std::int64_t> rows_in(const std::filesystem::path& path) {
  const MatroskaFile got = read_matroska(path);
  REQUIRE(got.streams.size() == 1);
  const auto width = static_cast<std::size_t>(got.streams[0].channels);
  std::vector<std::int64_t> out;
  for (std::size_t at = 0; at < got.streams[0].samples.size(); at += width) {
    const float* row = got.streams[0].samples.data() + at;
    const auto all = [&](std::uint32_t value) {
      return std::all_of(row, row + width, [&](float f) { return bits(f) == value; });
    };
    std::int64_t number = all(kNan) ? -1 : all(0) ? -2 : static_cast<std::int64_t>(row[0]);
    for (std::size_t c = 0; c < width && number >= 0; ++c) {
      if (bits(row[c]) != bits(wave(static_cast<std::uint64_t>(number), c))) number = -3;
    }
    out.push_back(number);
  }
  return out;
}

/// "0..9120 9130..9140 3*-1": short enough for a message.
std::string ranges(const std::vector<std::int64_t>& rows) {
  std::string out;
  for (std::size_t at = 0; at < rows.size();) {
    std::size_t end = at + 1;
    const std::int64_t step = rows[at] < 0 ? 0 : 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + step) ++end;
    if (!out.empty()) out += ' ';
    out += step == 0 ? fmt::format("{}*{}", end - at, rows[at]) : fmt::format("{}..{}", rows[at], rows[end - 1] + 1);
    at = end;
  }
  return out;
}

std::vector<std::int64_t> count(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> out;
  for (std::int64_t row = from; row < to; ++row) out.push_back(row);
  return out;
}

constexpr const char* kFirst = "lab_2026_06_14__12_00_00.mkv";

}  // namespace

TEST_CASE_METHOD(Fixture, "mkv: every row, its tags, and the description beside it", "[matroska]") {
  const auto s = sink();
  const auto run = stream(1);
  REQUIRE(attempt(*s, {block(run, 0, 100), block(run, 100, 20)}).committed);
  REQUIRE(attempt(*s, {block(run, 120, 9000)}).committed);

  // While it is written: another name, all rows, tags.
  CHECK(files().empty());
  REQUIRE(files(".mkv.part") == Names{"lab_2026_06_14__12_00_00.mkv.part"});
  CHECK(ranges(rows_in(file("lab_2026_06_14__12_00_00.mkv.part"))) == ranges(count(0, 9120)));
  CHECK(read_matroska(file("lab_2026_06_14__12_00_00.mkv.part")).streams[0].tags["CHANNELS"] == "6");

  s->close();
  CHECK(list_files(options.directory / "lab") == Names{"lab_2026_06_14__12_00_00.json", kFirst});
  CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 9120)));
  MatroskaFile got = read_matroska(file(kFirst));
  CHECK(got.tags["title"] == "lab");
  CHECK(got.tags["TIMESTAMP"] == "1781438400.000000");
  CHECK(got.tags["creation_time"] == "2026-06-14T12:00:00.000000Z");
  CHECK(std::abs(got.seconds - 1.14) < 0.002);
  REQUIRE(got.streams.size() == 1);
  CHECK(got.streams[0].codec == "wavpack");
  CHECK(got.streams[0].channels == 6);
  CHECK(got.streams[0].rate_hz == 8000);
  CHECK(got.streams[0].tags["title"] == "lab");
  CHECK(got.streams[0].tags["CHANNELS"] == "6");
  CHECK(got.streams[0].tags["CHANNEL_TAGS"] == "v_l1,i_l1,v_l2,i_l2,v_l3,i_l3");
  CHECK(got.streams[0].tags["TIMESTAMP"] == "1781438400.000000");
  CHECK(sidecar(kFirst) == R"({
  "format": "mesura recording 1",
  "device": "lab",
  "file": "lab_2026_06_14__12_00_00.mkv",
  "encoding": "float32, WavPack in Matroska",
  "names": ["v_l1","i_l1","v_l2","i_l2","v_l3","i_l3"],
  "units": ["V","V","V","V","V","V"],
  "streams": [["v_l1","i_l1","v_l2","i_l2","v_l3","i_l3"]],
  "row_bytes": 24,
  "rate_hz": 8000,
  "period_ns": 125000,
  "start": "2026-06-14T12:00:00.000000000Z",
  "start_ns": 1781438400000000000,
  "run_start": "2026-06-14T12:00:00.000000000Z",
  "first_row": 0,
  "gap_fill": "none",
  "rows": 9120,
  "gaps": [],
  "finished": true,
  "interrupted": false
}
)");
}

TEST_CASE_METHOD(Fixture, "mkv: floats come back bit by bit, whatever they are, at every level", "[matroska]") {
  const Value values[] = {
      [](std::uint64_t row, std::size_t c) {  // any bits: NaNs with payloads, denormals, infinities
        std::mt19937 random{static_cast<std::uint32_t>(row * 8 + c)};
        return std::bit_cast<float>(static_cast<std::uint32_t>(random()));
      },
      [](std::uint64_t row, std::size_t c) { return row % 1000 == 7 ? -0.0F : wave(row, c); },
      [](std::uint64_t row, std::size_t c) {
        return row % 100 == 50 ? 1e-42F : 100.0F * std::sin(0.1F * static_cast<float>(row + c));
      },
      [](std::uint64_t row, std::size_t c) {
        return row % 7 == 3 ? std::numeric_limits<float>::quiet_NaN()
                            : 230.0F * std::sin(0.01F * static_cast<float>(row + 3 * c));
      },
      [](std::uint64_t row, std::size_t c) {
        return row % 500 == 1 ? -std::numeric_limits<float>::infinity() : wave(row, c);
      },
      [](std::uint64_t row, std::size_t) { return row % 2 == 0 ? 0.0F : -0.0F; },
  };
  options.compression.level = GENERATE(0, 1, 2);
  const auto s = sink();
  std::uint64_t id = 0;
  for (const Value value : values) {
    // libav's encoder gets some of these wrong: rows are compared, not its word taken.
    const Names names{"v", "i", "x"};
    const std::string device = fmt::format("lab{}", ++id);
    REQUIRE(attempt(*s, {block(stream(id, names, kNoon, device.c_str()), 0, 20'000, value)}).committed);
    s->maintain(kNoon);
    s->maintain(kNoon + 60 * kSecond);
    const MatroskaFile got = read_matroska(file(device + "_2026_06_14__12_00_00.mkv", device));
    REQUIRE(got.streams[0].rows() == 20'000);
    std::size_t wrong = 0;
    for (std::uint64_t row = 0; row < 20'000; ++row) {
      for (std::size_t c = 0; c < 3; ++c) {
        if (bits(got.streams[0].samples[row * 3 + c]) != bits(value(row, c))) ++wrong;
      }
    }
    INFO(device);
    CHECK(wrong == 0);
  }
}

TEST_CASE_METHOD(Fixture, "mkv: a stream for each line", "[matroska]") {
  options.streams = Streams::per_line;
  const Names names = GENERATE(Names{"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"},
                               Names{"v_rms_l1", "v_rms_l2", "v_rms_l3", "i_rms_l1", "i_rms_l2", "i_rms_l3"},
                               Names{"v_l2", "i_l2"}, Names{"v", "i"}, Names{"v_l1", "t", "i_l1", "u_lx", "i_n"});
  const auto tracks = recording::lay_out(Streams::per_line, "lab", names);
  const auto s = sink();
  REQUIRE(attempt(*s, {block(stream(1, names), 0, 5000), block(stream(1, names), 5000, 77)}).committed);
  s->close();
  MatroskaFile got = read_matroska(file(kFirst));
  REQUIRE(got.streams.size() == tracks.size());
  std::set<std::size_t> columns;
  for (std::size_t t = 0; t < tracks.size(); ++t) {
    MatroskaStream& one = got.streams[t];
    CHECK(one.tags["title"] == tracks[t].title);
    CHECK(one.tags["CHANNELS"] == std::to_string(tracks[t].columns.size()));
    CHECK(one.tags["CHANNEL_TAGS"] == tracks[t].channel_tags);
    REQUIRE(one.rows() == 5077);
    for (std::size_t c = 0; c < tracks[t].columns.size(); ++c) {
      columns.insert(tracks[t].columns[c]);
      std::size_t wrong = 0;
      for (std::uint64_t row = 0; row < 5077; ++row) {
        if (bits(one.samples[row * tracks[t].columns.size() + c]) != bits(wave(row, tracks[t].columns[c]))) ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
  CHECK(columns.size() == names.size());
}

TEST_CASE("lines are told by their names", "[matroska]") {
  const auto titles = [](const Names& names) {
    Names out;
    for (const auto& track : recording::lay_out(Streams::per_line, "lab", names)) {
      out.push_back(track.title + ": " + track.channel_tags);
    }
    return out;
  };
  CHECK(titles(kSix) == Names{"lab l1: v_l1,i_l1", "lab l2: v_l2,i_l2", "lab l3: v_l3,i_l3"});
  CHECK(titles({"p_l1", "p_l2", "q_l1", "q_l2"}) == Names{"lab l1: p_l1,q_l1", "lab l2: p_l2,q_l2"});
  CHECK(titles({"v", "i"}) == Names{"lab: v,i"});
  CHECK(titles({"v_l1", "t", "i_l1", "u_lx", "i_l"}) == Names{"lab l1: v_l1,i_l1", "lab: t,u_lx,i_l"});
}

TEST_CASE_METHOD(Fixture, "mkv: any number of channels, any rate", "[matroska]") {
  struct Shape {
    std::size_t channels;
    double period_ns;
    int rate_hz;
  };
  const Shape shape = GENERATE(Shape{1, 31250.0, 32000}, Shape{3, 1e9 / 3.0, 3}, Shape{7, 2e9, 1},
                               Shape{9, 1e9 / 1001.5, 1002}, Shape{17, 1e7, 100});
  Names names;
  for (std::size_t c = 0; c < shape.channels; ++c) names.push_back(fmt::format("x{}", c));
  const auto run = stream(1, names);
  run->period_ns = shape.period_ns;
  const auto s = sink();
  std::uint64_t row = 0;
  for (const std::uint64_t rows : {1U, 2U, 1U, 5000U, 3U}) {
    REQUIRE(attempt(*s, {block(run, row, rows)}).committed);
    row += rows;
  }
  s->close();
  std::vector<std::int64_t> got;
  for (const std::string& name : files()) {
    CHECK(read_matroska(file(name)).streams[0].rate_hz == shape.rate_hz);
    const auto some = rows_in(file(name));
    got.insert(got.end(), some.begin(), some.end());
  }
  CHECK(got == count(0, 5007));
}

TEST_CASE_METHOD(Fixture, "mkv: cuts by rows and on the clock's grid, to the row", "[matroska]") {
  const auto s = [&] {
    if (GENERATE(true, false)) {
      options.cuts.rows = 10'000;
    } else {
      options.cuts.every_ns = kSecond;
    }
    return sink();
  }();
  const auto run = stream(1, kSix, kNoon - kSecond / 4);
  std::mt19937 random{3};
  std::uint64_t row = 0;
  while (row < 45'000) {
    std::vector<BatchPtr> batches;
    for (int n = 0; n < 3; ++n) {
      const std::uint64_t rows = random() % 3000 + 1;
      batches.push_back(block(run, row, rows));
      row += rows;
    }
    REQUIRE(attempt(*s, batches).committed);
    REQUIRE(attempt(*s, batches).committed);  // a repeat
  }
  s->close();
  std::int64_t next = 0;
  for (const std::string& name : files()) {
    const auto rows = rows_in(file(name));
    REQUIRE_FALSE(rows.empty());
    REQUIRE(rows == count(next, next + static_cast<std::int64_t>(rows.size())));
    next += static_cast<std::int64_t>(rows.size());
    // Of full files, the last row is the last before the cut.
    if (next == static_cast<std::int64_t>(row)) break;
    if (options.cuts.rows > 0) {
      REQUIRE(rows.size() == 10'000);
    } else {
      REQUIRE(run->time_ns(static_cast<std::uint64_t>(next)) % kSecond == 0);
    }
    const std::string start = fmt::format("{}.", (run->time_ns(static_cast<std::uint64_t>(rows[0]))) / kSecond);
    REQUIRE_THAT(read_matroska(file(name)).tags["TIMESTAMP"], Catch::Matchers::StartsWith(start));
  }
  CHECK(next == static_cast<std::int64_t>(row));
  CHECK(files(".part").empty());
}

TEST_CASE_METHOD(Fixture, "mkv: gaps are told, timed, and filled on demand", "[matroska]") {
  options.fill = GENERATE(Fill::none, Fill::nan, Fill::zero);
  const auto run = stream(1);
  const std::vector<BatchPtr> batches{block(run, 0, 100), block(run, 900, 50), block(run, 951, 40)};
  const auto s = sink();
  SECTION("in one write") { REQUIRE(attempt(*s, batches).committed); }
  SECTION("in several, with repeats") {
    for (const auto& b : batches) REQUIRE(attempt(*s, {b}).committed);
    REQUIRE(attempt(*s, batches).committed);
  }
  s->close();
  std::vector<std::int64_t> expected = count(0, 100);
  const std::int64_t fill = options.fill == Fill::nan ? -1 : -2;
  if (options.fill != Fill::none) expected.insert(expected.end(), 800, fill);
  for (std::int64_t row = 900; row < 950; ++row) expected.push_back(row);
  if (options.fill != Fill::none) expected.push_back(fill);
  for (std::int64_t row = 951; row < 991; ++row) expected.push_back(row);
  CHECK(ranges(rows_in(file(kFirst))) == ranges(expected));
  const char* table = options.fill == Fill::none
                          ? "    {\"row\": 100, \"missing\": 800},\n    {\"row\": 150, \"missing\": 1}\n"
                          : "    {\"row\": 100, \"missing\": 800},\n    {\"row\": 950, \"missing\": 1}\n";
  CHECK_THAT(sidecar(kFirst), mesura::test::contains(table));
  // A block's time is that of its first row: 900 rows of 125 us after the file's start.
  const MatroskaFile got = read_matroska(file(kFirst));
  const auto at = std::find_if(got.streams[0].packets.begin(), got.streams[0].packets.end(),
                               [&](const auto& p) { return p.row == (options.fill == Fill::none ? 100U : 900U); });
  if (options.fill == Fill::none) {
    REQUIRE(at != got.streams[0].packets.end());
    CHECK(at->ms == 112);
  }
}

TEST_CASE_METHOD(Fixture, "mkv: a device that starts anew gets a new file", "[matroska]") {
  const auto one = stream(1);
  const auto two = stream(2, kSix, kNoon + 90 * kSecond);
  const auto s = sink();
  REQUIRE(attempt(*s, {block(one, 0, 500), block(two, 0, 300)}).committed);
  // Late ones of the run before are repeats.
  REQUIRE(attempt(*s, {block(one, 400, 100), block(two, 250, 100)}).committed);
  s->close();
  CHECK(files() == Names{kFirst, "lab_2026_06_14__12_01_30.mkv"});
  CHECK(ranges(rows_in(file(kFirst))) == ranges(count(0, 500)));
  CHECK(ranges(rows_in(file("lab_2026_06_14__12_01_30.mkv"))) == ranges(count(0, 350)));
}

TEST_CASE_METHOD(Fixture, "mkv: many meters at once", "[matroska]") {
  const auto s = sink();
  constexpr std::size_t kMeters = 6;
  std::vector<std::shared_ptr<WaveformStream>> runs;
  for (std::size_t m = 0; m < kMeters; ++m) runs.push_back(stream(m + 1, kSix, kNoon, fmt::format("m{}", m).c_str()));
  for (std::uint64_t turn = 0; turn < 5; ++turn) {
    std::vector<BatchPtr> batches;
    for (const auto& run : runs) batches.push_back(block(run, turn * 9000, 9000));
    REQUIRE(attempt(*s, batches).committed);
  }
  s->close();
  for (std::size_t m = 0; m < kMeters; ++m) {
    const std::string device = fmt::format("m{}", m);
    REQUIRE(rows_in(file(device + "_2026_06_14__12_00_00.mkv", device)) == count(0, 45'000));
  }
}

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
  options.streams = GENERATE(Streams::single);
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

TEST_CASE_METHOD(Fixture, "mkv: the configuration", "[matroska]") {
  const sinks::Kind* kind = find_kind("recording");
  REQUIRE(kind != nullptr);
  const auto reading = config::read_text(
      fmt::format("{{path: {}, format: mkv, streams: per_line, compression: 1, verify: false, rows: 100}}",
                  options.directory.string()),
      kind->schema);
  REQUIRE(reading.ok());
  const SeriesTable series;
  const auto s = kind->make(reading.value, {series, {}, "Etc/UTC"});
  REQUIRE(attempt(*s, {block(stream(1), 0, 150)}).committed);
  s->close();
  REQUIRE(files().size() == 2);
  CHECK(read_matroska(file(kFirst)).streams.size() == 3);
  CHECK_FALSE(config::read_text("{format: flac}", kind->schema).ok());
  CHECK_FALSE(config::read_text("{compression: 9}", kind->schema).ok());
}
