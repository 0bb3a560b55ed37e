// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The SQL texts of the layout, and how a file comes from one layout to the next.
#pragma once

#include "database/sqlite.hpp"
#include "model/zones.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::sinks::sqlite {

/// All in a transaction of the caller's.
void create_schema(const database::Database& db, std::string_view site_zone, std::int64_t now_us);
void upgrade_schema(const database::Database& db);

enum class Views : std::uint8_t { local, both };
/// The views of a table with its time as text: <table>_local, <table>_utc.
void create_views(const database::Database& db, const std::string& table, bool fleet, Views which);

/// Notes the offsets of a zone for `_local` views, from 1970 to 25 years from now.
void write_zone_offsets(const database::Database& db, const model::Zone& zone, std::int64_t now_us);

}  // namespace mesura::sinks::sqlite
