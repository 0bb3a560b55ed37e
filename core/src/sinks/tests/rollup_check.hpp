// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Rollups worked out the slow way: from all raw rows at once, by their definition, with no code of the sink's.
#pragma once

#include "database/sqlite.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace mesura::sinks::test {

/// SQL column -> value, rounded so that sums in another order are equal; NULL is nothing.
using RollupRow = std::map<std::string, std::optional<double>>;
/// start of the window, device_id -> row
using RollupRows = std::map<std::pair<std::int64_t, std::int64_t>, RollupRow>;

/// What a table of rollups has.
[[nodiscard]] RollupRows stored_rollups(const database::Database& db, const std::string& table);
/// What it should have: `level` is 1m, 15m, 1h, 1d; `registers` names the source's columns that are registers.
[[nodiscard]] RollupRows expected_rollups(const database::Database& db, const std::string& source,
                                          const std::string& level, const std::vector<std::string>& registers,
                                          const std::string& zone);
/// The first difference in words, or nothing.
[[nodiscard]] std::string difference(const RollupRows& got, const RollupRows& expected);
/// All four levels.
[[nodiscard]] std::string rollups_differ(const database::Database& db, const std::string& source,
                                         const std::vector<std::string>& registers, const std::string& zone);

}  // namespace mesura::sinks::test
