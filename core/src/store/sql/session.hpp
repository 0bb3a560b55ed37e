// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mesura::store::sql {

/// Microseconds since 1970, UTC, as the database keeps its times.
struct Time {
  std::int64_t us;
};
using Parameter = std::variant<std::int64_t, Time, std::string>;

/// The rows of a SELECT, one after the other. Columns count from 0. Throws StoreError.
class Rows {
 public:
  Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  virtual ~Rows() = default;

  virtual bool next() = 0;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  [[nodiscard]] virtual std::int64_t time_us(int column) const = 0;
  [[nodiscard]] virtual double number(int column) const = 0;
  [[nodiscard]] virtual std::string text(int column) const = 0;
  /// Numbers of neighbouring columns; NaN for NULL.
  virtual void numbers(int first, std::span<double> out) const = 0;
};

/// A read-only connection to a database in the layout of our sinks, and what differs between the kinds.
///
/// Everything throws StoreError. After `unavailable` the next begin() connects anew.
class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  /// Begins a read transaction: until end() all selects see the same. Returns a number that is another one when series,
  /// tables or columns may have been added or the database is another one.
  virtual std::uint64_t begin() = 0;
  virtual void end() noexcept = 0;

  /// Marks of parameters are '?'. Rows must be gone before end().
  [[nodiscard]] virtual std::unique_ptr<Rows> select(const std::string& sql, std::span<const Parameter> parameters) = 0;
  /// Names of a table's columns; none: there is no such table.
  [[nodiscard]] virtual std::vector<std::string> columns(const std::string& table) = 0;

  [[nodiscard]] virtual std::string quote(std::string_view name) const = 0;
  [[nodiscard]] virtual std::string meta(std::string_view key) = 0;  ///< "" where there is none
  /// The column of `rollup_pending` beside `start`.
  [[nodiscard]] virtual std::string pending_end() const = 0;
  /// 1: no fleets, no rollups; 2: no rollups; 3: all.
  [[nodiscard]] virtual int layout() const = 0;
  /// Selects of many rows have to be cut into parts of so many, because the answer is held on this side; 0: they
  /// come one by one.
  [[nodiscard]] virtual std::size_t portion() const = 0;
  /// What a person calls it: "sqlite mesura.db".
  [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace mesura::store::sql
