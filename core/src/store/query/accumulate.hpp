// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/archive.hpp"
#include "store/query/grid.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace mesura::store {

/// Finds stretches without a value among values and rollups that come by time. The usual interval is the median.
class GapFinder {
 public:
  void value(std::int64_t time_ns) {
    if (seen_) between(end_, time_ns, time_ns - end_, 1);
    seen_ = true;
    start_ = end_ = time_ns;
  }
  /// A window with values.
  void window(TimeRange window, std::uint64_t count, double completeness);
  [[nodiscard]] bool seen() const { return seen_; }
  [[nodiscard]] std::int64_t first_ns() const { return first_; }
  [[nodiscard]] std::int64_t end_ns() const { return end_; }
  /// 0 while unknown.
  [[nodiscard]] std::int64_t usual_ns() const;
  /// All longer than three times the usual interval.
  [[nodiscard]] std::vector<TimeRange> gaps() const;
  void first(std::int64_t time_ns) {
    if (!seen_) first_ = time_ns;
  }

 private:
  void between(std::int64_t from, std::int64_t to, std::int64_t interval, std::uint64_t weight) {
    if (interval <= 0) return;
    count(interval, weight);
    // Too short for anyone's gap while the usual interval is what it has been.
    if (to - from <= threshold_) return;
    if (candidates_.size() < kMost) candidates_.push_back({from, to});
    if (candidates_.size() % kOften == 0) prune();
  }
  void count(std::int64_t interval, std::uint64_t weight);
  void prune();

  static constexpr std::size_t kMost = 100'000;
  static constexpr std::size_t kOften = 1024;
  static constexpr std::size_t kSteps = 8;  ///< of the histogram, in each doubling

  bool seen_ = false;
  std::int64_t start_ = 0, end_ = 0, first_ = 0;
  std::int64_t threshold_ = 0;
  std::uint64_t total_ = 0;
  std::array<std::uint64_t, 64 * kSteps> histogram_{};
  std::vector<TimeRange> candidates_;
};

/// Sums up one series by the windows of a grid. Rows come by time.
class Accumulator {
 public:
  /// `keep`: so many values are also kept as they are.
  Accumulator(const Grid& grid, bool is_register, std::size_t keep)
      : grid_(&grid), register_(is_register), keep_(keep) {}

  void value(std::int64_t time_ns, double v) {
    gaps.first(time_ns);
    gaps.value(time_ns);
    if (time_ns >= window_.to_ns || total_ == 0) next(time_ns);
    if (values_.size() <= keep_) values_.push_back({time_ns, v, v, v, v, 1});
    ++total_;
    Point& p = current_;
    sum_ += v;
    p.min = v < p.min || p.count == 0 ? v : p.min;
    p.max = v > p.max || p.count == 0 ? v : p.max;
    p.last = v;
    ++p.count;
  }
  void cell(TimeRange window, const Cell& cell, double completeness);
  /// After the last row.
  void finish();

  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// All values came one by one, and are no more than were to be kept.
  [[nodiscard]] bool all_kept() const { return !rolled_ && total_ <= keep_; }
  [[nodiscard]] std::vector<Point>& values() { return values_; }
  [[nodiscard]] std::vector<Point>& points() { return points_; }
  GapFinder gaps;

 private:
  void next(std::int64_t time_ns);

  const Grid* grid_;
  bool register_;
  std::size_t keep_;
  TimeRange window_{};
  Point current_;
  double sum_ = 0;
  std::uint64_t total_ = 0;
  bool rolled_ = false;
  std::vector<Point> points_;
  std::vector<Point> values_;
};

}  // namespace mesura::store
