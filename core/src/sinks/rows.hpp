// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace mesura::sinks {

/// The measurements of one write() laid out as table rows: one per table, instant and member of the table (a device of
/// a fleet; 0 where the table is one device's), partial rows merged, the last value of a cell wins. Kept between calls,
/// so that nothing is allocated once it is warm.
///
/// Cells point into the batches, which must outlive them. `table`, `member` and `column` are small numbers of the
/// sink's choosing; `time` is in whatever unit is the sink's key.
class Rows {
 public:
  struct Cell {
    std::uint32_t column;
    const Measurement* item;
    const Batch* batch;
  };
  struct Row {
    std::int64_t time;
    std::uint32_t table;
    std::uint32_t member;
    std::uint32_t first;  ///< into all cells
    std::uint32_t count;
  };

  void clear();
  void add(std::uint32_t table, std::uint32_t column, std::int64_t time, const Measurement& item, const Batch& batch,
           std::uint32_t member = 0) {
    if (rows_.empty() || time != rows_.back().time || member != rows_.back().member || table != rows_.back().table) {
      start(table, member, time);
    }
    if (column >= stamps_->size()) stamps_->resize(column + 1, 0);
    std::uint32_t& stamp = (*stamps_)[column];
    if (stamp == stamp_ && replace(column, item, batch)) return;
    stamp = stamp_;
    cells_.push_back({column, &item, &batch});
    ++rows_.back().count;
  }
  /// After the last add(): rows stand by table, then time, then member; each of these once.
  void finish();

  [[nodiscard]] std::span<const Row> rows() const { return rows_; }
  [[nodiscard]] std::span<const Cell> cells(const Row& row) const {
    return std::span{cells_}.subspan(row.first, row.count);
  }

 private:
  void start(std::uint32_t table, std::uint32_t member, std::int64_t time);
  bool replace(std::uint32_t column, const Measurement& item, const Batch& batch);

  std::vector<Row> rows_;
  std::vector<Cell> cells_;
  // Per table and column the number of the row that last had it: finds the same cell twice in a row without a search.
  std::vector<std::vector<std::uint32_t>> stamps_by_table_;
  std::vector<std::uint32_t>* stamps_ = nullptr;
  std::uint32_t stamp_ = 0;
  std::vector<Row> old_rows_;
  std::vector<Cell> old_cells_;
};

}  // namespace mesura::sinks
