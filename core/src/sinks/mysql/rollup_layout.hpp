// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which tables and columns of the database the rollups of a table have.
#pragma once

#include "database/mariadb.hpp"
#include "sinks/mysql/layout.hpp"
#include "sinks/rollup/backend.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace mesura::sinks::mysql {

[[nodiscard]] inline std::size_t index_of(rollup::Level level) { return static_cast<std::size_t>(level); }

/// For each table of the layout one table a level, <table>_1m, _15m, _1h, _1d. Where its columns are more than a table
/// takes, further ones stand in <table>_1m_part2 and so on, which has the same key.
///
/// Tables are no part of transactions: they are made by prepare(), before the transaction that needs them. Everything
/// throws database::mariadb::Error; then what it knows may be wrong, make a new one.
class RollupLayout {
 public:
  struct Part {
    std::vector<std::uint32_t> columns;  ///< of the source
    std::array<std::string, rollup::kLevels.size()> tables;
  };
  struct Column {
    std::string name;  ///< in rollups
    std::size_t part;
  };
  /// A table of the layout. Horizons are by level, the last one that of the raw rows.
  struct Source {
    bool ready = false;
    bool fleet = false;
    std::string name;
    std::int64_t newest = INT64_MIN;  ///< greatest time when it was prepared first
    std::vector<rollup::ColumnKind> kinds;
    std::vector<Column> columns;
    std::vector<Part> parts;
    std::array<std::int64_t, rollup::kLevels.size() + 1> horizons;
  };

  RollupLayout(const Connection& db, const Layout& layout);

  /// Makes what these tables need, outside of any transaction; true when one of them was not ready at all. `lost` gets
  /// those whose rollups a person has dropped.
  bool prepare(std::span<const std::uint32_t> tables, std::vector<std::uint32_t>& lost);
  [[nodiscard]] bool is_ready(std::uint32_t table) const { return table < sources_.size() && sources_[table].ready; }
  /// Of a table that is ready.
  [[nodiscard]] Source& source(std::uint32_t table) { return sources_[table]; }
  [[nodiscard]] std::size_t size() const { return sources_.size(); }
  /// What others have deleted is known again.
  void read_horizons();

  /// The columns of one in its rollups: mean, min, max, last, count; or last, delta, count.
  [[nodiscard]] static std::vector<std::string> sql_columns(const Source& s, std::uint32_t column);

 private:
  struct Stored {
    std::string name;
    rollup::ColumnKind kind;
    std::size_t part;
  };
  struct Size {
    std::size_t columns = 0;
    std::size_t bytes = 0;  ///< of the definition
  };
  /// What stands in the database about one source.
  struct Known {
    std::map<std::string, Stored> columns;
    std::set<std::string> taken;  ///< names in rollups, as the server compares them
    std::vector<Size> parts;
    std::map<std::string, std::set<std::string>> tables;  ///< those that exist, and their columns
  };

  struct Made {
    bool lost = false;   ///< rows are there, and not their rollups
    bool found = false;  ///< a table that was not noted: its columns are to be looked at
  };

  [[nodiscard]] bool is_complete(std::uint32_t table) const;
  Known load(Source& s, const WideTable& wide) const;
  void place(Source& s, Known& known, const WideTable& wide);
  static void append(Source& s, const Stored& stored);
  [[nodiscard]] std::string compared(const std::string& name) const;
  [[nodiscard]] std::string free_name(const Known& known, const std::string& wish) const;
  void take(Known& known, const Stored& stored) const;
  [[nodiscard]] bool is_made(const Source& s, const Known& known) const;
  Made make(Source& s, const Known& known) const;
  bool make_table(Source& s, std::size_t part, rollup::Level level) const;
  [[nodiscard]] std::string definition(const Source& s, std::uint32_t column, std::size_t which) const;
  [[nodiscard]] std::string free_table(const Source& s, std::size_t part, rollup::Level level, bool& found) const;
  [[nodiscard]] static std::string comment(const Source& s, std::size_t part, rollup::Level level);

  const Connection& db_;
  const Layout& layout_;
  std::size_t max_columns_;
  std::vector<Source> sources_;
};

}  // namespace mesura::sinks::mysql
