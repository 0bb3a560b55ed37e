// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "doctor/finding.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mesura::doctor {

/// This user may not look.
inline constexpr int kUnknownService = -1;

/// The pid of the service that has locked this state directory; 0: none; or kUnknownService.
[[nodiscard]] int running_service(const std::filesystem::path& state);

/// The lock, the audit log, and what waits in the spools of these sinks (of all, if empty).
void check_state(const std::filesystem::path& state, int service, const std::vector<std::string>& sinks, Findings& out);

/// A database that is there: whether SQLite finds it whole. Reads all of it, for at most `patience_s`.
void check_sqlite(const std::string& where, const std::filesystem::path& file, int patience_s, Findings& out);

}  // namespace mesura::doctor
