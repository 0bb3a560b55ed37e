// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The tables of layout `mesura` as SQL.
#pragma once

#include "database/mariadb.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::sinks::mysql {

/// In characters, in table `series`.
inline constexpr std::size_t kLongestDevice = 255;
inline constexpr std::size_t kLongestWord = 128;

/// Texts that differ in a letter, its case or a blank at the end are different.
[[nodiscard]] std::string collation_of(const database::mariadb::Connection& db);
/// How many doubles a wide table's row can have: InnoDB takes rows of half a page, and 1017 columns.
[[nodiscard]] std::size_t max_columns(const database::mariadb::Connection& db);
/// Whether all tables of the layout but the wide ones are there.
[[nodiscard]] bool is_complete(const database::mariadb::Connection& db);
/// Makes what is missing. Throws SinkError where a table of ours is somebody else's.
void create_tables(const database::mariadb::Connection& db, const std::string& collation, std::string_view site_zone,
                   std::int64_t now_us);
/// Takes tables of devices out of the way whose names are ours since layout 2; before create_tables().
void make_room(const database::mariadb::Connection& db);
/// Brings layout 1 (no rollups) to the present one, after create_tables(); true when tables have changed.
bool upgrade(const database::mariadb::Connection& db);
/// A row of `meta`; "" where there is none.
[[nodiscard]] std::string meta_text(const database::mariadb::Connection& db, std::string_view name);
void put_meta(const database::mariadb::Connection& db, std::string_view name, std::string_view value);
/// Throws SinkError for the tables of a newer Mesura.
void check_version(const database::mariadb::Connection& db);
/// Notes the installation's zone; true when it was another.
bool note_zone(const database::mariadb::Connection& db, std::string_view site_zone);

[[nodiscard]] std::string wide_table_sql(std::string_view quoted_name, bool fleet, std::string_view collation,
                                         std::string_view quoted_comment);
struct RollupTable {
  bool fleet;  ///< its key is (time, device_id)
  bool first;  ///< no further part: it has `completeness`
};
/// `columns`: definitions, each with a comma at its end.
[[nodiscard]] std::string rollup_table_sql(std::string_view quoted_name, const RollupTable& table,
                                           std::string_view columns, std::string_view collation,
                                           std::string_view quoted_comment);
/// <table>_local: the rows with local time, and with the names of a fleet's devices.
[[nodiscard]] std::string view_sql(const std::string& table, bool fleet, std::string_view quoted_zone,
                                   std::string_view zone);

}  // namespace mesura::sinks::mysql
