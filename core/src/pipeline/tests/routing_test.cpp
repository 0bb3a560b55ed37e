// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pipeline.hpp"

#include <support/catch.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace mesura;
using pipeline::Aggregate;
using pipeline::Pipeline;
using pipeline::Route;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBase = 1'700'000'000 * kSecond;

struct House {
  runtime::ManualClock clock{kBase};
  runtime::EventLoop loop{clock};
  SeriesTable series;
  bool synchronised = true;
  pipeline::Integrator integrator{series};
  Pipeline pipeline{loop, series, integrator, [this] { return synchronised; }, {}};
  std::uint32_t power = add("grid", "total", "active_power");
  std::uint32_t voltage = add("grid", "l1", "voltage");
  std::uint32_t solar = add("inverter", "pv1", "active_power");
  std::vector<BatchPtr> waveforms;  // output 2 takes only those
  std::vector<std::vector<BatchPtr>> got = std::vector<std::vector<BatchPtr>>(2);

  std::uint32_t add(const std::string& device, const std::string& channel, const std::string& quantity) {
    SeriesInfo i;
    i.device = device;
    i.channel = channel;
    i.quantity = quantity;
    return series.add(i);
  }
  void routes(std::vector<Route> list) {
    pipeline.set_routes(std::move(list), {{[this](BatchPtr b) { got[0].push_back(std::move(b)); }},
                                          {[this](BatchPtr b) { got[1].push_back(std::move(b)); }},
                                          {[this](BatchPtr b) { waveforms.push_back(std::move(b)); }, false, true}});
  }
  void accept(const std::string& device, std::int64_t time_ns,
              const std::vector<std::pair<std::uint32_t, double>>& values) {
    auto b = std::make_shared<Batch>();
    b->device = device;
    b->time_ns = b->received_ns = time_ns;
    for (const auto& [id, value] : values) {
      Measurement m{};
      m.time_ns = time_ns;
      m.series = id;
      m.number = value;
      b->items.push_back(m);
    }
    pipeline.accept(std::move(b), true);
  }
  [[nodiscard]] std::vector<std::uint32_t> ids(std::size_t output) const {
    std::vector<std::uint32_t> list;
    for (const auto& b : got[output])
      for (const auto& m : b->items) list.push_back(m.series);
    return list;
  }
};

Route route(const std::vector<std::string>& globs, std::vector<std::size_t> outputs,
            std::chrono::nanoseconds every = 0ns, Aggregate aggregate = Aggregate::last) {
  Route r;
  for (const auto& g : globs) r.from.push_back(model::Glob::parse(g).value());
  r.outputs = std::move(outputs);
  r.every = every;
  r.aggregate = aggregate;
  return r;
}

using Ids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("a series goes where its routes lead, once to each output") {
  House house;
  house.routes({route({"*"}, {0}), route({"grid/total", "grid/*/active_power"}, {0, 1})});
  house.accept("grid", kBase, {{house.power, 1}, {house.voltage, 230}});
  house.accept("inverter", kBase, {{house.solar, 2}});
  CHECK(house.ids(0) == Ids{house.power, house.voltage, house.solar});
  CHECK(house.ids(1) == Ids{house.power});
}

TEST_CASE("a batch that goes whole is handed on without a copy") {
  House house;
  house.routes({route({"grid"}, {0}), route({"grid/l1"}, {1})});
  house.accept("grid", kBase, {{house.power, 1}, {house.voltage, 230}});
  REQUIRE(house.got[0].size() == 1);
  CHECK(house.got[0][0].use_count() == 1);
  CHECK(house.got[0][0] != house.got[1][0]);
}

TEST_CASE("a block of waveform goes to those that take waveforms, measurements to the others") {
  House house;
  house.routes({route({"*"}, {0, 2}), route({"lab/waveform", "lab"}, {1, 2})});
  auto block = std::make_shared<Batch>();
  block->device = "lab";
  block->waveform = std::make_shared<Waveform>();
  house.pipeline.accept(block, true);
  house.accept("grid", kBase, {{house.power, 1}});
  CHECK(house.waveforms == std::vector<BatchPtr>{block});
  CHECK(house.ids(0) == Ids{house.power});
  CHECK(house.got[1].empty());
}

