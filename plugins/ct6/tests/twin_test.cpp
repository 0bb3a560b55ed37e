// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The session against the virtual unit, which shares no code with it: whatever that says it put into its answers comes
// out, bit by bit.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "rig.hpp"
#include "support/catch.hpp"

using namespace mesura::ct6::test;

namespace {

constexpr std::string_view kAsker = "127.0.0.1:40000";
using Values = std::map<std::string, double>;

/// A virtual unit that is asked once a second.
class Twin {
 public:
  explicit Twin(PluginOptions options)
      : harness_(*mesura_plugin_query(nullptr, nullptr)->virtual_device, std::move(options), config()) {
    harness_.open(0);
    harness_.advance(1s);
  }

  /// The answer and what the unit says that it meant; nothing if it did not answer.
  std::pair<std::string, Values> ask() {
    harness_.clear();
    harness_.bytes(kAsk, {std::string{kAsker}, "", 0}, 0);
    harness_.advance(1s);
    std::pair<std::string, Values> out;
    for (const auto& e : harness_.events(Kind::sent))
      if (e.link == 0) out.first = e.text;
    for (const auto& e : harness_.events(Kind::measurement)) out.second[e.channel + '/' + e.quantity] = e.value;
    return out;
  }

 private:
  static PluginHarness::Config config() {
    PluginHarness::Config c;
    c.live = true;
    c.now_ns = kAnswerTime_ns;
    c.links = {{"udp", "127.0.0.2:29340"}, {"", ""}, {"", ""}, {"", ""}};
    return c;
  }
  PluginHarness harness_;
};

void compare(PluginOptions options, int answers, std::size_t ports) {
  Twin twin(std::move(options));
  Rig rig(live("udp", false));
  rig.harness.open();
  Values told;  // settings are told when they change
  int compared = 0;
  for (int n = 0; n < answers; ++n) {
    const auto [answer, truth] = twin.ask();
    REQUIRE(!answer.empty());
    rig.harness.clear();
    rig.from("192.168.0.34", answer);
    INFO(answer);
    REQUIRE(rig.faults() == Strings{});
    for (const auto& e : rig.harness.events(Kind::measurement)) told[e.channel + '/' + e.quantity] = e.value;
    REQUIRE(rig.harness.events(Kind::measurement).size() >= ports * 7);
    for (const auto& [series, value] : truth) {
      if (series == "total/device_time") continue;
      INFO(series);
      REQUIRE(told.contains(series));
      CHECK(told[series] == value);
      ++compared;
    }
    rig.harness.advance(1s);
  }
  CHECK(compared > answers * static_cast<int>(ports) * 7);
}

}  // namespace

TEST_CASE("what the virtual unit means is what is read") {
  compare(PluginOptions{}, 100, 6);
  compare(PluginOptions{}.text("profile", "lab").integer("seed", 7), 50, 6);
  compare(PluginOptions{}.text("profile", "count"), 100, 6);
  compare(PluginOptions{}.integer("ports", 24), 20, 24);
  for (const char* firmware : {"2.3", "2.61", "2.64", "2.68", "2.70"})
    compare(PluginOptions{}.text("firmware", firmware), 20, 6);
  for (const char* names : {"percent", "apostrophe", "numeric"})
    compare(PluginOptions{}.text("odd_names", names), 5, 6);
}
