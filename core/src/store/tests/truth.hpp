// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What was written, and what a query must say of it.
#pragma once

#include "store/query/grid.hpp"
#include "store/tests/homes.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

namespace mesura::store::test {

using namespace std::chrono_literals;

/// Writes with a sink, and remembers.
struct Written {
  Truth truth;
  void write(Sink& sink, const sinks::test::Feed& feed, std::vector<BatchPtr> batches) {
    for (const BatchPtr& b : batches) remember(truth, feed.table(), *b);
    const auto done = sinks::test::attempt(sink, batches);
    INFO(done.reason);
    REQUIRE(done.committed);
  }
};

/// The windows of a grid, from the values themselves.
inline std::vector<Point> naive(const std::map<std::int64_t, double>& values, TimeRange range, const Grid& grid,
                                bool reg) {
  std::vector<Point> out;
  double sum = 0;
  for (const auto& [us, v] : values) {
    if (!range.contains(us * 1000)) continue;
    const std::int64_t start = grid.window(us * 1000).from_ns;
    if (out.empty() || out.back().time_ns != start) {
      out.push_back({start, v, v, 0, v, 0});
      sum = 0;
    }
    Point& p = out.back();
    sum += v;
    p.min = std::min(p.min, v);
    p.max = std::max(p.max, v);
    p.last = v;
    ++p.count;
    p.mean = reg ? v : sum / static_cast<double>(p.count);
    if (reg) p.min = p.max = v;
  }
  return out;
}

inline bool same(const Point& a, const Point& b) {
  return a.time_ns == b.time_ns && a.count == b.count && a.min == b.min && a.max == b.max && a.last == b.last &&
         std::abs(a.mean - b.mean) <= 1e-9 * (1 + std::abs(b.mean));
}

/// The traces of a query against what was written.
inline void compare(Store& store, const Query& query, const Truth& truth) {
  const model::Zone zone = *model::Zone::find(kZone);
  for (const Trace& trace : store.query(query)) {
    const std::string name = trace.series.info.name();
    const auto& values = truth.at(name);
    const bool reg = trace.series.info.kind == Kind::reg;
    INFO(name << " from " << query.range.from_ns << " to " << query.range.to_ns << " points " << query.points
              << " window " << trace.window.count() << " of " << to_string(trace.resolution));
    std::vector<Point> expected;
    if (trace.window.count() == 0) {
      for (const auto& [us, v] : values)
        if (query.range.contains(us * 1000)) expected.push_back({us * 1000, v, v, v, v, 1});
    } else {
      expected = naive(values, query.range, Grid{trace.window, zone}, reg);
    }
    REQUIRE(trace.points.size() == expected.size());
    if (!query.every) REQUIRE(trace.points.size() <= query.points);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      // Messages cost more than looking.
      if (same(trace.points[i], expected[i])) continue;
      INFO("point " << i << " at " << expected[i].time_ns << " is at " << trace.points[i].time_ns << ": count "
                    << trace.points[i].count << " / " << expected[i].count << ", min " << trace.points[i].min << " / "
                    << expected[i].min << ", max " << trace.points[i].max << " / " << expected[i].max << ", last "
                    << trace.points[i].last << " / " << expected[i].last);
      REQUIRE(same(trace.points[i], expected[i]));
    }
    // Few values are given as they are.
    std::size_t n = 0;
    for (const auto& [us, v] : values) n += query.range.contains(us * 1000) ? 1U : 0U;
    if (!query.every && !query.resolution) CHECK((trace.window.count() == 0) == (n <= query.points));
  }
}

inline void compare_randomly(Store& store, const Truth& truth, TimeRange all, std::uint64_t seed, int times) {
  std::mt19937_64 random{seed};
  const auto upto = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  const auto length = static_cast<std::uint64_t>(all.to_ns - all.from_ns);
  for (int i = 0; i < times; ++i) {
    Query query;
    query.series = {"*"};
    std::int64_t a = all.from_ns + upto(length);
    std::int64_t b = all.from_ns + upto(length);
    if (a > b) std::swap(a, b);
    query.range = {a, b + 1};
    query.points = static_cast<std::size_t>(std::int64_t{1} << upto(14)) + 4;
    if (upto(3) == 0) {
      const std::vector<std::chrono::nanoseconds> every{90s, 1min, 7min, 15min, 1h, 5h, 24h, 48h, 168h};
      query.every = every[static_cast<std::size_t>(upto(every.size()))];
    }
    compare(store, query, truth);
  }
}

}  // namespace mesura::store::test
