// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A day in the virtual house, its panels and its battery.
#include "virtual_house/house.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "support/catch.hpp"
#include "virtual_house/clock.hpp"
#include "virtual_house/parse.hpp"
#include "virtual_house/random.hpp"

using namespace mesura::virtual_house;

namespace {

UtcSeconds utc(std::string_view text) { return parse_utc(text).value(); }

std::int64_t total_mw(const Instant& now) { return now.grid_mw(0) + now.grid_mw(1) + now.grid_mw(2); }

Setup big_house() {
  Setup setup;
  setup.phases = 3;
  setup.pv_watts = 6000;
  setup.battery_wh = 7000;
  setup.seed = 3;
  return setup;
}

/// Everything of an instant in one number.
std::uint64_t digest(std::uint64_t before, const Instant& now) {
  const auto add = [&before](std::int64_t x) { before = scramble(before ^ static_cast<std::uint64_t>(x)); };
  for (std::size_t p = 0; p < kPhases; ++p) {
    add(now.grid_mw(p));
    add(now.load_mvar[p]);
  }
  return before;
}

bool equal(const Instant& a, const Instant& b) {
  return a.load_mw == b.load_mw && a.load_mvar == b.load_mvar && a.pv_mw == b.pv_mw && a.battery_mw == b.battery_mw &&
         a.battery_permille == b.battery_permille && a.voltage_mv == b.voltage_mv && a.frequency_mhz == b.frequency_mhz;
}

}  // namespace

