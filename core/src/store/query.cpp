// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Store: what is stored, and ranges of it as windows.
#include <mesura/store.hpp>

#include "config/units.hpp"
#include "model/glob.hpp"
#include "runtime/time_text.hpp"
#include "store/archive.hpp"
#include "store/query/accumulate.hpp"
#include "store/query/grid.hpp"
#include "store/query/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace mesura::store {
namespace {

using Cause = StoreError::Cause;

constexpr std::array kCoarsestFirst{Resolution::day, Resolution::hour, Resolution::quarter_hour, Resolution::minute};
constexpr std::int64_t kLongestRange = std::int64_t{250} * 31'556'952 * 1'000'000'000;
// Rows of a device that are read once more to give single values as they are.
constexpr std::uint64_t kFewRows = 50'000;

std::string devices_hint(const std::vector<StoredSeries>& all) {
  std::set<std::string> devices;
  for (const StoredSeries& s : all) devices.insert(s.info.device);
  if (devices.empty()) return "nothing is stored yet";
  std::string list;
  std::size_t n = 0;
  for (const std::string& device : devices) {
    if (++n > 8) {
      list += fmt::format(" and {} more", devices.size() - 8);
      break;
    }
    list += (list.empty() ? "" : ", ") + device;
  }
  return "device/channel/quantity, with * and ?; devices are " + list;
}

// What people get wrong in a question; the numbers in a text of their own.
void check(const Query& query) {
  const auto refuse = [](const std::string& what) { throw StoreError(Cause::question, what); };
  if (query.range.to_ns <= query.range.from_ns) {
    refuse(
        fmt::format("qry-range: the range ends at {}, which is not after its begin {}\n  hint      exchange from "
                    "and to",
                    runtime::format_time(query.range.to_ns), runtime::format_time(query.range.from_ns)));
  }
  if (query.range.to_ns / 2 - query.range.from_ns / 2 > kLongestRange / 2) {
    refuse(fmt::format("qry-range: the range is {} years long\n  expected  at most 250\n  hint      from=0 is 1970",
                       (query.range.to_ns / 2 - query.range.from_ns / 2) / (kLongestRange / 500)));
  }
  if (query.points < 1 || query.points > Query::kMaxPoints) {
    refuse(
        fmt::format("qry-points: points is {}\n  expected  1 to {}\n  hint      a screen has no more than some "
                    "thousand; export gives every measurement",
                    query.points, Query::kMaxPoints));
  }
  if (!query.every) return;
  if (query.every->count() < 1'000'000) {
    refuse(fmt::format("qry-every: windows of {} ns are too short\n  expected  1ms or more", query.every->count()));
  }
  if (query.resolution && *query.resolution != Resolution::raw && length_of(*query.resolution) > *query.every) {
    refuse(fmt::format("qry-every: windows of {} cannot be made of rows of {}\n  hint      a finer resolution, or none",
                       config::print_duration(*query.every), to_string(*query.resolution)));
  }
}

void check_windows(const Grid& grid, TimeRange range) {
  const std::size_t windows = grid.windows(range);
  if (windows <= Query::kMaxPoints + 2) return;
  throw StoreError(Cause::question,
                   fmt::format("qry-every: windows of {} over this range are {}\n  expected  at most {}\n  hint      "
                               "longer windows, or a shorter range",
                               config::print_duration(grid.length()), windows, Query::kMaxPoints));
}

/// Reads the series of one device.
class DeviceQuery {
 public:
  DeviceQuery(Archive& archive, const Query& query, std::vector<StoredSeries> series)
      : archive_(archive), query_(query), series_(std::move(series)), zone_(archive.site_zone()) {
    for (const StoredSeries& s : series_) ids_.push_back(s.info.id);
  }

  std::vector<Trace> run() {
    prepare();
    const bool as_they_are = !query_.every && query_.resolution.value_or(Resolution::raw) == Resolution::raw;
    std::vector<Accumulator> sums;
    for (const StoredSeries& s : series_)
      sums.emplace_back(*grid_, s.info.kind == Kind::reg, as_they_are ? query_.points : 0);
    read(segments_, ids_, sums);
    std::vector<Trace> out;
    std::vector<std::size_t> few;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      Accumulator& sum = sums[i];
      sum.finish();
      Trace& trace = out.emplace_back();
      trace.series = series_[i];
      trace.gaps = gaps(i, sum);
      trace.resolution = coarsest_read_;
      if (as_they_are && sum.all_kept()) {
        trace.points = std::move(sum.values());
        trace.resolution = Resolution::raw;
        continue;
      }
      trace.window = grid_->length();
      trace.points = std::move(sum.points());
      if (as_they_are && sum.total() <= query_.points) few.push_back(i);
    }
    if (!few.empty()) read_few(few, out);
    return out;
  }

