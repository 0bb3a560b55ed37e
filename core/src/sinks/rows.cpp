// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/rows.hpp"

#include <algorithm>
#include <tuple>

namespace mesura::sinks {
namespace {

bool before(const Rows::Row& a, const Rows::Row& b) {
  return std::tie(a.table, a.time, a.member) < std::tie(b.table, b.time, b.member);
}

}  // namespace

void Rows::clear() {
  rows_.clear();
  cells_.clear();
}

void Rows::start(std::uint32_t table, std::uint32_t member, std::int64_t time) {
  if (table >= stamps_by_table_.size()) stamps_by_table_.resize(table + 1);
  stamps_ = &stamps_by_table_[table];
  ++stamp_;
  rows_.push_back({time, table, member, static_cast<std::uint32_t>(cells_.size()), 0});
}

// False when the stamp was one of 2^32 rows ago.
bool Rows::replace(std::uint32_t column, const Measurement& item, const Batch& batch) {
  for (std::size_t i = rows_.back().first; i < cells_.size(); ++i) {
    if (cells_[i].column != column) continue;
    cells_[i] = {column, &item, &batch};
    return true;
  }
  return false;
}

void Rows::finish() {
  const auto disordered = [](const Row& a, const Row& b) { return !before(a, b); };
  if (std::adjacent_find(rows_.begin(), rows_.end(), disordered) == rows_.end()) return;

  std::stable_sort(rows_.begin(), rows_.end(), before);
  if (std::adjacent_find(rows_.begin(), rows_.end(), disordered) == rows_.end()) return;

  // Some instant came in several parts: lay everything out again, part by part.
  old_rows_.swap(rows_);
  old_cells_.swap(cells_);
  clear();
  for (const Row& part : old_rows_) {
    for (std::size_t i = part.first; i < part.first + part.count; ++i) {
      const Cell& cell = old_cells_[i];
      add(part.table, cell.column, part.time, *cell.item, *cell.batch, part.member);
    }
  }
}

}  // namespace mesura::sinks