TEST_CASE("house: plausible at night, at noon and in the evening, the same for the same seed") {
  Setup setup = big_house();
  setup.pv_watts = 4000;
  setup.battery_wh = 0;
  const auto house = make_profile("house", setup);
  const auto again = make_profile("house", setup);
  setup.seed = 4;
  const auto neighbour = make_profile("house", setup);
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  int differences = 0;
  bool same = true;
  for (UtcSeconds t = utc("2024-06-10T22:00:00Z"); t < utc("2024-06-11T22:00:00Z"); ++t) {
    const Instant a = house->at(t);
    same = same && equal(a, again->at(t));
    differences += a.load_mw != neighbour->at(t).load_mw ? 1 : 0;
    lowest = std::min(lowest, total_mw(a));
    highest = std::max(highest, total_mw(a));
  }
  CHECK(same);
  CHECK(lowest < -800'000);
  CHECK(lowest > -4'000'000);
  CHECK(highest > 2'000'000);
  CHECK(highest < 9'000'000);
  CHECK(differences > 80'000);
  // At three in the morning nothing but base load and fridge.
  CHECK(total_mw(house->at(utc("2024-06-11T01:00:00Z"))) < 650'000);
}

TEST_CASE("house: its days never change, so that a seed means the same bytes in every version") {
  Setup setup = big_house();
  setup.battery_wh = 0;
  std::uint64_t days = 0;
  for (const int phases : {1, 3}) {
    setup.phases = phases;
    const auto house = make_profile("house", setup);
    for (const char* day : {"2024-02-05T00:00:00Z", "2024-03-31T00:00:00Z", "2024-06-11T00:00:00Z"})
      for (std::int64_t second = 0; second < kDaySeconds; second += 7)
        days = digest(days, house->at(utc(day) + second));
  }
  CHECK(days == 0xb80bb63bffa853e6u);
}

TEST_CASE("house: a single-phase house has everything on l1") {
  Setup setup = big_house();
  setup.battery_wh = 0;
  const auto three = make_profile("house", setup);
  setup.phases = 1;
  const auto one = make_profile("house", setup);
  for (UtcSeconds t = utc("2024-06-11T00:00:00Z"); t < utc("2024-06-12T00:00:00Z"); t += 59) {
    const Instant a = one->at(t);
    const Instant b = three->at(t);
    REQUIRE(a.load_mw == PerPhase{b.load_mw[0] + b.load_mw[1] + b.load_mw[2], 0, 0});
    REQUIRE(a.pv_mw[1] == 0);
    // A third of whole watts loses at most two of them.
    REQUIRE(std::abs(a.pv_mw[0] - 3 * b.pv_mw[0]) <= 2000);
    REQUIRE(b.pv_mw == PerPhase{b.pv_mw[0], b.pv_mw[0], b.pv_mw[0]});
  }
}

TEST_CASE("house battery: within its limits all year, without a jump, also where the clocks change") {
  const auto house = make_profile("house", big_house());
  for (const char* day :
       {"2024-01-15T00:00:00Z", "2024-03-30T12:00:00Z", "2024-06-11T00:00:00Z", "2024-10-26T12:00:00Z"}) {
    std::int64_t stored_mws = -1;  // followed from the power alone
    std::int64_t charged = 0;
    std::int64_t discharged = 0;
    for (UtcSeconds t = utc(day); t < utc(day) + 2 * kDaySeconds; ++t) {
      const Instant now = house->at(t);
      if (stored_mws < 0) stored_mws = now.battery_permille * 7 * 3'600'000;
      REQUIRE(now.battery_permille >= 99);
      REQUIRE(now.battery_permille <= 1000);
      REQUIRE(std::abs(now.battery_mw) <= 3'500'000);
      REQUIRE(std::abs(stored_mws / (7 * 3'600'000) - now.battery_permille) <= 1);
      stored_mws += now.battery_mw;
      (now.battery_mw > 0 ? charged : discharged) += now.battery_mw;
    }
    INFO(day);
    CHECK(charged >= 0);
    if (std::string_view{day}.substr(5, 2) == "06") {
      CHECK(charged > 3'000LL * 3'600'000);
      CHECK(discharged < -3'000LL * 3'600'000);
    }
  }
}

TEST_CASE("house battery: takes the surplus at noon, gives to the evening's cooking, rests in the morning") {
  const auto house = make_profile("house", big_house());
  const auto without = [] {
    Setup setup = big_house();
    setup.battery_wh = 0;
    return make_profile("house", setup);
  }();
  int relieved = 0;
  for (UtcSeconds t = utc("2024-06-11T04:00:00Z"); t < utc("2024-06-12T00:00:00Z"); t += 60) {
    const Instant now = house->at(t);
    const std::int64_t need = total_mw(without->at(t));
    // Decided on whole minutes: there it never makes export out of import, nor the other way round.
    if (need > 0) REQUIRE(now.battery_mw <= 0);
    if (need > 0) REQUIRE(need + now.battery_mw >= 0);
    if (need < 0) REQUIRE(now.battery_mw >= 0);
    if (need < 0) REQUIRE(need + now.battery_mw <= 0);
    relieved += now.battery_mw < 0 ? 1 : 0;
    if (t < utc("2024-06-11T15:00:00Z")) REQUIRE(now.battery_mw >= 0);
  }
  CHECK(relieved > 60);
  CHECK(house->at(utc("2024-06-12T04:00:00Z")).battery_permille == 100);
  CHECK(house->at(utc("2024-06-11T15:00:00Z")).battery_permille > 900);
}

TEST_CASE("house battery: an instant does not depend on how one got there") {
  const auto stroll = make_profile("house", big_house());
  const auto leap = make_profile("house", big_house());
  const UtcSeconds begin = utc("2024-06-10T00:00:00Z");
  for (std::int64_t k = 0; k < 300; ++k) {
    const UtcSeconds t = begin + static_cast<std::int64_t>(chance_of(9, 1, k) % (3 * kDaySeconds));
    const auto fresh = make_profile("house", big_house());
    REQUIRE(equal(leap->at(t), fresh->at(t)));
    REQUIRE(equal(stroll->at(begin + k * 800), leap->at(begin + k * 800)));
  }
}

TEST_CASE("house: voltage and frequency wander a little, and the street's cable has a resistance") {
  const auto house = make_profile("house", big_house());
  std::int64_t lowest = 230'000;
  std::int64_t highest = 230'000;
  for (UtcSeconds t = utc("2024-06-11T00:00:00Z"); t < utc("2024-06-12T00:00:00Z"); t += 11) {
    const Instant now = house->at(t);
    REQUIRE(std::abs(now.frequency_mhz - 50'000) <= 40);
    for (const std::int64_t mv : now.voltage_mv) {
      lowest = std::min(lowest, mv);
      highest = std::max(highest, mv);
    }
  }
  CHECK(lowest > 225'000);
  CHECK(lowest < 229'000);
  CHECK(highest < 236'000);
  CHECK(highest > 231'000);
}
