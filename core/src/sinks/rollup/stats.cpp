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
  std::fill(counts_.begin(), counts_.end(), 0U);
  full_ = false;
  all_ = last_all_ = 0;
}

std::uint32_t OpenMinute::new_place(std::uint32_t column) {
  const auto at = static_cast<std::uint32_t>(columns_.size());
  if (column >= places_.size()) places_.resize(column + 1, kNowhere);
  places_[column] = at;
  columns_.push_back(column);
  if (at % kWide == 0) {
    blocks_.push_back({});
    values_.resize(values_.size() + kWide);
  }
  counts_.push_back(0);
  rows_.push_back(0);
  full_ = false;
  return at;
}

// Rows that were only counted together are counted for each column.
void OpenMinute::count_all() {
  if (all_ == 0) return;
  for (std::uint32_t& count : counts_) count += all_;
  std::fill(rows_.begin(), rows_.end(), last_all_);
  all_ = last_all_ = 0;
}

void OpenMinute::value(std::uint32_t column, double number) {
  count_all();
  const std::uint32_t known = column < places_.size() ? places_[column] : kNowhere;
  put(known != kNowhere ? known : new_place(column), number);
}

void OpenMinute::put(std::uint32_t at, double number) {
  Block& b = blocks_[at / kWide];
  const std::size_t i = at % kWide;
  rows_[at] = static_cast<std::uint32_t>(times_.size());
  if (counts_[at]++ == 0) {
    b.sum[i] = b.min[i] = b.max[i] = b.first[i] = b.last[i] = number;
    b.delta[i] = 0;
    return;
  }
  const double step = number - b.last[i];
  b.sum[i] += number;
  b.min[i] = number < b.min[i] ? number : b.min[i];
  b.max[i] = number > b.max[i] ? number : b.max[i];
  b.delta[i] += step > 0 ? step : 0;
  b.last[i] = number;
}

void OpenMinute::all(std::int64_t time) {
  row(time);
  if (!full_) {
    for (std::uint32_t at = 0; at < columns_.size(); ++at) put(at, values_[at]);
    full_ = true;
    return;
  }
  ++all_;
  last_all_ = static_cast<std::uint32_t>(times_.size());
  const double* v = values_.data();
  // The same as put() does, without a branch and of a fixed length, which compilers turn into vector instructions.
  for (Block& block : blocks_) {
    Block b = block;
    for (std::size_t i = 0; i < kWide; ++i) {
      const double number = v[i];
      const double step = number - b.last[i];
      b.sum[i] += number;
      b.min[i] = number < b.min[i] ? number : b.min[i];
      b.max[i] = number > b.max[i] ? number : b.max[i];
      b.delta[i] += step > 0 ? step : 0;
      b.last[i] = number;
    }
    block = b;
    v += kWide;
  }
}

void OpenMinute::summary(Row& row) {
  count_all();
  row.time = minute_;
  row.count = times_.size();
  row.completeness = covered_minute(times_);
  row.columns.assign(places_.size(), {});
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    const Block& b = blocks_[at / kWide];
    const std::size_t i = at % kWide;
    const std::uint32_t count = counts_[at];
    if (count > 0) row.columns[columns_[at]] = {count, b.sum[i] / count, b.min[i], b.max[i], b.last[i], b.delta[i]};
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
