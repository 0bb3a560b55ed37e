// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The table `stats` of the old inverter program, made of what Mesura stores of such an inverter.
#pragma once

#include "store/export_writers.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::store {

/// A column of `stats`.
struct OldColumn {
  enum class Type : std::uint8_t { time, integer, real, text };
  std::string_view name;
  Type type;
  std::string_view channel, quantity;
  std::string_view other_quantity = {};  ///< where the inverter tells it otherwise
};
/// All of them in the table's order.
[[nodiscard]] const std::vector<OldColumn>& godenerg_columns();

/// The series of `all` that the columns come from. `chosen` must be of one device. Throws StoreError.
[[nodiscard]] std::vector<StoredSeries> godenerg_series(const std::vector<StoredSeries>& all,
                                                        const std::vector<StoredSeries>& chosen);
/// A row for each reply to QPIGS; what comes with other replies (the mode) and in states is as it last was.
/// source  axpert sheet §15.2 (columns), §15.4 (forms), §6 (letters of the mode)
[[nodiscard]] std::unique_ptr<ExportWriter> make_godenerg_writer(Archive& archive,
                                                                 const std::vector<StoredSeries>& series,
                                                                 const ExportOptions& options);

}  // namespace mesura::store