 private:
  // Which windows, and of which rows they are made.
  void prepare() {
    const TimeRange range = query_.range;
    auto shortest = query_.resolution ? length_of(*query_.resolution) : std::chrono::nanoseconds{0};
    // Twice: where fine rows have gone for their age, windows are as long as what is left.
    for (int tries = 0; tries < 2; ++tries) {
      grid_ = query_.every ? Grid{*query_.every, zone_} : Grid::for_points(range, query_.points, shortest, zone_);
      if (query_.every) check_windows(*grid_, range);
      segments_ = plan(archive_, ids_, range, coarsest(), *grid_, zone_);
      coarsest_read_ = Resolution::raw;
      for (const Segment& s : segments_) coarsest_read_ = std::max(coarsest_read_, s.resolution);
      if (query_.every || length_of(coarsest_read_) <= grid_->length()) return;
      shortest = length_of(coarsest_read_);
    }
  }

  [[nodiscard]] Resolution coarsest() const {
    if (query_.resolution) return *query_.resolution;
    for (const Resolution r : kCoarsestFirst)
      if (length_of(r) <= grid_->length() && grid_->holds(r, query_.range)) return r;
    return Resolution::raw;
  }

  void read(const std::vector<Segment>& segments, const std::vector<std::uint32_t>& ids,
            std::vector<Accumulator>& sums) {
    for (const Segment& s : segments) {
      if (s.resolution == Resolution::raw) {
        archive_.raw(ids, s.range, [&](const RawRow& row) {
          ++rows_;
          for (std::size_t i = 0; i < sums.size(); ++i)
            if (!std::isnan(row.values[i])) sums[i].value(row.time_ns, row.values[i]);
          return true;
        });
      } else {
        archive_.rollups(s.resolution, ids, s.range, [&](const RollupRow& row) {
          rows_ += row.count;
          for (std::size_t i = 0; i < sums.size(); ++i) sums[i].cell(row.window, row.cells[i], row.completeness);
          return true;
        });
      }
    }
  }

  // There turned out to be so few values that they are given one by one.
  void read_few(const std::vector<std::size_t>& few, std::vector<Trace>& out) {
    if (rows_ > std::max<std::uint64_t>(kFewRows, 4 * query_.points)) return;
    std::vector<std::uint32_t> ids;
    for (const std::size_t i : few) ids.push_back(ids_[i]);
    if (!archive_.covers(Resolution::raw, ids, query_.range)) return;
    std::vector<Accumulator> sums;
    for (const std::size_t i : few) sums.emplace_back(*grid_, series_[i].info.kind == Kind::reg, query_.points);
    read({{Resolution::raw, query_.range}}, ids, sums);
    for (std::size_t n = 0; n < few.size(); ++n) {
      Trace& trace = out[few[n]];
      if (!sums[n].all_kept()) continue;
      trace.points = std::move(sums[n].values());
      trace.gaps = gaps(few[n], sums[n]);
      trace.resolution = Resolution::raw;
      trace.window = std::chrono::nanoseconds{0};
    }
  }

  // Those between values, and those to the ends of the range.
  std::vector<TimeRange> gaps(std::size_t i, const Accumulator& sum) {
    const TimeRange range = query_.range;
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    const std::int64_t end = std::min(range.to_ns, now);
    if (!sum.gaps.seen()) {
      if (end <= range.from_ns || !archive_.at_or_before(ids_[i], range.from_ns)) return {};
      return {{range.from_ns, end}};
    }
    std::vector<TimeRange> out;
    const std::int64_t usual = sum.gaps.usual_ns();
    if (usual > 0 && sum.gaps.first_ns() - range.from_ns > 3 * usual) {
      const auto before = archive_.at_or_before(ids_[i], range.from_ns);
      if (before && sum.gaps.first_ns() - before->time_ns > 3 * usual)
        out.push_back({range.from_ns, sum.gaps.first_ns()});
    }
    for (const TimeRange& gap : sum.gaps.gaps()) out.push_back(gap);
    if (usual > 0 && end - sum.gaps.end_ns() > 3 * usual) out.push_back({sum.gaps.end_ns(), end});
    return out;
  }

  Archive& archive_;
  const Query& query_;
  std::vector<StoredSeries> series_;
  std::vector<std::uint32_t> ids_;
  model::Zone zone_;
  std::optional<Grid> grid_;
  std::vector<Segment> segments_;
  Resolution coarsest_read_ = Resolution::raw;
  std::uint64_t rows_ = 0;
};

