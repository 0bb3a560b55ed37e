// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A program of its own, for the operator new of support/heap_count.hpp.
#include "support/heap_count.hpp"
#include "tests/support.hpp"

using namespace mesura::test::heap;
using namespace smartmeter_test;

TEST_CASE("no allocation per frame, line or second once a run is under way") {
  auto config = live();
  config.record = false;
  PluginHarness h(plugin(), {}, config);
  start_run(h);
  constexpr std::uint32_t kFrames = 6000;
  std::vector<std::string> frames;
  for (std::uint32_t n = 0; n < kFrames; ++n) frames.push_back(frame(n, count_rows(0, 42)));
  const std::string line = info("[I]03/02 16:04:02: 8000.02Hz, 8000s") + kGreeting;
  std::string joined;
  std::uint32_t n = 0;
  const auto feed = [&](std::uint32_t until) {
    for (; n < until; ++n) {
      const std::string& f = frames[n];
      h.bytes(std::string_view{f}.substr(0, n % 1000));
      h.bytes(std::string_view{f}.substr(n % 1000));
      if (n % 190 == 0) h.bytes(std::string_view{line}.substr(0, 40));
      if (n % 190 == 0) h.bytes(std::string_view{line}.substr(40));
    }
  };
  feed(1200);
  const std::size_t before = allocations;
  feed(kFrames);
  // The trace of the rate line is a text for the log: one or two for each.
  const std::size_t lines = (kFrames - 1200) / 190 + 1;
  CHECK(allocations - before <= 8 * lines);
  CHECK(h.counts().rows == kFrames * 42);
  CHECK(h.counts().faults == 0);
}

TEST_CASE("memory is bounded, whatever comes in") {
  auto config = live();
  config.record = false;
  PluginHarness h(plugin(), {}, config);
  start_run(h);
  const std::size_t before = live_bytes;
  peak_bytes = live_bytes;
  for (int round = 0; round < 20; ++round) {
    h.bytes("Info:" + std::string(200'000, 'x'));
    h.bytes("Data:\xff\xff" + std::string(100'000, 'y'));
    h.bytes("Info:{" + std::string(60'000, '[') + "\r\n");
  }
  CHECK(peak_bytes - before < 1'000'000);
}
