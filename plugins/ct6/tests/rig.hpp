// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A session in a harness, and questions about what it said.
#pragma once

#include <mesura/plugin.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/plugin_harness.hpp"
#include "vectors.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace mesura::ct6::test {

using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginHarness::Kind;
using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr std::string_view kAsk = R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})";
constexpr std::uint32_t kData = 0, kHttp = 1;

inline PluginHarness::Config live(std::string kind, bool fleet, bool http = false) {
  PluginHarness::Config c;
  c.live = true;
  c.fleet = fleet;
  c.now_ns = kAnswerTime_ns;
  const std::string port = kind == "udp" ? ":29340" : kind == "http" ? ":80" : "";
  c.links = {{std::move(kind), fleet ? "" : "192.168.0.34" + port},
             {http ? "http" : "", http ? "192.168.0.34:80" : ""}};
  return c;
}

class Rig {
 public:
  Rig(PluginHarness::Config config, PluginOptions options = {})
      : harness(*mesura_plugin_query(nullptr, nullptr), std::move(options), std::move(config)) {}

  /// An answer of a unit over UDP.
  void from(std::string_view ip, std::string_view text) {
    harness.bytes(text, {std::string{ip} + ":29340", "", 0}, kData);
  }
  void http(std::string_view request, std::string_view body, int status = 200, std::uint32_t link = kHttp) {
    harness.bytes(body, {"192.168.0.34:80", std::string{request}, status}, link);
  }
  void mqtt(std::string_view topic, std::string_view payload) { harness.bytes(payload, {"", std::string{topic}, 0}); }

  /// What was sent on `link` since the last clear(), "to" each.
  [[nodiscard]] Strings sent(std::uint32_t link = kData) const {
    Strings to;
    for (const auto& e : harness.events(Kind::sent))
      if (e.link == link) to.push_back(e.to);
    return to;
  }
  [[nodiscard]] Strings faults() const {
    Strings codes;
    for (const auto& e : harness.events(Kind::fault)) codes.push_back(e.key);
    return codes;
  }
  [[nodiscard]] std::size_t count(std::string_view code) const {
    const Strings all = faults();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), code));
  }
  [[nodiscard]] Strings logs() const {
    Strings lines;
    for (const auto& e : harness.events(Kind::log)) lines.push_back(e.key + ": " + e.text);
    return lines;
  }
  /// Values of a series in the order in which they came.
  [[nodiscard]] std::vector<double> values(std::string_view channel, std::string_view quantity,
                                           std::uint32_t device = 0) const {
    std::vector<double> all;
    for (const auto& e : harness.events(Kind::measurement))
      if (e.device == device && e.channel == channel && e.quantity == quantity) all.push_back(e.value);
    return all;
  }
  [[nodiscard]] Strings attribute(std::string_view key, std::uint32_t device = 0) const {
    Strings all;
    for (const auto& e : harness.events(Kind::attribute))
      if (e.device == device && e.key == key) all.push_back(e.text);
    return all;
  }
  [[nodiscard]] std::size_t frames() const { return harness.events(Kind::frame).size(); }

  PluginHarness harness;
};

}  // namespace mesura::ct6::test
