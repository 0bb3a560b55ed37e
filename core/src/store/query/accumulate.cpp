// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/query/accumulate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mesura::store {

// Eight steps in each doubling: the median is right within a tenth.
void GapFinder::count(std::int64_t interval, std::uint64_t weight) {
  const auto value = static_cast<std::uint64_t>(interval);
  const auto octave = static_cast<std::size_t>(std::bit_width(value)) - 1;
  const std::size_t step = octave >= 3 ? (value >> (octave - 3)) - 8 : 0;
  histogram_[octave * kSteps + step] += weight;
  total_ += weight;
}

std::int64_t GapFinder::usual_ns() const {
  if (total_ == 0) return 0;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < histogram_.size(); ++i) {
    below += histogram_[i];
    if (below * 2 < total_) continue;
    // The upper border of the step, so that an interval is never longer than usual for being usual.
    const std::size_t octave = i / kSteps;
    if (octave >= 61) return INT64_MAX / 4;
    return octave >= 3 ? static_cast<std::int64_t>((i % kSteps + 9) << (octave - 3)) : std::int64_t{2} << octave;
  }
  return 0;
}

void GapFinder::prune() {
  // The usual interval may still become shorter, so there is room below.
  threshold_ = total_ > 10'000 ? usual_ns() : 0;
  std::erase_if(candidates_, [&](const TimeRange& c) { return c.to_ns - c.from_ns <= threshold_; });
}

void GapFinder::window(TimeRange window, std::uint64_t count, double completeness) {
  if (seen_) {
    // A single value in each: they are as far apart as their windows.
    const std::int64_t apart = window.from_ns - start_;
    const auto within = static_cast<std::int64_t>(static_cast<double>(window.to_ns - window.from_ns) *
                                                  std::min(completeness, 1.0) / static_cast<double>(count));
    between(end_, window.from_ns, count > 1 ? std::min(apart, std::max<std::int64_t>(within, 1)) : apart, count);
  }
  seen_ = true;
  start_ = window.from_ns;
  end_ = window.to_ns;
}

std::vector<TimeRange> GapFinder::gaps() const {
  std::vector<TimeRange> out;
  const std::int64_t usual = usual_ns();
  for (const TimeRange& c : candidates_)
    if (c.to_ns - c.from_ns > 3 * usual) out.push_back(c);
  return out;
}

void Accumulator::next(std::int64_t time_ns) {
  finish();
  window_ = grid_->window(time_ns);
  current_ = {};
  current_.time_ns = window_.from_ns;
}

void Accumulator::finish() {
  if (current_.count == 0) return;
  current_.mean = register_ ? current_.last : sum_ / static_cast<double>(current_.count);
  // A register has one value in a window: that at its end.
  if (register_) current_.min = current_.max = current_.last;
  points_.push_back(current_);
  current_.count = 0;
  sum_ = 0;
}

void Accumulator::cell(TimeRange window, const Cell& cell, double completeness) {
  if (cell.count == 0) return;
  gaps.first(window.from_ns);
  gaps.window(window, cell.count, completeness);
  if (window.from_ns >= window_.to_ns || total_ == 0) next(window.from_ns);
  rolled_ = true;
  total_ += cell.count;
  Point& p = current_;
  sum_ += cell.mean * static_cast<double>(cell.count);
  p.min = p.count == 0 ? cell.min : std::min(p.min, cell.min);
  p.max = p.count == 0 ? cell.max : std::max(p.max, cell.max);
  p.last = cell.last;
  p.count += cell.count;
}

}  // namespace mesura::store
