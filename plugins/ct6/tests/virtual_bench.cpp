// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a thousand virtual CT6 units cost: answers per second, beside the floor of writing as many numbers.
#include "virtual_unit.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/plugin_harness.hpp"
#include "virtual_number.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using namespace std::chrono_literals;

constexpr int kUnits = 1000;
constexpr int kSeconds = 60;
constexpr int kNumbersInAnswer = 6 * 9 + 3;
constexpr std::string_view kAyt = R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})";

const mesura_plugin& twin_plugin() {
  using Glue = mesura::abi::Glue<mesura::ct6::VirtualCt6>;
  static const mesura_session_api session = Glue::session_table();
  static const mesura_plugin plugin = Glue::descriptor("ct6", "0.1.0", "", &session);
  return plugin;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double floor_rate() {
  constexpr int kAnswers = 20'000;
  std::string out;
  double value = 0.125;
  const auto start = Clock::now();
  for (int i = 0; i < kAnswers; ++i) {
    out.clear();
    for (int n = 0; n < kNumbersInAnswer; ++n) mesura::ct6::twin::append_float(out, value += 1.37);
  }
  return kAnswers / seconds_since(start);
}

void run(const char* profile) {
  PluginHarness::Config config;
  config.live = true;
  config.record = false;
  config.links = {{"udp", "127.0.0.2:29340"}, {"", ""}, {"", ""}, {"", ""}};
  std::vector<std::unique_ptr<PluginHarness>> units;
  auto start = Clock::now();
  for (int i = 0; i < kUnits; ++i) {
    config.index = static_cast<std::uint32_t>(i);
    units.push_back(std::make_unique<PluginHarness>(twin_plugin(), PluginOptions{}.text("profile", profile), config));
    units.back()->open(0);
  }
  const double made = seconds_since(start);
  const PluginHarness::From asker{"127.0.0.1:29340", {}, 0};
  start = Clock::now();
  for (int second = 0; second < kSeconds; ++second)
    for (auto& unit : units) {
      unit->bytes(kAyt, asker, 0);
      unit->advance(1s);
    }
  const double took = seconds_since(start);
  std::uint64_t answers = 0;
  for (const auto& unit : units) answers += unit->counts().batches;
  const double rate = static_cast<double>(answers) / took;
  std::printf("ct6 twin, profile %-8s %8.0f answers/s, %4.1f %% of a core for %d units at 1 Hz, %.0f ms to make them\n",
              profile, rate, 100.0 * kUnits / rate, kUnits, made * 1000);
}

}  // namespace

int main() {
  for (const char* profile : {"house", "count"}) run(profile);
  std::printf("floor: bare writing of %d numbers  %8.0f answers/s\n", kNumbersInAnswer, floor_rate());
}
