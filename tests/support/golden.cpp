// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "golden.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace mesura::test {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + " can't be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  if (!fs::exists(path)) return lines;
  const std::string text = read_whole(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

std::vector<Golden> load_goldens(const fs::path& directory, const std::vector<std::string_view>& integers) {
  std::vector<Golden> all;
  for (const auto& entry : fs::directory_iterator(directory)) {
    Golden golden;
    golden.name = entry.path().filename();
    golden.input = read_whole(entry.path() / "input.bin");
    golden.expected = lines_of(entry.path() / "expected.jsonl");
    for (const auto& line : lines_of(entry.path() / "options.txt")) {
      const std::string key = line.substr(0, line.find('='));
      const std::string value = line.substr(line.find('=') + 1);
      if (std::find(integers.begin(), integers.end(), key) != integers.end())
        golden.options.integer(key, std::stoll(value));
      else
        golden.options.text(key, value);
    }
    all.push_back(std::move(golden));
  }
  std::sort(all.begin(), all.end(), [](const Golden& a, const Golden& b) { return a.name < b.name; });
  return all;
}

}  // namespace mesura::test
