// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_chips.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "virtual_random.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr double kPowerStep = 0.00032;  // W, var, VA
constexpr double kPowerGate = 0.4;      // fixed in the firmware
constexpr double kLargestCurrent = 65.535;
constexpr double kLargestVoltage = 655.35;
/// What an unconnected input picks up, and what an offset register takes away.
constexpr double kNoiseAmperes = 0.014;
constexpr std::uint64_t kGainChance = 1, kReadChance = 2, kRssiChance = 3, kNoiseChance = 4;

double steps(double value, double step) { return std::round(value / step) * step; }
double gated(double value) { return std::abs(value) <= kPowerGate ? 0.0 : value; }

/// A value of the configuration as `int(value)` would give it; 16 bits of it reach the register.
std::optional<int> register_of(const Config& config, const std::string& key, std::string& why) {
  const double value = config.number(key, std::nan(""));
  if (!std::isfinite(value) || std::abs(value) > 1e9) {
    why = key + ": expected a number, got " + config.text(key);
    return std::nullopt;
  }
  return static_cast<int>(static_cast<std::uint32_t>(static_cast<std::int64_t>(value)) & 0xFFFFU);
}

}  // namespace

TrueGains true_gains(std::uint64_t seed, int ports, int input_gain) {
  // The vendor's reference run: 55806 and 55472, 10675 to 10687 with an input gain of 4.
  constexpr int kReferenceVoltage[] = {55806, 55472};
  constexpr int kReferenceCurrent = 10675;
  const auto spread = [seed](int which, std::uint64_t range) {
    return static_cast<int>(chance_of(seed, kGainChance, which) % range);
  };
  TrueGains g;
  g.voltage = {kReferenceVoltage[0] + spread(100, 201) - 100, kReferenceVoltage[1] + spread(101, 201) - 100};
  for (int port = 1; port <= ports; ++port)
    g.current.push_back((kReferenceCurrent + spread(port, 13)) * (input_gain == 4 ? 1 : 4));
  return g;
}

bool Chips::load(const Config& config, std::string& why) {
  const auto hz = register_of(config, "LINE_FREQ_HZ", why);
  if (!hz) return false;
  if (*hz != 50 && *hz != 60) {
    why = "LINE_FREQ_HZ: expected 50 or 60, got " + config.text("LINE_FREQ_HZ");
    return false;
  }
  const auto cs4 = register_of(config, "CS4_VOLTAGE_GAIN", why);
  const auto cs0 = register_of(config, "CS0_VOLTAGE_GAIN", why);
  if (!cs4 || !cs0) return false;
  std::vector<int> gains, offsets;
  bool zero = *cs4 == 0 || *cs0 == 0;
  for (int port = 1; port <= static_cast<int>(gains_.current.size()); ++port) {
    const auto gain = register_of(config, port_key(port, "_IGAIN"), why);
    const auto offset = register_of(config, port_key(port, "_IOFFSET"), why);
    if (!gain || !offset) return false;
    zero = zero || *gain == 0;
    gains.push_back(*gain);
    offsets.push_back(*offset);
  }
  if (zero) {
    why = "gains: expected 1 to 65535, got 0: division by zero";
    return false;
  }
  voltage_gain_ = {*cs4, *cs0};
  current_gain_ = std::move(gains);
  current_offset_ = std::move(offsets);
  line_hz_ = *hz;
  return true;
}

void Chips::read(const Loads& loads, std::int64_t index, Reading& out) const {
  out.ports.resize(current_gain_.size());
  for (std::size_t i = 0; i < out.ports.size(); ++i) read_port(loads, static_cast<int>(i) + 1, index, out.ports[i]);
  out.read_us = 29500 + static_cast<double>(chance_of(seed_, kReadChance, index) % 12000) / 100;
  out.rssi_dbm = -49 - static_cast<double>(chance_of(seed_, kRssiChance, index) % 5);
  out.board_celsius = 24.8 + static_cast<double>(index / 300 % 7) / 100;
}

void Chips::read_port(const Loads& loads, int port, std::int64_t index, PortReading& out) const {
  const auto i = static_cast<std::size_t>(port - 1);
  const auto chip = static_cast<std::size_t>(chip_of(port));
  const double volt_scale = voltage_gain_[chip] / static_cast<double>(gains_.voltage[chip]);
  const double amp_scale = current_gain_[i] / static_cast<double>(gains_.current[i]);
  double amperes = loads.current(port);
  if (current_offset_[i] == 0) {
    const auto flicker = static_cast<double>(chance_of(seed_, kNoiseChance, index * 32 + port) % 5) / 1000;
    amperes = std::hypot(amperes, kNoiseAmperes + flicker);
  } else if (amperes <= kNoiseAmperes) {
    amperes = 0;
  }
  out.vrms_v = std::min(steps(loads.voltage(static_cast<int>(chip)) * volt_scale, 0.01), kLargestVoltage);
  out.irms_a = std::min(steps(amperes * amp_scale, 0.001), kLargestCurrent);
  out.ipeak_a = amperes * amp_scale * std::sqrt(2.0);
  const Clamp& clamp = loads.clamp(port);
  const double scale = volt_scale * amp_scale;
  const double active = clamp.active_w * scale;
  const double reactive = clamp.reactive_var * scale;
  const double apparent = std::hypot(active, reactive);
  out.active_w = gated(steps(active, kPowerStep));
  out.reactive_var = gated(steps(reactive, kPowerStep));
  out.apparent_va = gated(steps(apparent, kPowerStep));
  // Without a minus in front of zero, which would be printed.
  out.factor = out.apparent_va > 0 ? steps(active / apparent, 0.001) + 0.0 : 0;
  out.chip_celsius = chip == 0 ? 31 : 30 + static_cast<double>(chance_of(seed_, kReadChance, index) % 2);
  out.frequency_hz = steps(loads.frequency(), 0.01);
}

}  // namespace mesura::ct6::twin
