// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/derived.hpp"

#include "pipeline/pipeline.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace mesura;
using pipeline::Derived;
using pipeline::Formula;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kBase = 1'700'000'000 * kSecond;

Formula formula(const std::string& device, const std::string& text, const std::string& quantity = "active_power",
                const std::string& unit = "W", Kind kind = Kind::gauge) {
  model::Problem problem;
  auto expression = model::Expression::parse(text, problem);
  INFO(problem.message);
  REQUIRE(expression);
  Formula f{{}, std::move(*expression), {}};
  f.info.device = device;
  f.info.channel = "total";
  f.info.quantity = quantity;
  f.info.unit = unit;
  f.info.kind = kind;
  f.facts.assign(f.expression.operands().size(), {unit, kind});
  return f;
}

struct Bench {
  SeriesTable series;
  std::unique_ptr<Derived> derived;
  std::vector<std::shared_ptr<Batch>> got;

  explicit Bench(std::vector<Formula> formulas) {
    derived = std::make_unique<Derived>(series, std::move(formulas), runtime::Logger{});
  }
  std::uint32_t add(const std::string& device, const std::string& quantity = "active_power",
                    const std::string& unit = "W", Kind kind = Kind::gauge) {
    SeriesInfo info;
    info.device = device;
    info.channel = "total";
    info.quantity = quantity;
    info.unit = unit;
    info.kind = kind;
    return series.add(info);
  }
  /// Received at kBase + at; the source's clock is `clock` ahead of ours.
  void say(std::uint32_t id, std::int64_t at, double value, std::int64_t clock = 0,
           std::uint8_t quality = MESURA_GOOD) {
    Batch batch;
    batch.device = series.at(id).device;
    batch.received_ns = kBase + at;
    batch.time_ns = batch.received_ns + clock;
    Measurement m{};
    m.time_ns = batch.time_ns;
    m.series = id;
    m.number = value;
    m.quality = quality;
    batch.items.push_back(m);
    derived->apply(batch, true, got);
  }
  /// "seconds=value" of all results so far.
  std::string results() {
    std::string text;
    for (const auto& b : got)
      for (const auto& m : b->items)
        text +=
            fmt::format("{}{}={}", text.empty() ? "" : " ", static_cast<double>(m.time_ns - kBase) / kSecond, m.number);
    got.clear();
    return text;
  }
};

}  // namespace

TEST_CASE("inputs of one cadence give one result for each pair of readings") {
  Bench b{{formula("house", "grid/total + solar/total")}};
  const auto grid = b.add("grid");
  const auto solar = b.add("solar");
  for (int i = 0; i < 4; ++i) {
    b.say(grid, i * kSecond, 100 + i);
    b.say(solar, i * kSecond + 400 * kMs, 1000);
  }
  // What is usual is known from the second pair on.
  CHECK(b.results() == "1.4=1101 2.4=1102 3.4=1103");
  CHECK(b.derived->missing().empty());
}

TEST_CASE("a slow input holds its value between its readings") {
  Bench b{{formula("house", "grid/total - inverter/total")}};
  const auto grid = b.add("grid");
  const auto inverter = b.add("inverter");
  for (int i = 0; i <= 12; ++i) {
    if (i % 5 == 0) b.say(inverter, i * kSecond - 100 * kMs, i);
    b.say(grid, i * kSecond, 100);
  }
  CHECK(b.results() == "4.9=95 5=95 6=95 7=95 8=95 9=95 10=90 11=90 12=90");
}

TEST_CASE("an input that has gone silent ends the series until it is back") {
  Bench b{{formula("house", "grid/total + inverter/total")}};
  const auto grid = b.add("grid");
  const auto inverter = b.add("inverter");
  for (int i = 0; i <= 30; ++i) {
    if (i % 2 == 0 && (i <= 4 || i >= 20)) b.say(inverter, i * kSecond - 100 * kMs, 1);
    b.say(grid, i * kSecond, i);
  }
  // Silent from 3.9 on: held for 3 * 2 s, then nothing until 19.9.
  CHECK(b.results() ==
        "1.9=2 2=3 3=4 4=5 5=6 6=7 7=8 8=9 9=10 19.9=20 20=21 21=22 22=23 23=24 24=25 25=26 26=27 27=28 28=29 29=30 "
        "30=31");
}

TEST_CASE("when the fastest input is silent nothing comes") {
  Bench b{{formula("house", "grid/total + inverter/total")}};
  const auto grid = b.add("grid");
  const auto inverter = b.add("inverter");
  for (int i = 0; i <= 60; ++i) {
    if (i % 5 == 0) b.say(inverter, i * kSecond - 100 * kMs, 1);
    if (i <= 7 || i >= 57) b.say(grid, i * kSecond, i);
  }
  CHECK(b.results() == "4.9=5 5=6 6=7 7=8 57=58 58=59 59=60 60=61");
}

TEST_CASE("readings of one telegram need no cadence") {
  Bench b{{formula("house", "meter/total/active_power_import - meter/total/active_power_export")}};
  const auto taken = b.add("meter", "active_power_import");
  const auto given = b.add("meter", "active_power_export");
  Batch batch;
  batch.device = "meter";
  batch.time_ns = batch.received_ns = kBase;
  for (const auto& [id, value] : {std::pair{taken, 500.0}, std::pair{given, 20.0}}) {
    Measurement m{};
    m.time_ns = kBase;
    m.series = id;
    m.number = value;
    batch.items.push_back(m);
  }
  b.derived->apply(batch, true, b.got);
  REQUIRE(b.got.size() == 1);
  CHECK(b.got[0]->device == "house");
  CHECK(b.results() == "0=480");
  b.derived->apply(batch, true, b.got);  // the same telegram again
  CHECK(b.results().empty());
}

