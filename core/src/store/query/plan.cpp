// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/query/plan.hpp"

#include "sinks/rollup/levels.hpp"
#include "store/up_to_date.hpp"

#include <algorithm>
#include <array>

namespace mesura::store {
namespace {

using sinks::rollup::Calendar;
using sinks::rollup::Level;
using sinks::rollup::Span;

class Planner {
 public:
  Planner(Archive& archive, std::span<const std::uint32_t> series, const Grid& grid, const model::Zone& zone,
          TimeRange all)
      : archive_(archive), series_(series), grid_(grid), calendar_(zone), all_(all) {}

  void take(Resolution resolution, TimeRange range) {
    if (range.from_ns >= range.to_ns) return;
    if (resolution == Resolution::raw) {
      take_raw(range);
      return;
    }
    const Resolution finer = finer_than(resolution);
    const TimeRange whole = windows_within(resolution, range);
    if (!grid_.holds(resolution, all_) || whole.from_ns >= whole.to_ns) {
      take(finer, range);
      return;
    }
    take(finer, {range.from_ns, whole.from_ns});
    split(resolution, whole, [&](TimeRange behind) { take(finer, behind); });
    take(finer, {whole.to_ns, range.to_ns});
  }

  std::vector<Segment> segments;

 private:
  static Resolution finer_than(Resolution r) { return static_cast<Resolution>(static_cast<int>(r) - 1); }

  // What is up to date becomes a segment; `rest` gets what is not.
  template <typename Rest>
  void split(Resolution resolution, TimeRange range, Rest&& rest) {
    split_by_state(
        archive_, resolution, series_, range, [&](TimeRange good) { add(resolution, good); }, rest);
  }

  void add(Resolution resolution, TimeRange range) {
    if (range.from_ns >= range.to_ns) return;
    if (!segments.empty() && segments.back().resolution == resolution && segments.back().range.to_ns == range.from_ns)
      segments.back().range.to_ns = range.to_ns;
    else
      segments.push_back({resolution, range});
  }

  void take_raw(TimeRange range) {
    split(Resolution::raw, range, [&](TimeRange gone) { rescue(Resolution::minute, gone); });
  }

  // Raw rows have gone for their age: the finest rollups that are left.
  void rescue(Resolution resolution, TimeRange range) {
    split(resolution, range, [&](TimeRange behind) {
      if (resolution != Resolution::day)
        rescue(static_cast<Resolution>(static_cast<int>(resolution) + 1), behind);
      else
        any(behind);
    });
  }

  // All are behind, and there is nothing to make them of: whatever there is.
  void any(TimeRange range) {
    for (const Resolution r : {Resolution::minute, Resolution::quarter_hour, Resolution::hour, Resolution::day}) {
      bool some = false;
      archive_.rollups(r, series_, range, [&](const RollupRow&) {
        some = true;
        return false;
      });
      if (!some) continue;
      add(r, range);
      return;
    }
    add(Resolution::raw, range);
  }

  [[nodiscard]] TimeRange windows_within(Resolution resolution, TimeRange range) const {
    const auto level = static_cast<Level>(static_cast<int>(resolution) - 1);
    // Windows begin with whole microseconds.
    const auto window = [&](std::int64_t time_ns) {
      const Span w = calendar_.window(level, sinks::rollup::floor_to(time_ns, 1000) / 1000);
      return TimeRange{w.start * 1000, w.end * 1000};
    };
    const TimeRange first = window(range.from_ns);
    const TimeRange last = window(range.to_ns);
    return {first.from_ns == range.from_ns ? first.from_ns : first.to_ns, last.from_ns};
  }

  Archive& archive_;
  std::span<const std::uint32_t> series_;
  const Grid& grid_;
  Calendar calendar_;
  TimeRange all_;
};

}  // namespace

std::vector<Segment> plan(Archive& archive, std::span<const std::uint32_t> series, TimeRange range, Resolution coarsest,
                          const Grid& grid, const model::Zone& zone) {
  Planner planner{archive, series, grid, zone, range};
  planner.take(coarsest, range);
  return std::move(planner.segments);
}

}  // namespace mesura::store
