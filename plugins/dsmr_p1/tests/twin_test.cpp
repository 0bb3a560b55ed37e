// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The decoder against the virtual meter: they share no code, so what one wrote into its telegrams is what the other
// must read out of them. Faults on the way cost telegrams, never values.
#include <mesura/plugin.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "support/catch.hpp"
#include "support/plugin_harness.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

using namespace std::chrono_literals;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginEvent::Kind;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr const char* kKey = "000102030405060708090A0B0C0D0E0F";
constexpr const char* kDialects[] = {"nl2", "nl4", "nl5", "be", "lu", "at", "se", "hu", "lt"};

const mesura_plugin& plugin() { return *mesura_plugin_query(nullptr, nullptr); }
bool soaking() { return std::getenv("MESURA_SOAK") != nullptr; }

/// 2025-10-26T00:30:00Z: half an hour before the clocks go back.
constexpr std::int64_t kStart = 1'761'438'600 * kSecond;

struct Sent {
  std::string bytes;                   ///< all of them
  std::vector<std::string> telegrams;  ///< one by one
  std::vector<PluginEvent> truth;
};

Sent simulate(PluginOptions options, int telegrams, std::int64_t start_ns = kStart) {
  PluginHarness::Config config;
  config.live = true;
  config.now_ns = start_ns;
  PluginHarness meter(*plugin().virtual_device, options.integer("telegrams", telegrams), config);
  meter.open();
  meter.advance(std::chrono::hours{24 * 400});
  Sent sent;
  for (const auto& e : meter.events(Kind::sent)) {
    sent.bytes += e.text;
    sent.telegrams.push_back(e.text);
  }
  sent.truth = meter.events(Kind::measurement);
  return sent;
}

PluginOptions dialect(const std::string& name) {
  PluginOptions options;
  options.text("dialect", name);
  if (name == "lu" || name == "at") options.text("encryption_key", kKey);
  return options;
}

PluginOptions reader(const std::string& name) {
  PluginOptions options;
  if (name == "lu" || name == "at") options.text("encryption_key", kKey);
  return options;
}

using Value = std::tuple<std::string, std::string, std::int64_t, double, std::string>;

bool is_state(const std::string& quantity) {
  static const std::set<std::string> states = {"breaker_state",
                                               "current_threshold_export",
                                               "current_threshold_import",
                                               "demand_period",
                                               "device_type",
                                               "fuse_threshold",
                                               "grid_configuration",
                                               "limiter_threshold",
                                               "limiter_threshold_apparent",
                                               "message_code",
                                               "message_text",
                                               "relay_state",
                                               "tariff_indicator",
                                               "valve_state"};
  return states.contains(quantity);
}

/// What was measured; of states, what changed. With `direct`, without what was computed.
std::set<Value> values(const std::vector<PluginEvent>& events, bool direct = false) {
  std::set<Value> out;
  std::map<std::pair<std::string, std::string>, std::pair<double, std::string>> last;
  for (const auto& e : events) {
    if (e.kind != Kind::measurement || (direct && (e.quality & MESURA_DERIVED) != 0)) continue;
    if (is_state(e.quantity)) {
      const auto [at, first] = last.try_emplace({e.channel, e.quantity}, e.value, e.text);
      if (!first && at->second == std::pair{e.value, e.text}) continue;
      at->second = {e.value, e.text};
    }
    out.emplace(e.channel, e.quantity, e.time_ns, e.value, e.text);
  }
  return out;
}

/// The first of `wanted` that is not in `all`, for people; empty when there is none.
std::string first_missing(const std::set<Value>& wanted, const std::set<Value>& all) {
  for (const auto& [channel, quantity, time_ns, value, text] : wanted)
    if (!all.contains({channel, quantity, time_ns, value, text}))
      return channel + '/' + quantity + " at " + std::to_string(time_ns) + ": " + std::to_string(value) + text;
  return {};
}

std::vector<PluginEvent> decode(const std::string& name, std::string_view bytes, const std::vector<std::size_t>& pieces,
                                PluginHarness::Counts* counts = nullptr) {
  PluginHarness h(plugin(), reader(name));
  h.open();
  h.bytes_in_pieces(bytes, pieces);
  h.close(true);
  if (counts != nullptr) *counts = h.counts();
  return h.events();
}

}  // namespace

TEST_CASE("every dialect of the virtual meter reads as it was meant") {
  const int telegrams = soaking() ? 10'000 : 400;
  for (const std::string name : kDialects) {
    INFO(name);
    const Sent sent = simulate(dialect(name), telegrams);
    REQUIRE(sent.telegrams.size() == static_cast<std::size_t>(telegrams));
    PluginHarness::Counts counts;
    const auto read = decode(name, sent.bytes, {sent.bytes.size()}, &counts);
    CHECK(counts.frames == static_cast<std::uint64_t>(telegrams));
    CHECK(std::count_if(read.begin(), read.end(), [](const auto& e) { return e.kind == Kind::fault; }) == 0);

    if (name == "nl2") continue;  // no time on the wire: truth and reading differ in it
    CHECK(first_missing(values(sent.truth), values(read)) == "");
    // Hungary's registers are one object, which the meter's truth has not.
    auto direct = values(read, true);
    std::erase_if(direct, [](const Value& v) { return std::get<1>(v) == "month_end_registers"; });
    CHECK(first_missing(direct, values(sent.truth)) == "");
  }
  if (soaking()) std::printf("SOAK | P1 telegrams of each dialect, read as meant | %d | equal\n", telegrams);
}

TEST_CASE("the virtual meter's stream reads the same in pieces of any size") {
  for (const std::string name : kDialects) {
    INFO(name);
    const Sent sent = simulate(dialect(name), 100);
    const auto whole = values(decode(name, sent.bytes, {sent.bytes.size()}));
    CHECK_FALSE(whole.empty());
    for (const std::size_t piece : {1U, 7U, 64U, 4096U}) CHECK(values(decode(name, sent.bytes, {piece})) == whole);
  }
}

TEST_CASE("flipped bits cost telegrams, never values") {
  const Sent clean = simulate(dialect("nl5"), 2000);
  const Sent noisy = simulate(dialect("nl5").number("bitflip", 1e-4), 2000);
  PluginHarness::Counts counts;
  const auto read = decode("nl5", noisy.bytes, {777}, &counts);
  CHECK(counts.frames > 1600);
  CHECK(counts.frames < 2000);
  CHECK(first_missing(values(read), values(decode("nl5", clean.bytes, {clean.bytes.size()}))) == "");
  // Every telegram that was sent came through or was reported.
  const auto reported = std::count_if(read.begin(), read.end(), [](const auto& e) {
    return e.kind == Kind::fault && e.fault_kind <= MESURA_FAULT_FRAME;
  });
  CHECK(counts.frames + static_cast<std::uint64_t>(reported) >= 1990);
}
