// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What every archive answers: written by the real sink, compared with a naive recomputation of what was written.
#ifdef MESURA_STORE_HOMES
#include MESURA_STORE_HOMES
#else
#include "store/tests/homes.hpp"
#define MESURA_EVERY_HOME SqliteHome
#endif

#include "sinks/tests/rollup_feed.hpp"
#include "store/query/grid.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <random>

using namespace mesura;
using namespace mesura::store;
using namespace mesura::store::test;
using mesura::sinks::test::attempt;
using mesura::sinks::test::Feed;
using mesura::sinks::test::kNoon;
using mesura::sinks::test::kSecond;
using mesura::sinks::test::Odd;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kHour = 3600 * kSecond;

struct Written {
  Truth truth;
  void write(Sink& sink, const Feed& feed, std::vector<BatchPtr> batches) {
    for (const BatchPtr& b : batches) remember(truth, feed.table(), *b);
    const auto done = attempt(sink, batches);
    INFO(done.reason);
    REQUIRE(done.committed);
  }
};

std::vector<Point> naive(const std::map<std::int64_t, double>& values, TimeRange range, const Grid& grid, bool reg) {
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

bool same(const Point& a, const Point& b) {
  return a.time_ns == b.time_ns && a.count == b.count && a.min == b.min && a.max == b.max && a.last == b.last &&
         std::abs(a.mean - b.mean) <= 1e-9 * (1 + std::abs(b.mean));
}

/// The traces of a query against what was written.
void compare(Store& store, const Query& query, const Truth& truth) {
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

void compare_randomly(Store& store, const Truth& truth, TimeRange all, std::uint64_t seed, int times) {
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

template <typename H>
void check_neighbours(H& home, const Truth& truth, TimeRange all) {
  const auto archive = home.archive();
  std::mt19937_64 random{7};
  const auto list = archive->series();
  for (const StoredSeries& s : list) {
    if (s.stored_as_state) continue;
    const auto& values = truth.at(s.info.name());
    for (int i = 0; i < 40; ++i) {
      const std::int64_t at =
          all.from_ns - 2 * kHour +
          static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(all.to_ns - all.from_ns + 4 * kHour));
      INFO(s.info.name() << " around " << at);
      auto after = values.lower_bound(at / 1000 + (at % 1000 > 0 ? 1 : 0));
      const auto found_after = archive->at_or_after(s.info.id, at);
      REQUIRE(found_after.has_value() == (after != values.end()));
      if (found_after) {
        CHECK(found_after->time_ns == after->first * 1000);
        CHECK(found_after->value == after->second);
      }
      auto before = values.upper_bound(at / 1000);
      const auto found_before = archive->at_or_before(s.info.id, at);
      REQUIRE(found_before.has_value() == (before != values.begin()));
      if (found_before) {
        --before;
        CHECK(found_before->time_ns == before->first * 1000);
        CHECK(found_before->value == before->second);
      }
    }
  }
}

template <typename H>
void check_latest(H& home, const Truth& truth) {
  Store store = home.store();
  const auto latest = store.latest();
  const auto list = store.series();
  REQUIRE(latest.size() == truth.size());
  for (const LatestValue& value : latest) {
    const StoredSeries& s = store.archive().series().at(value.series);
    INFO(s.info.name());
    const auto& last = *truth.at(s.info.name()).rbegin();
    CHECK(value.time_ns == last.first * 1000);
    CHECK(value.number == last.second);
  }
  for (const StoredSeries& s : list) {
    const auto& values = truth.at(s.info.name());
    CHECK(store.extent(s) == TimeRange{values.begin()->first * 1000, values.rbegin()->first * 1000});
  }
}

}  // namespace

TEMPLATE_TEST_CASE("whatever was written is answered, while the sink writes and after it", "[archive]",
                   MESURA_EVERY_HOME) {
  const std::string fleet = GENERATE("", "ct6 units");
  const std::uint64_t seed = GENERATE(1U, 2U, 3U);
  CAPTURE(fleet, seed);
  TestType home;
  // Across the autumn's clock change of 2026-10-25.
  const std::int64_t start = 1'792'790'000 * kSecond;
  Odd odd{fleet, "meter", seed, start};
  Written written;
  auto sink = home.sink(odd.feed.table());
  for (int part = 0; part < 6; ++part) {
    odd.add(part % 2 == 0 ? "meter" : "Second one");
    for (int i = 0; i < 10; ++i) {
      std::vector<BatchPtr> batches;
      for (int b = 0; b < 300; ++b) batches.push_back(odd.next());
      // Late rows and repeats.
      std::rotate(batches.begin(), batches.begin() + static_cast<std::ptrdiff_t>(odd.upto(batches.size())),
                  batches.end());
      written.write(*sink, odd.feed, std::move(batches));
      if (odd.upto(4) == 0) sink->maintain(odd.time);
    }
    odd.time += static_cast<std::int64_t>(odd.upto(40)) * kHour;
  }
  const TimeRange all{start - kHour, odd.time + kHour};
  {
    Store store = home.store();
    compare_randomly(store, written.truth, all, seed, 20);
    check_latest(home, written.truth);
    check_neighbours(home, written.truth, all);
  }
  sink->close();
  Store store = home.store();
  compare_randomly(store, written.truth, all, seed + 100, 20);
  check_latest(home, written.truth);
  check_neighbours(home, written.truth, all);
}
