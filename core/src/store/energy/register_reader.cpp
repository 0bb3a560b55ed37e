// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/energy/register_reader.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::store {
namespace {

using energy::Reading;

const energy::BorderRules kBorders;
/// A row that has grown so many times as much as the usual one may hide another meter.
constexpr double kTooMuch = 20;

double length(TimeRange range) { return static_cast<double>(range.to_ns - range.from_ns); }

}  // namespace

void Coverage::add(TimeRange stretch, double covered_ns) {
  const double rate = covered_ns / std::max(1.0, length(stretch));
  if (!pieces_.empty()) {
    // Whole stretches in a row are one.
    Piece& last = pieces_.back();
    if (last.range.to_ns == stretch.from_ns && rate >= 1 && last.covered_ns >= length(last.range)) {
      last.range.to_ns = stretch.to_ns;
      last.covered_ns = length(last.range);
      return;
    }
  }
  pieces_.push_back({stretch, covered_ns});
}

std::vector<double> Coverage::of(std::span<const TimeRange> windows, TimeRange present) const {
  std::vector<double> out(windows.size(), 0);
  for (const Piece& piece : pieces_) {
    const auto first = std::partition_point(windows.begin(), windows.end(),
                                            [&](const TimeRange& w) { return w.to_ns <= piece.range.from_ns; });
    for (auto i = static_cast<std::size_t>(first - windows.begin());
         i < windows.size() && windows[i].from_ns < piece.range.to_ns; ++i) {
      const TimeRange part{std::max({piece.range.from_ns, windows[i].from_ns, present.from_ns}),
                           std::min({piece.range.to_ns, windows[i].to_ns, present.to_ns})};
      if (part.from_ns < part.to_ns) out[i] += piece.covered_ns * (length(part) / length(piece.range));
    }
  }
  return out;
}

RegisterReader::RegisterReader(Archive& archive, std::span<const std::uint32_t> ids, std::span<const TimeRange> windows,
                               Resolution coarsest, std::int64_t now_ns)
    : archive_(archive), ids_(ids), windows_(windows), coarsest_(coarsest) {
  if (windows.empty()) return;
  range_ = {windows.front().from_ns, windows.back().to_ns};
  range_.to_ns = std::max(range_.from_ns, std::min(range_.to_ns, now_ns));
  for (const std::uint32_t id : ids) {
    Register r;
    r.id = id;
    r.rules = energy::RegisterRules::of(archive.series()[id].info.unit);
    registers_.push_back(std::move(r));
  }
}

bool RegisterReader::gone(std::int64_t time_ns) const {
  return std::any_of(gone_.begin(), gone_.end(), [&](const TimeRange& range) { return range.contains(time_ns); });
}

void RegisterReader::find_ends(Register& r) {
  r.before = archive_.at_or_before(r.id, range_.from_ns - 1);
  r.first = archive_.at_or_after(r.id, range_.from_ns);
  r.last = archive_.at_or_before(r.id, range_.to_ns);
  // Where raw rows are gone, the first value at or after a time is known only as that of a whole window.
  if (r.first && gone(r.first->time_ns)) r.first.reset();
  auto after = archive_.at_or_after(r.id, range_.to_ns);
  if (after && gone(after->time_ns)) after.reset();
  for (const auto& sample : {r.before, r.first, r.last, after})
    if (sample) r.readings.push_back({sample->time_ns, sample->value});
  // A window's last value, which stands for its end.
  if (r.before && gone(range_.from_ns) && range_.from_ns - r.before->time_ns < energy::kSecondNs)
    r.readings.push_back({range_.from_ns, r.before->value});
}

