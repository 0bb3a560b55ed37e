// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of DemandReader that looks for month peaks.
#include "store/energy/demand_reader.hpp"
#include "store/energy/tiles.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::store {
namespace {

using energy::kQuarterNs;

/// Quarters that are worked out exactly at most to find a month's highest.
constexpr int kMostCandidates = 300;
/// What rollups say of a quarter is a telegram (or the 10 s that one may be late) off at the border, and powers are
/// known by their mean.
constexpr double kRoughS = 10;
constexpr double kRoughW = 20'000;  ///< where the power is not known
constexpr double kRoughPart = 0.02;

}  // namespace

// A peak stands at the end of its quarter: at the start of the next one.
void DemandReader::meter_peaks(TimeRange range, energy::MonthPeaks& peaks) {
  const std::uint32_t id[] = {*month_max_};
  for (const Tile& tile : tiles(archive_, id, range, Resolution::day)) {
    if (tile.resolution != Resolution::raw) {
      meter_peaks(tile.resolution, tile.range, peaks);
      continue;
    }
    archive_.raw(id, tile.range, [&](const RawRow& row) {
      peaks.meter(row.time_ns, row.values[0]);
      return true;
    });
  }
}

void DemandReader::meter_peaks(Resolution resolution, TimeRange range, energy::MonthPeaks& peaks) {
  const std::uint32_t id[] = {*month_max_};
  for (const KeptRow& row : kept_rows(archive_, {resolution, range}, id)) {
    const Cell& cell = row.cells[0];
    if (cell.count == 0) continue;
    const Resolution finer = finer_than(resolution);
    if (resolution != Resolution::quarter_hour && finer != Resolution::raw && archive_.covers(finer, id, row.window)) {
      meter_peaks(finer, row.window, peaks);
      continue;
    }
    // A month that has no peak says so a second before it ends.
    if (cell.max <= 0)
      peaks.meter(row.window.to_ns - energy::kSecondNs, 0);
    else
      peaks.meter(row.window.from_ns, cell.max);
  }
}

void DemandReader::own_peak(TimeRange month, energy::MonthPeaks& peaks) {
  struct Candidate {
    std::int64_t start_ns;
    double rough_w;
  };
  std::vector<Candidate> candidates;
  const std::vector<std::uint32_t> ids = live_ids();
  const TimeRange range{month.from_ns, std::min(month.to_ns, energy::floor_to(now_ns_, kQuarterNs))};
  const auto add = [&](std::int64_t start_ns, double watts) { candidates.push_back({start_ns, watts}); };
  for (const Tile& tile : tiles(archive_, ids, range, Resolution::quarter_hour)) {
    if (tile.resolution != Resolution::quarter_hour) {
      // Where rollups are behind, or not kept at all: every quarter.
      if (const auto part = known(tile.range))
        for (const QuarterDemand& quarter : finished(*part)) peaks.own(quarter);
      continue;
    }
    archive_.rollups(tile.resolution, ids, tile.range, [&](const RollupRow& row) {
      double wh = 0;
      bool any = false;
      for (std::size_t i = 0; i < registers_.size(); ++i) {
        any = any || row.cells[i].count > 0;
        wh += row.cells[i].delta;
      }
      const std::size_t at = registers_.size();
      const bool power_known = power_ && row.cells[at].count > 0;
      const double usual_s = 900.0 / static_cast<double>(std::max<std::uint64_t>(1, row.count));
      const double most_w = power_known ? std::max(std::abs(row.cells[at].max), std::abs(row.cells[at].min)) : kRoughW;
      double watts = 4 * (wh + most_w * std::max(kRoughS, usual_s) / 3600 + 1);
      if (!any && power_known) {
        const Cell& power = row.cells[at];
        const bool both = power.min < 0 && power.max > 0;
        watts = above_ ? (both ? power.max : power.mean) : (both ? -power.min : -power.mean);
      }
      add(row.window.from_ns, watts * (1 + kRoughPart));
      return true;
    });
  }
  if (candidates.empty()) return;
  const auto first = std::min_element(candidates.begin(), candidates.end(),
                                      [](const auto& a, const auto& b) { return a.start_ns < b.start_ns; });
  const Candidate earliest = *first;  // says since when
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.rough_w > b.rough_w; });
  double best = -1;
  int left = kMostCandidates;
  const auto take = [&](const Candidate& candidate) {
    for (const QuarterDemand& quarter : finished({candidate.start_ns, candidate.start_ns + kQuarterNs})) {
      peaks.own(quarter);
      const bool counts = !(quarter.origin == DemandOrigin::power && quarter.estimated);
      if (counts && quarter.average_w > best) best = quarter.average_w;
    }
  };
  take(earliest);
  for (const Candidate& candidate : candidates) {
    if (candidate.rough_w <= best || left-- == 0) break;
    take(candidate);
  }
}

std::optional<MonthPeak> DemandReader::month(std::int64_t time_ns) {
  energy::MonthPeaks peaks{archive_.site_zone()};
  const model::Window window = archive_.site_zone().month(time_ns);
  const TimeRange month{window.start_ns, window.end_ns};
  if (month_max_) meter_peaks({month.from_ns + kQuarterNs, month.to_ns + kQuarterNs}, peaks);
  // A value at the border before belongs to the month before, and the one behind is ours: see MonthPeaks.
  if (const auto said = peaks.peak(month.from_ns); said && said->from_meter) return said;
  if (!registers_.empty() || power_ || demand_) own_peak(month, peaks);
  return peaks.peak(month.from_ns);
}

}  // namespace mesura::store
