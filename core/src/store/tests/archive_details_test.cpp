// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The hard cases of every archive, one by one; as archive_contract_test.cpp, for each kind of sink.
#ifdef MESURA_STORE_HOMES
#include MESURA_STORE_HOMES
#else
#include "store/tests/homes.hpp"
#define MESURA_EVERY_HOME SqliteHome
#endif

#include "sinks/tests/rollup_feed.hpp"
#include "store/rebuild.hpp"
#include "store/tests/truth.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

using namespace mesura;
using namespace mesura::store;
using namespace mesura::store::test;
using mesura::sinks::test::as_register;
using mesura::sinks::test::attempt;
using mesura::sinks::test::Feed;
using mesura::sinks::test::kNoon;
using mesura::sinks::test::kSecond;

namespace {

constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

void settle(Sink& sink, std::int64_t now_ns) {
  for (int i = 0; i < 200; ++i) sink.maintain(now_ns);
}

/// A gauge and a register, one row a cadence.
struct Meter {
  Feed feed;
  std::uint32_t power, energy;
  Written written;

  explicit Meter(std::string fleet = {}) : feed(std::move(fleet)) {
    power = feed.number("grid", "total", "active_power", "W");
    energy = as_register(feed, feed.number("grid", "total", "active_energy_import", "Wh"));
  }
  void write(Sink& sink, std::int64_t from, std::int64_t to, std::int64_t cadence) {
    std::vector<BatchPtr> batches;
    for (std::int64_t t = from; t < to; t += cadence) {
      const auto n = static_cast<double>(t / kSecond % 100'000);
      batches.push_back(feed.batch(t, {{power, std::fmod(n * 7919, 4099) / 8}, {energy, std::floor(n / 10)}}));
      if (batches.size() < 2000 && t + cadence < to) continue;
      written.write(sink, feed, std::move(batches));
      batches.clear();
    }
  }
};

Query of(TimeRange range, std::size_t points) {
  Query query;
  query.series = {"*"};
  query.range = range;
  query.points = points;
  return query;
}

}  // namespace

TEMPLATE_TEST_CASE("rollups answer for long ranges, finer rows for their ends", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Meter meter;
  auto sink = home.sink(meter.feed.table());
  // Both clock changes; a few days around each.
  for (const std::int64_t change : {1'774'746'000 * kSecond, 1'792'890'000 * kSecond})
    meter.write(*sink, change - 3 * kDay, change + 3 * kDay, kMinute / 2);
  sink->maintain(1'792'890'000 * kSecond + 3 * kDay);
  const bool writing = GENERATE(true, false);
  if (!writing) sink->close();
  Store store = home.store();
  for (const std::int64_t change : {1'774'746'000 * kSecond, 1'792'890'000 * kSecond}) {
    const TimeRange range{change - 3 * kDay - 17 * kMinute + 5, change + 4 * kDay};
    Query query = of(range, 500);
    compare(store, query, meter.written.truth);
    CHECK(store.query(query).at(0).resolution == Resolution::quarter_hour);
    query.points = 2000;
    CHECK(store.query(query).at(0).resolution == Resolution::minute);
    query.every = 24h;
    compare(store, query, meter.written.truth);
    const Trace trace = store.query(query).at(0);
    CHECK(trace.resolution == Resolution::day);
    // From midnight to midnight on the clock of the site.
    const model::Zone zone = *model::Zone::find(kZone);
    std::vector<std::int64_t> hours;
    for (std::size_t i = 0; i < trace.points.size(); ++i) {
      CHECK(zone.to_local(trace.points[i].time_ns).hour == 0);
      if (i > 0) hours.push_back((trace.points[i].time_ns - trace.points[i - 1].time_ns) / kHour);
    }
    CHECK(std::count(hours.begin(), hours.end(), change < 1'780'000'000 * kSecond ? 23 : 25) == 1);
    for (const Resolution r : {Resolution::raw, Resolution::minute, Resolution::hour}) {
      query.every.reset();
      query.resolution = r;
      compare(store, query, meter.written.truth);
    }
  }
}

TEMPLATE_TEST_CASE("a late row is in every answer at once, before its rollups are made again and after", "[archive]",
                   MESURA_EVERY_HOME) {
  TestType home;
  Meter meter;
  auto sink = home.sink(meter.feed.table());
  meter.write(*sink, kNoon, kNoon + 2 * kDay, 10 * kSecond);
  settle(*sink, kNoon + 2 * kDay);
  Store store = home.store();
  Query query = of({kNoon - kHour, kNoon + 3 * kDay}, 100);
  compare(store, query, meter.written.truth);
  const auto before = store.query(query).at(1);
  meter.written.write(*sink, meter.feed,
                      {meter.feed.batch(kNoon + 5 * kHour + 1, {{meter.power, 1e6}, {meter.energy, 7.0}})});
  compare(store, query, meter.written.truth);
  double peak = 0;
  for (const Point& p : store.query(query).at(1).points) peak = std::max(peak, p.max);
  CHECK(peak == 1e6);
  settle(*sink, kNoon + 2 * kDay);
  compare(store, query, meter.written.truth);
  CHECK(store.query(query).at(1).resolution == before.resolution);
  sink->close();
}

TEMPLATE_TEST_CASE("more columns than a table of rollups takes", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Feed feed;
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 450; ++i) {
    ids.push_back(feed.number("wide", fmt::format("ct{}", i), "active_power", "W"));
    if (i % 3 == 0)
      ids.push_back(as_register(feed, feed.number("wide", fmt::format("ct{}", i), "active_energy_import", "Wh")));
  }
  auto sink = home.sink(feed.table());
  Written written;
  std::mt19937_64 random{5};
  for (int part = 0; part < 3; ++part) {
    std::vector<BatchPtr> batches;
    for (int row = 0; row < 40; ++row) {
      std::vector<Feed::Item> items;
      for (const std::uint32_t id : ids)
        if (random() % 4 != 0) items.push_back({id, static_cast<double>(random() % 1000)});
      batches.push_back(feed.batch(kNoon + (part * 40 + row) * kMinute, items));
    }
    written.write(*sink, feed, std::move(batches));
  }
  sink->close();
  Store store = home.store();
  Query query = of({kNoon, kNoon + 2 * kHour}, 2);
  compare(store, query, written.truth);
  CHECK(store.query(query).at(0).resolution != Resolution::raw);
  CHECK(store.latest().size() == ids.size());
}

TEMPLATE_TEST_CASE("states: changes, and the one that holds at the beginning", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Feed feed;
  const auto mode = feed.state("inverter", "total", "operating_mode");
  const auto message = feed.text("inverter", "total", "message");
  auto sink = home.sink(feed.table());
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 200; ++i) {
    batches.push_back(
        feed.batch(kNoon + i * kMinute, {{mode, static_cast<double>(i / 50)}, {message, fmt::format("m{}", i / 20)}}));
  }
  REQUIRE(attempt(*sink, batches).committed);
  Store store = home.store();
  Query query = of({kNoon + 60 * kMinute, kNoon + 160 * kMinute}, 100);
  auto traces = store.query(query);
  REQUIRE(traces.size() == 2);
  REQUIRE(traces[1].series.info.quantity == "operating_mode");
  CHECK(traces[0].series.info.text);
  CHECK_FALSE(traces[1].series.info.text);
  CHECK(traces[1].points.empty());
  REQUIRE(traces[1].states.size() == 3);
  CHECK(traces[1].states[0].time_ns <= kNoon + 60 * kMinute);
  CHECK(traces[1].states[0].number == 1);
  CHECK(traces[1].states[1].time_ns == kNoon + 100 * kMinute);
  CHECK(traces[1].states[2].number == 3);
  REQUIRE(traces[0].states.size() == 5);
  CHECK(traces[0].states[0].text == "m3");
  CHECK(traces[0].states[1].time_ns == kNoon + 80 * kMinute);
  // More changes than points: the last one of each window.
  query.points = 2;
  traces = store.query(query);
  CHECK(traces[0].window.count() > 0);
  CHECK(traces[0].states.size() <= 3);
  CHECK(traces[0].states.back().text == "m7");
  // As a whole.
  const auto extent = store.extent(traces[0].series);
  REQUIRE(extent);
  CHECK(extent->from_ns == kNoon);
  const auto latest = store.latest({"inverter/total/message"});
  REQUIRE(latest.size() == 1);
  CHECK(latest[0].text == "m9");
  CHECK_THROWS_AS(store.archive().at_or_before(traces[0].series.info.id, kNoon), StoreError);
  sink->close();
}

TEMPLATE_TEST_CASE("where raw rows have gone for their age, rollups answer", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  home.more = "retention: {raw: 1d}\n";
  Meter meter;
  auto sink = home.sink(meter.feed.table());
  const std::int64_t start = kNoon - 12 * kHour;
  meter.write(*sink, start, start + 5 * kDay, 20 * kSecond);
  settle(*sink, start + 5 * kDay);
  Store store = home.store();
  Query query = of({start, start + 5 * kDay}, 8000);
  const auto traces = store.query(query);
  CHECK(traces.at(0).resolution == Resolution::minute);
  compare(store, query, meter.written.truth);
  // Fine windows in the old part are as fine as what is left.
  query = of({start, start + kHour}, 1000);
  CHECK(store.query(query).at(1).window == 1min);
  compare(store, of({start, start + kHour}, 60), meter.written.truth);
  const std::uint32_t energy = traces.at(0).series.info.id;
  const auto sample = store.archive().at_or_before(energy, start + kDay);
  REQUIRE(sample);
  CHECK(sample->time_ns > start + kDay - kMinute - kSecond);
  CHECK(sample->time_ns <= start + kDay);
  sink->close();
}

TEMPLATE_TEST_CASE("a device that has joined a fleet is the same one", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Meter alone;
  Meter together{"units"};
  {
    auto sink = home.sink(alone.feed.table());
    alone.write(*sink, kNoon, kNoon + kHour, 10 * kSecond);
    sink->close();
  }
  auto sink = home.sink(together.feed.table());
  together.write(*sink, kNoon + kHour, kNoon + 2 * kHour, 10 * kSecond);
  Truth truth = alone.written.truth;
  for (const auto& [name, values] : together.written.truth) truth[name].insert(values.begin(), values.end());
  Store store = home.store();
  CHECK(store.series().size() == 2);
  compare(store, of({kNoon - kHour, kNoon + 3 * kHour}, 2000), truth);
  compare(store, of({kNoon - kHour, kNoon + 3 * kHour}, 20), truth);
  const auto latest = store.latest({"grid/total/active_power"});
  REQUIRE(latest.size() == 1);
  CHECK(latest[0].time_ns == kNoon + 2 * kHour - 10 * kSecond);
  CHECK(store.extent(store.series().at(0)) == TimeRange{kNoon, kNoon + 2 * kHour - 10 * kSecond});
  sink->close();
}

TEMPLATE_TEST_CASE("gaps: where nothing came for long", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Meter meter;
  auto sink = home.sink(meter.feed.table());
  meter.write(*sink, kNoon, kNoon + kHour, kSecond);
  meter.write(*sink, kNoon + kHour + 10 * kMinute, kNoon + 3 * kHour, kSecond);
  sink->close();
  Store store = home.store();
  const TimeRange gap{kNoon + kHour - kSecond, kNoon + kHour + 10 * kMinute};
  auto raw = store.query(of({kNoon, kNoon + 3 * kHour}, 20'000)).at(0);
  CHECK(raw.gaps == std::vector{gap});
  auto coarse = store.query(of({kNoon, kNoon + 3 * kHour}, 180)).at(0);
  CHECK(coarse.resolution == Resolution::minute);
  REQUIRE(coarse.gaps.size() == 1);
  CHECK(coarse.gaps[0] == TimeRange{kNoon + kHour, kNoon + kHour + 10 * kMinute});
  // To the end of the range, and over all of it.
  raw = store.query(of({kNoon + 2 * kHour, kNoon + 5 * kHour}, 20'000)).at(0);
  CHECK(raw.gaps == std::vector{TimeRange{kNoon + 3 * kHour - kSecond, kNoon + 5 * kHour}});
  raw = store.query(of({kNoon + 4 * kHour, kNoon + 5 * kHour}, 20'000)).at(0);
  CHECK(raw.gaps == std::vector{TimeRange{kNoon + 4 * kHour, kNoon + 5 * kHour}});
  CHECK(raw.points.empty());
  // Before there was anything nothing is missing.
  CHECK(store.query(of({kNoon - 2 * kHour, kNoon - kHour}, 20)).at(0).gaps.empty());
}

TEMPLATE_TEST_CASE("a slow device has no gaps for being slow", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Meter meter;
  auto sink = home.sink(meter.feed.table());
  meter.write(*sink, kNoon, kNoon + 2 * kDay, 15 * kMinute);
  sink->close();
  Store store = home.store();
  for (const std::size_t points : {1000U, 100U, 10U}) {
    const auto trace = store.query(of({kNoon, kNoon + 2 * kDay}, points)).at(0);
    INFO(points << " " << to_string(trace.resolution));
    CHECK(trace.gaps.empty());
  }
}

TEMPLATE_TEST_CASE("quality of the newest values, and quarter hours", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Feed feed;
  const auto power = feed.number("grid", "total", "active_power_import", "W");
  const auto other = feed.number("grid", "l1", "voltage", "V");
  auto sink = home.sink(feed.table());
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 3600; ++i) batches.push_back(feed.batch(kNoon + i * kSecond, {{power, 500.0}, {other, 230.0}}));
  batches.push_back(feed.batch(kNoon + kHour, {{power, 600.0, MESURA_SUSPECT}}));
  REQUIRE(attempt(*sink, batches).committed);
  sink->close();
  Store store = home.store();
  const auto latest = store.latest();
  REQUIRE(latest.size() == 2);
  CHECK(latest[0].number == 230);
  CHECK(latest[0].quality == MESURA_GOOD);
  CHECK(latest[1].number == 600);
  CHECK(latest[1].quality == MESURA_SUSPECT);
  std::vector<StoredQuarter> quarters;
  store.archive().quarters("grid", {kNoon, kNoon + kHour}, [&](const StoredQuarter& q) {
    quarters.push_back(q);
    return true;
  });
  REQUIRE(quarters.size() == 4);
  CHECK(quarters[1].start_ns == kNoon + 15 * kMinute);
  CHECK(quarters[1].average_w == 500);
  CHECK(quarters[1].samples == 900);
  CHECK(quarters[1].import_w.starts_with("[500,500"));
}

TEMPLATE_TEST_CASE("series that come later are seen by the same archive", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Feed feed;
  const auto power = feed.number("grid", "total", "active_power", "W");
  auto sink = home.sink(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  Store store = home.store();
  CHECK(store.series().size() == 1);
  const std::uint32_t id = store.series().at(0).info.id;
  const auto voltage = feed.number("attic", "l1", "voltage", "V");
  const auto second = feed.number("grid", "l2", "active_power", "W");
  REQUIRE(
      attempt(*sink, {feed.batch(kNoon + kSecond, {{voltage, 231.0}}), feed.batch(kNoon + kSecond, {{second, 3.0}})})
          .committed);
  const auto list = store.series();
  REQUIRE(list.size() == 3);
  CHECK(list[0].info.name() == "attic/l1/voltage");
  CHECK(list[2].info.name() == "grid/total/active_power");
  CHECK(list[2].info.id == id);
  CHECK(store.latest().size() == 3);
  sink->close();
}

TEMPLATE_TEST_CASE("a rebuild mends what was spoilt", "[archive][rebuild]", MESURA_EVERY_HOME) {
  TestType home;
  Meter meter;
  {
    auto sink = home.sink(meter.feed.table());
    meter.write(*sink, kNoon, kNoon + 2 * kDay, 20 * kSecond);
    sink->close();
  }
  Store store = home.store();
  const Query query = of({kNoon, kNoon + 2 * kDay}, 60);
  compare(store, query, meter.written.truth);
  home.execute("UPDATE grid_1h SET total_active_power_w_max = 99999");
  home.execute("DELETE FROM grid_1m");
  double peak = 0;
  for (const Point& p : store.query(query).at(1).points) peak = std::max(peak, p.max);
  REQUIRE(peak == 99999);

  const auto rebuild = open_rebuild(home.kind(), home.options());
  REQUIRE(rebuild);
  CHECK(rebuild->left_us() == 0);
  CHECK(rebuild->note("grid", {0, kNoon}).tables == 0);
  CHECK_THROWS_AS(rebuild->note("nobody", {0, INT64_MAX / 2}), StoreError);
  const auto noted = rebuild->note("grid", {0, INT64_MAX / 2});
  CHECK(noted.tables == 1);
  CHECK(noted.us == 2 * kDay / 1000);
  CHECK(rebuild->left_us() == noted.us);
  // At once: what is noted is not believed.
  compare(store, query, meter.written.truth);
  auto sink = home.sink(meter.feed.table());
  sink->open();
  for (int i = 0; i < 500 && rebuild->left_us() > 0; ++i) sink->maintain(kNoon + 3 * kDay);
  CHECK(rebuild->left_us() == 0);
  sink->close();
  compare(store, query, meter.written.truth);
  CHECK(store.query(query).at(1).resolution == Resolution::hour);
}

TEMPLATE_TEST_CASE("questions that make no sense", "[archive]", MESURA_EVERY_HOME) {
  TestType home;
  Meter meter;
  auto sink = home.sink(meter.feed.table());
  meter.write(*sink, kNoon, kNoon + kMinute, kSecond);
  Store store = home.store();
  const auto refused = [&](const Query& query, const std::string& text, StoreError::Cause cause) {
    try {
      (void)store.query(query);
      FAIL("it was answered");
    } catch (const StoreError& e) {
      CHECK_THAT(e.what(), mesura::test::contains(text));
      CHECK(e.cause() == cause);
    }
  };
  using Cause = StoreError::Cause;
  const TimeRange range{kNoon, kNoon + kHour};
  refused(of({kNoon, kNoon}, 10), "qry-range", Cause::question);
  refused(of({kNoon, kNoon - 1}, 10), "exchange from and to", Cause::question);
  refused(of(range, 0), "qry-points", Cause::question);
  refused(of(range, 1'000'000'000), "1 to 1000000", Cause::question);
  Query query = of(range, 10);
  query.series = {"grdi/*"};
  refused(query, "devices are grid", Cause::unknown);
  query.series = {"grid//x"};
  refused(query, "qry-series", Cause::question);
  query.series = {"*"};
  query.every = 1ns;
  refused(query, "qry-every", Cause::question);
  query.range = {0, kNoon};
  query.every = 1s;
  refused(query, "at most 1000000", Cause::question);
  query.every = 1min;
  query.resolution = Resolution::hour;
  refused(query, "rows of 1h", Cause::question);
  refused(of({INT64_MIN / 2, INT64_MAX / 2}, 1), "292 years", Cause::question);
  // Two hundred years are fine.
  compare(store, of({0, INT64_MAX / 4 * 3}, 1), meter.written.truth);
  sink->close();
}
