// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/merged_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

namespace mesura::store {

namespace {

constexpr std::array<std::string_view, 6> kParts{"mean", "min", "max", "last", "delta", "count"};
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kHour = 3'600'000'000'000;
/// The first stretch of raw rows; of rollups so many times longer as their rows are wider apart.
constexpr std::int64_t kShortest = kHour;
constexpr std::int64_t kLongest = 32 * 24 * kHour;
/// A stretch that had more rows makes the next one shorter.
constexpr std::uint64_t kRowsAStretch = 100'000;
/// What is kept of one stretch where rows must wait for one another: 64 MiB.
constexpr std::size_t kCellsKept = 8'000'000;

double cell_of(const Cell& cell, Part part) {
  if (cell.count == 0) return kNone;
  switch (part) {
    case Part::mean: return cell.mean;
    case Part::min: return cell.min;
    case Part::max: return cell.max;
    case Part::last: return cell.last;
    case Part::delta: return cell.delta;
    case Part::count: break;
  }
  return static_cast<double>(cell.count);
}

std::int64_t saturated_add(std::int64_t a, std::int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

}  // namespace

std::string_view to_string(Part part) { return kParts[static_cast<std::size_t>(part)]; }
std::optional<Part> part_from(std::string_view word) {
  const auto at = std::find(kParts.begin(), kParts.end(), word);
  if (at == kParts.end()) return std::nullopt;
  return static_cast<Part>(at - kParts.begin());
}

MergedRows::MergedRows(Archive& archive, const std::vector<StoredSeries>& series, Resolution resolution,
                       std::vector<Part> parts)
    : archive_(archive),
      resolution_(resolution),
      parts_(std::move(parts)),
      cells_per_series_(resolution == Resolution::raw ? 1 : parts_.size()),
      series_count_(series.size()) {
  std::map<std::string, std::size_t> by_device;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const StoredSeries& s = series[i];
    if (s.stored_as_state) {
      // Rollups have none.
      if (resolution == Resolution::raw) states_.push_back({s.info.id, i, s.info.text});
      texts_ = texts_ || s.info.text;
      continue;
    }
    const auto [at, fresh] = by_device.emplace(s.info.device, groups_.size());
    if (fresh) groups_.emplace_back();
    Group& group = groups_[at->second];
    group.ids.push_back(s.info.id);
    group.places.push_back(i * cells_per_series_);
  }
  in_order_ = groups_.size() == 1 && states_.empty() && groups_.front().ids.size() == series.size() && !texts_;
}

void MergedRows::read_group(const Group& group, TimeRange range, const Cells& visit) {
  if (resolution_ == Resolution::raw) {
    archive_.raw(group.ids, range, [&](const RawRow& row) { return visit(row.time_ns, row.values); });
    return;
  }
  scratch_.resize(group.ids.size() * cells_per_series_);
  archive_.rollups(resolution_, group.ids, range, [&](const RollupRow& row) {
    std::size_t to = 0;
    for (const Cell& cell : row.cells)
      for (const Part part : parts_) scratch_[to++] = cell_of(cell, part);
    return visit(row.window.from_ns, scratch_);
  });
}

bool MergedRows::stream(TimeRange range, const Visitor& visit, std::uint64_t& rows) {
  bool good = true;
  read_group(groups_.front(), range, [&](std::int64_t time_ns, std::span<const double> cells) {
    ++rows;
    good = visit(MergedRow{time_ns, cells, {}});
    return good;
  });
  return good;
}

void MergedRows::collect(TimeRange& range) {
  for (Group& group : groups_) {
    group.times.clear();
    group.values.clear();
    group.next = 0;
    // Too much for memory: the stretch ends where this device has got to.
    const std::size_t most = std::max(kCellsKept / groups_.size(), group.ids.size() * cells_per_series_ * 1000);
    read_group(group, range, [&](std::int64_t time_ns, std::span<const double> cells) {
      if (group.values.size() >= most) {
        range.to_ns = time_ns;
        return false;
      }
      group.times.push_back(time_ns);
      group.values.insert(group.values.end(), cells.begin(), cells.end());
      return true;
    });
  }
  changes_.clear();
  for (const State& state : states_) {
    archive_.states(state.id, range, [&](const StatePoint& point) {
      // The first one may only tell what held before.
      if (range.contains(point.time_ns))
        changes_.push_back({point.time_ns, state.series, state.text ? kNone : point.number, point.text});
      return point.time_ns < range.to_ns;
    });
  }
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.time_ns < b.time_ns; });
}

