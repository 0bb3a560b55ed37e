// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Matroska read back by the program itself.
#include "sinks/recording/reader.hpp"
#include "sinks/tests/matroska_fixture.hpp"

#include <cstring>
#include <filesystem>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using Fixture = MatroskaFixture;

namespace {

/// All samples of all files, row by row; missing rows are left out.
std::vector<float> all_of(const Fixture& f, std::int64_t from_ns = 0, std::int64_t to_ns = INT64_MAX) {
  std::vector<float> out;
  for (const auto& file : recording::recorded_files(f.options.directory, "lab", from_ns, to_ns)) {
    // It may throw, which CHECK would take.
    const bool whole = recording::read_rows(file, from_ns, to_ns, [&](const recording::RecordedRows& rows) {
      CHECK(rows.samples.size() == rows.rows * 6);
      out.insert(out.end(), rows.samples.begin(), rows.samples.end());
      return true;
    });
    CHECK(whole);
  }
  return out;
}

std::vector<float> expected(std::uint64_t from, std::uint64_t to) {
  std::vector<float> out;
  for (std::uint64_t row = from; row < to; ++row)
    for (std::size_t c = 0; c < 6; ++c) out.push_back(wave(row, c));
  return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "mkv is read back bit by bit, while it is written and after", "[matroska]") {
  for (const auto streams : {recording::Streams::single, recording::Streams::per_line}) {
    options.streams = streams;
    options.directory = dir.path() / (streams == recording::Streams::single ? "single" : "lines");
    const auto s = sink();
    const auto run = stream(1);
    REQUIRE(attempt(*s, {block(run, 0, 100), block(run, 100, 9000)}).committed);
    CHECK(same(all_of(*this), expected(0, 9100)));
    REQUIRE(attempt(*s, {block(run, 9100, 50)}).committed);
    s->close();
    CHECK(same(all_of(*this), expected(0, 9150)));
    CHECK(same(all_of(*this, run->time_ns(5000), run->time_ns(5010)), expected(5000, 5010)));
    CHECK(same(all_of(*this, run->time_ns(9149)), expected(9149, 9150)));
  }
}

TEST_CASE_METHOD(Fixture, "mkv with lost rows has the others at their numbers", "[matroska]") {
  const auto s = sink();
  const auto run = stream(1);
  REQUIRE(attempt(*s, {block(run, 0, 100), block(run, 150, 100)}).committed);
  s->close();
  std::vector<std::uint64_t> firsts;
  for (const auto& file : recording::recorded_files(options.directory, "lab", 0, INT64_MAX))
    CHECK(recording::read_rows(file, 0, INT64_MAX, [&](const recording::RecordedRows& rows) {
      CHECK(bits(rows.samples[0]) == bits(wave(rows.first_number, 0)));
      firsts.push_back(rows.first_number);
      return true;
    }));
  CHECK(firsts == std::vector<std::uint64_t>{0, 150});
  CHECK(all_of(*this).size() == 200 * 6);
}

TEST_CASE_METHOD(Fixture, "mkv that has been cut short says so", "[matroska]") {
  const auto s = sink();
  REQUIRE(attempt(*s, {block(stream(1), 0, 9000)}).committed);
  s->close();
  const auto data = file("lab_2026_06_14__12_00_00.mkv");
  std::filesystem::resize_file(data, std::filesystem::file_size(data) / 2);
  CHECK_THROWS_AS(all_of(*this), SinkError);
}
