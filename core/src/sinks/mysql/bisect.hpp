// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One bad record stays one bad record.
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "database/mariadb.hpp"
#include "sinks/mysql/explain.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace mesura::sinks::mysql {

/// The records of one write that the server refuses.
class Rejections {
 public:
  Rejections(std::span<const BatchPtr> batches, const SeriesTable& series) : batches_(batches), series_(series) {}

  /// `copy` stands for `item` of a batch.
  void alias(const Measurement& copy, const Measurement& item) { originals_.emplace(&copy, &item); }
  void add(const Measurement& written, const Batch& batch, const database::mariadb::Error& why) {
    const auto original = originals_.find(&written);
    const Measurement& item = original != originals_.end() ? *original->second : written;
    for (std::size_t b = 0; b < batches_.size(); ++b) {
      if (batches_[b].get() != &batch) continue;
      items_.insert(&item);
      list_.push_back({b, static_cast<std::size_t>(&item - batch.items.data()),
                       fmt::format("sink-refused: the server refuses a value of {}: {} (error {}, SQLSTATE {})",
                                   series_.at(item.series).name(), why.what(), why.number(), why.sqlstate())});
      return;
    }
  }
  [[nodiscard]] bool has(const Measurement& item) const { return items_.contains(&item); }
  [[nodiscard]] const std::vector<Rejected>& list() const { return list_; }

 private:
  std::span<const BatchPtr> batches_;
  const SeriesTable& series_;
  std::unordered_set<const Measurement*> items_;
  std::unordered_map<const Measurement*, const Measurement*> originals_;
  std::vector<Rejected> list_;
};

/// Runs rows [first, first + count) of `parameters`; where the server refuses a record, those before and after it
/// nevertheless. `refused(row, error)` gets each row that it refuses alone. The statement must bear repetition.
template <class Refused>
void execute_but(database::mariadb::Bulk& bulk, database::mariadb::Parameters& parameters, std::size_t first,
                 std::size_t count, const Refused& refused) {
  if (count == 0) return;
  try {
    bulk.execute(parameters, first, count);
  } catch (const database::mariadb::Error& e) {
    if (!is_records_fault(e)) throw;
    if (count == 1) {
      refused(first, e);
      return;
    }
    const std::size_t half = count / 2;
    execute_but(bulk, parameters, first, half, refused);
    execute_but(bulk, parameters, first + half, count - half, refused);
  }
}

}  // namespace mesura::sinks::mysql