void RegisterReader::read_border(std::int64_t time_ns) {
  if (gone(time_ns)) return;
  std::vector<std::uint32_t> ids;
  std::vector<Register*> asked;
  for (Register& r : registers_) {
    // Before the first reading and after the last one there is nothing to find.
    if (!r.last || (!r.before && r.first && time_ns < r.first->time_ns) || time_ns > r.last->time_ns) continue;
    ids.push_back(r.id);
    asked.push_back(&r);
  }
  if (ids.empty()) return;
  std::size_t found = 0;
  archive_.raw(ids, {time_ns, time_ns + kBorders.late_ns + 1}, [&](const RawRow& row) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (asked[i] == nullptr || std::isnan(row.values[i])) continue;
      asked[i]->readings.push_back({row.time_ns, row.values[i]});
      asked[i] = nullptr;
      ++found;
    }
    return found < asked.size();
  });
  for (Register* r : asked) {
    if (r == nullptr) continue;
    for (const auto& sample : {archive_.at_or_before(r->id, time_ns), archive_.at_or_after(r->id, time_ns)})
      if (sample) r->readings.push_back({sample->time_ns, sample->value});
  }
}

void RegisterReader::read_raw(TimeRange range, std::vector<std::optional<double>>& before) {
  energy::Cadence cadence;
  std::optional<std::int64_t> first;
  std::int64_t last = 0;
  archive_.raw(ids_, range, [&](const RawRow& row) {
    for (std::size_t i = 0; i < registers_.size(); ++i) {
      if (std::isnan(row.values[i])) continue;
      registers_[i].readings.push_back({row.time_ns, row.values[i]});
      ++registers_[i].count;
      before[i] = row.values[i];
    }
    if (!first)
      first = row.time_ns;
    else if (!cadence.is_gap(row.time_ns - last))
      coverage_.add({last, row.time_ns}, static_cast<double>(row.time_ns - last));
    last = row.time_ns;
    return true;
  });
  if (!first) return;
  // The ends, where the next row stands outside.
  const std::int64_t usual = std::max<std::int64_t>(3 * cadence.usual_ns(), energy::kSecondNs);
  if (*first > range.from_ns && *first - range.from_ns <= usual)
    coverage_.add({range.from_ns, *first}, static_cast<double>(*first - range.from_ns));
  if (range.to_ns > last && range.to_ns - last <= usual)
    coverage_.add({last, range.to_ns}, static_cast<double>(range.to_ns - last));
  covered_ns_ += static_cast<double>(last - *first);
}

bool RegisterReader::explained(const Cell& cell, const std::optional<double>& before) {
  if (cell.count == 0) return true;
  return before && std::abs(cell.delta - (cell.last - *before)) <= 1e-6 * std::max(1.0, cell.delta) + 1e-9 * cell.last;
}

void RegisterReader::read_rows(const Tile& tile, std::vector<std::optional<double>>& before) {
  const std::vector<KeptRow> rows = kept_rows(archive_, tile, ids_);
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    Register& r = registers_[i];
    std::vector<double> growths;
    for (const KeptRow& row : rows)
      if (row.cells[i].delta > 0) growths.push_back(row.cells[i].delta);
    if (!growths.empty()) {
      std::nth_element(growths.begin(), growths.begin() + static_cast<std::ptrdiff_t>(growths.size() / 2),
                       growths.end());
      r.median = growths[growths.size() / 2];
    }
    for (const KeptRow& row : rows) {
      const Cell& cell = row.cells[i];
      if (cell.count == 0) continue;
      r.count += cell.count;
      const bool too_much = cell.delta > r.rules.at_once && cell.delta > kTooMuch * r.median;
      if (!explained(cell, before[i]) || too_much) resolve(r, {tile.resolution, row.window, before[i], cell, too_much});
      // Where raw rows are gone, this is the best that is known of the border.
      if (gone(row.window.from_ns)) {
        if (!before[i] && cell.delta > 0) r.readings.push_back({row.window.from_ns, cell.last - cell.delta});
        r.readings.push_back({row.window.to_ns, cell.last});
      }
      before[i] = cell.last;
    }
  }
  for (const KeptRow& row : rows) {
    const double covered = row.completeness * length(row.window);
    coverage_.add(row.window, covered);
    covered_ns_ += covered;
  }
}

