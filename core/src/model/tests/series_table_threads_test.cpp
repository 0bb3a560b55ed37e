// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <mesura/measurement.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace mesura {
namespace {

SeriesInfo series(const std::string& channel) {
  SeriesInfo s;
  s.device = "grid";
  s.channel = channel;
  s.quantity = "active_power";
  s.flat_name = channel + "_active_power_w";
  return s;
}

TEST_CASE("series are whole for whoever reads them while others add") {
  constexpr int kReaders = 2;
  constexpr int kWriters = 2;
  constexpr std::uint32_t kEach = 1500;
  SeriesTable table;
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};

  std::vector<std::thread> readers;
  readers.reserve(kReaders);
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&] {
      bool last_round = false;
      while (!last_round) {
        last_round = done.load();
        const auto n = table.size();
        for (std::uint32_t id = 0; id < n; ++id) {
          const auto& s = table.at(id);
          if (s.id != id || s.flat_name != s.channel + "_active_power_w") ++wrong;
        }
      }
    });
  }
  std::vector<std::thread> writers;
  writers.reserve(kWriters);
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&table, w] {
      // Half of the names are the other writer's as well.
      for (std::uint32_t i = 0; i < kEach; ++i)
        table.add(series((i % 2 == 0 ? "both" : w == 0 ? "a" : "b") + std::to_string(i)));
    });
  }
  for (auto& t : writers) t.join();
  done = true;
  for (auto& t : readers) t.join();
  CHECK(wrong == 0);
  CHECK(table.size() == kEach / 2 * 3);
}

}  // namespace
}  // namespace mesura
