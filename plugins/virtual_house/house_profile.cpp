// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_house/house_profile.hpp"

#include "virtual_house/random.hpp"

namespace mesura::virtual_house {
namespace {

enum What : std::uint64_t {
  kBase = 1,
  kFridge,
  kKettle,
  kWashing,
  kCooking,
  kClouds,
  kWeather,
  kStreet = 32,
  kFlicker = 36,
  kFrequency = 40
};

constexpr std::int64_t hhmm(std::int64_t hours, std::int64_t minutes) { return (hours * 60 + minutes) * 60; }

constexpr std::int64_t kNominalMillivolts = 230'000;
constexpr std::int64_t kStreetMillivolts = 2'500;
constexpr std::int64_t kFlickerMillivolts = 300;
constexpr std::int64_t kCableMillivoltsPerKilowatt = 400;
constexpr std::int64_t kNominalMillihertz = 50'000;
constexpr std::int64_t kWanderMillihertz = 40;

/// Chance in percent that somebody boils water in a half hour that begins in this hour.
constexpr int kKettlePercent[24] = {0,  0,  0,  0,  0,  2,  30, 70, 45, 20, 30, 15,
                                    45, 25, 20, 35, 30, 25, 40, 30, 25, 20, 10, 3};

/// Sunrise and sunset (minutes of the local wall clock) and the clear midday sky in percent of the panels' peak at 51
/// degrees north, by month.
struct SunMonth {
  int rise;
  int set;
  int percent;
};
constexpr SunMonth kSun[12] = {{523, 1015, 32}, {475, 1070, 48}, {415, 1120, 66}, {410, 1230, 82},
                               {355, 1280, 90}, {330, 1320, 94}, {345, 1310, 92}, {390, 1260, 84},
                               {435, 1190, 70}, {485, 1120, 52}, {480, 1010, 36}, {518, 992, 27}};

}  // namespace

HouseProfile::HouseProfile(const Setup& setup)
    : phases_(setup.phases),
      seed_(setup.seed),
      pv_watts_(setup.pv_watts),
      clock_(setup.zone),
      battery_(setup.battery_wh) {}

std::int64_t HouseProfile::base_watts(const Moment& m) const {
  return 150 + wander(seed_, kBase, m.t, 240) * 45 / 1000;
}

std::int64_t HouseProfile::fridge_watts(const Moment& m) const {
  constexpr std::int64_t kCycle = 2700;
  constexpr std::int64_t kRunning = 960;
  const std::int64_t shift = static_cast<std::int64_t>(chance_of(seed_, kFridge, 0) % kCycle);
  const std::int64_t in = (m.t + shift) - floor_to(m.t + shift, kCycle);
  // The compressor's first seconds take several times its running power.
  if (in < 2) return 420;
  return in < kRunning ? 92 : 0;
}

std::int64_t HouseProfile::kettle_watts(const Moment& m) const {
  constexpr std::int64_t kSlot = 1800;
  const std::int64_t slot = m.second / kSlot;
  const std::uint64_t chance = chance_of(seed_, kKettle, m.day * 48 + slot);
  if (static_cast<int>(chance % 100) >= kKettlePercent[m.second / 3600]) return 0;
  const auto begin = static_cast<std::int64_t>((chance >> 16) % 1400);
  const auto length = static_cast<std::int64_t>(110 + (chance >> 32) % 150);
  const std::int64_t in = m.second - slot * kSlot - begin;
  return in >= 0 && in < length ? 2050 : 0;
}

std::int64_t HouseProfile::washing_watts(const Moment& m) const {
  const std::uint64_t chance = chance_of(seed_, kWashing, m.day);
  if (chance % 3 != 0) return 0;
  const std::int64_t begin = hhmm(9, 30) + static_cast<std::int64_t>((chance >> 16) % 14400);
  const std::int64_t in = m.second - begin;
  if (in < 0 || in >= hhmm(1, 35)) return 0;
  if (in < hhmm(0, 4) || in >= hhmm(0, 26)) return in >= hhmm(1, 22) ? 480 : 110;  // filling, drum; spin at the end
  return 2080;                                                                     // heating
}

std::int64_t HouseProfile::cooking_watts(const Moment& m) const {
  const std::uint64_t chance = chance_of(seed_, kCooking, m.day);
  const std::int64_t begin = hhmm(17, 20) + static_cast<std::int64_t>(chance % 4200);
  const std::int64_t length = 2400 + static_cast<std::int64_t>((chance >> 16) % 2700);
  const std::int64_t in = m.second - begin;
  if (in < 0 || in >= length) return 0;
  // The oven heats up for ten minutes, then its thermostat clicks; the hob runs beside it.
  const std::int64_t oven = in < 600 || in % 85 < 40 ? 2250 : 0;
  const std::int64_t hob = in > 700 && in % 41 < 22 ? 1400 : 0;
  return oven + hob;
}

std::int64_t HouseProfile::light_watts(const Moment& m) const {
  if (m.second >= hhmm(6, 40) && m.second < hhmm(8, 15)) return 95;
  if (m.second >= hhmm(17, 45) && m.second < hhmm(23, 10)) return 230;
  return 0;
}

std::int64_t HouseProfile::pv_watts(const Moment& m) const {
  if (pv_watts_ == 0) return 0;
  const SunMonth& sun = kSun[clock_.local(m.t).month - 1];
  const std::int64_t rise = hhmm(0, sun.rise);
  const std::int64_t set = hhmm(0, sun.set);
  if (m.second <= rise || m.second >= set) return 0;
  // 4x(1-x) between sunrise and sunset, in millionths; its square root would be too wide, its square too narrow.
  const std::int64_t x = (m.second - rise) * 1'000'000 / (set - rise);
  const std::int64_t height = 4 * x * (1'000'000 - x) / 1'000'000;
  // A grey day halves the sun; passing clouds take up to four fifths of it for minutes.
  const std::int64_t grey = 500 + static_cast<std::int64_t>(chance_of(seed_, kWeather, m.day) % 501);
  const std::int64_t cloud = wander(seed_, kClouds, m.t, 170);
  const std::int64_t sky = cloud > 250 ? grey * (1000 - (cloud - 250)) / 1000 : grey;
  return pv_watts_ * sun.percent / 100 * height / 1'000'000 * sky / 1000;
}

Instant HouseProfile::without_battery(UtcSeconds t) const {
  const std::int64_t wall = t + clock_.offset_seconds(t);
  const std::int64_t midnight = floor_to(wall, kDaySeconds);
  const Moment m{t, midnight / kDaySeconds, wall - midnight};

  const std::int64_t base = base_watts(m);
  const std::int64_t motors = fridge_watts(m);
  const PerPhase drawn{base + kettle_watts(m) + light_watts(m), motors + washing_watts(m), cooking_watts(m)};
  const std::int64_t sun = pv_watts(m);
  Instant now;
  for (std::size_t p = 0; p < kPhases; ++p) {
    const std::size_t to = phases_ == 3 ? p : 0;
    const std::int64_t part = phases_ == 3 ? sun / 3 : (p == 0 ? sun : 0);
    now.load_mw[to] += drawn[p] * 1000;
    now.pv_mw[to] += part * 1000;
    // Electronics pull the current ahead of the voltage, motors hold it back.
    now.load_mvar[to] += (p == 1 ? motors * 600 : 0) - (p == 0 ? base * 350 : 0);
  }
  return now;
}

Instant HouseProfile::at(UtcSeconds t) const {
  Instant now = without_battery(t);
  const auto need_mw = [this](UtcSeconds when) {
    const Instant then = without_battery(when);
    return then.grid_mw(0) + then.grid_mw(1) + then.grid_mw(2);
  };
  const Battery::State battery = battery_.at(t, clock_, need_mw);
  now.battery_mw = battery.power_mw;
  now.battery_permille = battery.permille;
  for (std::size_t p = 0; p < kPhases; ++p) {
    const std::int64_t street = wander(seed_, kStreet + p, t, 300) * kStreetMillivolts / 1000;
    const std::int64_t flicker = wander(seed_, kFlicker + p, t, 3) * kFlickerMillivolts / 1000;
    now.voltage_mv[p] =
        kNominalMillivolts + street + flicker - now.grid_mw(p) * kCableMillivoltsPerKilowatt / 1'000'000;
  }
  now.frequency_mhz = kNominalMillihertz + wander(seed_, kFrequency, t, 20) * kWanderMillihertz / 1000;
  return now;
}

}  // namespace mesura::virtual_house
