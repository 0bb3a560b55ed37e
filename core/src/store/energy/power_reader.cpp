// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/energy/power_reader.hpp"

#include <algorithm>

namespace mesura::store {
namespace {

using energy::PowerEnergy;
using energy::PowerWalk;

/// Minutes of both signs that are read row by row: 90 000 rows at most of a device that speaks each second.
constexpr int kRawMinutes = 1500;

class PowerReader {
 public:
  PowerReader(Archive& archive, std::uint32_t series, std::span<const TimeRange> windows)
      : archive_(archive), id_{series}, mode_(archive.series()[series].info.integration), walk_(windows, mode_) {}

  void read(const Tile& tile) {
    if (tile.resolution == Resolution::raw) {
      read_raw(tile.range, walk_);
      return;
    }
    for (const KeptRow& row : kept_rows(archive_, tile, id_)) read_row(tile.resolution, row);
  }

  [[nodiscard]] const std::vector<PowerEnergy>& result() const { return walk_.result(); }

 private:
  void read_raw(TimeRange range, PowerWalk& walk) {
    if (const auto before = archive_.at_or_before(id_[0], range.from_ns - 1))
      walk.power(before->time_ns, before->value);
    archive_.raw(id_, range, [&](const RawRow& row) {
      walk.power(row.time_ns, row.values[0]);
      return true;
    });
  }

  void read_row(Resolution resolution, const KeptRow& row) {
    const Cell& cell = row.cells[0];
    if (cell.count == 0) return;
    if (cell.min < 0 && cell.max > 0 && split(resolution, row.window)) return;
    const double ns = row.completeness * static_cast<double>(row.window.to_ns - row.window.from_ns);
    walk_.stretch(row.window, static_cast<std::int64_t>(ns), cell.mean, cell.min, cell.max);
  }

  bool split(Resolution resolution, TimeRange window) {
    const Resolution finer = finer_than(resolution);
    if (finer != Resolution::raw) {
      if (!archive_.covers(finer, id_, window)) return false;
      read({finer, window});
      return true;
    }
    if (raw_minutes_ == kRawMinutes || !archive_.covers(Resolution::raw, id_, window)) return false;
    ++raw_minutes_;
    const TimeRange minute[] = {window};
    PowerWalk walk(minute, mode_);
    read_raw(window, walk);
    if (const auto after = archive_.at_or_after(id_[0], window.to_ns)) walk.power(after->time_ns, after->value);
    walk_.add(window, walk.result()[0]);
    return true;
  }

  Archive& archive_;
  std::uint32_t id_[1];
  Integration mode_;
  PowerWalk walk_;
  int raw_minutes_ = 0;
};

}  // namespace

std::vector<PowerEnergy> read_power(Archive& archive, std::uint32_t series, std::span<const TimeRange> windows,
                                    Resolution coarsest) {
  PowerReader reader{archive, series, windows};
  if (!windows.empty()) {
    const std::uint32_t id[] = {series};
    for (const Tile& tile : tiles(archive, id, {windows.front().from_ns, windows.back().to_ns}, coarsest))
      reader.read(tile);
  }
  return reader.result();
}

}  // namespace mesura::store
