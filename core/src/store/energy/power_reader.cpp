// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/energy/power_reader.hpp"

#include <algorithm>

namespace mesura::store {
namespace {

using energy::PowerEnergy;
using energy::PowerWalk;

/// Minutes of both signs that are read row by row: 30 000 rows at most of a device that speaks each second.
constexpr int kRawMinutes = 500;

class PowerReader {
 public:
  PowerReader(Archive& archive, std::uint32_t series, std::span<const TimeRange> windows)
      : archive_(archive), id_{series}, mode_(archive.series()[series].info.integration), walk_(windows, mode_) {}

  void read(const Tile& tile) {
    if (tile.resolution == Resolution::raw) {
      read_raw(tile.range, walk_);
      return;
    }
    const std::vector<KeptRow> rows = kept_rows(archive_, tile, id_);
    for (std::size_t i = 0; i < rows.size();) {
      // Windows of both signs that follow one another are one question.
      std::size_t end = i;
      while (end < rows.size() && both_signs(rows[end])) ++end;
      if (end == i) {
        read_row(rows[i++]);
        continue;
      }
      if (tile.resolution == Resolution::minute) {
        for (; i < end; ++i)
          if (!read_minute(rows[i].window)) read_row(rows[i]);
        continue;
      }
      const Tile finer{finer_than(tile.resolution), {rows[i].window.from_ns, rows[end - 1].window.to_ns}};
      if (archive_.covers(finer.resolution, id_, finer.range)) {
        read(finer);
        i = end;
      }
      for (; i < end; ++i) read_row(rows[i]);
    }
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

  static bool both_signs(const KeptRow& row) {
    const Cell& cell = row.cells[0];
    return cell.count > 0 && cell.min < 0 && cell.max > 0;
  }

  void read_row(const KeptRow& row) {
    const Cell& cell = row.cells[0];
    if (cell.count == 0) return;
    const double ns = row.completeness * static_cast<double>(row.window.to_ns - row.window.from_ns);
    walk_.stretch(row.window, static_cast<std::int64_t>(ns), cell.mean, cell.min, cell.max);
  }

  bool read_minute(TimeRange window) {
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
