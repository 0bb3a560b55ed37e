// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading what is left of a damaged SQLite file.
#pragma once

#include "database/sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::database {

/// Which rows of a damaged table are wanted.
struct SalvageSource {
  std::string table;
  std::string key = "rowid";         ///< an integer column by which the table is ordered; rowid, or the first of the
                                     ///< primary key's that `where` leaves open
  std::string where;                 ///< SQL that fixes the columns before `key` in the primary key, or empty
  std::vector<std::string> columns;  ///< to be read, after the key
  std::int64_t least = INT64_MIN;    ///< a key outside is damage
  std::int64_t greatest = INT64_MAX;
};

/// Reads a table's rows in the order of their key and goes on behind pages that cannot be read.
///
/// A page that is gone costs its rows: the next readable one is looked for by trying keys further and further ahead.
/// SQLite keeps no checksums, so that a value changed within a readable page is not noticed.
class Salvage {
 public:
  /// `db` outlives this object. Nothing is read yet.
  Salvage(const Database& db, SalvageSource source);

  /// Reads up to `rows` further rows: column 0 is the key, the others as asked for. False when the end was reached.
  /// Rows of one key may come twice where the key is not unique. Throws Error for anything but damage.
  bool next(std::size_t rows, const std::function<void(const Statement&)>& visit);
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  /// Stretches of keys that could not be read.
  [[nodiscard]] std::uint64_t holes() const { return holes_; }

 private:
  [[nodiscard]] std::string condition() const;
  [[nodiscard]] Statement select(std::string_view limit) const;
  bool skip_ahead();
  [[nodiscard]] bool readable_from(std::int64_t key) const;

  const Database& db_;
  SalvageSource source_;
  std::optional<Statement> read_;
  std::int64_t next_key_;
  bool done_ = false;
  std::uint64_t reach_ = 1;  ///< how far the next search starts: doubles until a row was read
  std::uint64_t rows_ = 0;
  std::uint64_t holes_ = 0;
};

/// True for the errors that damage causes: corrupt, no database, short reads.
[[nodiscard]] bool is_damage(const Error& e);

/// Makes the 100 bytes of header right again by which SQLite knows a file as its own, where they are not; the bytes
/// that were there are kept in `<file>.header`. True when something was changed. Throws std::system_error.
bool mend_header(const std::filesystem::path& file);

/// Moves the file, its WAL and its index aside, as `<file>.damaged-<time>`; returns where to. Throws std::system_error.
std::filesystem::path set_aside(const std::filesystem::path& file);

/// Looks for damage, for `seconds` at most: nullopt when none was found, else what.
[[nodiscard]] std::optional<std::string> find_damage(const Database& db, int seconds);

}  // namespace mesura::database
