// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What every sink promises: one body for all. A new sink joins with its adapter in the list below.
#include "sinks/tests/exec_adapter.hpp"
#include "sinks/tests/sink_fixtures.hpp"
#ifdef MESURA_ADAPTERS
// Sinks whose far end takes its time to start have a program of their own.
#include MESURA_ADAPTERS
#elif MESURA_WITH_MQTT
#include "sinks/tests/mqtt_far_end.hpp"
#endif

#include "support/catch.hpp"

#include <fmt/format.h>

#include <limits>

using namespace mesura;
using namespace mesura::sinks::test;

namespace {

constexpr std::int64_t kNoonUs = kNoon / 1000;

std::pair<Feed::Value, std::string> good(Feed::Value value) { return {std::move(value), "good"}; }

}  // namespace

TEMPLATE_TEST_CASE("what is written is there, and a repeat changes nothing", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto energy = feed.number("grid", "total", "active_energy_import", "Wh");
  const std::vector<BatchPtr> batches{feed.batch(kNoon, {{power, 1843.27}, {energy, 441879.0}}),
                                      feed.batch(kNoon + kSecond, {{power, -0.5}, {energy, 100000.0}})};
  const Stored expected{{{"grid", "l1_active_power_w", kNoonUs}, good(1843.27)},
                        {{"grid", "total_active_energy_import_wh", kNoonUs}, good(441879.0)},
                        {{"grid", "l1_active_power_w", kNoonUs + 1'000'000}, good(-0.5)},
                        {{"grid", "total_active_energy_import_wh", kNoonUs + 1'000'000}, good(100000.0)}};
  auto sink = far.make(feed.table());
  REQUIRE(attempt(*sink, batches).committed);
  CHECK(far.read({"grid"}) == expected);
  const auto rows = far.rows({"grid"});

  SECTION("by the same sink") {
    REQUIRE(attempt(*sink, batches).committed);
    REQUIRE(attempt(*sink, {batches[0]}).committed);
  }
  SECTION("after a restart") {
    sink->close();
    sink = far.make(feed.table());
    REQUIRE(attempt(*sink, batches).committed);
  }
  CHECK(far.read({"grid"}) == expected);
  CHECK(far.rows({"grid"}) == rows);
}

TEMPLATE_TEST_CASE("partial rows of one instant merge", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto voltage = feed.number("inverter", "l1", "voltage", "V");
  const auto current = feed.number("inverter", "l1", "current", "A");
  const auto power = feed.number("inverter", "pv1", "active_power", "W");
  auto sink = far.make(feed.table());
  const auto first = feed.batch(kNoon, {{voltage, 230.1}, {current, 4.2}});
  const auto second = feed.batch(kNoon, {{power, 966.0}});

  SECTION("within one write") { REQUIRE(attempt(*sink, {first, second}).committed); }
  SECTION("in two writes") {
    REQUIRE(attempt(*sink, {first}).committed);
    REQUIRE(attempt(*sink, {second}).committed);
  }
  SECTION("with another device in between") {
    const auto other = feed.number("grid", "l1", "voltage", "V");
    REQUIRE(attempt(*sink, {first, feed.batch(kNoon, {{other, 231.0}}), second}).committed);
  }
  CHECK(far.read({"inverter"}) == Stored{{{"inverter", "l1_voltage_v", kNoonUs}, good(230.1)},
                                         {{"inverter", "l1_current_a", kNoonUs}, good(4.2)},
                                         {{"inverter", "pv1_active_power_w", kNoonUs}, good(966.0)}});
}

TEMPLATE_TEST_CASE("a newer value replaces the older one of the same instant", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  const auto frequency = feed.number("grid", "total", "frequency", "Hz");
  auto sink = far.make(feed.table());
  const auto wrong = feed.batch(kNoon, {{voltage, 23.0, MESURA_SUSPECT}, {frequency, 50.01}});
  const auto right = feed.batch(kNoon, {{voltage, 230.0}});
  SECTION("within one write") { REQUIRE(attempt(*sink, {wrong, right}).committed); }
  SECTION("in two writes") {
    REQUIRE(attempt(*sink, {wrong}).committed);
    REQUIRE(attempt(*sink, {right}).committed);
  }
  CHECK(far.read({"grid"}) == Stored{{{"grid", "l1_voltage_v", kNoonUs}, good(230.0)},
                                     {{"grid", "total_frequency_hz", kNoonUs}, good(50.01)}});
}

