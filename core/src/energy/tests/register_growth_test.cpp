// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/register_growth.hpp"

#include <algorithm>
#include <random>

#include "energy/tests/times.hpp"

namespace mesura::energy {
namespace {

const RegisterRules kEnergy = RegisterRules::of("Wh");

std::int64_t at(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

std::vector<TimeRange> quarters(int count) {
  std::vector<TimeRange> out;
  for (int i = 0; i < count; ++i) out.push_back({i * kQuarterNs, (i + 1) * kQuarterNs});
  return out;
}

std::vector<store::Growth> grow(const std::vector<TimeRange>& windows, const std::vector<Reading>& readings) {
  GrowthWalk walk(windows, kEnergy);
  for (const Reading& r : readings) walk.reading(r);
  return walk.finish();
}

}  // namespace

TEST_CASE("a step up is growth, a step down an epoch") {
  CHECK(step({0, 1000}, {at(10), 1004}, kEnergy).growth == 4);
  CHECK_FALSE(step({0, 1000}, {at(10), 1004}, kEnergy).epoch);
  const Step reset = step({0, 1000}, {at(10), 12}, kEnergy);
  CHECK(reset.growth == 0);
  CHECK(reset.epoch);
  // 999999.990 kWh rolls over; a meter swapped at 500000 kWh does not.
  const Step over = step({0, 999'999'990}, {at(10), 15}, kEnergy);
  CHECK(over.growth == 25);
  CHECK(over.epoch);
  CHECK(step({0, 500'000'000}, {at(10), 15}, kEnergy).growth == 0);
  // Near the end of its digits, but the new value is none of a register that went round.
  CHECK(step({0, 999'999'990}, {at(10), 5'000'000}, kEnergy).growth == 0);
  // Inverters have eight digits.
  CHECK(step({0, 99'999'999}, {at(60), 2}, kEnergy).growth == 3);
  CHECK(step({0, 99'999.9}, {at(60), 0.3}, RegisterRules::of("m3")).growth == Approx(0.4));
  // Another meter that stands higher: 40 MWh in ten seconds.
  const Step swap = step({0, 12'000'000}, {at(10), 52'000'000}, kEnergy);
  CHECK(swap.growth == 0);
  CHECK(swap.epoch);
  // The same in four days is a factory.
  CHECK(step({0, 12'000'000}, {at(4 * 86400), 52'000'000}, kEnergy).growth == 40'000'000);
  CHECK(step({0, 1}, {at(1), NAN}, kEnergy).growth == 0);
}

TEST_CASE("borders take the first reading after them, or are interpolated") {
  const auto windows = quarters(3);
  const auto exact = grow(windows, {{0, 100}, {at(900), 500}, {at(1800), 600}, {at(2700), 1000}});
  CHECK(exact[0].amount == 400);
  CHECK(exact[1].amount == 100);
  CHECK(exact[2].amount == 400);
  CHECK_FALSE(exact[0].estimated);

  // 10 s late is in time, 11 s is not: a tenth of the step beside the border then, and no gap yet.
  const auto late =
      grow(windows, {{0, 0}, {at(890), 890}, {at(910), 910}, {at(1790), 1790}, {at(1811), 1811}, {at(2700), 2700}});
  CHECK(late[0].amount == 910);
  CHECK(late[1].amount == Approx(1790 + 21 * 10.0 / 21 - 910));
  CHECK_FALSE(late[1].estimated);

  // Twenty minutes of silence over a border.
  const auto gap = grow(windows, {{0, 0}, {at(600), 600}, {at(1800), 3000}, {at(2700), 3900}});
  CHECK(gap[0].amount == Approx(600 + 2400.0 * 300 / 1200));
  CHECK(gap[0].estimated);
  CHECK(gap[1].estimated);
  CHECK(gap[0].amount + gap[1].amount == 3000);
  CHECK_FALSE(gap[2].estimated);
}

TEST_CASE("windows before, after and around the readings") {
  const auto windows = quarters(4);
  const auto inside = grow(windows, {{at(1000), 10}, {at(1100), 20}, {at(2000), 30}});
  CHECK(inside[0].amount == 0);
  CHECK(inside[1].amount + inside[2].amount == Approx(20));
  CHECK(inside[3].amount == 0);
  CHECK(grow(windows, {})[1].amount == 0);
  CHECK(grow(windows, {{at(1000), 10}})[1].amount == 0);
  // Repeats and late ones.
  CHECK(grow(windows, {{0, 0}, {at(900), 5}, {at(900), 7}, {at(10), 900}, {at(1800), 9}})[1].amount == 4);
  CHECK(grow({}, {{0, 1}, {1, 2}}).empty());
}

TEST_CASE("resets and swaps are counted where they were and cost no growth") {
  const auto windows = quarters(2);
  const auto reset = grow(windows, {{0, 5000}, {at(300), 5100}, {at(310), 0}, {at(900), 50}, {at(1800), 80}});
  CHECK(reset[0].amount == 150);
  CHECK(reset[0].epochs == 1);
  CHECK(reset[1].amount == 30);
  CHECK(reset[1].epochs == 0);
  // At the border itself: the reading that it takes still belongs before.
  const auto border = grow(windows, {{0, 5000}, {at(890), 5100}, {at(905), 0}, {at(1800), 30}});
  CHECK(border[0].epochs == 1);
  CHECK(border[0].amount == 100);
  CHECK(border[1].amount == 30);
  const auto twice = grow(windows, {{0, 10}, {at(100), 0}, {at(200), 7}, {at(300), 1}, {at(1800), 2}});
  CHECK(twice[0].epochs + twice[1].epochs == 2);
  CHECK(twice[0].amount + twice[1].amount == Approx(8));
}

TEST_CASE("readings beside borders and epochs say as much as all of them") {
  std::mt19937 random{7};
  const auto windows = quarters(20);
  std::vector<Reading> all;
  double value = 999'980'000;
  for (int second = 0; second <= 20 * 900; ++second) {
    value += static_cast<double>(random() % 3);
    if (second == 5000 || second == 11'111) value = 40;
    if (value >= 1e9) value -= 1e9;
    if (second > 7000 && second < 9500) continue;  // silence
    all.push_back({at(second), value});
  }
  std::vector<Reading> few;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto near_border = [&](std::int64_t t) {
      const std::int64_t border = floor_to(t + 12 * kSecondNs, kQuarterNs);
      return t >= border - 12 * kSecondNs && t <= border + 12 * kSecondNs;
    };
    const bool epoch =
        (i > 0 && all[i].value < all[i - 1].value) || (i + 1 < all.size() && all[i + 1].value < all[i].value);
    const bool silence = (i > 0 && all[i].time_ns - all[i - 1].time_ns > kSecondNs) ||
                         (i + 1 < all.size() && all[i + 1].time_ns - all[i].time_ns > kSecondNs);
    if (near_border(all[i].time_ns) || epoch || silence) few.push_back(all[i]);
  }
  REQUIRE(few.size() < all.size() / 20);
  const auto a = grow(windows, all);
  const auto b = grow(windows, few);
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].amount == b[i].amount);
    CHECK(a[i].epochs == b[i].epochs);
    CHECK(a[i].estimated == b[i].estimated);
  }
  CHECK(std::count_if(a.begin(), a.end(), [](const auto& g) { return g.epochs > 0; }) == 2);
}

}  // namespace mesura::energy
