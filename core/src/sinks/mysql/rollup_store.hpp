// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"
#include "sinks/mysql/layout.hpp"
#include "sinks/mysql/rollup_layout.hpp"
#include "sinks/rollup/backend.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::sinks::mysql {

/// Rollups in the database. Rows are collected and written many at once: before anything reads them, and by flush().
///
/// Programs that write into one fleet's table are kept apart by lock(). What is pending belongs to the program that
/// noted it while that is connected.
///
/// Every method throws database::mariadb::Error; transactions are the caller's.
class RollupStore final : public rollup::Backend {
 public:
  using Level = rollup::Level;
  using Span = rollup::Span;

  /// `layout` is open and outlives this object.
  RollupStore(const Connection& db, const Layout& layout, bool arrays);

  /// As RollupLayout::prepare(). Only tables that are ready may be used; pending() knows only these.
  bool prepare(std::span<const std::uint32_t> tables, std::vector<std::uint32_t>& lost) {
    return layout_of_rollups_.prepare(tables, lost);
  }
  /// Up to so many tables that have something pending and are not ready.
  [[nodiscard]] std::vector<std::uint32_t> waiting(std::size_t most);
  /// At the begin of a transaction: waits for other programs that are at the rollups of the same fleets.
  void lock(std::span<const std::uint32_t> tables);
  /// Those that are ready.
  [[nodiscard]] std::vector<std::uint32_t> ready() const;
  [[nodiscard]] const std::string& name_of(std::uint32_t table, Level level) {
    return source(table).parts[0].tables[index_of(level)];
  }
  /// Before COMMIT.
  void flush();

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
  [[nodiscard]] std::span<const Demand> demands(std::uint32_t table) override;
  void write_quarter(std::uint32_t table, std::uint32_t member, const rollup::Quarter& quarter,
                     bool unless_fuller) override;

  /// Rows before `time` are about to be deleted.
  void set_horizon(const std::string& source, std::optional<Level> level, std::int64_t time);

 private:
  using Statement = database::mariadb::Statement;
  using Bulk = database::mariadb::Bulk;
  using Parameters = database::mariadb::Parameters;
  using Source = RollupLayout::Source;

  /// How rows get into one table.
  struct Writer {
    std::size_t columns = 0;  ///< of its part
    std::unique_ptr<Bulk> bulk;
    std::unique_ptr<Parameters> parameters;
  };
  struct Buffer {
    std::vector<rollup::Row> rows;
    std::size_t used = 0;
    std::vector<Writer> writers;  ///< by part
  };
  struct QuarterRow {
    std::string device, imported, exported;
    std::int64_t time, id, average, samples;
  };

  Source& source(std::uint32_t table) { return layout_of_rollups_.source(table); }
  Buffer& buffer(std::uint32_t table, Level level);
  std::shared_ptr<Statement> statement(const std::string& sql);
  void flush(std::uint32_t table, Level level);
  void write_part(std::uint32_t table, std::size_t part, Level level, Buffer& buffer);
  [[nodiscard]] Writer make_writer(const Source& s, std::size_t part, const std::string& table) const;
  void flush_quarters(std::vector<QuarterRow>& rows, std::unique_ptr<Bulk>& bulk, bool unless_fuller);
  void read_part(std::uint32_t table, std::size_t part, Level level, Span span, const RowVisitor& visit);
  void adopt();
  const std::string& device_of(std::uint32_t table, std::uint32_t member);

  const Connection& db_;
  const Layout& layout_;
  bool arrays_;
  RollupLayout layout_of_rollups_;
  std::int64_t writer_;
  bool adopted_ = false;
  std::vector<std::array<Buffer, rollup::kLevels.size()>> buffers_;  // by table
  std::vector<std::pair<std::uint32_t, Level>> filled_;
  std::unordered_map<std::string, std::shared_ptr<Statement>> statements_;
  std::unordered_map<std::uint32_t, std::string> devices_;  // by devices.id
  std::vector<QuarterRow> quarters_, quarters_unless_fuller_;
  std::unique_ptr<Bulk> put_quarters_, put_quarters_unless_fuller_;
  Parameters quarter_parameters_;
  std::vector<double> values_;
  rollup::Row row_;
};

}  // namespace mesura::sinks::mysql
