// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"
#include "sinks/mysql/bisect.hpp"
#include "sinks/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::mysql {

/// A table as rows are written into it. All names are quoted SQL.
struct Target {
  std::string table;
  std::string time;                  ///< the key's column
  std::string member;                ///< the key's second column, or empty
  std::vector<std::string> columns;  ///< by Rows::Cell::column
  /// What columns get in a new row that has no value for them.
  std::vector<std::pair<std::uint32_t, double>> defaults;
};

/// Writes rows, many with one statement: rows that are there already get the values at hand, and keep the others.
/// Throws database::mariadb::Error.
class Upserts {
 public:
  Upserts(const database::mariadb::Connection& db, bool arrays) : db_(db), arrays_(arrays) {}

  /// Within the caller's transaction. Row times are µs; `target` is asked by Rows::Row::table when a table or a set of
  /// its columns is new.
  void write(const Rows& rows, const std::function<Target(std::uint32_t)>& target, Rejections& rejections);
  /// Tables have other numbers now.
  void forget() { shapes_.clear(); }

 private:
  /// The statement of one table for one set of columns.
  struct Shape {
    std::vector<std::uint32_t> columns;
    bool member;
    database::mariadb::Bulk bulk;
    database::mariadb::Parameters parameters;
    std::vector<const Rows::Row*> rows;  ///< of this write
  };
  struct Shapes {
    std::vector<Shape> list;
    std::size_t latest = 0;
  };
  using TargetOf = std::function<Target(std::uint32_t)>;

  Shape& shape(std::uint32_t table, std::span<const Rows::Cell> cells, const TargetOf& target);
  [[nodiscard]] Shape make_shape(const Target& target, std::span<const Rows::Cell> cells) const;
  void run(const Rows& rows, Shape& shape, const TargetOf& target, Rejections& rejections);
  void write_cells(const Rows& rows, const Rows::Row& row, const Target& target, const database::mariadb::Error& why,
                   Rejections& rejections) const;

  const database::mariadb::Connection& db_;
  bool arrays_;
  std::vector<Shapes> shapes_;  // by table
};

}  // namespace mesura::sinks::mysql
