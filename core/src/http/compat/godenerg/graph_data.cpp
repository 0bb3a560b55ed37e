// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/graph.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

namespace mesura::http::compat::godenerg {
namespace {

using store::Resolution;

/// The series behind the columns.
struct Source {
  std::vector<std::uint32_t> series;
  std::vector<std::vector<std::size_t>> of_column;  ///< indexes into `series`; the first that has a value counts
  std::vector<double> sign;                         ///< by series: as on the wire
};

Source find(const std::vector<store::StoredSeries>& stored, const std::string& device,
            const std::vector<const Field*>& columns) {
  Source source;
  for (const Field* field : columns) {
    auto& mine = source.of_column.emplace_back();
    for (const std::string_view quantity : {field->quantity, field->other}) {
      for (const store::StoredSeries& s : stored) {
        if (quantity.empty() || s.stored_as_state || s.info.device != device || s.info.channel != field->channel ||
            s.info.quantity != quantity)
          continue;
        const auto known = std::find(source.series.begin(), source.series.end(), s.info.id);
        mine.push_back(static_cast<std::size_t>(known - source.series.begin()));
        if (known != source.series.end()) continue;
        source.series.push_back(s.info.id);
        source.sign.push_back(s.info.negated ? -1 : 1);
      }
    }
  }
  return source;
}

/// One row at a time: its values in the order of the series, and how many measurements stand behind each.
struct Row {
  std::int64_t time_ns = 0;
  std::span<const double> values;
  std::span<const double> weights;
};

template <class Visit>
void each_row(store::Archive& archive, Resolution resolution, const Source& source, store::TimeRange range,
              Visit&& visit) {
  std::vector<double> values(source.series.size());
  std::vector<double> weights(source.series.size(), 1);
  const auto turn = [&] {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= source.sign[i];
  };
  if (resolution == Resolution::raw) {
    archive.raw(source.series, range, [&](const store::RawRow& row) {
      std::copy(row.values.begin(), row.values.end(), values.begin());
      turn();
      return visit(Row{row.time_ns, values, weights});
    });
    return;
  }
  archive.rollups(resolution, source.series, range, [&](const store::RollupRow& row) {
    bool any = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
      weights[i] = static_cast<double>(row.cells[i].count);
      values[i] = row.cells[i].count > 0 ? row.cells[i].mean : NAN;
      any |= row.cells[i].count > 0;
    }
    turn();
    return !any || visit(Row{row.window.from_ns, values, weights});
  });
}

/// Collects points; with a step, their means.
class Collector {
 public:
  Collector(const Source& source, const std::vector<const Field*>& columns, std::int64_t step_ns)
      : source_(source), step_ns_(step_ns), sums_(columns.size()) {
    for (const Field* field : columns) series_.push_back({std::string{field->key}, {}});
  }

  /// False: there are too many points.
  bool add(const Row& row) {
    if (step_ns_ > 0) {
      const std::int64_t start = row.time_ns - row.time_ns % step_ns_;
      if (start != start_ || !begun_) {
        flush();
        start_ = start;
        begun_ = true;
        if (++steps_ > kMaxPoints) return false;
      }
    }
    for (std::size_t c = 0; c < series_.size(); ++c) {
      for (const std::size_t i : source_.of_column[c]) {
        if (std::isnan(row.values[i])) continue;
        if (step_ns_ > 0) {
          sums_[c].sum += row.values[i] * row.weights[i];
          sums_[c].weight += row.weights[i];
        } else {
          series_[c].points.push_back({row.time_ns, row.values[i]});
        }
        break;
      }
    }
    return true;
  }
  std::vector<GraphSeries> finish() {
    flush();
    return std::move(series_);
  }

 private:
  struct Sum {
    double sum = 0, weight = 0;
  };
  void flush() {
    for (std::size_t c = 0; c < series_.size(); ++c) {
      if (sums_[c].weight > 0) series_[c].points.push_back({start_, sums_[c].sum / sums_[c].weight});
      sums_[c] = {};
    }
  }

  const Source& source_;
  std::int64_t step_ns_;
  std::int64_t start_ = 0;
  bool begun_ = false;
  std::size_t steps_ = 0;
  std::vector<Sum> sums_;
  std::vector<GraphSeries> series_;
};

/// A part of the range and the rows that have it.
struct Stretch {
  store::TimeRange range;
  Resolution resolution;
};

/// Raw rows, and rollups where those have gone with age.
std::vector<Stretch> plan(store::Archive& archive, const Source& source, store::TimeRange range) {
  std::vector<Stretch> stretches;
  std::int64_t from = range.from_ns;
  for (store::TimeRange gone : archive.behind(Resolution::raw, source.series, range)) {
    gone = {std::max(gone.from_ns, from), std::min(gone.to_ns, range.to_ns)};
    if (from < gone.from_ns) stretches.push_back({{from, gone.from_ns}, Resolution::raw});
    auto resolution = Resolution::minute;
    while (resolution != Resolution::day && !archive.covers(resolution, source.series, gone))
      resolution = static_cast<Resolution>(static_cast<int>(resolution) + 1);
    stretches.push_back({gone, resolution});
    from = std::max(from, gone.to_ns);
  }
  if (from < range.to_ns) stretches.push_back({{from, range.to_ns}, Resolution::raw});
  return stretches;
}

}  // namespace

std::vector<GraphSeries> graph_data(store::Archive& archive, const std::string& device,
                                    const std::vector<const Field*>& columns, store::TimeRange range,
                                    std::chrono::nanoseconds interval) {
  const Source source = find(archive.series(), device, columns);
  if (source.series.empty()) return Collector{source, columns, 0}.finish();
  const auto stretches = plan(archive, source, range);
  const auto all_rows = [&](auto&& visit) {
    bool more = true;
    for (const Stretch& stretch : stretches) {
      if (!more) return;
      each_row(archive, stretch.resolution, source, stretch.range, [&](const Row& row) { return more = visit(row); });
    }
  };
  std::size_t rows = 0;
  all_rows([&](const Row&) {
    ++rows;
    return true;
  });
  const std::int64_t unit = std::max<std::int64_t>(interval.count(), 1'000'000);
  auto factor = static_cast<std::int64_t>((rows + kMaxPoints - 1) / kMaxPoints);
  for (;;) {
    Collector collector{source, columns, factor > 1 ? unit * factor : 0};
    bool fits = true;
    all_rows([&](const Row& row) { return fits = collector.add(row); });
    if (fits) return collector.finish();
    // Rows that come closer than configured, or an inverter that was slower than that.
    factor += std::max<std::int64_t>(factor / 4, 1);
  }
}

}  // namespace mesura::http::compat::godenerg
