// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Files and folders as arguments of commands.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::command {

/// What was read, or why it was not.
struct Content {
  std::string bytes;
  std::string problem;  ///< for people; empty: read
};
/// "-": standard input. At most `limit` bytes.
[[nodiscard]] Content read_content(const std::string& path, std::size_t limit);

struct Tree {
  std::map<std::string, std::string> files;  ///< by path relative to the folder, '/' between its parts
  std::string problem;                       ///< for people; empty: read
};
/// All regular files below the folder, but hidden ones; links are not followed. At most `limit` bytes together.
[[nodiscard]] Tree read_tree(const std::string& folder, std::size_t limit);

[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Nothing: it is none.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace mesura::command