TEST_CASE("a route that names a fleet takes all its devices") {
  House house;
  SeriesInfo info;
  info.device = "shed";
  info.fleet = "units";
  info.channel = "ct1";
  info.quantity = "active_power";
  const auto power = house.series.add(info);
  house.routes({route({"units/ct1"}, {0}), route({"shed"}, {1})});
  house.accept("shed", kBase, {{power, 1}});
  house.accept("grid", kBase, {{house.power, 1}});
  CHECK(house.ids(0) == Ids{power});
  CHECK(house.ids(1) == Ids{power});
}

TEST_CASE("texts travel with the series that a route takes") {
  House house;
  house.routes({route({"grid/l1"}, {0})});
  auto b = std::make_shared<Batch>();
  b->device = "grid";
  b->time_ns = b->received_ns = kBase;
  b->texts = "onetwo";
  for (const auto& [id, offset] : {std::pair{house.power, 0U}, std::pair{house.voltage, 3U}}) {
    Measurement m{};
    m.time_ns = kBase;
    m.series = id;
    m.type = MESURA_TEXT;
    m.text_offset = offset;
    m.text_size = 3;
    b->items.push_back(m);
  }
  house.pipeline.accept(std::move(b), true);
  REQUIRE(house.ids(0) == Ids{house.voltage});
  CHECK(house.got[0][0]->text(house.got[0][0]->items[0]) == "two");
}

TEST_CASE("a thinned route and a full one live side by side") {
  House house;
  house.routes({route({"*"}, {0}), route({"*"}, {1}, 10s, Aggregate::mean)});
  for (int i = 1; i <= 11; ++i) house.accept("grid", kBase + i * kSecond, {{house.power, i * 1.0}});
  CHECK(house.got[0].size() == 11);
  REQUIRE(house.got[1].size() == 1);
  CHECK(house.got[1][0]->items[0].number == 5.5);
  CHECK(house.got[1][0]->items[0].time_ns == kBase + 10 * kSecond);
}

TEST_CASE("new routes first close what the old ones hold, a stop closes the rest") {
  House house;
  house.routes({route({"*"}, {0}, 10s, Aggregate::max)});
  house.accept("grid", kBase + kSecond, {{house.power, 4}});
  house.routes({route({"*"}, {1}, 10s, Aggregate::max)});
  CHECK(house.ids(0) == Ids{house.power});
  house.accept("grid", kBase + 11 * kSecond, {{house.power, 5}});
  CHECK(house.got[1].empty());
  house.pipeline.flush();
  CHECK(house.ids(1) == Ids{house.power});
}

TEST_CASE("a thinned series that goes quiet is closed by the clock") {
  House house;
  house.routes({route({"*"}, {0}, 10s, Aggregate::mean)});
  house.accept("grid", kBase + kSecond, {{house.power, 4}});
  for (int i = 0; i < 3; ++i) {
    house.clock.advance(10 * kSecond);
    house.loop.run_once(0ns);
  }
  CHECK(house.ids(0) == Ids{house.power});
}

TEST_CASE("measurements wait for the clock and are routed when it is right") {
  House house;
  house.synchronised = false;
  house.routes({route({"*"}, {0})});
  house.accept("grid", kBase, {{house.power, 4}});
  CHECK(house.got[0].empty());
  house.clock.set_wall(kBase + 3600 * kSecond);
  house.synchronised = true;
  house.clock.advance(kSecond);
  house.loop.run_once(0ns);
  REQUIRE(house.ids(0) == Ids{house.power});
  CHECK(house.got[0][0]->items[0].time_ns == kBase + 3600 * kSecond);
}

TEST_CASE("a recording is not subject to the rules of time") {
  House house;
  house.synchronised = false;
  house.routes({route({"*"}, {0})});
  auto b = std::make_shared<Batch>();
  b->device = "grid";
  b->time_ns = b->received_ns = kBase;
  b->items.push_back(Measurement{kBase, 1, house.power, 0, 0, MESURA_NUMBER, MESURA_GOOD});
  house.pipeline.accept(std::move(b), false);
  CHECK(house.ids(0) == Ids{house.power});
}
