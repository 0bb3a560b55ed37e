// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of recordings in Matroska share: a meter's rows, and the rows that are in a file.
#pragma once

#include "sinks/recording/recording_sink.hpp"
#include "sinks/tests/matroska_reader.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace mesura::sinks::test {

// Before the first sink: the module of this build, not an installed one.
inline const int kModulePath = ::setenv("MESURA_MODULE_PATH", MESURA_TEST_MODULE_DIR, 1);

using Names = std::vector<std::string>;
inline const Names kSix{"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"};
inline constexpr std::uint32_t kNan = 0x7FC00000;

inline std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

/// What a meter sends: the mains with noise; the row can be told from the first channel.
inline float wave(std::uint64_t row, std::size_t channel) {
  if (channel == 0) return static_cast<float>(row) + 0.25F;
  const double angle = static_cast<double>(row) * 0.0393 + static_cast<double>(channel);
  const auto noise = static_cast<double>((row * 2654435761U + channel * 40503U) % 1000) / 1000.0;
  return static_cast<float>((channel % 2 == 0 ? 325.27 : 14142.0) * std::sin(angle) + noise);
}

inline std::shared_ptr<WaveformStream> stream(std::uint64_t id, const Names& names = kSix,
                                              std::int64_t start_ns = kNoon, const char* device = "lab") {
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

inline BatchPtr block(const std::shared_ptr<const WaveformStream>& s, std::uint64_t first, std::uint64_t rows,
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

struct MatroskaFixture {
  TempDir dir;
  recording::Options options{dir.path() / "rec", {}, recording::Fill::none, recording::Form::matroska};

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
inline std::vector<std::int64_t> rows_in(const std::filesystem::path& path) {
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
inline std::string ranges(const std::vector<std::int64_t>& rows) {
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

inline std::vector<std::int64_t> count(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> out;
  for (std::int64_t row = from; row < to; ++row) out.push_back(row);
  return out;
}

inline constexpr const char* kFirst = "lab_2026_06_14__12_00_00.mkv";

}  // namespace mesura::sinks::test
