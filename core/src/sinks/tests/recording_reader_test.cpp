// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Recordings read back, and exported: every row once, at its time, whatever was lost.
#include "sinks/recording/reader.hpp"
#include "sinks/recording/recording_sink.hpp"
#include "sinks/recording/rows_export.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <cstring>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace mesura::sinks::recording;

namespace {

constexpr double kPeriod = 1e9 / 8000;
constexpr std::int64_t kEver = INT64_MAX;

std::shared_ptr<const WaveformStream> stream(std::uint64_t id, std::int64_t start_ns = kNoon,
                                             std::vector<std::string> names = {"v_l1", "i \"1\""}) {
  auto s = std::make_shared<WaveformStream>();
  s->id = id;
  s->device = "lab";
  s->start_ns = start_ns;
  s->period_ns = kPeriod;
  s->names = std::move(names);
  s->units.assign(s->names.size(), "V");
  return s;
}

BatchPtr block(const std::shared_ptr<const WaveformStream>& s, std::uint64_t first, std::uint64_t rows) {
  auto w = std::make_shared<Waveform>();
  w->stream = s;
  w->first_row = first;
  w->rows = rows;
  for (std::uint64_t row = first; row < first + rows; ++row)
    for (std::size_t c = 0; c < s->channels(); ++c)
      w->samples.push_back(static_cast<float>(row) + (c == 0 ? 0.0F : 0.5F));
  auto batch = std::make_shared<Batch>();
  batch->device = s->device;
  batch->waveform = std::move(w);
  return batch;
}

struct Recording {
  TempDir dir;
  recording::Options options{dir.path() / "rec"};
  std::unique_ptr<RecordingSink> sink;

  explicit Recording(Fill fill = Fill::none, std::uint64_t rows_a_file = 0) {
    options.fill = fill;
    options.cuts.rows = rows_a_file;
    sink = std::make_unique<RecordingSink>(options, runtime::Logger{});
    sink->open();
  }
  void write(const std::vector<BatchPtr>& batches) {
    REQUIRE(sink->write(batches).outcome == WriteResult::Outcome::committed);
  }
  [[nodiscard]] std::string exported(const RowsOptions& form, std::int64_t from_ns = 0, std::int64_t to_ns = kEver,
                                     std::uint64_t* lost = nullptr) const {
    std::string out;
    RowsExport rows{form, [&](std::string_view bytes) {
                      out += bytes;
                      return true;
                    }};
    bool whole = true;  // add() may throw, which CHECK would take
    for (const auto& file : recorded_files(options.directory, "lab", from_ns, to_ns))
      whole = rows.add(file, from_ns, to_ns, [](std::uint64_t) { return true; }) && whole;
    CHECK((rows.finish() && whole));
    if (lost != nullptr) *lost = rows.lost();
    return out;
  }
  /// The first channel of each row; -1 for NaN.
  [[nodiscard]] std::vector<int> numbers(std::int64_t from_ns = 0, std::int64_t to_ns = kEver) const {
    RowsOptions form;
    form.csv = false;
    const std::string bytes = exported(form, from_ns, to_ns);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    std::vector<int> out;
    for (std::size_t i = 0; i < values.size(); i += 2) {
      if (!std::isnan(values[i])) CHECK(values[i + 1] == values[i] + 0.5F);
      out.push_back(std::isnan(values[i]) ? -1 : static_cast<int>(values[i]));
    }
    return out;
  }
};

std::vector<int> counted(int from, int to) {
  std::vector<int> out;
  for (int i = from; i < to; ++i) out.push_back(i);
  return out;
}

}  // namespace

TEST_CASE("a recording of several files is exported as one, open or finished") {
  Recording recording{Fill::none, 100};
  const auto run = stream(1);
  recording.write({block(run, 0, 150), block(run, 150, 200)});
  CHECK(recorded_files(recording.options.directory, "lab", 0, kEver).size() == 4);
  CHECK(recording.numbers() == counted(0, 350));
  recording.sink->close();
  CHECK(recording.numbers() == counted(0, 350));
  CHECK(recorded_files(recording.options.directory, "other", 0, kEver).empty());
}

TEST_CASE("a range takes exactly its rows") {
  Recording recording{Fill::none, 100};
  const auto run = stream(1);
  recording.write({block(run, 0, 350)});
  for (const int first : {0, 1, 99, 100, 101, 349}) {
    const auto at = run->time_ns(static_cast<std::uint64_t>(first));
    CHECK(recording.numbers(at) == counted(first, 350));
    CHECK(recording.numbers(at + 1) == counted(first + 1, 350));
    CHECK(recording.numbers(0, at) == counted(0, first));
    CHECK(recording.numbers(0, at + 1) == counted(0, first + 1));
  }
  CHECK(recording.numbers(kNoon - 10, kNoon).empty());
  CHECK(recording.numbers(run->time_ns(350)).empty());
}

