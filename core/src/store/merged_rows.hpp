// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Stored rows of any series, side by side.
#pragma once

#include "store/archive.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <string>
#include <vector>

namespace mesura::store {

/// What a rollup tells of a series.
enum class Part : std::uint8_t { mean, min, max, last, delta, count };
[[nodiscard]] std::string_view to_string(Part part);
[[nodiscard]] std::optional<Part> part_from(std::string_view word);

/// One instant: a cell for each series and part, series by series; NaN (and no text) where nothing is.
struct MergedRow {
  std::int64_t time_ns = 0;
  std::span<const double> numbers;
  std::span<const std::string_view> texts;  ///< by series; data() null: none. Empty when no series is a text
};

/// Reads series of any devices and kinds, states among them, as one sequence of rows by time.
///
/// Reads a stretch of time after the other, so that a database's writer is never held up for long and memory stays
/// bounded whatever the range. A state has a cell where it was written, not between.
class MergedRows {
 public:
  /// `parts`: of rollups; of raw rows there is one cell a series. The series are those of `archive.series()`.
  MergedRows(Archive& archive, const std::vector<StoredSeries>& series, Resolution resolution, std::vector<Part> parts);

  [[nodiscard]] std::size_t cells_per_series() const { return cells_per_series_; }

  using Visitor = std::function<bool(const MergedRow& row)>;  ///< false: enough
  /// Rows in the range by time. `stretch` is called after each stretch with the time up to which all has been read;
  /// false from it: enough. Returns false when it was enough. Throws StoreError.
  bool read(TimeRange range, const Visitor& visit, const std::function<bool(std::int64_t done_ns)>& stretch);

  /// `range` cut to where there are rows; empty (from = to) when there are none.
  [[nodiscard]] TimeRange extent(TimeRange range);

 private:
  /// Numeric series of one device.
  struct Group {
    std::vector<std::uint32_t> ids;
    std::vector<std::size_t> places;  ///< of their first cells in a row
    std::vector<std::int64_t> times;
    std::vector<double> values;  ///< cells of a row, in the order of ids
    std::size_t next = 0;
  };
  struct State {
    std::uint32_t id;
    std::size_t series;
    bool text;
  };
  struct Change {
    std::int64_t time_ns;
    std::size_t series;
    double number;
    std::string text;
  };

  using Cells = std::function<bool(std::int64_t time_ns, std::span<const double> cells)>;
  void read_group(const Group& group, TimeRange range, const Cells& visit);
  bool stream(TimeRange range, const Visitor& visit, std::uint64_t& rows);
  bool merge(TimeRange& range, const Visitor& visit, std::uint64_t& rows);
  void collect(TimeRange& range);

  Archive& archive_;
  Resolution resolution_;
  std::vector<Part> parts_;
  std::size_t cells_per_series_;
  std::size_t series_count_;
  std::vector<Group> groups_;
  std::vector<State> states_;
  bool texts_ = false;
  bool in_order_ = false;  ///< one group whose cells are those of a row
  std::vector<Change> changes_;
  std::vector<double> scratch_;
};

}  // namespace mesura::store
