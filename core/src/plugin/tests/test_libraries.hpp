// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/loader.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mesura::plugin::test {

/// The directory of one case's library, built by this room's CMakeLists.txt.
inline std::filesystem::path library_directory(const std::string& name) {
  return std::filesystem::path{MESURA_TEST_LIBRARIES} / name;
}

inline PluginSet scan(const std::vector<std::filesystem::path>& directories) {
  std::vector<SearchDirectory> search;
  for (const auto& path : directories) search.push_back({path, "plugin_path", true});
  return PluginSet::scan(search);
}

inline PluginSet scan_case(const std::string& name) { return scan({library_directory(name)}); }

}  // namespace mesura::plugin::test
