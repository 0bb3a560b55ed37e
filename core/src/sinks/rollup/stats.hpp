// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a rollup keeps of a window, and how it is made of values and of smaller windows.
#pragma once

#include "sinks/rollup/levels.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace mesura::sinks::rollup {

enum class ColumnKind : std::uint8_t { gauge, reg };

/// One column in one window. A register has `last` and `delta` only.
struct Stats {
  std::uint64_t count = 0;  ///< values; 0: nothing else is meant
  double mean = 0;
  double min = 0;
  double max = 0;
  double last = 0;
  /// Sum of the steps upward between successive values, the step from the last value before the window included. A
  /// step downward is a reset or another meter: it counts nothing.
  double delta = 0;

  friend bool operator==(const Stats&, const Stats&) = default;
};

/// One member of a table (a device of a fleet; 0 where the table is one device's) in one window.
struct Row {
  std::int64_t time = 0;  ///< start of the window
  std::uint32_t member = 0;
  std::uint64_t count = 0;     ///< raw rows
  double completeness = 0;     ///< 0..1: the part of the window that rows cover
  std::vector<Stats> columns;  ///< by column; may be shorter than the table is wide

  friend bool operator==(const Row&, const Row&) = default;
};

/// The values of one member in one minute, as they come: rows strictly later and later.
///
/// Sums stand side by side in the order in which columns first came: a device sends the same ones again and again, and
/// then a row is one straight run over them, several columns with one instruction.
class OpenMinute {
 public:
  void begin(std::int64_t minute);
  [[nodiscard]] std::int64_t minute() const { return minute_; }
  /// The columns that all() takes.
  [[nodiscard]] std::span<const std::uint32_t> columns() const { return columns_; }
  /// Room for the values that all() takes.
  [[nodiscard]] std::span<double> values() { return std::span{values_}.first(columns_.size()); }
  /// A row with a value of each of columns(), in their order.
  void all(std::int64_t time);
  /// A row; its values follow.
  void row(std::int64_t time) { times_.push_back(static_cast<std::uint32_t>(time - minute_)); }
  void value(std::uint32_t column, double number);
  /// True when the newest row has a value of this column.
  [[nodiscard]] bool has(std::uint32_t column) const {
    const std::uint32_t at = find(column);
    return at != kNowhere && (last_all_ == times_.size() || rows_[at] == times_.size());
  }
  [[nodiscard]] std::optional<double> first(std::uint32_t column) const {
    const std::uint32_t at = find(column);
    return at != kNowhere ? std::optional{blocks_[at / kWide].first[at % kWide]} : std::nullopt;
  }
  /// NaN when the newest row has none.
  [[nodiscard]] double newest(std::optional<std::uint32_t> column) const {
    if (!column || !has(*column)) return std::numeric_limits<double>::quiet_NaN();
    const std::uint32_t at = find(*column);
    return blocks_[at / kWide].last[at % kWide];
  }
  /// What came, as the row of this minute; `delta` is without the step from before the minute.
  void summary(Row& row);

 private:
  static constexpr std::size_t kWide = 4;
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  struct Block {
    double sum[kWide], min[kWide], max[kWide], last[kWide], delta[kWide], first[kWide];
  };

  [[nodiscard]] std::uint32_t find(std::uint32_t column) const {
    const std::uint32_t at = column < places_.size() ? places_[column] : kNowhere;
    return at != kNowhere && counts_[at] > 0 ? at : kNowhere;
  }
  std::uint32_t new_place(std::uint32_t column);
  void put(std::uint32_t at, double number);
  void count_all();

  std::int64_t minute_ = INT64_MIN;
  std::vector<std::uint32_t> columns_;  // by place
  std::vector<std::uint32_t> places_;   // by column
  std::vector<Block> blocks_;           // by place / kWide
  std::vector<double> values_;          // by place, for whole blocks
  std::vector<std::uint32_t> counts_;   // by place: values, without those of the rows of all_
  std::vector<std::uint32_t> rows_;     // by place: number of the row that had the last value; the same
  bool full_ = false;                   // every place has a value
  std::uint32_t all_ = 0;               // rows that had a value for every place, not yet in counts_
  std::uint32_t last_all_ = 0;          // number of the last of them
  std::vector<std::uint32_t> times_;    // µs since the minute began
};

/// The part of a minute that rows at these times (µs since it began, ascending) cover: the time between two rows counts
/// up to three times the usual interval of this minute (the median), before the first and after the last row up to one.
/// A single row covers the minute: its device may be that slow.
[[nodiscard]] double covered_minute(std::span<const std::uint32_t> times);

/// Makes one row of a member from its rows of smaller windows, in the order of time.
class Fold {
 public:
  Fold(Span window, Level from) : window_(window), from_(from) {}
  /// `whole` false: only columns are taken (a further part of a row that is already here).
  void add(const Row& row, bool whole);
  [[nodiscard]] Row result(std::uint32_t member) const;

 private:
  Span window_;
  Level from_;
  Row row_;
  double covered_us_ = 0;
  std::vector<std::int64_t> times_;  // of minutes
};

}  // namespace mesura::sinks::rollup
