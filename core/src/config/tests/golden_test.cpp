// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Messages are part of the product: each golden/NAME.yaml has its messages, to the letter, in golden/NAME.expected.
// MESURA_UPDATE_GOLDENS=1 in the environment rewrites them, to be read in the diff.
#include "fake_catalog.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace mesura::config;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<fs::path> cases(const char* folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(MESURA_CONFIG_TESTS) / folder))
    if (entry.path().extension() == ".yaml" && entry.path().filename() != "secrets.yaml") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

LoadResult load(const fs::path& path) {
  ReadOptions options;
  options.file = path.filename().string();
  options.directory = path.parent_path();
  options.environment = fake::environment();
  return load_configuration_text(slurp(path), fake::catalog(), options);
}

std::string messages(const Diagnostics& diagnostics) {
  std::string out;
  for (const auto& d : diagnostics.list()) out += render_text(d);
  // Messages about secrets.yaml name its directory, which is another one on each machine.
  const std::string root = std::string(MESURA_CONFIG_TESTS) + "/";
  for (std::size_t at = 0; (at = out.find(root)) != std::string::npos;) out.erase(at, root.size());
  return out;
}

}  // namespace

TEST_CASE("every golden gives its messages") {
  const auto found = cases("golden");
  REQUIRE(found.size() >= 20);
  for (const auto& path : found) {
    INFO(path.filename().string());
    const std::string got = messages(load(path).diagnostics);
    const fs::path expected = fs::path(path).replace_extension(".expected");
    if (std::getenv("MESURA_UPDATE_GOLDENS") != nullptr) std::ofstream(expected, std::ios::binary) << got;
    CHECK(got == slurp(expected));
  }
}

TEST_CASE("good files load without a word and mean the same when shown and read again") {
  const auto found = cases("golden/good");
  REQUIRE(found.size() >= 3);
  for (const auto& path : found) {
    INFO(path.filename().string());
    const LoadResult first = load(path);
    CHECK(messages(first.diagnostics) == "");
    REQUIRE(first.configuration);
    const std::string shown = show_effective(*first.configuration, fake::catalog());
    CHECK(shown.find("correct-horse") == std::string::npos);
    CHECK(shown.find("battery-staple") == std::string::npos);
    ReadOptions options;
    options.file = "shown";
    const LoadResult second = load_configuration_text(shown, fake::catalog(), options);
    CHECK(messages(second.diagnostics) == "");
    REQUIRE(second.configuration);
    // Masks stand where secrets stood, so compare what is shown.
    CHECK(show_effective(*second.configuration, fake::catalog()) == shown);
  }
}
