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
#include "store/tests/truth.hpp"

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
