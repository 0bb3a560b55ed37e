// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every folder of tests/golden under the chunk law: input.bin, the options of options.txt, and expected.jsonl, whose
// lines are those of the session in any order (what comes first is no promise; that it is the same for every cut is).
#include <mesura/plugin.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/plugin_harness.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

namespace fs = std::filesystem;
using mesura::test::Golden;
using mesura::test::PluginHarness;
using Kind = mesura::test::PluginEvent::Kind;
using Lines = std::vector<std::string>;

std::vector<Golden> goldens() { return mesura::test::load_goldens(MESURA_GOLDEN_DIR); }

Lines sorted(Lines lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// What the session says about `input`, cut into pieces of `sizes`.
Lines run(const Golden& golden, std::string_view input, const std::vector<std::size_t>& sizes,
          std::initializer_list<Kind> kinds = {Kind::measurement, Kind::attribute, Kind::frame, Kind::fault}) {
  PluginHarness harness(*mesura_plugin_query(nullptr, nullptr), golden.options);
  harness.open();
  harness.bytes_in_pieces(input, sizes);
  harness.close(true);
  return harness.lines(kinds);
}

Lines whole(const Golden& golden, std::string_view input) { return run(golden, input, {input.size()}); }

std::size_t count(const Lines& lines, std::string_view begin) {
  return static_cast<std::size_t>(
      std::count_if(lines.begin(), lines.end(), [&](const auto& l) { return l.starts_with(begin); }));
}

}  // namespace

TEST_CASE("goldens say what the sheet says") {
  const auto all = goldens();
  REQUIRE(all.size() >= 59);
  for (const Golden& g : all) {
    INFO(g.name);
    CHECK(sorted(whole(g, g.input)) == sorted(g.expected));
  }
}

TEST_CASE("goldens do not depend on how the bytes are cut") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  for (const Golden& g : goldens()) {
    INFO(g.name << ", seed " << seed);
    const Lines once = whole(g, g.input);
    CHECK(run(g, g.input, {1}) == once);
    CHECK(run(g, g.input, {7}) == once);
    CHECK(run(g, g.input, {64}) == once);
    for (int round = 0; round < 5; ++round) {
      std::uniform_int_distribution<std::size_t> size(1, round % 2 == 0 ? 300 : 20);
      std::vector<std::size_t> sizes(101);
      for (auto& s : sizes) s = size(random);
      CHECK(run(g, g.input, sizes) == once);
    }
  }
}

TEST_CASE("goldens survive garbage in front") {
  const std::string garbage = "\x80garbage (without a start\xFF\x00)\r\n!1234\r\n";
  for (const Golden& g : goldens()) {
    INFO(g.name);
    const std::initializer_list<Kind> good = {Kind::measurement, Kind::attribute, Kind::frame};
    CHECK(run(g, garbage + g.input, {garbage.size() + g.input.size()}, good) ==
          run(g, g.input, {g.input.size()}, good));
    CHECK(run(g, garbage + g.input, {1}) == whole(g, garbage + g.input));
  }
}

TEST_CASE("goldens survive a truncated tail") {
  const std::string tail = "/TST5X\r\n\r\n1-0:1.7.0(00.1";
  for (const Golden& g : goldens()) {
    INFO(g.name);
    const std::initializer_list<Kind> good = {Kind::measurement, Kind::attribute, Kind::frame};
    CHECK(run(g, g.input + tail, {g.input.size() + tail.size()}, good) == run(g, g.input, {g.input.size()}, good));
    CHECK(run(g, g.input + tail, {1}) == whole(g, g.input + tail));
    CHECK(count(whole(g, g.input + tail), R"({"fault":"truncated")") ==
          count(whole(g, g.input), R"({"fault":"truncated")") + 1);
  }
}

TEST_CASE("goldens twice in a row are twice as many telegrams, and nothing told once is told again") {
  for (const Golden& g : goldens()) {
    INFO(g.name);
    const Lines once = whole(g, g.input);
    const Lines twice = whole(g, g.input + g.input);
    CHECK(run(g, g.input + g.input, {1}) == twice);
    if (g.name == "m06_no_crc_after_one_with") continue;  // its second half is refused, whatever came before
    CHECK(count(twice, R"({"frame")") == 2 * count(once, R"({"frame")"));
    CHECK(count(twice, R"({"attribute":"serial")") == count(once, R"({"attribute":"serial")"));
    for (const char* told_once :
         {R"({"channel":"total","quantity":"power_failure_duration")",
          R"({"channel":"total","quantity":"active_demand_import_month_max")",
          R"({"channel":"mbus1","quantity":"gas_volume")", R"({"channel":"total","quantity":"tariff_indicator")"})
      CHECK(count(twice, told_once) == count(once, told_once));
    CHECK(count(twice, R"({"channel":"total","quantity":"active_power_import")") ==
          2 * count(once, R"({"channel":"total","quantity":"active_power_import")"));
  }
}