// Looks for the steps that rollups only sum up: from window to smaller window, at last in raw rows.
void RegisterReader::resolve(Register& r, const Doubt& doubt) {
  const Resolution finer = finer_than(doubt.resolution);
  const std::uint32_t id[] = {r.id};
  if (finer == Resolution::raw || !archive_.covers(finer, id, doubt.window)) {
    resolve_by_raw(r, doubt);
    return;
  }
  std::optional<double> before = doubt.before;
  for (const KeptRow& row : kept_rows(archive_, {finer, doubt.window}, id)) {
    const Cell& cell = row.cells[0];
    if (cell.count == 0) continue;
    const bool too_much = doubt.too_much && cell.delta > r.rules.at_once;
    if (!explained(cell, before) || too_much) resolve(r, {finer, row.window, before, cell, too_much});
    before = cell.last;
  }
}

void RegisterReader::resolve_by_raw(Register& r, const Doubt& doubt) {
  const std::uint32_t id[] = {r.id};
  bool any = false;
  if (!gone(doubt.window.from_ns)) {
    if (const auto sample = archive_.at_or_before(r.id, doubt.window.from_ns - 1))
      r.readings.push_back({sample->time_ns, sample->value});
    archive_.raw(id, doubt.window, [&](const RawRow& row) {
      any = true;
      r.readings.push_back({row.time_ns, row.values[0]});
      return true;
    });
  }
  if (any || !doubt.before) return;
  // Only sums are left: readings that have the same growth and one step down.
  const Cell& cell = doubt.cell;
  const double more = std::max(0.0, cell.delta - std::max(0.0, cell.last));
  const double fresh = std::max(0.0, cell.last - cell.delta);
  const std::int64_t middle = doubt.window.from_ns + (doubt.window.to_ns - doubt.window.from_ns) / 2;
  r.readings.push_back({middle - 1, *doubt.before + more});
  r.readings.push_back({middle, fresh});
  r.readings.push_back({doubt.window.to_ns, cell.last});
}

void RegisterReader::read_tiles() {
  std::vector<std::optional<double>> before;
  for (const Register& r : registers_) before.push_back(r.before ? std::optional{r.before->value} : std::nullopt);
  for (const Tile& tile : tiles(archive_, ids_, range_, coarsest_)) {
    if (tile.resolution == Resolution::raw)
      read_raw(tile.range, before);
    else
      read_rows(tile, before);
  }
}

std::vector<RegisterTrace> RegisterReader::read() {
  std::vector<RegisterTrace> out(registers_.size());
  if (windows_.empty()) return out;
  if (!ids_.empty()) gone_ = archive_.behind(Resolution::raw, ids_, range_);
  for (Register& r : registers_) find_ends(r);
  for (const TimeRange& window : windows_) {
    if (window.from_ns > range_.to_ns) break;
    read_border(window.from_ns);
  }
  read_border(windows_.back().to_ns);
  read_tiles();
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    Register& r = registers_[i];
    std::stable_sort(r.readings.begin(), r.readings.end(),
                     [](const Reading& a, const Reading& b) { return a.time_ns < b.time_ns; });
    energy::BorderRules borders;
    if (r.count > 0) {
      const double cadence = covered_ns_ / static_cast<double>(r.count);
      borders.gap_ns = std::max(borders.gap_ns, static_cast<std::int64_t>(std::min(3 * cadence, 1e17)));
    }
    energy::GrowthWalk walk(windows_, r.rules, borders);
    for (const Reading& reading : r.readings) walk.reading(reading);
    out[i].windows = walk.finish();
    for (std::size_t w = 0; w < windows_.size(); ++w) {
      out[i].bounded.push_back(walk.bounded(w));
      out[i].interpolated.push_back(walk.interpolated(w));
    }
    if (r.readings.empty()) continue;
    out[i].first_ns = r.readings.front().time_ns;
    const TimeRange present{r.readings.front().time_ns,
                            r.readings.back().time_ns + std::max(borders.late_ns, borders.gap_ns)};
    const std::vector<double> covered = coverage_.of(windows_, present);
    for (std::size_t w = 0; w < windows_.size(); ++w) {
      const TimeRange due{windows_[w].from_ns, std::min(windows_[w].to_ns, range_.to_ns)};
      out[i].windows[w].completeness = due.from_ns < due.to_ns ? std::clamp(covered[w] / length(due), 0.0, 1.0) : 0;
    }
  }
  return out;
}

}  // namespace mesura::store
