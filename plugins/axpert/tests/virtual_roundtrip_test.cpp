// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Both halves against each other: every value that the virtual inverter says it sent must come out of the decoder.
#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "support/catch.hpp"
#include "support/plugin_harness.hpp"

using namespace std::chrono_literals;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginHarness::Kind;

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

const mesura_plugin& plugin() {
  mesura_error error{};
  error.struct_size = sizeof error;
  const mesura_plugin* p = mesura_plugin_query(nullptr, &error);
  REQUIRE(p != nullptr);
  return *p;
}

PluginHarness::Config config(std::vector<std::pair<std::string, std::string>> links) {
  PluginHarness::Config c;
  c.live = true;
  c.links = std::move(links);
  return c;
}

/// An inverter and its reader on one line and one clock.
struct Pair {
  Pair(const PluginOptions& options, bool hid)
      : link(hid ? 1 : 0),
        reader(plugin(), {}, config({{hid ? "hid" : "serial", ""}})),
        twin(*plugin().virtual_device, options, config({{hid ? "" : "pty", ""}, {hid ? "seqpacket_listen" : "", ""}})) {
    twin.open(link);
    reader.open();
  }

  void run(std::chrono::nanoseconds time) {
    for (auto t = 0ns; t < time; t += 5ms) {
      carry();
      reader.advance(5ms);
      twin.advance(5ms);
    }
  }

  void carry() {
    const auto& asked = reader.events();
    for (; asked_ < asked.size(); ++asked_)
      if (asked[asked_].kind == Kind::sent) twin.bytes(asked[asked_].text, link);
    const auto& told = twin.events();
    for (; told_ < told.size(); ++told_)
      if (told[told_].kind == Kind::sent) reader.bytes(told[told_].text);
  }

  std::uint32_t link;
  PluginHarness reader;
  PluginHarness twin;
  std::size_t asked_ = 0;
  std::size_t told_ = 0;
};

using Value = std::tuple<std::string, std::string, std::string, double>;

std::map<Value, int> values(const std::vector<PluginEvent>& events) {
  std::map<Value, int> out;
  for (const auto& e : events) ++out[{e.channel, e.quantity, e.text, e.value}];
  return out;
}

void check_pair(const std::string& model, bool hid, const std::string& profile) {
  Pair pair{PluginOptions{}.text("model", model).text("profile", profile), hid};
  pair.run(30s);
  const auto read = values(pair.reader.events(Kind::measurement));
  // What is asked up to the first status only tells the reader what kind of inverter this is.
  auto sent = pair.twin.events(Kind::measurement);
  const auto first =
      std::find_if(sent.begin(), sent.end(), [](const PluginEvent& e) { return e.quantity == "load_level"; });
  REQUIRE(first != sent.end());
  const std::int64_t probe = first->time_ns;
  std::erase_if(sent, [&](const PluginEvent& e) { return e.time_ns <= probe; });
  const auto truth = values(sent);
  INFO(model << (hid ? " hid " : " serial ") << profile);
  CHECK(truth.size() > 20);
  for (const auto& [value, times] : truth) {
    const auto& [channel, quantity, text, number] = value;
    INFO(channel << "/" << quantity << " = " << text << " " << number << ", sent " << times << " times");
    CHECK(read.count(value) == 1);
  }
  CHECK(pair.reader.events(Kind::failed).empty());
}

}  // namespace

TEST_CASE("twin roundtrip: a reader gets every value that was sent") {
  for (const char* model : {"pi30", "pi30-duo", "pi30-tri", "pi30-mk", "pi30max", "pi41", "pi30revo", "pi18"})
    check_pair(model, false, "house");
}

TEST_CASE("twin roundtrip: over HID, and with a ramp in every field") {
  for (const char* model : {"pi30", "pi30max"}) {
    check_pair(model, true, "house");
    check_pair(model, true, "count");
    check_pair(model, false, "count");
  }
}
