// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Small files that are read and replaced whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mesura::runtime {

/// The file's content; nothing if there is none. Throws std::runtime_error if it can't be read, or has more than 64
/// MiB.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);

/// Puts `content` in the place of the file: after a crash there is the old one or the new one, never half of it.
/// Durable when it returns. Throws std::runtime_error.
void replace_file(const std::string& path, std::string_view content);

}  // namespace mesura::runtime
