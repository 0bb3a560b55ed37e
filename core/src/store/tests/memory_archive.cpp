// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/tests/memory_archive.hpp"

#include "model/vocabulary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mesura::store::test {

std::uint32_t MemoryArchive::add(const std::string& channel, const std::string& quantity, const std::string& unit,
                                 Kind kind, const std::string& source, const std::string& role) {
  SeriesInfo info;
  info.id = static_cast<std::uint32_t>(series_.size());
  info.device = "grid";
  info.channel = channel;
  info.quantity = quantity;
  info.unit = unit;
  info.kind = kind;
  info.source = source;
  info.role = role;
  info.flat_name = model::flat_name(channel, quantity, unit);
  series_.push_back({info, false});
  return info.id;
}

void MemoryArchive::put(std::int64_t time_ns, std::uint32_t series, double value) {
  std::vector<double>& row = rows_[time_ns];
  row.resize(series_.size(), std::numeric_limits<double>::quiet_NaN());
  row[series] = value;
  for (auto& level : rollups_) level.reset();
}

void MemoryArchive::raw(std::span<const std::uint32_t> series, TimeRange range, const RawVisitor& visit) {
  std::vector<double> values(series.size());
  for (auto row = rows_.lower_bound(std::max(range.from_ns, expired_)); row != rows_.end() && row->first < range.to_ns;
       ++row) {
    bool any = false;
    for (std::size_t i = 0; i < series.size(); ++i) {
      values[i] = series[i] < row->second.size() ? row->second[series[i]] : std::numeric_limits<double>::quiet_NaN();
      any = any || !std::isnan(values[i]);
    }
    ++visited;
    if (any && !visit({row->first, values})) return;
  }
}

const std::vector<KeptRow>& MemoryArchive::rows_of(Resolution resolution) {
  auto& rows = rollups_[static_cast<std::size_t>(resolution)];
  if (rows) return *rows;
  rows.emplace();
  std::vector<double> before(series_.size(), std::numeric_limits<double>::quiet_NaN());
  for (const auto& [time_ns, values] : rows_) {
    if (rows->empty() || time_ns >= rows->back().window.to_ns)
      rows->push_back({rollup_window(resolution, time_ns, zone_), 0, 0, std::vector<Cell>(series_.size())});
    KeptRow& row = rows->back();
    ++row.count;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = values[i];
      if (std::isnan(v)) continue;
      Cell& cell = row.cells[i];
      cell.min = cell.count > 0 ? std::min(cell.min, v) : v;
      cell.max = cell.count > 0 ? std::max(cell.max, v) : v;
      cell.mean += (v - cell.mean) / static_cast<double>(++cell.count);
      cell.last = v;
      if (v > before[i]) cell.delta += v - before[i];
      before[i] = v;
    }
  }
  for (KeptRow& row : *rows)
    row.completeness = std::min(1.0, static_cast<double>(row.count) * cadence_s_ * 1e9 /
                                         static_cast<double>(row.window.to_ns - row.window.from_ns));
  return *rows;
}

void MemoryArchive::rollups(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
                            const RollupVisitor& visit) {
  std::vector<Cell> cells(series.size());
  for (const KeptRow& row : rows_of(resolution)) {
    if (!range.contains(row.window.from_ns) || row.window.to_ns > rolled_up_to_) continue;
    for (std::size_t i = 0; i < series.size(); ++i) cells[i] = row.cells[series[i]];
    if (!visit({row.window, row.count, row.completeness, cells})) return;
  }
}

bool MemoryArchive::covers(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range) {
  return behind(resolution, series, range).empty();
}

std::vector<TimeRange> MemoryArchive::behind(Resolution resolution, std::span<const std::uint32_t>, TimeRange range) {
  if (range.from_ns >= range.to_ns) return {};
  if (resolution == Resolution::raw) {
    if (range.from_ns >= expired_) return {};
    return {{range.from_ns, std::min(expired_, range.to_ns)}};
  }
  if (rolled_up_to_ == INT64_MIN) return {range};
  // Windows that end later are behind.
  const std::int64_t held = rollup_window(resolution, rolled_up_to_, zone_).from_ns;
  if (range.to_ns <= held) return {};
  return {{std::max(range.from_ns, held), range.to_ns}};
}

std::optional<Sample> MemoryArchive::at_or_before(std::uint32_t series, std::int64_t time_ns) {
  for (auto row = rows_.upper_bound(time_ns); row != rows_.begin();) {
    --row;
    if (series >= row->second.size() || std::isnan(row->second[series])) continue;
    if (row->first >= expired_) return Sample{row->first, row->second[series]};
    break;
  }
  // What hours know, as a database would say it.
  std::optional<Sample> out;
  for (const KeptRow& hour : rows_of(Resolution::hour))
    if (hour.window.to_ns <= std::min(time_ns + 1, expired_) && hour.cells[series].count > 0)
      out = Sample{hour.window.to_ns - 1000, hour.cells[series].last};
  return out;
}

std::optional<Sample> MemoryArchive::at_or_after(std::uint32_t series, std::int64_t time_ns) {
  if (time_ns < expired_)
    for (const KeptRow& hour : rows_of(Resolution::hour))
      if (hour.window.from_ns >= time_ns && hour.window.from_ns < expired_ && hour.cells[series].count > 0)
        return Sample{hour.window.from_ns, hour.cells[series].last};
  for (auto row = rows_.lower_bound(std::max(time_ns, expired_)); row != rows_.end(); ++row)
    if (series < row->second.size() && !std::isnan(row->second[series])) return Sample{row->first, row->second[series]};
  return std::nullopt;
}

}  // namespace mesura::store::test
