// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/power_energy.hpp"

#include <cmath>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

std::int64_t at(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

const std::vector<TimeRange> kTwo{{0, kQuarterNs}, {kQuarterNs, 2 * kQuarterNs}};

}  // namespace

TEST_CASE("means count for the time before them, split at borders") {
  PowerWalk walk(kTwo, Integration::mean);
  for (int second = 0; second <= 1800; second += 10) walk.power(at(second), second <= 900 ? 3600 : -1800);
  const auto& r = walk.result();
  CHECK(r[0].above_wh == Approx(900));
  CHECK(r[0].below_wh == 0);
  CHECK(r[1].above_wh == 0);
  CHECK(r[1].below_wh == Approx(450));
  CHECK(r[0].covered_ns == kQuarterNs);

  PowerWalk across(kTwo, Integration::mean);
  across.power(at(890), 3600);
  across.power(at(910), 3600);
  CHECK(across.result()[0].above_wh == Approx(10));
  CHECK(across.result()[1].above_wh == Approx(10));
}

TEST_CASE("momentary values are joined by lines, through zero to both sides") {
  PowerWalk walk(kTwo, Integration::samples);
  walk.power(0, 3600);
  walk.power(at(10), -3600);
  CHECK(walk.result()[0].above_wh == Approx(2.5));
  CHECK(walk.result()[0].below_wh == Approx(2.5));
  PowerWalk border(kTwo, Integration::samples);
  border.power(at(890), 0);
  border.power(at(910), 3600);
  CHECK(border.result()[0].above_wh == Approx(2.5));
  CHECK(border.result()[1].above_wh == Approx(7.5));
}

TEST_CASE("nothing is counted across a gap") {
  for (const Integration mode : {Integration::mean, Integration::samples}) {
    PowerWalk walk(kTwo, mode);
    for (int second = 0; second <= 100; second += 5) walk.power(at(second), 3600);
    walk.power(at(116), 3600);  // 16 s > 3 * 5 s
    walk.power(at(131), 3600);  // 15 s is none
    CHECK(walk.result()[0].above_wh == Approx(115));
    CHECK(walk.result()[0].covered_ns == at(115));
    // Repeats, late values and nonsense.
    walk.power(at(131), 1e9);
    walk.power(at(50), 1e9);
    walk.power(at(132), NAN);
    CHECK(walk.result()[0].above_wh == Approx(115));
  }
}

TEST_CASE("a device that has become slower is no endless gap") {
  Cadence cadence;
  for (int i = 0; i < 10; ++i) CHECK_FALSE(cadence.is_gap(at(1)));
  CHECK(cadence.is_gap(at(30)));
  CHECK(cadence.is_gap(at(30)));
  CHECK_FALSE(cadence.is_gap(at(30)));
  CHECK_FALSE(cadence.is_gap(at(60)));
  CHECK(Cadence{}.is_gap(at(3600)));
}

TEST_CASE("stretches of known mean") {
  PowerWalk walk(kTwo, Integration::samples);
  walk.stretch({0, at(600)}, at(600), 1200, 100, 2000);
  CHECK(walk.result()[0].above_wh == Approx(200));
  CHECK(walk.result()[0].below_wh == 0);
  // Values spread evenly from -1000 to 1000: a quarter of the span to each side.
  walk.stretch({at(600), at(900)}, at(300), 0, -1000, 1000);
  CHECK(walk.result()[0].above_wh == Approx(200 + 250.0 / 12));
  CHECK(walk.result()[0].below_wh == Approx(250.0 / 12));
  // Half of the time at either extreme is the most that a mean allows; the mean itself always comes out.
  walk.stretch({at(900), at(1800)}, at(450), -500, -600, 10);
  const PowerEnergy second = walk.result()[1];
  CHECK(second.above_wh - second.below_wh == Approx(-500.0 / 8));
  CHECK(second.above_wh >= 0);
  CHECK(second.above_wh < 10.0 / 8);
  CHECK(second.covered_ns == at(450));
}

TEST_CASE("powers after a stretch go on from its end") {
  PowerWalk walk(kTwo, Integration::mean);
  walk.stretch({0, at(600)}, at(600), 3600, 3600, 3600);
  walk.power(at(598), 3600);
  for (int second = 603; second <= 898; second += 5) walk.power(at(second), 3600);
  CHECK(walk.result()[0].above_wh == Approx(898));
}

}  // namespace mesura::energy
