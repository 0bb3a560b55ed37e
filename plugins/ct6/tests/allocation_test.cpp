// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A program of its own, for the operator new of support/heap_count.hpp.
#include <mesura/plugin.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/plugin_harness.hpp"
#include "vectors.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

using mesura::ct6::test::answer_of;
using mesura::ct6::test::kAnswer;
using mesura::ct6::test::with;
using mesura::test::PluginHarness;
using namespace mesura::test::heap;

PluginHarness::Config config(const char* kind, bool fleet) {
  PluginHarness::Config c;
  c.record = false;
  c.live = true;
  c.fleet = fleet;
  c.links = {{kind, fleet ? "" : "192.168.0.34:29340"}, {"", ""}};
  return c;
}

std::string changed(int k) { return with(kAnswer, "-1843.27", "-" + std::to_string(k) + ".25"); }

}  // namespace

TEST_CASE("no allocation per answer once the layout is known") {
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), {}, config("udp", false));
  h.open();
  std::vector<std::string> answers;
  for (int k = 0; k < 50; ++k) answers.push_back(changed(k));
  const PluginHarness::From from{"192.168.0.34:29340", "", 0};
  for (int i = 0; i < 3; ++i) h.bytes(answers[static_cast<std::size_t>(i)], from);
  const std::size_t before = allocations;
  for (int round = 0; round < 10; ++round)
    for (const auto& a : answers) h.bytes(a, from);
  CHECK(allocations - before == 0);
  CHECK(h.counts().frames == 503);
  CHECK(h.counts().faults == 0);
  CHECK(h.counts().measurements == 503 * 54 - 503 * 2 + 503 * 3 + 2);
}

TEST_CASE("none for an answer that has to be walked either") {
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), {}, config("udp", false));
  h.open();
  const PluginHarness::From from{"192.168.0.34:29340", "", 0};
  const std::string walked = with(kAnswer, R"("3.1")", R"("3\u002e1")");
  for (int i = 0; i < 100; ++i) h.bytes(walked, from);  // until nothing is learnt from it any more
  const std::size_t before = allocations;
  for (int i = 0; i < 50; ++i) h.bytes(walked, from);
  CHECK(allocations - before == 0);
  CHECK(h.counts().frames == 150);
}

TEST_CASE("none per answer and question of a fleet of 1000") {
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), {}, config("udp", true));
  h.open();
  std::vector<std::string> answers;
  std::vector<PluginHarness::From> from;
  for (int n = 0; n < 1000; ++n) {
    answers.push_back(answer_of(n, "unit_" + std::to_string(n)));
    from.push_back({"10.0." + std::to_string(n / 250) + '.' + std::to_string(n % 250 + 1) + ":29340", "", 0});
  }
  const auto round = [&] {
    for (std::size_t n = 0; n < answers.size(); ++n) h.bytes(answers[n], from[n]);
  };
  round();
  h.advance(std::chrono::milliseconds{1500});
  round();
  const std::size_t before = allocations;
  round();
  CHECK(allocations - before == 0);
  CHECK(h.counts().frames == 3000);
  CHECK(h.devices().size() == 1001);
}

TEST_CASE("memory is bounded, whatever comes in") {
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), {}, config("file", false));
  h.open();
  h.bytes(std::string(100'000, 'x'));
  const std::size_t before = live_bytes;
  peak_bytes = live_bytes;
  for (int round = 0; round < 50; ++round) {
    std::string text = "{\"a" + std::to_string(round) + "\":[";
    while (text.size() < 200'000) text += "{\"PRODUCT_ID\":\"CT6\",\"b\":[1,2,{\"c\":\"";
    h.bytes(text);
  }
  h.close(true);
  CHECK(peak_bytes - before < 2'000'000);
}
