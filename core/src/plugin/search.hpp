// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace mesura::plugin {

struct SearchDirectory {
  std::filesystem::path path;
  std::string origin;     ///< who named it: "plugin_path", "$MESURA_PLUGIN_PATH", "default"
  bool required = false;  ///< somebody named it: it must exist
};

/// Where plugins are looked for, first come first served: the configured directories, $MESURA_PLUGIN_PATH (separated by
/// ':'), then the default: lib/mesura/plugins of the tree in whose bin the program lies, else of the prefix for which
/// Mesura was built. Only one of these two, so that a build tree and an installed Mesura don't shadow each other's
/// files.
std::vector<SearchDirectory> search_path(std::span<const std::filesystem::path> configured);

}  // namespace mesura::plugin