TEST_CASE("a meter's clock may be off, but not by minutes") {
  for (const auto& [offset, works] : {std::pair{-20 * kSecond, true}, std::pair{20 * kSecond, true},
                                      std::pair{-300 * kSecond, false}, std::pair{300 * kSecond, false}}) {
    Bench b{{formula("house", "grid/total + solar/total")}};
    const auto grid = b.add("grid");
    const auto solar = b.add("solar");
    for (int i = 0; i < 4; ++i) {
      b.say(grid, i * kSecond, 1, offset);
      b.say(solar, i * kSecond + kMs, 2);
    }
    INFO(offset);
    CHECK(b.results().empty() == !works);
  }
}

TEST_CASE("late and repeated readings make nothing new") {
  Bench b{{formula("house", "-grid/total")}};
  const auto grid = b.add("grid");
  b.say(grid, 0, 1);
  b.say(grid, 10 * kSecond, 2);
  CHECK(b.results() == "0=-1 10=-2");
  b.say(grid, 11 * kSecond, 3, -6 * kSecond);  // measured at 5, before the last
  b.say(grid, 12 * kSecond, 2, -2 * kSecond);  // measured at 10 like the last
  CHECK(b.results().empty());
  b.say(grid, 20 * kSecond, 4);
  CHECK(b.results() == "20=-4");
  // A clock that was set back for good counts from there on.
  b.say(grid, 30 * kSecond, 5, -3600 * kSecond);
  b.say(grid, 40 * kSecond, 6, -3600 * kSecond);
  CHECK(b.results() == "-3570=-5 -3560=-6");
}

TEST_CASE("derived of derived, quality and labels") {
  auto second = formula("net", "house/total * 2");
  second.info.label = "Net";
  Bench b{{formula("house", "grid/total + 1"), std::move(second)}};
  const auto grid = b.add("grid");
  b.say(grid, 0, 1, 0, MESURA_CLOCK_UNSYNCED);
  REQUIRE(b.got.size() == 2);
  CHECK(b.got[0]->device == "house");
  CHECK(b.got[1]->device == "net");
  CHECK(b.got[1]->items[0].number == 4);
  CHECK(b.got[1]->items[0].quality == (MESURA_DERIVED | MESURA_CLOCK_UNSYNCED));
  const SeriesInfo& info = b.series.at(b.got[1]->items[0].series);
  CHECK(info.flat_name == "total_active_power_w");
  CHECK(info.label == "Net");
  CHECK(info.integration == Integration::samples);
}

TEST_CASE("a division by zero is left out") {
  Bench b{{formula("house", "grid/total / grid/total")}};
  const auto grid = b.add("grid");
  b.say(grid, 0, 0);
  CHECK(b.results().empty());
  b.say(grid, kSecond, 5);
  CHECK(b.results() == "1=1");
}

TEST_CASE("a series of another unit than was assumed is not used") {
  Bench b{{formula("house", "grid/total")}};
  const auto grid = b.add("grid", "active_power", "VA");
  b.say(grid, 0, 1);
  CHECK(b.results().empty());
  CHECK(b.derived->missing() == std::vector<std::string>{"house/total/active_power needs grid/total/active_power"});
}

TEST_CASE("what is derived is integrated, observed and watched like the rest") {
  SeriesTable series;
  runtime::ManualClock clock{kBase};
  runtime::EventLoop loop{clock};
  pipeline::Integrator integrator{series};
  pipeline::Pipeline line{loop, series, integrator, [] { return true; }, {}};
  std::vector<Formula> formulas;
  formulas.push_back(formula("house", "grid/total * 2"));
  Derived derived{series, std::move(formulas), runtime::Logger{}};
  line.set_derived(&derived);
  std::vector<BatchPtr> seen;
  std::size_t watched = 0;
  line.set_observer([&](const BatchPtr& b) { seen.push_back(b); });
  line.set_watcher([&](const Batch&) { ++watched; });
  SeriesInfo info;
  info.device = "grid";
  info.channel = "total";
  info.quantity = "active_power";
  info.unit = "W";
  const auto grid = series.add(info);
  for (int i = 0; i <= 60; ++i) {
    auto batch = std::make_shared<Batch>();
    batch->device = "grid";
    batch->time_ns = batch->received_ns = kBase + i * kSecond;
    Measurement m{};
    m.time_ns = batch->time_ns;
    m.series = grid;
    m.number = 1800;
    batch->items.push_back(m);
    line.accept(std::move(batch), i < 60);
  }
  REQUIRE(seen.size() == 122);
  CHECK(watched == 120);  // the last was not live
  const Batch& last = *seen.back();
  CHECK(last.device == "house");
  REQUIRE(last.items.size() == 3);
  CHECK(last.items[0].number == 3600);
  CHECK(series.at(last.items[1].series).name() == "house/total/active_energy_import");
  CHECK(last.items[1].number == Approx(60));  // 3600 W for a minute
}
