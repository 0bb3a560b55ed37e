// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/rollup/quarter.hpp"
#include "sinks/rollup/stats.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mesura::sinks::rollup {

/// Where rollups are kept: what Rollup asks of a database. Tables, members and columns have the numbers that the sink
/// gives them in its Rows. Every call happens within a transaction of the sink's; errors are the sink's exceptions and
/// go through.
class Backend {
 public:
  /// A stretch of time whose rollups are not what the raw rows say.
  struct Pending {
    std::uint32_t table;
    Span span;          ///< whole quarter hours
    bool days = false;  ///< only its days, because the site has another zone
  };
  struct Found {
    std::int64_t time;  ///< start of the window
    double last;
  };
  /// A member whose quarter hours are kept in detail, and the columns that say its power.
  struct Demand {
    std::uint32_t member;
    std::optional<std::uint32_t> imported;
    std::optional<std::uint32_t> exported;
    std::optional<std::uint32_t> net;  ///< where the two are not told apart

    friend bool operator==(const Demand&, const Demand&) = default;
  };
  /// Values by column, NaN where there is none.
  using RawVisitor = std::function<void(std::int64_t time, std::uint32_t member, std::span<const double> values)>;
  /// `whole` false: more columns of a row that came before.
  using RowVisitor = std::function<void(const Row& row, bool whole)>;

  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::span<const ColumnKind> columns(std::uint32_t table) = 0;
  /// The greatest time that the table had when the sink was opened; INT64_MIN for none.
  [[nodiscard]] virtual std::int64_t newest_at_open(std::uint32_t table) = 0;

  /// Raw rows in [from, to) by time. `columns` empty: all; else values come in their order.
  virtual void read_raw(std::uint32_t table, Span span, std::span<const std::uint32_t> columns,
                        const RawVisitor& visit) = 0;
  /// The first raw row at `from` or later.
  [[nodiscard]] virtual std::optional<std::int64_t> next_raw(std::uint32_t table, std::int64_t from) = 0;

  /// Rows of a level whose windows start in `span`, by time.
  virtual void read(std::uint32_t table, Level level, Span span, const RowVisitor& visit) = 0;
  /// Puts a row in the place of the one with its time and member, if there is one.
  virtual void write(std::uint32_t table, Level level, const Row& row) = 0;
  virtual void erase(std::uint32_t table, Level level, Span span) = 0;
  /// The first (or last) row in `span` that has a value of the column.
  [[nodiscard]] virtual std::optional<Found> find(std::uint32_t table, Level level, std::uint32_t member,
                                                  std::uint32_t column, Span span, bool newest) = 0;

  /// What lies before has been deleted for its age; nullopt: of the raw rows. INT64_MIN: nothing has.
  [[nodiscard]] virtual std::int64_t horizon(std::uint32_t table, std::optional<Level> level) = 0;

  [[nodiscard]] virtual std::vector<Pending> pending() = 0;
  virtual void put_pending(const Pending& pending) = 0;
  virtual void drop_pending(const Pending& pending) = 0;

  /// Another number when other programs have written to the database: what is in memory may not be all there is.
  [[nodiscard]] virtual std::uint64_t foreign_changes() { return 0; }

  [[nodiscard]] virtual std::span<const Demand> demands(std::uint32_t table) = 0;
  /// As write(); `unless_fuller`: an older one of more samples stays.
  virtual void write_quarter(std::uint32_t table, std::uint32_t member, const Quarter& quarter, bool unless_fuller) = 0;
};

}  // namespace mesura::sinks::rollup