Trace state_trace(Archive& archive, const Query& query, const StoredSeries& series) {
  Trace trace;
  trace.series = series;
  const Grid grid = query.every
                        ? Grid{*query.every, archive.site_zone()}
                        : Grid::for_points(query.range, query.points, std::chrono::nanoseconds{0}, archive.site_zone());
  if (query.every) check_windows(grid, query.range);
  // Too many changes: the last one of each window.
  std::vector<StatePoint> thinned;
  TimeRange window{INT64_MIN, INT64_MIN};
  bool too_many = false;
  archive.states(series.info.id, query.range, [&](const StatePoint& point) {
    if (trace.states.size() <= query.points)
      trace.states.push_back(point);
    else
      too_many = true;
    if (point.time_ns < window.to_ns && !thinned.empty()) {
      thinned.back() = point;
    } else {
      thinned.push_back(point);
      window = grid.window(point.time_ns);
    }
    return true;
  });
  too_many |= trace.states.size() > query.points;
  if (too_many) {
    trace.states = std::move(thinned);
    trace.window = grid.length();
  }
  return trace;
}

}  // namespace

std::vector<StoredSeries> Store::series(const std::vector<std::string>& globs) {
  const std::vector<StoredSeries>& all = archive_->series();
  std::vector<bool> wanted(all.size(), globs.empty());
  for (const std::string& text : globs) {
    model::Problem problem;
    const auto glob = model::Glob::parse(text, &problem);
    if (!glob) {
      throw StoreError(Cause::question, fmt::format("qry-series: {}\n  expected  {}\n  got       {}\n  hint      {}",
                                                    problem.message, problem.expected, problem.got, problem.hint));
    }
    bool any = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!glob->matches(all[i].info)) continue;
      wanted[i] = any = true;
    }
    if (!any) {
      throw StoreError(Cause::unknown,
                       fmt::format("qry-series: no series matches '{}'\n  hint      {}", text, devices_hint(all)));
    }
  }
  std::vector<StoredSeries> out;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (wanted[i]) out.push_back(all[i]);
  std::sort(out.begin(), out.end(), [](const StoredSeries& a, const StoredSeries& b) {
    return std::tie(a.info.device, a.info.channel, a.info.quantity, a.info.unit, a.info.id) <
           std::tie(b.info.device, b.info.channel, b.info.quantity, b.info.unit, b.info.id);
  });
  return out;
}

std::optional<TimeRange> Store::extent(const StoredSeries& series) {
  const std::uint32_t id = series.info.id;
  if (series.stored_as_state) {
    std::optional<TimeRange> out;
    const auto time_of = [&](TimeRange range) {
      std::optional<std::int64_t> time;
      archive_->states(id, range, [&](const StatePoint& point) {
        time = point.time_ns;
        return false;
      });
      return time;
    };
    const auto first = time_of({INT64_MIN, INT64_MAX});
    const auto last = time_of({INT64_MAX - 1, INT64_MAX});
    if (first && last) out = TimeRange{*first, *last};
    return out;
  }
  const auto first = archive_->at_or_after(id, INT64_MIN);
  const auto last = archive_->at_or_before(id, INT64_MAX);
  if (!first || !last) return std::nullopt;
  return TimeRange{first->time_ns, last->time_ns};
}

std::vector<LatestValue> Store::latest(const std::vector<std::string>& globs) {
  std::vector<std::uint32_t> ids;
  for (const StoredSeries& s : series(globs)) ids.push_back(s.info.id);
  return archive_->latest(ids);
}

std::vector<Trace> Store::query(const Query& query) {
  check(query);
  const std::vector<StoredSeries> matched = series(query.series);
  if (matched.size() > Query::kMaxSeries) {
    throw StoreError(Cause::question, fmt::format("qry-series: {} series match\n  expected  at most {}\n  hint      "
                                                  "name devices or quantities",
                                                  matched.size(), Query::kMaxSeries));
  }
  std::map<std::string, std::vector<StoredSeries>> by_device;
  for (const StoredSeries& s : matched)
    if (!s.stored_as_state) by_device[s.info.device].push_back(s);
  std::map<std::uint32_t, Trace> traces;
  for (auto& [device, list] : by_device) {
    for (Trace& trace : DeviceQuery{*archive_, query, std::move(list)}.run()) {
      const std::uint32_t id = trace.series.info.id;
      traces.emplace(id, std::move(trace));
    }
  }
  std::vector<Trace> out;
  for (const StoredSeries& s : matched)
    out.push_back(s.stored_as_state ? state_trace(*archive_, query, s) : std::move(traces.at(s.info.id)));
  return out;
}

}  // namespace mesura::store
