// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// An archive in memory, for tests of what reads archives.
#pragma once

#include "store/archive.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mesura::store::test {

class FakeArchive final : public Archive {
 public:
  /// "device/channel/quantity"; returns its number.
  std::uint32_t add(const std::string& name, const std::string& unit, Kind kind = Kind::gauge, bool text = false) {
    StoredSeries s;
    const auto first = name.find('/');
    const auto second = name.find('/', first + 1);
    s.info.id = static_cast<std::uint32_t>(series_.size());
    s.info.device = name.substr(0, first);
    s.info.channel = name.substr(first + 1, second - first - 1);
    s.info.quantity = name.substr(second + 1);
    s.info.unit = unit;
    s.info.kind = kind;
    s.info.text = text;
    s.stored_as_state = text || kind == Kind::state;
    series_.push_back(s);
    return s.info.id;
  }
  StoredSeries& at(std::uint32_t id) { return series_[id]; }
  void put(std::uint32_t id, std::int64_t time_ns, double value) {
    numbers_[series_[id].info.device][time_ns][id] = value;
  }
  void put(std::uint32_t id, std::int64_t time_ns, std::string text, double number = 0) {
    states_[id].push_back({time_ns, number, std::move(text)});
  }
  void put_rollup(std::uint32_t id, Resolution resolution, std::int64_t time_ns, Cell cell) {
    rollups_[{resolution, series_[id].info.device}][time_ns][id] = cell;
  }
  std::size_t calls = 0;  ///< of raw() and rollups()

  const std::vector<StoredSeries>& series() override { return series_; }
  const model::Zone& site_zone() override { return zone_; }
  void raw(std::span<const std::uint32_t> series, TimeRange range, const RawVisitor& visit) override {
    ++calls;
    std::vector<double> row(series.size());
    const auto& rows = numbers_[series_[series[0]].info.device];
    for (auto at = rows.lower_bound(range.from_ns); at != rows.end() && at->first < range.to_ns; ++at) {
      bool any = false;
      for (std::size_t i = 0; i < series.size(); ++i) {
        const auto cell = at->second.find(series[i]);
        row[i] = cell == at->second.end() ? std::numeric_limits<double>::quiet_NaN() : cell->second;
        any = any || cell != at->second.end();
      }
      if (any && !visit(RawRow{at->first, row})) return;
    }
  }
  void rollups(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
               const RollupVisitor& visit) override {
    ++calls;
    std::vector<Cell> row(series.size());
    const auto& rows = rollups_[{resolution, series_[series[0]].info.device}];
    for (auto at = rows.lower_bound(range.from_ns); at != rows.end() && at->first < range.to_ns; ++at) {
      for (std::size_t i = 0; i < series.size(); ++i) {
        const auto cell = at->second.find(series[i]);
        row[i] = cell == at->second.end() ? Cell{} : cell->second;
      }
      if (!visit(RollupRow{{at->first, at->first + 1}, 1, 1, row})) return;
    }
  }
  bool covers(Resolution, std::span<const std::uint32_t>, TimeRange) override { return true; }
  void states(std::uint32_t series, TimeRange range, const StateVisitor& visit) override {
    const StatePoint* before = nullptr;
    for (const StatePoint& point : states_[series])
      if (point.time_ns <= range.from_ns) before = &point;
    if (before != nullptr && !visit(*before)) return;
    for (const StatePoint& point : states_[series])
      if (point.time_ns > range.from_ns && point.time_ns < range.to_ns && !visit(point)) return;
  }
  std::optional<Sample> at_or_before(std::uint32_t, std::int64_t) override { return std::nullopt; }
  std::optional<Sample> at_or_after(std::uint32_t, std::int64_t) override { return std::nullopt; }
  std::vector<LatestValue> latest(std::span<const std::uint32_t> series) override {
    std::vector<LatestValue> out;
    for (const std::uint32_t id : series) {
      LatestValue value;
      value.series = id;
      value.time_ns = INT64_MIN;
      for (const auto& [time_ns, row] : numbers_[series_[id].info.device])
        if (const auto cell = row.find(id); cell != row.end()) value.time_ns = time_ns, value.number = cell->second;
      for (const StatePoint& point : states_[id]) value.time_ns = point.time_ns, value.text = point.text;
      if (value.time_ns != INT64_MIN) out.push_back(value);
    }
    return out;
  }
  void quarters(const std::string&, TimeRange, const std::function<bool(const StoredQuarter&)>&) override {}
  std::string describe() const override { return "memory"; }

 private:
  std::vector<StoredSeries> series_;
  model::Zone zone_ = model::Zone::utc();
  std::map<std::string, std::map<std::int64_t, std::map<std::uint32_t, double>>> numbers_;
  std::map<std::uint32_t, std::vector<StatePoint>> states_;
  std::map<std::pair<Resolution, std::string>, std::map<std::int64_t, std::map<std::uint32_t, Cell>>> rollups_;
};

}  // namespace mesura::store::test
