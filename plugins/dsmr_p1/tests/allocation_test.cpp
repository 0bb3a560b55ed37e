// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A program of its own, for the operator new of support/heap_count.hpp.
#include <mesura/plugin.hpp>

#include <cstdio>
#include <string>

#include "crc16.hpp"
#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/plugin_harness.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

using mesura::test::PluginHarness;
using namespace mesura::test::heap;

std::string telegram(int second) {
  char lines[1200];
  std::snprintf(
      lines, sizeof lines,
      "/TST5\\2ALLOC\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(2407011215%02dS)\r\n0-0:96.1.1("
      "4530303033303033303030303030303031)\r\n"
      "1-0:1.8.1(002345.%03d*kWh)\r\n1-0:1.8.2(002876.543*kWh)\r\n0-0:96.14.0(0002)\r\n1-0:1.7.0(00.%03d*kW)\r\n"
      "1-0:2.7.0(00.000*kW)\r\n1-0:99.97.0(1)(0-0:96.7.19)(231105031512W)(0000000912*s)\r\n0-0:96.13.0()\r\n"
      "1-0:32.7.0(23%d.%d*V)\r\n1-0:31.7.0(00%d*A)\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(4730303339303031363532303530323136)"
      "\r\n"
      "0-1:24.2.1(2407011215%02dS)(03456.%03d*m3)\r\n!",
      second, second, 100 + second, second % 10, second % 10, second % 8, second, second);
  std::string text = lines;
  const auto crc = mesura::dsmr_p1::crc16({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::snprintf(lines, sizeof lines, "%04X\r\n", static_cast<unsigned>(crc));
  return text + lines;
}

}  // namespace

TEST_CASE("no allocation per telegram once the layout is known") {
  PluginHarness::Config config;
  config.record = false;
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), {}, config);
  h.open();
  std::vector<std::string> telegrams;
  for (int second = 0; second < 60; ++second) telegrams.push_back(telegram(second));
  for (int i = 0; i < 3; ++i) h.bytes(telegrams[static_cast<std::size_t>(i)]);

  const std::size_t before = allocations;
  for (int round = 0; round < 10; ++round)
    for (const auto& t : telegrams) h.bytes(t);
  const std::size_t after = allocations;
  CHECK(after - before == 0);
  CHECK(h.counts().frames == 603);
  CHECK(h.counts().faults == 0);
}

TEST_CASE("memory is bounded, whatever comes in") {
  PluginHarness::Config config;
  config.record = false;
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), {}, config);
  h.open();
  const std::size_t before = live_bytes;
  peak_bytes = live_bytes;
  // Telegrams as long as the limit, with as many lines as fit, each time different ones.
  for (int round = 0; round < 50; ++round) {
    std::string text = "/TST5X\r\n\r\n";
    for (int i = 0; text.size() < 8100; ++i)
      text += std::to_string(round) + "-" + std::to_string(i % 200) + ":1.1.1(" + std::to_string(i) + ")\r\n";
    text += "!";
    const auto crc = mesura::dsmr_p1::crc16({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    char digits[8];
    std::snprintf(digits, sizeof digits, "%04X\r\n", static_cast<unsigned>(crc));
    h.bytes(text + digits);
  }
  CHECK(h.counts().frames == 50);
  CHECK(peak_bytes - before < 600'000);
}
