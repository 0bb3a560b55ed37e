// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every folder of tests/golden under the chunk law: input.bin, the options of options.txt, and expected.jsonl. A block
// of rows stands there with its first and last row.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "support/golden.hpp"
#include "tests/support.hpp"

using namespace smartmeter_test;
namespace fs = std::filesystem;

namespace {

using mesura::test::Golden;

std::vector<Golden> goldens() { return mesura::test::load_goldens(MESURA_GOLDEN_DIR, {"rate", "chunk_rows"}); }

std::string row_text(const float* row, std::size_t channels) {
  std::string text = "[";
  for (std::size_t i = 0; i < channels; ++i) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%s%.7g", i == 0 ? "" : ",", double{row[i]});
    text += digits;
  }
  return text + "]";
}

/// To six digits: what is derived differs in the last ones from machine to machine.
double rounded(double value) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.6g", value);
  return std::strtod(digits, nullptr);
}

Lines run(const Golden& golden, std::string_view input, const std::vector<std::size_t>& sizes, bool faults_too = true) {
  PluginHarness h(plugin(), golden.options);
  h.open();
  h.bytes_in_pieces(input, sizes);
  h.close(true);
  Lines lines;
  std::uint64_t rows = 0;
  for (auto e : h.events()) {
    e.value = rounded(e.value);
    if (e.kind == Kind::waveform && golden.name == "t06_raw_port") {  // blocks there are what the calls brought
      rows += e.length;
      if (rows == 2) lines.push_back("{\"raw_rows\":2,\"last\":" + row_text(&e.samples[e.samples.size() - 6], 6) + "}");
    } else if (e.kind == Kind::waveform) {
      const std::size_t channels = e.samples.size() / e.length;
      std::string line = e.json();
      line.pop_back();
      lines.push_back(line + ",\"first\":" + row_text(e.samples.data(), channels) +
                      ",\"last\":" + row_text(&e.samples[e.samples.size() - channels], channels) + "}");
    } else if (e.kind == Kind::measurement || e.kind == Kind::attribute || (e.kind == Kind::fault && faults_too)) {
      lines.push_back(e.json());
    }
  }
  for (const auto& s : h.streams()) {
    std::string line = "{\"stream\":" + std::to_string(s.start_ns) + ",\"period\":" + std::to_string(s.period_ns);
    for (std::size_t i = 0; i < s.names.size(); ++i) line += ",\"" + s.names[i] + "\":\"" + s.units[i] + "\"";
    lines.push_back(line + "}");
  }
  return lines;
}

}  // namespace

TEST_CASE("goldens say what the sheet says") {
  const auto all = goldens();
  REQUIRE(all.size() >= 14);
  for (const Golden& g : all) {
    INFO(g.name);
    const Lines got = run(g, g.input, {g.input.size()});
    if (const char* to = std::getenv("MESURA_WRITE_GOLDENS"); to != nullptr && std::string_view{to} == "1") {
      std::ofstream file(fs::path{MESURA_GOLDEN_DIR} / g.name / "expected.jsonl", std::ios::binary);
      for (const auto& line : got) file << line << '\n';
      continue;
    }
    CHECK(got == g.expected);
  }
}

TEST_CASE("goldens do not depend on how the bytes are cut") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  for (const Golden& g : goldens()) {
    INFO(g.name << ", seed " << seed);
    const Lines once = run(g, g.input, {g.input.size()});
    CHECK(run(g, g.input, {1}) == once);
    CHECK(run(g, g.input, {7}) == once);
    CHECK(run(g, g.input, {2048}) == once);
    for (int round = 0; round < 3; ++round) {
      std::uniform_int_distribution<std::size_t> size(1, round % 2 == 0 ? 1500 : 20);
      std::vector<std::size_t> sizes(101);
      for (auto& s : sizes) s = size(random);
      CHECK(run(g, g.input, sizes) == once);
    }
  }
}

TEST_CASE("goldens survive garbage in front and a torn tail") {
  const std::string garbage = "\x80garbage\x01\xff\r\n", tail = "Data:\xf0";
  for (const Golden& g : goldens()) {
    INFO(g.name);
    if (g.name == "t06_raw_port" || g.name == "noise_and_bad_lengths") continue;  // no marks, torn already
    const std::string bytes = garbage + g.input + tail;
    CHECK(run(g, bytes, {bytes.size()}, false) == run(g, g.input, {g.input.size()}, false));
    CHECK(run(g, bytes, {1}) == run(g, bytes, {bytes.size()}));
  }
}
