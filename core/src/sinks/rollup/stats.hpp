// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a rollup keeps of a window, and how it is made of values and of smaller windows.
#pragma once

#include "sinks/rollup/levels.hpp"

#include <cstdint>
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
class OpenMinute {
 public:
  void begin(std::int64_t minute);
  [[nodiscard]] std::int64_t minute() const { return minute_; }
  void row(std::int64_t time) { times_.push_back(static_cast<std::uint32_t>(time - minute_)); }
  void value(std::uint32_t column, double number) {
    if (column >= sums_.size()) sums_.resize(column + 1);
    Sums& s = sums_[column];
    if (s.count == 0) {
      s = {number, number, number, number, number, 0, 1, static_cast<std::uint32_t>(times_.size())};
      return;
    }
    const double step = number - s.last;
    s.sum += number;
    s.min = number < s.min ? number : s.min;
    s.max = number > s.max ? number : s.max;
    s.delta += step > 0 ? step : 0;
    s.last = number;
    ++s.count;
    s.row = static_cast<std::uint32_t>(times_.size());
  }
  /// True when the newest row has a value of this column.
  [[nodiscard]] bool has(std::uint32_t column) const {
    return column < sums_.size() && sums_[column].count > 0 && sums_[column].row == times_.size();
  }
  [[nodiscard]] std::optional<double> first(std::uint32_t column) const {
    if (column >= sums_.size() || sums_[column].count == 0) return std::nullopt;
    return sums_[column].first;
  }
  /// What came, as the row of this minute; `delta` is without the step from before the minute.
  void summary(Row& row);

 private:
  struct Sums {
    double sum = 0, min = 0, max = 0, first = 0, last = 0, delta = 0;
    std::uint32_t count = 0;
    std::uint32_t row = 0;  // number of the row that had the last value
  };
  std::int64_t minute_ = INT64_MIN;
  std::vector<Sums> sums_;
  std::vector<std::uint32_t> times_;  // µs since the minute began
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
