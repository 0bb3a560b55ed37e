// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every folder of tests/golden: input.bin as `mesura decode` would get it, the options of options.txt, and
// expected.jsonl, whose lines are those of the session in any order. However the bytes are cut, they are the same.
#include <algorithm>
#include <random>

#include "sheet.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace sheet;
using mesura::test::Golden;

std::vector<Golden> goldens() { return mesura::test::load_goldens(MESURA_GOLDEN_DIR); }

Lines run(const Golden& g, std::string_view input, const std::vector<std::size_t>& sizes) {
  PluginHarness h(plugin(), g.options);
  h.open();
  h.bytes_in_pieces(input, sizes);
  h.close(true);
  return h.lines({Kind::measurement, Kind::attribute, Kind::frame, Kind::fault});
}

Lines sorted(Lines lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

TEST_CASE("goldens say what the sheet says") {
  const auto all = goldens();
  REQUIRE(all.size() >= 20);
  for (const Golden& g : all) {
    INFO(g.name);
    CHECK(sorted(run(g, g.input, {g.input.size()})) == sorted(g.expected));
  }
}

TEST_CASE("goldens do not depend on how the bytes are cut") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  for (const Golden& g : goldens()) {
    INFO(g.name << ", seed " << seed);
    const Lines once = run(g, g.input, {g.input.size()});
    CHECK(run(g, g.input, {1}) == once);
    CHECK(run(g, g.input, {8}) == once);
    for (int round = 0; round < 5; ++round) {
      std::vector<std::size_t> sizes(51);
      for (auto& s : sizes) s = std::uniform_int_distribution<std::size_t>(1, 60)(random);
      CHECK(run(g, g.input, sizes) == once);
    }
  }
}

TEST_CASE("goldens survive garbage in front and a truncated tail") {
  for (const Golden& g : goldens()) {
    if (g.name.find("revo") != std::string::npos) continue;  // its frames have no beginning that could be found
    INFO(g.name);
    const auto good = [](const Lines& lines) {
      Lines kept;
      for (const auto& line : lines)
        if (!line.starts_with(R"({"fault")")) kept.push_back(line);
      return kept;
    };
    const std::string garbage = "\x80garbage\xFF\x01";
    const std::string tail = "(230.0 4";
    const Lines once = good(run(g, g.input, {g.input.size()}));
    CHECK(good(run(g, garbage + "\r" + g.input, {garbage.size() + g.input.size() + 1})) == once);
    CHECK(good(run(g, g.input + tail, {g.input.size() + tail.size()})) == once);
  }
}