bool MergedRows::merge(TimeRange& range, const Visitor& visit, std::uint64_t& rows) {
  collect(range);
  using Head = std::pair<std::int64_t, std::size_t>;  // time, group
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    if (!groups_[g].times.empty()) heads.emplace(groups_[g].times.front(), g);
  std::vector<double> numbers(series_count_ * cells_per_series_);
  std::vector<std::string_view> texts(texts_ ? series_count_ : 0);
  std::size_t change = 0;
  while (!heads.empty() || change < changes_.size()) {
    std::int64_t time_ns = heads.empty() ? INT64_MAX : heads.top().first;
    if (change < changes_.size()) time_ns = std::min(time_ns, changes_[change].time_ns);
    if (time_ns >= range.to_ns) break;
    std::fill(numbers.begin(), numbers.end(), kNone);
    std::fill(texts.begin(), texts.end(), std::string_view{});
    while (!heads.empty() && heads.top().first == time_ns) {
      Group& group = groups_[heads.top().second];
      heads.pop();
      const double* from = group.values.data() + group.next * group.ids.size() * cells_per_series_;
      for (const std::size_t place : group.places)
        for (std::size_t p = 0; p < cells_per_series_; ++p) numbers[place + p] = *from++;
      if (++group.next < group.times.size())
        heads.emplace(group.times[group.next], static_cast<std::size_t>(&group - groups_.data()));
    }
    for (; change < changes_.size() && changes_[change].time_ns == time_ns; ++change) {
      const Change& c = changes_[change];
      if (std::isnan(c.number)) texts[c.series] = c.text;
      numbers[c.series * cells_per_series_] = c.number;
    }
    ++rows;
    if (!visit(MergedRow{time_ns, numbers, texts})) return false;
  }
  return true;
}

bool MergedRows::read(TimeRange range, const Visitor& visit, const std::function<bool(std::int64_t done_ns)>& stretch) {
  std::int64_t length = kShortest;
  if (resolution_ != Resolution::raw) length = kLongest;
  while (range.from_ns < range.to_ns) {
    TimeRange part{range.from_ns, std::min(range.to_ns, saturated_add(range.from_ns, length))};
    std::uint64_t rows = 0;
    if (!(in_order_ ? stream(part, visit, rows) : merge(part, visit, rows))) return false;
    if (!stretch(part.to_ns)) return false;
    range.from_ns = part.to_ns;
    if (rows > kRowsAStretch)
      length = std::max(kShortest / 60, length / 2);
    else if (rows < kRowsAStretch / 2)
      length = std::min(kLongest, length * 2);
  }
  return true;
}

TimeRange MergedRows::extent(TimeRange range) {
  std::int64_t first = INT64_MAX;
  std::int64_t last = INT64_MIN;
  std::vector<std::uint32_t> all;
  for (const Group& group : groups_) {
    all.insert(all.end(), group.ids.begin(), group.ids.end());
    read_group(group, range, [&](std::int64_t time_ns, std::span<const double>) {
      first = std::min(first, time_ns);
      return false;
    });
  }
  for (const State& state : states_) {
    all.push_back(state.id);
    archive_.states(state.id, range, [&](const StatePoint& point) {
      if (!range.contains(point.time_ns)) return point.time_ns < range.to_ns;
      first = std::min(first, point.time_ns);
      return false;
    });
  }
  if (first == INT64_MAX) return {range.from_ns, range.from_ns};
  for (const LatestValue& value : archive_.latest(all)) last = std::max(last, value.time_ns);
  // What comes in meanwhile belongs to it as well, as far as the range reaches.
  return {first, std::min(range.to_ns, last == INT64_MIN ? range.to_ns : saturated_add(last, 1))};
}

}  // namespace mesura::store
