// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Other programs' SQLite files: looked at, never changed.
#pragma once

#include "database/sqlite.hpp"
#include "import/importer.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

namespace mesura::importing {

/// Opens an existing file; whatever is tried, nothing can be written through it. Throws ImportError.
inline database::Database open_old(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw ImportError(fmt::format("imp-open: {} is no file\n  expected  an SQLite database", file.string()));
  try {
    database::Database db{file, database::Database::Open::existing};
    db.execute("PRAGMA query_only = ON");
    (void)db.integer("SELECT count(*) FROM sqlite_schema");
    return db;
  } catch (const database::Error& e) {
    throw ImportError(fmt::format("imp-open: {} can't be read as an SQLite database: {}", file.string(), e.what()));
  }
}

/// Names of a table's columns; empty: there is no such table.
inline std::set<std::string, std::less<>> columns_of(const database::Database& db, std::string_view table) {
  std::set<std::string, std::less<>> names;
  auto list = db.prepare("SELECT name FROM pragma_table_info(?1)");
  list.bind(1, table);
  while (list.step()) names.insert(list.text(0));
  return names;
}

}  // namespace mesura::importing