TEMPLATE_TEST_CASE("late and disordered data land at their own time", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto gas = feed.number("grid", "mbus1", "gas_volume", "m3");
  const auto power = feed.number("grid", "total", "active_power", "W");
  auto sink = far.make(feed.table());
  // The gas meter's own stamp is a quarter of an hour old.
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{power, 1.0}, {gas, 812.334, MESURA_GOOD, kNoon - 900 * kSecond}})})
              .committed);
  REQUIRE(attempt(*sink, {feed.batch(kNoon + 2 * kSecond, {{power, 3.0}}), feed.batch(kNoon + kSecond, {{power, 2.0}}),
                          feed.batch(kNoon - 3600 * kSecond, {{power, 0.25}})})
              .committed);
  CHECK(far.read({"grid"}) == Stored{{{"grid", "mbus1_gas_volume_m3", kNoonUs - 900'000'000}, good(812.334)},
                                     {{"grid", "total_active_power_w", kNoonUs}, good(1.0)},
                                     {{"grid", "total_active_power_w", kNoonUs + 1'000'000}, good(2.0)},
                                     {{"grid", "total_active_power_w", kNoonUs + 2'000'000}, good(3.0)},
                                     {{"grid", "total_active_power_w", kNoonUs - 3'600'000'000}, good(0.25)}});
}

TEMPLATE_TEST_CASE("new series appear later, also after a restart", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto sink = far.make(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{voltage, 229.0}})}).committed);
  const auto current = feed.number("grid", "l1", "current", "A");
  REQUIRE(attempt(*sink, {feed.batch(kNoon + kSecond, {{current, 1.0}, {voltage, 230.0}})}).committed);
  sink->close();

  Feed later{far.fleet()};  // numbers its series anew, in another order
  const auto frequency = later.number("grid", "total", "frequency", "Hz");
  const auto current2 = later.number("grid", "l1", "current", "A");
  sink = far.make(later.table());
  REQUIRE(attempt(*sink, {later.batch(kNoon + 2 * kSecond, {{frequency, 50.0}, {current2, 2.0}})}).committed);
  CHECK(far.read({"grid"}) == Stored{{{"grid", "l1_voltage_v", kNoonUs}, good(229.0)},
                                     {{"grid", "l1_voltage_v", kNoonUs + 1'000'000}, good(230.0)},
                                     {{"grid", "l1_current_a", kNoonUs + 1'000'000}, good(1.0)},
                                     {{"grid", "l1_current_a", kNoonUs + 2'000'000}, good(2.0)},
                                     {{"grid", "total_frequency_hz", kNoonUs + 2'000'000}, good(50.0)}});
}

TEMPLATE_TEST_CASE("a new label is no new series", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  auto info = feed.table().at(feed.number("cupboard", "ct2", "active_power", "W"));
  auto sink = far.make(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{info.id, 1.0}})}).committed);
  info.label = "Solar";
  const auto renamed = feed.table().add(info);
  REQUIRE(renamed != info.id);
  REQUIRE(attempt(*sink, {feed.batch(kNoon + kSecond, {{renamed, 2.0}})}).committed);
  CHECK(far.read({"cupboard"}) == Stored{{{"cupboard", "ct2_active_power_w", kNoonUs}, good(1.0)},
                                         {{"cupboard", "ct2_active_power_w", kNoonUs + 1'000'000}, good(2.0)}});
}

