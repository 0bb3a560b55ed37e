// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A program of its own, for the operator new of support/heap_count.hpp.
#include "sheet.hpp"
#include "support/catch.hpp"
#include "support/heap_count.hpp"

using namespace mesura::test::heap;
using namespace sheet;

TEST_CASE("no allocation per reply once everything has appeared") {
  PluginHarness::Config config;
  config.record = false;
  PluginHarness h(plugin(), PluginOptions{}.text("command", "QPIGS"), config);
  h.open();
  const std::string replies = kA9 + kA10 + kA9;
  for (int i = 0; i < 3; ++i) h.bytes(replies);
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) h.bytes(replies);
  const std::size_t after = allocations;
  CHECK(after - before == 0);
  CHECK(h.counts().frames == 3 * 1003);
  CHECK(h.counts().faults == 0);
}

TEST_CASE("none either where several commands are told apart, and words change") {
  PluginHarness::Config config;
  config.record = false;
  PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi30max"), config);
  h.open();
  const std::string replies =
      kA11 + reply("(03.1 327.3 01026 ", "C9 8B") + reply("(B", "E7 C9") + kA12 + reply("(L", "06 07") + kA15 + kA20;
  for (int i = 0; i < 3; ++i) h.bytes(replies);
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) h.bytes(replies);
  const std::size_t after = allocations;
  CHECK(after - before == 0);
  CHECK(h.counts().faults == 0);
}

TEST_CASE("memory is bounded, whatever comes in") {
  PluginHarness::Config config;
  config.record = false;
  PluginHarness h(plugin(), {}, config);
  h.open();
  const std::size_t before = live_bytes;
  peak_bytes = live_bytes;
  for (int round = 0; round < 300; ++round) {
    std::string many = "(" + std::to_string(round);
    for (int i = 0; i < 100; ++i) many += " " + std::to_string(i * round);
    h.bytes(framed(many));
    h.bytes(std::string(static_cast<std::size_t>(round) * 10, 'x') + "\r");
    std::string unit = "(1 9293170110" + std::to_string(1000 + round);
    h.bytes(framed(unit +
                   " B 00 000.0 00.00 230.6 50.00 0275 0141 005 51.4 001 100 083.3 002 00574 00312 003 10100110 1 "
                   "2 060 120 10 04 000"));
  }
  CHECK(h.counts().frames == 300);
  CHECK(peak_bytes - before < 1'000'000);
}
