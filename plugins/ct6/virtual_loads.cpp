// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_loads.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::ct6::twin {
namespace {

constexpr double kMilli = 1e-3;
constexpr std::int64_t kSecond = 1'000'000'000;
/// Both chips hang on one adapter, but not on one resistor.
constexpr double kSecondChipVolts = -0.12;
/// Of the inverters behind ct2 and ct3: reactive by active power.
constexpr double kSolarReactive = 0.1;
constexpr double kBatteryReactive = 0.395;

double milli(std::int64_t v) { return static_cast<double>(v) * kMilli; }

}  // namespace

Loads::Loads(const LoadSetup& setup)
    : phases_(setup.phases),
      clamps_(static_cast<std::size_t>(setup.ports)),
      forced_w_(clamps_.size(), kFree),
      forced_a_(clamps_.size(), kFree) {
  if (setup.profile == "count") return;
  virtual_house::Setup house;
  house.phases = setup.phases;
  house.start = setup.start;
  house.seed = setup.seed;
  house.pv_watts = setup.pv_watts;
  house.battery_wh = setup.battery_wh;
  if (!setup.zone.empty()) house.zone = setup.zone;
  house_ = virtual_house::make_profile(setup.profile, house);
}

std::string_view Loads::default_name(int port, int phases) {
  if (phases == 3) return port == 1 ? "L1" : port == 2 ? "L2" : port == 3 ? "L3" : port == 4 ? "Solar" : "";
  return port == 1 ? "Grid" : port == 2 ? "Solar" : port == 3 ? "Battery" : port == 5 ? "House" : "";
}

void Loads::look(std::int64_t time_ns) {
  const std::int64_t second = time_ns / kSecond;
  if (second == second_) return;
  second_ = second;
  if (house_ != nullptr) spread(house_->at(second));
}

void Loads::spread(const virtual_house::Instant& now) {
  std::fill(clamps_.begin(), clamps_.end(), Clamp{});
  const auto set = [this](std::size_t port, double active, double reactive) {
    if (port <= clamps_.size()) clamps_[port - 1] = {active, reactive};
  };
  const double pv = milli(now.pv_mw[0] + now.pv_mw[1] + now.pv_mw[2]);
  const double battery = milli(now.battery_mw);
  if (phases_ == 3) {
    for (std::size_t l = 0; l < virtual_house::kPhases; ++l)
      set(l + 1, -milli(now.grid_mw(l)), -milli(now.load_mvar[l]));
    set(4, pv - battery, kSolarReactive * pv);
  } else {
    set(1, -milli(now.grid_mw(0)), -milli(now.load_mvar[0]));
    set(2, pv, kSolarReactive * pv);
    set(3, -battery, -kBatteryReactive * battery);
    set(5, -milli(now.load_mw[0]), -milli(now.load_mvar[0]));
  }
  voltage_v_ = milli(now.voltage_mv[0]);
  frequency_hz_ = milli(now.frequency_mhz);
  for (std::size_t i = 0; i < clamps_.size(); ++i) {
    if (!std::isnan(forced_w_[i])) clamps_[i] = {forced_w_[i], 0};
    if (!std::isnan(forced_a_[i])) clamps_[i] = {-forced_a_[i] * voltage(static_cast<int>(i) / 3 % 2), 0};
  }
}

double Loads::voltage(int chip) const {
  if (forced_v_ > 0) return forced_v_;
  return chip == 0 || house_ == nullptr ? voltage_v_ : voltage_v_ + kSecondChipVolts;
}

double Loads::current(int port) const {
  const double forced = forced_a_[static_cast<std::size_t>(port - 1)];
  if (!std::isnan(forced)) return forced;
  const double volts = voltage((port - 1) / 3 % 2);
  return volts > 0 ? std::hypot(clamp(port).active_w, clamp(port).reactive_var) / volts : 0;
}

void Loads::force_power(int port, double watts) {
  forced_w_[static_cast<std::size_t>(port - 1)] = watts;
  forced_a_[static_cast<std::size_t>(port - 1)] = kFree;
  second_ = std::numeric_limits<std::int64_t>::min();
}

void Loads::force_current(int port, double amperes) {
  forced_a_[static_cast<std::size_t>(port - 1)] = amperes;
  forced_w_[static_cast<std::size_t>(port - 1)] = kFree;
  second_ = std::numeric_limits<std::int64_t>::min();
}

}  // namespace mesura::ct6::twin