TEMPLATE_TEST_CASE("texts and states", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto message = feed.text("grid", "total", "message");
  const auto mode = feed.state("grid", "total", "operating_mode");
  const std::string odd = "a \"quoted\", two\r\nlines; 2026-06-14T12:00:00.000Z,,,\n";
  auto sink = far.make(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{message, odd}, {mode, 3.0}}),
                          feed.batch(kNoon + kSecond, {{message, std::string{}}, {mode, 4.0}}),
                          feed.batch(kNoon + 2 * kSecond, {{message, std::string{"Zähler 12°"}}, {mode, 3.0}})})
              .committed);
  const Stored expected{{{"grid", "total_message", kNoonUs}, good(odd)},
                        {{"grid", "total_message", kNoonUs + 1'000'000}, good(std::string{})},
                        {{"grid", "total_message", kNoonUs + 2'000'000}, good(std::string{"Zähler 12°"})},
                        {{"grid", "total_operating_mode", kNoonUs}, good(3.0)},
                        {{"grid", "total_operating_mode", kNoonUs + 1'000'000}, good(4.0)},
                        {{"grid", "total_operating_mode", kNoonUs + 2'000'000}, good(3.0)}};
  CHECK(far.read({"grid"}) == expected);
  const auto rows = far.rows({"grid"});
  sink->close();
  sink = far.make(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{message, odd}, {mode, 3.0}})}).committed);
  CHECK(far.read({"grid"}) == expected);
  CHECK(far.rows({"grid"}) == rows);
}

TEMPLATE_TEST_CASE("quality is kept", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto sink = far.make(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{power, 1.0}, {voltage, 230.0, MESURA_STALE}}),
                          feed.batch(kNoon + kSecond, {{power, 2.0, MESURA_CLOCK_SUSPECT | MESURA_SUSPECT},
                                                       {voltage, 231.0, MESURA_CLOCK_SUSPECT | MESURA_SUSPECT}}),
                          feed.batch(kNoon + 2 * kSecond, {{power, 3.0}, {voltage, 232.0}})})
              .committed);
  CHECK(far.read({"grid"}) ==
        Stored{{{"grid", "l1_active_power_w", kNoonUs}, good(1.0)},
               {{"grid", "l1_voltage_v", kNoonUs}, {230.0, "stale"}},
               {{"grid", "l1_active_power_w", kNoonUs + 1'000'000}, {2.0, "clock_suspect,suspect"}},
               {{"grid", "l1_voltage_v", kNoonUs + 1'000'000}, {231.0, "clock_suspect,suspect"}},
               {{"grid", "l1_active_power_w", kNoonUs + 2'000'000}, good(3.0)},
               {{"grid", "l1_voltage_v", kNoonUs + 2'000'000}, good(232.0)}});
}

TEMPLATE_TEST_CASE("odd names", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const std::vector<std::string> devices{"order",    "it's \"quoted\"", "Zähler Küche", "../etc/passwd",
                                         "series",   "states",          "a,b\nc",       "grid",
                                         "grid_utc", "sqlite_x",        "Grid2",        "grid2"};
  auto sink = far.make(feed.table());
  Stored expected;
  double value = 0;
  std::vector<BatchPtr> batches;
  for (const std::string& device : devices) {
    const auto id = feed.number(device, "select", "Größe", "1");
    value += 1;
    batches.push_back(feed.batch(kNoon, {{id, value}}));
    expected[{device, "select_Größe", kNoonUs}] = good(value);
  }
  REQUIRE(attempt(*sink, batches).committed);
  // SQLite takes no two columns that differ in case only; the flat name is lower case in the first place.
  Stored got = far.read(devices);
  CHECK(got.size() == expected.size());
  sink->close();
  sink = far.make(feed.table());
  REQUIRE(attempt(*sink, batches).committed);
  got = far.read(devices);
  REQUIRE(got.size() == expected.size());
  for (auto e = expected.begin(), g = got.begin(); e != expected.end(); ++e, ++g) {
    CHECK(std::get<0>(e->first) == std::get<0>(g->first));
    CHECK(e->second == g->second);
  }
}

TEMPLATE_TEST_CASE("a value that is no number is rejected, the rest is committed", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto sink = far.make(feed.table());
  const auto done =
      attempt(*sink, {feed.batch(kNoon, {{power, 1.0}, {voltage, std::numeric_limits<double>::quiet_NaN()}}),
                      feed.batch(kNoon + kSecond, {{power, std::numeric_limits<double>::infinity()}})});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 2);
  CHECK(done.rejected[0].batch == 0);
  CHECK(done.rejected[0].item == 1);
  CHECK(done.rejected[0].reason == "sink-value: grid/l1/voltage is not a finite number");
  CHECK(done.rejected[1].batch == 1);
  CHECK(done.rejected[1].item == 0);
  CHECK(far.read({"grid"}) == Stored{{{"grid", "l1_active_power_w", kNoonUs}, good(1.0)}});
}

