// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every folder of tests/golden under the chunk law: input.bin as a file holds it, and expected.jsonl, what is said of
// it.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "rig.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace {

using namespace mesura::ct6::test;
using mesura::test::Golden;

std::vector<Golden> goldens() { return mesura::test::load_goldens(MESURA_GOLDEN_DIR); }

/// What the session says about `input`, cut into pieces of `sizes`.
Strings run(std::string_view input, const std::vector<std::size_t>& sizes,
            std::initializer_list<Kind> kinds = {Kind::measurement, Kind::attribute, Kind::frame, Kind::fault}) {
  PluginHarness harness(*mesura_plugin_query(nullptr, nullptr));
  harness.open();
  harness.bytes_in_pieces(input, sizes);
  harness.close(true);
  return harness.lines(kinds);
}

Strings whole(std::string_view input) { return run(input, {input.size()}); }

}  // namespace

TEST_CASE("goldens say what the sheet says") {
  const auto all = goldens();
  REQUIRE(all.size() >= 22);
  for (const Golden& g : all) {
    INFO(g.name);
    CHECK(whole(g.input) == g.expected);
  }
}

TEST_CASE("goldens do not depend on how the bytes are cut") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  for (const Golden& g : goldens()) {
    INFO(g.name << ", seed " << seed);
    const Strings once = whole(g.input);
    for (const std::size_t piece : {1U, 7U, 64U, 1500U}) CHECK(run(g.input, {piece}) == once);
    for (int round = 0; round < 5; ++round) {
      std::uniform_int_distribution<std::size_t> size(1, round % 2 == 0 ? 300 : 20);
      std::vector<std::size_t> sizes(101);
      for (auto& s : sizes) s = size(random);
      CHECK(run(g.input, sizes) == once);
    }
  }
}

TEST_CASE("goldens survive garbage in front and a truncated tail") {
  const std::string garbage = "\x80garbage, [1, 2] null\xFF\n", tail = R"({"IP_ADDRESS": "192.168.0.34", "OS": "micro)";
  const std::initializer_list<Kind> good = {Kind::measurement, Kind::attribute, Kind::frame};
  for (const Golden& g : goldens()) {
    INFO(g.name);
    const std::string input = garbage + g.input + "\n" + tail;
    CHECK(run(input, {input.size()}, good) == run(g.input, {g.input.size()}, good));
    CHECK(run(input, {1}) == whole(input));
  }
}

TEST_CASE("goldens twice in a row are twice as many answers") {
  for (const Golden& g : goldens()) {
    INFO(g.name);
    const std::string twice = g.input + "\n" + g.input;
    const auto frames = run(g.input, {g.input.size()}, {Kind::frame}).size();
    CHECK(run(twice, {twice.size()}, {Kind::frame}).size() == 2 * frames);
    CHECK(run(twice, {1}) == whole(twice));
  }
}
