// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/energy/tiles.hpp"

#include "energy/periods.hpp"
#include "store/up_to_date.hpp"

#include <algorithm>

namespace mesura::store {
namespace {

class Tiler {
 public:
  Tiler(Archive& archive, std::span<const std::uint32_t> series) : archive_(archive), series_(series) {}

  void cover(Resolution resolution, TimeRange range) {
    if (range.from_ns >= range.to_ns) return;
    if (resolution == Resolution::raw) {
      split(resolution, range, [this](TimeRange gone) { rescue(gone); });
      return;
    }
    const Resolution finer = finer_than(resolution);
    const model::Zone& zone = archive_.site_zone();
    const TimeRange first = rollup_window(resolution, range.from_ns, zone);
    const std::int64_t from = first.from_ns == range.from_ns ? first.from_ns : first.to_ns;
    const std::int64_t to = rollup_window(resolution, range.to_ns, zone).from_ns;
    if (from >= to) {
      cover(finer, range);
      return;
    }
    cover(finer, {range.from_ns, from});
    split(resolution, {from, to}, [&](TimeRange behind) { cover(finer, behind); });
    cover(finer, {to, range.to_ns});
  }

  std::vector<Tile> out;

 private:
  template <typename Rest>
  void split(Resolution resolution, TimeRange range, Rest&& rest) {
    split_by_state(
        archive_, resolution, series_, range, [&](TimeRange good) { add(resolution, good); }, rest);
  }

  void rescue(TimeRange range) {
    for (const Resolution r : {Resolution::minute, Resolution::quarter_hour, Resolution::hour, Resolution::day}) {
      if (!archive_.covers(r, series_, range)) continue;
      add(r, range);
      return;
    }
    add(Resolution::raw, range);
  }

  void add(Resolution resolution, TimeRange range) {
    if (range.from_ns >= range.to_ns) return;
    if (!out.empty() && out.back().resolution == resolution && out.back().range.to_ns == range.from_ns)
      out.back().range.to_ns = range.to_ns;
    else
      out.push_back({resolution, range});
  }

  Archive& archive_;
  std::span<const std::uint32_t> series_;
};

}  // namespace

TimeRange rollup_window(Resolution resolution, std::int64_t time_ns, const model::Zone& zone) {
  if (resolution == Resolution::day) return energy::period_window(Period::day, time_ns, zone);
  const std::int64_t length = resolution == Resolution::hour           ? energy::kHourNs
                              : resolution == Resolution::quarter_hour ? energy::kQuarterNs
                                                                       : 60 * energy::kSecondNs;
  const std::int64_t start = energy::floor_to(time_ns, length);
  return {start, start + length};
}

std::vector<Tile> tiles(Archive& archive, std::span<const std::uint32_t> series, TimeRange range, Resolution coarsest) {
  Tiler tiler{archive, series};
  tiler.cover(coarsest, range);
  return std::move(tiler.out);
}

std::vector<KeptRow> kept_rows(Archive& archive, const Tile& tile, std::span<const std::uint32_t> series) {
  std::vector<KeptRow> out;
  archive.rollups(tile.resolution, series, tile.range, [&](const RollupRow& row) {
    out.push_back({row.window, row.completeness, row.count, {row.cells.begin(), row.cells.end()}});
    return true;
  });
  return out;
}

Resolution coarsest_for(Period period) {
  if (period == Period::quarter_hour) return Resolution::quarter_hour;
  return period == Period::hour ? Resolution::hour : Resolution::day;
}

}  // namespace mesura::store
