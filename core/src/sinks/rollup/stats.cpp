// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/rollup/stats.hpp"

#include <algorithm>

namespace mesura::sinks::rollup {
namespace {

template <typename T>
T median(std::vector<T>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void OpenMinute::begin(std::int64_t minute) {
  minute_ = minute;
  times_.clear();
  for (Sums& s : sums_) s.count = 0;
  full_ = false;
}

std::uint32_t OpenMinute::new_place(std::uint32_t column) {
  if (column >= places_.size()) places_.resize(column + 1, kNowhere);
  places_[column] = static_cast<std::uint32_t>(columns_.size());
  columns_.push_back(column);
  sums_.emplace_back();
  full_ = false;
  return places_[column];
}

void OpenMinute::all(std::int64_t time, const double* values) {
  row(time);
  if (full_) {
    for (Sums& s : sums_) next(s, *values++);
    return;
  }
  for (Sums& s : sums_) {
    if (s.count == 0)
      first(s, *values++);
    else
      next(s, *values++);
  }
  full_ = true;
}

void OpenMinute::summary(Row& row) {
  row.time = minute_;
  row.count = times_.size();
  row.completeness = covered_minute(times_);
  row.columns.assign(places_.size(), {});
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const Sums& s = sums_[i];
    if (s.count > 0) row.columns[columns_[i]] = {s.count, s.sum / s.count, s.min, s.max, s.last, s.delta};
  }
}

double covered_minute(std::span<const std::uint32_t> times) {
  constexpr auto kLength = static_cast<std::uint32_t>(kMinuteUs);
  if (times.empty()) return 0;
  if (times.size() == 1) return 1;
  std::vector<std::uint32_t> steps;
  steps.reserve(times.size());
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  const std::uint32_t usual = median(steps);
  std::uint64_t covered = std::min(times.front(), usual) + std::min(kLength - times.back(), usual);
  for (const std::uint32_t step : steps) {
    if (step <= 3ULL * usual) covered += step;
  }
  return static_cast<double>(covered) / kLength;
}

void Fold::add(const Row& row, bool whole) {
  if (whole) {
    row_.count += row.count;
    const std::int64_t length = from_ == Level::minute ? kMinuteUs : (from_ == Level::hour ? kHourUs : kQuarterUs);
    covered_us_ += row.completeness * static_cast<double>(length);
    if (from_ == Level::minute) times_.push_back(row.time);
  }
  if (row_.columns.size() < row.columns.size()) row_.columns.resize(row.columns.size());
  for (std::size_t i = 0; i < row.columns.size(); ++i) {
    const Stats& s = row.columns[i];
    if (s.count == 0) continue;
    Stats& into = row_.columns[i];
    if (into.count == 0) {
      into = s;
      continue;
    }
    const auto before = static_cast<double>(into.count);
    into.count += s.count;
    const auto now = static_cast<double>(s.count);
    into.mean = (into.mean * before + s.mean * now) / (before + now);
    into.min = std::min(into.min, s.min);
    into.max = std::max(into.max, s.max);
    into.last = s.last;
    into.delta += s.delta;
  }
}

Row Fold::result(std::uint32_t member) const {
  Row out = row_;
  out.time = window_.start;
  out.member = member;
  double covered = covered_us_;
  // A device that speaks once in some minutes leaves minutes without a row, and nothing is missing.
  if (times_.size() > 1 && row_.count <= 2 * times_.size()) {
    std::vector<std::int64_t> steps;
    for (std::size_t i = 1; i < times_.size(); ++i) steps.push_back(times_[i] - times_[i - 1]);
    const std::int64_t usual = median(steps);
    for (const std::int64_t step : steps) {
      if (step <= 3 * usual) covered += static_cast<double>(step - kMinuteUs);
    }
    covered += static_cast<double>(std::min(times_.front() - window_.start, usual - kMinuteUs) +
                                   std::min(window_.end - times_.back() - kMinuteUs, usual - kMinuteUs));
  }
  out.completeness = std::min(1.0, covered / static_cast<double>(window_.end - window_.start));
  return out;
}

}  // namespace mesura::sinks::rollup