TEMPLATE_TEST_CASE("a hundred thousand values", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 28; ++i) ids.push_back(feed.number("lab", fmt::format("ct{}", i), "active_power", "W"));
  auto sink = far.make(feed.table());
  std::vector<BatchPtr> batches;
  Stored expected;
  for (std::int64_t row = 0; row < 3600; ++row) {
    std::vector<Feed::Item> items;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const double value =
          static_cast<double>((row * 7919 + static_cast<std::int64_t>(i) * 104729) % 5'000'000 - 2'500'000) / 1000.0;
      items.push_back({ids[i], value});
      expected[{"lab", fmt::format("ct{}_active_power_w", i), kNoonUs + row * 1'000'000}] = good(value);
    }
    batches.push_back(feed.batch(kNoon + row * kSecond, items));
    if (batches.size() == 1000 || row == 3599) {
      REQUIRE(attempt(*sink, batches).committed);
      batches.clear();
    }
  }
  const Stored got = far.read({"lab"});
  CHECK(got.size() == 100'800);
  CHECK((got == expected));
}

TEMPLATE_TEST_CASE("another program's lock means retry, then it goes on", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const std::vector<BatchPtr> batches{feed.batch(kNoon, {{power, 1.0}})};
  auto sink = far.make(feed.table());
  auto held = far.lock();
  const auto refused = attempt(*sink, batches);
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-busy: "));
  held.reset();
  REQUIRE(attempt(*sink, batches).committed);
  CHECK(far.read({"grid"}) == Stored{{{"grid", "l1_active_power_w", kNoonUs}, good(1.0)}});
}

#ifdef MESURA_FILE_SINKS
TEMPLATE_TEST_CASE("a directory without permission means retry, then it goes on", "[contract]", MESURA_FILE_SINKS) {
  TestType far;
  Feed feed{far.fleet()};
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const std::vector<BatchPtr> batches{feed.batch(kNoon, {{power, 1.0}})};
  auto sink = far.make(feed.table());
  std::filesystem::permissions(far.directory(), static_cast<std::filesystem::perms>(0555));
  {
    const OrdinaryUser nobody;
    const auto refused = attempt(*sink, batches);
    CHECK_FALSE(refused.committed);
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-"));
    CHECK_THAT(refused.reason, mesura::test::contains(far.directory().string()));
  }
  std::filesystem::permissions(far.directory(), static_cast<std::filesystem::perms>(0777));
  {
    const OrdinaryUser nobody;
    REQUIRE(attempt(*sink, batches).committed);
    sink->close();
  }
  CHECK(far.read({"grid"}) == Stored{{{"grid", "l1_active_power_w", kNoonUs}, good(1.0)}});
}

TEMPLATE_TEST_CASE("a disk that takes no more means retry, nothing torn, nothing twice", "[contract]",
                   MESURA_FILE_SINKS) {
  TestType far;
  Feed feed{far.fleet()};
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto sink = far.make(feed.table());
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{power, 0.0}})}).committed);
  std::vector<BatchPtr> many;
  Stored expected{{{"grid", "l1_active_power_w", kNoonUs}, good(0.0)}};
  for (std::int64_t i = 1; i <= 40'000; ++i) {
    many.push_back(feed.batch(kNoon + i * kSecond, {{power, static_cast<double>(i) * 0.25}}));
    expected[{"grid", "l1_active_power_w", kNoonUs + i * 1'000'000}] = good(static_cast<double>(i) * 0.25);
  }
  auto small = far.small_disk();
  const auto refused = attempt(*sink, many);
  small.reset();
  CHECK_FALSE(refused.committed);
  CHECK(refused.done.size() < many.size());
  CHECK(far.rows({"grid"}) == 1 + refused.done.size());
  REQUIRE(attempt(*sink, many).committed);
  CHECK(far.rows({"grid"}) == 40'001);
  CHECK((far.read({"grid"}) == expected));
}
#endif
