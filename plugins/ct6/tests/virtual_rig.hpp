// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One virtual CT6 in a host with a clock that jumps.
#pragma once

#include <mesura/plugin.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/plugin_harness.hpp"
#include "virtual_json.hpp"
#include "virtual_unit.hpp"

namespace mesura::ct6::test {

using namespace std::chrono_literals;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginEvent::Kind;

inline constexpr std::string_view kAyt = R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})";
inline constexpr std::string_view kAsker = "127.0.0.1:29340";
inline constexpr std::uint32_t kData = 0, kBroadcast = 1, kHttp = 2, kBroker = 3;

inline const mesura_plugin& twin_plugin() {
  using Glue = mesura::abi::Glue<VirtualCt6>;
  static const mesura_session_api session = Glue::session_table();
  static const mesura_plugin plugin = Glue::descriptor("ct6", "0.1.0", "", &session);
  return plugin;
}

using Links = std::vector<std::pair<std::string, std::string>>;

inline PluginHarness::Config network(std::uint32_t index = 0, Links links = {{"udp", "127.0.0.2:29340"},
                                                                             {"udp", "127.255.255.255:29340"},
                                                                             {"tcp_listen", "127.0.0.2:80"},
                                                                             {"", ""}}) {
  PluginHarness::Config c;
  c.live = true;
  c.index = index;
  c.links = std::move(links);
  return c;
}

class Rig {
 public:
  explicit Rig(PluginOptions options = {}, PluginHarness::Config config = network())
      : host(twin_plugin(), std::move(options), std::move(config)) {
    host.open(kData);
    host.open(kBroadcast);
    host.open(kHttp);
    host.advance(1s);
  }

  std::vector<std::string> sent(std::uint32_t link) const {
    std::vector<std::string> out;
    for (const auto& e : host.events(Kind::sent))
      if (e.link == link) out.push_back(e.text);
    return out;
  }
  void ayt(std::uint32_t link = kData, std::string_view peer = kAsker) {
    host.bytes(kAyt, PluginHarness::From{std::string(peer), {}, 0}, link);
  }
  /// Asks and waits as long as an answer may take; empty: silence.
  std::string ask() {
    host.clear();
    ayt();
    host.advance(150ms);
    const auto answers = sent(kData);
    REQUIRE(answers.size() <= 1);
    return answers.empty() ? std::string{} : answers[0];
  }
  /// The bytes that a client gets until the connection ends; "(open)" in front if it does not.
  std::string http(std::string_view request, const std::vector<std::size_t>& pieces = {}) {
    const std::string peer = "127.0.0.1:" + std::to_string(++port_);
    const std::size_t before = host.events().size();
    host.peer(peer, true, kHttp);
    for (std::size_t i = 0; !request.empty(); ++i) {
      const std::size_t n = pieces.empty() ? request.size() : std::min(request.size(), pieces[i % pieces.size()]);
      host.bytes(request.substr(0, n), PluginHarness::From{peer, {}, 0}, kHttp);
      request.remove_prefix(n);
    }
    host.advance(600ms);
    std::string out;
    bool dropped = false;
    for (std::size_t i = before; i < host.events().size(); ++i) {
      const auto& e = host.events()[i];
      if (e.kind == Kind::sent && e.link == kHttp && e.to == peer) {
        CHECK_FALSE(dropped);
        out += e.text;
      }
      if (e.kind == Kind::dropped && e.to == peer) dropped = true;
    }
    if (!dropped) return "(open)" + out;
    host.peer(peer, false, kHttp);
    return out;
  }
  /// The body of the reply to a GET, whose header must be right.
  std::string get(std::string_view target) {
    const std::string all = http("GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n");
    constexpr std::string_view header = "HTTP/1.0 200 OK\r\nContent-type: application/json\r\n\r\n";
    INFO(target << " -> " << all);
    REQUIRE(all.substr(0, header.size()) == header);
    return all.substr(header.size());
  }
  std::string command(std::string_view name, const PluginOptions& arguments = {}) {
    host.clear();
    host.command(name, arguments);
    host.advance(0s);
    const auto replies = host.events(Kind::reply);
    REQUIRE(replies.size() == 1);
    return replies[0].fault_kind == MESURA_REPLY_DONE ? replies[0].text : "refused: " + replies[0].key;
  }
  void set(std::string name, std::string value) {
    CHECK(command("set", PluginOptions{}.text("name", std::move(name)).text("value", std::move(value))).empty());
  }
  void fault(std::string kind, std::int64_t count = 1, std::int64_t seconds = 5) {
    CHECK(command("fault",
                  PluginOptions{}.text("kind", std::move(kind)).integer("count", count).integer("seconds", seconds))
              .empty());
  }
  twin::Value state() { return json(command("get")); }

  static twin::Value json(std::string_view text) {
    auto value = twin::parse_json(text);
    INFO(text);
    REQUIRE(value.has_value());
    return std::move(*value);
  }

  PluginHarness host;

 private:
  int port_ = 40000;
};

/// "CT1.PRMS" of a JSON text; dots go down.
inline const twin::Value& at(const twin::Value& value, std::string_view path) {
  const twin::Value* now = &value;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const auto* object = now->as<twin::Object>();
    INFO(path);
    REQUIRE(object != nullptr);
    now = twin::find(*object, path.substr(0, dot));
    REQUIRE(now != nullptr);
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *now;
}
inline double number_at(const twin::Value& value, std::string_view path) { return at(value, path).number().value(); }
inline bool has(const twin::Value& value, std::string_view key) {
  const auto* object = value.as<twin::Object>();
  return object != nullptr && twin::find(*object, key) != nullptr;
}

}  // namespace mesura::ct6::test
