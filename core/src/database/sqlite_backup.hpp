// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/sqlite.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>

namespace mesura::database {

struct BackupProgress {
  std::uint64_t done_bytes;
  std::uint64_t total_bytes;
  bool checking;  ///< copied; the copy is being verified
};

/// Copies a database that may be in use, as it is at one instant, into a new file; the copy is checked, and gets its
/// name only when it is whole. `progress` may throw to give up: nothing is left behind.
///
/// errors  Error (SQLite's), std::system_error (files), std::runtime_error (the copy is damaged; a file of that name is
///         there already)
/// returns the copy's size in bytes
std::uint64_t backup(const std::filesystem::path& from, const std::filesystem::path& to,
                     const std::function<void(const BackupProgress&)>& progress);

}  // namespace mesura::database
