// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/log.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace mesura::sinks::recording {

/// Closes what a program that died has left open in a device's directory, and tells which runs were recorded there: by
/// run_key(), the row that follows. Of the last ones only. Throws std::filesystem::filesystem_error.
[[nodiscard]] std::map<std::string, std::uint64_t> repair_recordings(const std::filesystem::path& directory,
                                                                     const runtime::Logger& log);

/// So many runs are kept in mind: a repeat is one of the last write, older ones need not be known for ever.
inline constexpr std::size_t kOldRuns = 64;

}  // namespace mesura::sinks::recording
