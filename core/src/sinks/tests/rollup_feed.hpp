// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/tests/sink_fixtures.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::test {

/// The same series as a register.
inline std::uint32_t as_register(Feed& feed, std::uint32_t id) {
  SeriesInfo info = feed.table().at(id);
  info.kind = mesura::Kind::reg;
  return feed.table().add(info);
}

/// Rows of an odd device: gauges, registers that grow, reset and come late, partial rows.
struct Odd {
  Feed feed;
  std::mt19937_64 random;
  std::vector<std::uint32_t> gauges, registers;
  std::string device;
  double energy = 1000;
  double gas = 500;
  std::int64_t time;
  std::int64_t cadence = kSecond;

  Odd(std::string fleet, std::string name, std::uint64_t seed, std::int64_t start)
      : feed(std::move(fleet)), random(seed), device(std::move(name)), time(start) {
    add(device);
  }
  void add(const std::string& name) {
    device = name;
    gauges = {feed.number(name, "l1", "active_power", "W"), feed.number(name, "l1", "voltage", "V")};
    registers = {as_register(feed, feed.number(name, "total", "active_energy_import", "Wh")),
                 as_register(feed, feed.number(name, "mbus1", "gas_volume", "m3"))};
  }
  std::uint64_t upto(std::uint64_t n) { return random() % n; }
  BatchPtr next() {
    if (upto(400) == 0) time += static_cast<std::int64_t>(upto(7200)) * kSecond;
    if (upto(300) == 0) cadence = static_cast<std::int64_t>(1 + upto(40)) * kSecond;
    time += cadence + static_cast<std::int64_t>(upto(1000)) * 1'000'000;
    if (upto(500) == 0) energy = 3;
    energy += static_cast<double>(upto(5));
    gas += 0.001;
    std::vector<Feed::Item> items;
    if (upto(20) != 0) items.push_back({gauges[0], static_cast<double>(upto(5000)) / 8});
    if (upto(10) != 0) items.push_back({gauges[1], 230 + static_cast<double>(upto(80)) / 8});
    items.push_back({registers[0], energy});
    if (upto(60) == 0) {
      items.push_back({registers[1], gas, MESURA_GOOD, time - static_cast<std::int64_t>(upto(1200)) * kSecond});
    }
    return feed.batch(time, items);
  }
};

/// The columns of its registers.
inline const std::vector<std::string> kRegisters{"total_active_energy_import_wh", "mbus1_gas_volume_m3"};

}  // namespace mesura::sinks::test
