// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The goldens of a plugin: folders with input.bin (the bytes as `mesura decode` would get them), expected.jsonl (what
// the session says of them) and, where it needs any, options.txt (KEY=VALUE lines).
#pragma once

#include "support/plugin_harness.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::test {

struct Golden {
  std::string name;
  std::string input;
  PluginOptions options;
  std::vector<std::string> expected;  ///< lines; none if the file is not there
};

/// All folders of `directory`, by name. Options named in `integers` are integers, the others texts. Throws
/// std::runtime_error for a file that can't be read.
[[nodiscard]] std::vector<Golden> load_goldens(const std::filesystem::path& directory,
                                               const std::vector<std::string_view>& integers = {});

}  // namespace mesura::test
