// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/rollup/backend.hpp"
#include "sinks/sqlite/layout.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::sqlite {

/// Rollups in the file: for each table of the layout one table a level, <table>_1m, _15m, _1h, _1d, made when its first
/// row is written. Where its columns are more than a table takes, further ones stand in <table>_1m_part2 and so on,
/// which has the same key.
///
/// Every method throws database::Error; transactions are the caller's.
class RollupStore final : public rollup::Backend {
 public:
  using Level = rollup::Level;
  using Span = rollup::Span;

  /// Reads what the file knows; `layout` is loaded and outlives this object.
  RollupStore(const Database& db, Layout& layout);

  [[nodiscard]] std::span<const rollup::ColumnKind> columns(std::uint32_t table) override;
  [[nodiscard]] std::int64_t newest_at_open(std::uint32_t table) override;
  void read_raw(std::uint32_t table, Span span, std::span<const std::uint32_t> columns,
                const RawVisitor& visit) override;
  [[nodiscard]] std::optional<std::int64_t> next_raw(std::uint32_t table, std::int64_t from) override;
  void read(std::uint32_t table, Level level, Span span, const RowVisitor& visit) override;
  void write(std::uint32_t table, Level level, const rollup::Row& row) override;
  void erase(std::uint32_t table, Level level, Span span) override;
  [[nodiscard]] std::optional<Found> find(std::uint32_t table, Level level, std::uint32_t member, std::uint32_t column,
                                          Span span, bool newest) override;
  [[nodiscard]] std::int64_t horizon(std::uint32_t table, std::optional<Level> level) override;
  [[nodiscard]] std::vector<Pending> pending() override;
  void put_pending(const Pending& pending) override;
  void drop_pending(const Pending& pending) override;
  [[nodiscard]] std::uint64_t foreign_changes() override;
  [[nodiscard]] std::span<const Demand> demands(std::uint32_t table) override;
  void write_quarter(std::uint32_t table, std::uint32_t member, const rollup::Quarter& quarter,
                     bool unless_fuller) override;

  /// Rows before `time` are about to be deleted.
  void set_horizon(std::uint32_t table, std::optional<Level> level, std::int64_t time);
  /// The tables of a level that exist.
  [[nodiscard]] std::vector<std::string> names(std::uint32_t table, Level level);

 private:
  struct LevelTable {
    std::string name;
    bool exists = false;
    std::size_t columns = 0;  ///< of its part's, how many it has
    Statement read;
    Statement write;
    std::vector<bool> bound;  ///< by parameter of `write`: not NULL
  };
  struct Part {
    std::vector<std::uint32_t> columns;  ///< of the source
    std::size_t width = 0;               ///< columns in SQL
    std::array<LevelTable, rollup::kLevels.size()> levels;
  };
  struct Column {
    std::string name;  ///< in rollups
    std::size_t part;
    std::size_t position;  ///< in its part
  };
  /// A table of the layout.
  struct Source {
    bool loaded = false;
    bool fleet = false;
    std::string name;
    std::vector<rollup::ColumnKind> kinds;
    std::vector<Column> columns;
    std::set<std::string> taken;  ///< names in its rollups, in lower case
    std::vector<Part> parts;
    std::array<std::int64_t, rollup::kLevels.size() + 1> horizons;
    Statement read_all;
    std::size_t read_all_columns = 0;
    Statement read_some;
    std::vector<std::uint32_t> read_some_columns;
    std::vector<double> values;
  };

  Source& source(std::uint32_t table);
  void load(Source& s, const WideTable& table);
  void load_columns(Source& s, const WideTable& table);
  void place(Source& s, const std::string& column_name, rollup::ColumnKind kind);
  [[nodiscard]] std::string free_name(const Source& s, const std::string& wish) const;
  void append(Source& s, Column column, rollup::ColumnKind kind);
  LevelTable& ready(Source& s, std::size_t part, Level level);
  void create(Source& s, std::size_t part, Level level);
  [[nodiscard]] std::vector<std::string> sql_columns(const Source& s, std::uint32_t column) const;
  [[nodiscard]] std::string key(const Source& s) const { return s.fleet ? "time, device_id" : "time"; }
  void prepare_read(Source& s, std::size_t part, LevelTable& t) const;
  void prepare_write(Source& s, std::size_t part, LevelTable& t) const;
  void read_part(Source& s, std::size_t part, Level level, Span span, const RowVisitor& visit);
  void write_part(Source& s, std::size_t part, Level level, const rollup::Row& row);
  std::string device_of(std::uint32_t table, std::uint32_t member);

  const Database& db_;
  Layout& layout_;
  std::vector<Source> sources_;
  std::size_t max_columns_;
  rollup::Row row_;
  Statement put_pending_;
  Statement drop_pending_;
  Statement put_quarter_;
  Statement data_version_;
};

}  // namespace mesura::sinks::sqlite
