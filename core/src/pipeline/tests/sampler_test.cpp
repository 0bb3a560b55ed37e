// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sampler.hpp"

#include <support/catch.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace mesura;
using pipeline::Aggregate;
using pipeline::Sampler;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
/// 2023-11-14T22:13:20Z: a multiple of 10 s.
constexpr std::int64_t kBase = 1'700'000'000 * kSecond;

struct Bench {
  SeriesTable series;
  std::uint32_t power = series.add(info("active_power", "W", Kind::gauge, false));
  std::uint32_t energy = series.add(info("active_energy_import", "Wh", Kind::reg, false));
  std::uint32_t tariff = series.add(info("tariff_indicator", "1", Kind::state, true));

  static SeriesInfo info(std::string quantity, std::string unit, Kind kind, bool text) {
    SeriesInfo i;
    i.device = "grid";
    i.channel = "total";
    i.quantity = std::move(quantity);
    i.unit = std::move(unit);
    i.kind = kind;
    i.text = text;
    return i;
  }
};

Batch batch(std::int64_t time_ns, const std::vector<std::pair<std::uint32_t, double>>& values) {
  Batch b;
  b.device = "grid";
  b.time_ns = b.received_ns = time_ns;
  for (const auto& [series, value] : values) {
    Measurement m{};
    m.time_ns = time_ns;
    m.series = series;
    m.number = value;
    b.items.push_back(m);
  }
  return b;
}

std::vector<std::uint32_t> all(const Batch& b) {
  std::vector<std::uint32_t> indexes;
  for (std::uint32_t i = 0; i < b.items.size(); ++i) indexes.push_back(i);
  return indexes;
}

/// (seconds after kBase, value) of every item of series `id`.
std::vector<std::pair<double, double>> values(const std::vector<BatchPtr>& out, std::uint32_t id) {
  std::vector<std::pair<double, double>> list;
  for (const auto& b : out)
    for (const auto& m : b->items)
      if (m.series == id) list.emplace_back(static_cast<double>(m.time_ns - kBase) / 1e9, m.number);
  return list;
}

using Values = std::vector<std::pair<double, double>>;

}  // namespace

TEST_CASE("a window's mean carries the window's end as its time") {
  Bench bench;
  Sampler sampler{bench.series, 10s, Aggregate::mean};
  std::vector<BatchPtr> out;
  for (int second = 1; second <= 21; ++second) {
    const auto b = batch(kBase + second * kSecond, {{bench.power, second * 100.0}});
    sampler.add(b, all(b), b.time_ns, out);
  }
  // (0, 10] holds 100..1000, (10, 20] holds 1100..2000; the second 21 opens the third window.
  CHECK(values(out, bench.power) == Values{{10, 550}, {20, 1550}});
}

TEST_CASE("each aggregate of the values 3, 1, 2") {
  const auto [aggregate, expected] =
      GENERATE(table<Aggregate, std::pair<double, double>>({{Aggregate::last, {3, 2}},  // at its own time
                                                            {Aggregate::mean, {10, 2}},
                                                            {Aggregate::min, {10, 1}},
                                                            {Aggregate::max, {10, 3}},
                                                            {Aggregate::sum, {10, 6}}}));
  Bench bench;
  Sampler sampler{bench.series, 10s, aggregate};
  std::vector<BatchPtr> out;
  int second = 0;
  for (const double value : {3.0, 1.0, 2.0}) {
    const auto b = batch(kBase + ++second * kSecond, {{bench.power, value}});
    sampler.add(b, all(b), b.time_ns, out);
  }
  CHECK(out.empty());
  sampler.close_idle(kBase + 23 * kSecond, out);
  CHECK(values(out, bench.power) == Values{expected});
}

TEST_CASE("registers and texts take their last value whatever the aggregate") {
  Bench bench;
  Sampler sampler{bench.series, 10s, Aggregate::mean};
  std::vector<BatchPtr> out;
  for (int second : {1, 2}) {
    auto b = batch(kBase + second * kSecond, {{bench.energy, 1000.0 + second}, {bench.tariff, 0}});
    b.texts = second == 1 ? "low" : "normal";
    b.items[1].type = MESURA_TEXT;
    b.items[1].text_size = static_cast<std::uint16_t>(b.texts.size());
    sampler.add(b, all(b), b.time_ns, out);
  }
  sampler.close_all(out);
  REQUIRE(out.size() == 1);
  CHECK(values(out, bench.energy) == Values{{2, 1002}});
  const auto& text = out[0]->items[0].type == MESURA_TEXT ? out[0]->items[0] : out[0]->items[1];
  CHECK(out[0]->text(text) == "normal");
}

TEST_CASE("what is older than the open window passes at its own time") {
  Bench bench;
  Sampler sampler{bench.series, 10s, Aggregate::mean};
  std::vector<BatchPtr> out;
  for (int second : {25, 4}) {
    const auto b = batch(kBase + second * kSecond, {{bench.power, second * 1.0}});
    sampler.add(b, all(b), b.time_ns, out);
  }
  CHECK(values(out, bench.power) == Values{{4, 4}});
}

TEST_CASE("a series that went quiet is closed two windows after its last measurement came, whatever its clock says") {
  Bench bench;
  Sampler sampler{bench.series, 10s, Aggregate::max};
  std::vector<BatchPtr> out;
  const std::int64_t steady = 5000 * kSecond;
  const auto b = batch(kBase + 3 * kSecond, {{bench.power, 7}});
  sampler.add(b, all(b), steady, out);
  sampler.close_idle(steady + 19 * kSecond, out);
  CHECK(out.empty());
  sampler.close_idle(steady + 20 * kSecond, out);
  CHECK(values(out, bench.power) == Values{{10, 7}});
  sampler.close_all(out);
  CHECK(out.size() == 1);  // it is closed once
}

TEST_CASE("half a window that must be closed stands at its last measurement, marked") {
  Bench bench;
  Sampler sampler{bench.series, 10s, Aggregate::mean};
  std::vector<BatchPtr> out;
  for (int second : {1, 4}) {
    const auto b = batch(kBase + second * kSecond, {{bench.power, second * 10.0}});
    sampler.add(b, all(b), b.time_ns, out);
  }
  sampler.close_all(out);
  CHECK(values(out, bench.power) == Values{{4, 25}});
  CHECK(out[0]->items[0].quality == MESURA_ESTIMATED);
}

TEST_CASE("qualities add up in a window") {
  Bench bench;
  Sampler sampler{bench.series, 10s, Aggregate::mean};
  std::vector<BatchPtr> out;
  for (const std::uint8_t quality : {std::uint8_t{MESURA_GOOD}, std::uint8_t{MESURA_SUSPECT}}) {
    auto b = batch(kBase + (1 + quality) * 100'000'000, {{bench.power, 1}});
    b.items[0].quality = quality;
    sampler.add(b, all(b), b.time_ns, out);
  }
  sampler.close_all(out);
  REQUIRE(out.size() == 1);
  CHECK(out[0]->items[0].quality == (MESURA_SUSPECT | MESURA_ESTIMATED));
}