TEST_CASE("lost rows are marked, whatever stands in their place in the files") {
  for (const Fill fill : {Fill::none, Fill::nan, Fill::zero}) {
    Recording recording{fill};
    const auto run = stream(1);
    recording.write({block(run, 0, 4), block(run, 6, 2)});
    recording.sink->close();
    CHECK(recording.numbers() == std::vector<int>{0, 1, 2, 3, -1, -1, 6, 7});
    CHECK(recording.numbers(run->time_ns(5)) == std::vector<int>{6, 7});
    std::uint64_t lost = 0;
    CHECK(recording.exported({}, 0, kEver, &lost) ==
          "time,v_l1 (V),\"i \"\"1\"\" (V)\"\r\n"
          "2026-06-14T12:00:00.000Z,0,0.5\r\n"
          "2026-06-14T12:00:00.000125Z,1,1.5\r\n"
          "2026-06-14T12:00:00.000250Z,2,2.5\r\n"
          "2026-06-14T12:00:00.000375Z,3,3.5\r\n"
          "2026-06-14T12:00:00.000500Z,,\r\n"
          "2026-06-14T12:00:00.000750Z,6,6.5\r\n"
          "2026-06-14T12:00:00.000875Z,7,7.5\r\n");
    CHECK(lost == 2);
  }
}

TEST_CASE("a run that begins later leaves a gap, one that begins earlier repeats nothing") {
  Recording recording;
  recording.write({block(stream(1), 0, 4), block(stream(2, kNoon + 750'000), 10, 2)});
  recording.sink->close();
  // Row 10 of the second run is 16 rows after the first one's first.
  CHECK(recording.numbers() == std::vector<int>{0, 1, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 10, 11});
  Recording back;
  back.write({block(stream(1), 0, 4), block(stream(2, kNoon + 250'000), 0, 4)});
  back.sink->close();
  CHECK(back.numbers() == std::vector<int>{0, 1, 2, 3, 2, 3});
}

TEST_CASE("fewer rows keep the least and the greatest of each window") {
  Recording recording;
  const auto run = stream(1);
  recording.write({block(run, 0, 5), block(run, 7, 2)});
  RowsOptions form;
  form.every = 3;
  CHECK(recording.exported(form) ==
        "time,v_l1 min (V),v_l1 max (V),\"i \"\"1\"\" min (V)\",\"i \"\"1\"\" max (V)\"\r\n"
        "2026-06-14T12:00:00.000Z,0,2,0.5,2.5\r\n"
        "2026-06-14T12:00:00.000375Z,3,4,3.5,4.5\r\n"
        "2026-06-14T12:00:00.000625Z,,,,\r\n"
        "2026-06-14T12:00:00.000875Z,7,8,7.5,8.5\r\n");
}

TEST_CASE("other channels, or a gap of hours as floats, are refused") {
  Recording recording;
  recording.write({block(stream(1), 0, 4), block(stream(2, kNoon + 1'000'000'000'000'000, {"v_l1", "v_l2"}), 0, 2)});
  recording.sink->close();
  CHECK_THROWS_WITH(recording.exported({}), Catch::Matchers::StartsWith("rec-change: "));
  Recording far;
  far.write({block(stream(1), 0, 4), block(stream(2, kNoon + 36'000'000'000'000), 0, 2)});
  far.sink->close();
  RowsOptions form;
  form.csv = false;
  CHECK_THROWS_WITH(far.exported(form), Catch::Matchers::StartsWith("rec-gap: "));
  CHECK_THAT(far.exported({}), mesura::test::contains("T12:00:00.000500Z,,\r\n2026-06-14T22:00:00.000Z,0,0.5\r\n"));
}

TEST_CASE("a description that is torn or another program's is no recording") {
  Recording recording;
  recording.write({block(stream(1), 0, 4)});
  recording.sink->close();
  const auto sidecar = recording.options.directory / "lab" / "lab_2026_06_14__12_00_00.json";
  const std::string text = read_file(sidecar);
  REQUIRE(describe(text));
  CHECK(describe(text)->names == std::vector<std::string>{"v_l1", "i \"1\""});
  for (std::size_t cut = 0; cut + 60 < text.size(); ++cut) {
    const auto about = describe(std::string_view{text}.substr(0, cut));
    if (about) CHECK(about->rows <= 4);  // the numbers are there, the end is not
  }
  CHECK_FALSE(describe("{}"));
  CHECK_FALSE(describe(""));
}
