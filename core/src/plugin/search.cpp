// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/search.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace mesura::plugin {
namespace {

namespace fs = std::filesystem;

fs::path default_directory() {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    auto beside = program.parent_path().parent_path() / MESURA_PLUGIN_DIR;
    if (fs::is_directory(beside, error)) return beside;
  }
  return fs::path{MESURA_INSTALL_PREFIX} / MESURA_PLUGIN_DIR;
}

}  // namespace

std::vector<SearchDirectory> search_path(std::span<const fs::path> configured) {
  std::vector<SearchDirectory> directories;
  for (const auto& path : configured) directories.push_back({path, "plugin_path", true});
  if (const char* variable = std::getenv("MESURA_PLUGIN_PATH"); variable != nullptr) {
    std::string_view rest{variable};
    while (!rest.empty()) {
      const auto path = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(path.size() + 1, rest.size()));
      if (!path.empty()) directories.push_back({path, "$MESURA_PLUGIN_PATH", true});
    }
  }
  directories.push_back({default_directory(), "default", false});
  return directories;
}

}  // namespace mesura::plugin
