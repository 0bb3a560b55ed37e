// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What all sinks that write files share. Everything throws SinkError.
#pragma once

#include "runtime/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mesura::sinks {

/// A device's name as the beginning of a file name: what a file system or a shell could mistake becomes %XX. At most
/// 180 bytes.
[[nodiscard]] std::string file_stem(std::string_view device);

/// Throws SinkError for errno `error`.
[[noreturn]] void fail_io(const std::filesystem::path& path, std::string_view doing, int error);
void sync_directory(const std::filesystem::path& directory);

/// Makes the directory if there is none and locks it for this sink until the descriptor is closed. `what`: its files,
/// for the message when another program has the lock.
[[nodiscard]] runtime::UniqueFd take_directory(const std::filesystem::path& path, std::string_view what);
/// True when `directory` is still what `path` leads to.
[[nodiscard]] bool leads_to(const std::filesystem::path& path, const runtime::UniqueFd& directory);

/// Puts a small file in the place of another: there is always the old or the new one, never half of it.
enum class Sync : std::uint8_t {
  later,  ///< survives this program's death; after a power cut the old one may be back
  now     ///< durable when it returns
};
void put_file(const std::filesystem::path& path, std::string_view content, Sync sync);

}  // namespace mesura::sinks
