// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every folder of tests/golden: input.bin as `mesura decode` would get it, the options of options.txt, and
// expected.jsonl, whose lines are those of the session in any order. However the bytes are cut, they are the same.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "sheet.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sheet;

struct Golden {
  std::string name, input;
  PluginOptions options;
  Lines expected;
};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

Lines split(const std::string& text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<Golden> goldens() {
  std::vector<Golden> all;
  for (const auto& entry : fs::directory_iterator(MESURA_GOLDEN_DIR)) {
    Golden g;
    g.name = entry.path().filename();
    g.input = read_file(entry.path() / "input.bin");
    g.expected = split(read_file(entry.path() / "expected.jsonl"));
    if (fs::exists(entry.path() / "options.txt"))
      for (const auto& line : split(read_file(entry.path() / "options.txt")))
        g.options.text(line.substr(0, line.find('=')), line.substr(line.find('=') + 1));
    all.push_back(std::move(g));
  }
  std::sort(all.begin(), all.end(), [](const Golden& a, const Golden& b) { return a.name < b.name; });
  return all;
}

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
