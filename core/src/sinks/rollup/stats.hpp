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
/// then a row is one straight run over them.
class OpenMinute {
 public:
  void begin(std::int64_t minute);
  [[nodiscard]] std::int64_t minute() const { return minute_; }
  /// The columns that all() takes.
  [[nodiscard]] std::span<const std::uint32_t> columns() const { return columns_; }
  /// A row with a value of each of columns(), in their order.
  void all(std::int64_t time, const double* values);
  /// A row; its values follow.
  void row(std::int64_t time) { times_.push_back(static_cast<std::uint32_t>(time - minute_)); }
  void value(std::uint32_t column, double number) {
    Sums& s = sums_[place(column)];
    if (s.count == 0)
      first(s, number);
    else
      next(s, number);
  }
  /// True when the newest row has a value of this column.
  [[nodiscard]] bool has(std::uint32_t column) const {
    const Sums* s = find(column);
    return s != nullptr && s->row == times_.size();
  }
  [[nodiscard]] std::optional<double> first(std::uint32_t column) const {
    const Sums* s = find(column);
    return s != nullptr ? std::optional{s->first} : std::nullopt;
  }
  /// NaN when the newest row has none.
  [[nodiscard]] double newest(std::optional<std::uint32_t> column) const {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    return column && has(*column) ? find(*column)->last : kNone;
  }
  /// What came, as the row of this minute; `delta` is without the step from before the minute.
  void summary(Row& row);

 private:
  struct Sums {
    double sum = 0, min = 0, max = 0, first = 0, last = 0, delta = 0;
    std::uint32_t count = 0;
    std::uint32_t row = 0;  // number of the row that had the last value
  };
  void first(Sums& s, double number) const {
    s = {number, number, number, number, number, 0, 1, static_cast<std::uint32_t>(times_.size())};
  }
  void next(Sums& s, double number) const {
    const double step = number - s.last;
    s.sum += number;
    s.min = number < s.min ? number : s.min;
    s.max = number > s.max ? number : s.max;
    s.delta += step > 0 ? step : 0;
    s.last = number;
    ++s.count;
    s.row = static_cast<std::uint32_t>(times_.size());
  }
  std::uint32_t place(std::uint32_t column) {
    return column < places_.size() && places_[column] != kNowhere ? places_[column] : new_place(column);
  }
  std::uint32_t new_place(std::uint32_t column);
  [[nodiscard]] const Sums* find(std::uint32_t column) const {
    if (column >= places_.size() || places_[column] == kNowhere) return nullptr;
    const Sums& s = sums_[places_[column]];
    return s.count > 0 ? &s : nullptr;
  }

  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  std::int64_t minute_ = INT64_MIN;
  std::vector<std::uint32_t> columns_;  // by place
  std::vector<std::uint32_t> places_;   // by column
  std::vector<Sums> sums_;              // by place
  bool full_ = false;                   // every place has a value
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
