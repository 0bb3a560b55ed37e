// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Many units behind one session: who they are, where they are, and when they are asked.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rig.hpp"
#include "support/catch.hpp"

using namespace mesura::ct6::test;

namespace {

std::string ip(int n) { return "10.0." + std::to_string(n / 250) + '.' + std::to_string(n % 250 + 1); }
std::string peer(int n) { return ip(n) + ":29340"; }
std::string serial(int n) {
  char text[64];
  std::snprintf(text, sizeof text, "ASY0398_V003.300_SN%08d", n);
  return text;
}

constexpr std::string_view kBroadcast = "broadcast:29340";

std::string uncalibrated(std::string_view text) {
  return with(text, "ASY0398_V003.300_SN00001846", "ASY0197_V00.0000_SN00000000");
}
std::string unnamed(int n) {
  std::string text = answer_of(n, "X");
  for (int i = 0; i < 2; ++i) text = with(text, "\"X\"", "\"\"");
  return text;
}

}  // namespace

TEST_CASE("discovery: at once, soon again, then at its interval") {
  Rig rig(live("udp", true));
  rig.harness.open();
  std::vector<int> seconds;
  if (rig.sent() == Strings{std::string{kBroadcast}}) seconds.push_back(0);
  CHECK(rig.harness.events(Kind::sent)[0].text == kAsk);
  for (int s = 1; s <= 60; ++s) {
    rig.harness.clear();
    rig.harness.advance(1s);
    for (const auto& to : rig.sent()) {
      CHECK(to == kBroadcast);
      seconds.push_back(s);
    }
  }
  CHECK(seconds == std::vector<int>{0, 1, 3, 7, 15, 25, 35, 45, 55});
}

TEST_CASE("a unit that is found is asked by unicast from then on") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.harness.advance(50ms);
  rig.from(ip(1), answer_of(1, "One"));
  CHECK(rig.harness.devices() == Strings{"device", serial(1)});
  CHECK(rig.harness.names()[1] == "One");
  CHECK(rig.values("ct1", "active_power", 1) == std::vector{-1843.27});
  CHECK(rig.values("ct1", "active_power", 0).empty());
  CHECK(rig.attribute("serial", 1) == Strings{serial(1)});
  rig.harness.clear();
  rig.harness.advance(10s);
  const Strings sent = rig.sent();
  CHECK(std::count(sent.begin(), sent.end(), peer(1)) == 10);
}

TEST_CASE("configured addresses are asked without being found") {
  Rig rig(live("udp", true), PluginOptions{}.list("hosts", {"10.0.0.5", "10.0.0.6:29341", "10.0.0.5"}));
  rig.harness.open();
  rig.harness.advance(999ms);
  Strings sent = rig.sent();
  std::sort(sent.begin(), sent.end());
  CHECK(sent == Strings{"10.0.0.5:29340", "10.0.0.6:29341", std::string{kBroadcast}});
  rig.harness.bytes(answer_of(6, "Six"), {"10.0.0.6:29341", "", 0});
  CHECK(rig.harness.devices()[1] == serial(6));
}

TEST_CASE("1000 units: each once a second, spread evenly, behind one timer") {
  Rig rig(live("udp", true));
  rig.harness.open();
  for (int n = 0; n < 1000; ++n) rig.from(ip(n), answer_of(n, "unit_" + std::to_string(n)));
  CHECK(rig.harness.devices().size() == 1001);
  CHECK(rig.faults() == Strings{});
  CHECK(rig.logs() == Strings{});
  rig.harness.advance(20s);  // discovery is slow by now
  for (int second = 0; second < 3; ++second) {
    std::map<std::string, int> asked;
    std::size_t most = 0, least = 1000;
    for (int slot = 0; slot < 64; ++slot) {
      rig.harness.clear();
      rig.harness.advance(15'625us);
      std::size_t here = 0;
      for (const auto& to : rig.sent()) {
        if (to == kBroadcast) continue;
        ++asked[to];
        ++here;
      }
      most = std::max(most, here);
      least = std::min(least, here);
      for (int n = 0; n < 1000; ++n)
        if (second == 0 && n % 64 == slot) rig.from(ip(n), answer_of(n, "unit_" + std::to_string(n)));
    }
    CHECK(asked.size() == 1000);
    CHECK(std::all_of(asked.begin(), asked.end(), [](const auto& a) { return a.second == 1; }));
    CHECK(most <= 16);
    CHECK(least >= 14);
  }
}

TEST_CASE("each unit has its own steady moment, whoever comes and goes") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.from(ip(1), answer_of(1, "One"));
  std::vector<std::int64_t> times;
  int next = 2;
  for (int ms = 0; ms < 10'000; ++ms) {
    rig.harness.clear();
    rig.harness.advance(1ms);
    for (const auto& to : rig.sent())
      if (to == peer(1)) times.push_back(rig.harness.now_ns());
    if (ms % 100 == 0) rig.from(ip(next), answer_of(next, "u" + std::to_string(next))), ++next;
  }
  REQUIRE(times.size() == 10);
  for (std::size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] == 1'000'000'000);
}

TEST_CASE("a discovery between two questions is no missing answer") {
  Rig rig(live("udp", true), PluginOptions{}.duration("discover_every", 1s));
  rig.harness.open();
  rig.from(ip(1), answer_of(1, "One"));
  // It answers the broadcast at each full second, and 100 ms later it has no new sample for our question.
  for (int s = 0; s < 20; ++s) {
    rig.harness.advance(900ms);
    rig.from(ip(1), answer_of(1, "One"));
    rig.harness.advance(100ms);
  }
  CHECK(rig.count("no_answer") == 0);
  CHECK(rig.logs() == Strings{});
}

TEST_CASE("a unit that stops answering is said once, stays asked, and its return is said") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.from(ip(1), answer_of(1, "One"));
  rig.harness.advance(30s);
  CHECK(rig.logs() == Strings{"warn: One (10.0.0.2) has not answered for 5 s; it is asked on"});
  CHECK(rig.count("no_answer") >= 27);
  rig.harness.clear();
  rig.from(ip(1), answer_of(1, "One"));
  CHECK(rig.logs() == Strings{"info: One (10.0.0.2) answers again, after 29 s"});
  CHECK(rig.harness.devices().size() == 2);
}

TEST_CASE("a unit at another address is the same unit") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.from(ip(1), answer_of(1, "One"));
  rig.harness.advance(20s);
  rig.harness.clear();
  rig.from(ip(7), answer_of(1, "One"));
  CHECK(rig.harness.devices().size() == 2);
  CHECK(rig.logs() == Strings{"info: One moved from 10.0.0.2:29340 to 10.0.0.8:29340"});
  CHECK(rig.values("ct1", "active_power", 1).size() == 1);
  // The old address is given up after a while.
  rig.harness.advance(20s);
  rig.from(ip(7), answer_of(1, "One"));
  rig.harness.clear();
  for (int s = 0; s < 10; ++s) {
    rig.harness.advance(1s);
    rig.from(ip(7), answer_of(1, "One"));
  }
  const Strings sent = rig.sent();
  CHECK(std::count(sent.begin(), sent.end(), peer(1)) == 0);
  CHECK(std::count(sent.begin(), sent.end(), peer(7)) == 10);
  CHECK(rig.count("no_answer") == 0);
  // And back again.
  rig.harness.advance(20s);
  rig.harness.clear();
  rig.from(ip(1), answer_of(1, "One"));
  CHECK(rig.harness.devices().size() == 2);
  CHECK(rig.values("ct1", "active_power", 1).size() == 1);
}

TEST_CASE("two units that say they are the same are told apart by their addresses") {
  Rig rig(live("udp", true));
  rig.harness.open();
  for (int s = 0; s < 10; ++s) {
    rig.from(ip(1), answer_of(1, "One"));
    rig.from(ip(2), answer_of(1, "Two"));
    rig.harness.advance(1s);
  }
  REQUIRE(rig.harness.devices() == Strings{"device", serial(1), "10.0.0.2"});
  CHECK(rig.values("ct1", "active_power", 1).size() == 11);  // the very first of the other among them
  CHECK(rig.values("ct1", "active_power", 2).size() == 9);
  const Strings logs = rig.logs();
  CHECK(std::count_if(logs.begin(), logs.end(), [](const auto& l) { return l.find("both say") != l.npos; }) == 1);
  CHECK(logs.size() <= 5);
}

TEST_CASE("units that were never calibrated are known by their addresses") {
  Rig rig(live("udp", true));
  rig.harness.open();
  for (int s = 0; s < 3; ++s) {
    rig.from("192.168.0.34", uncalibrated(kAnswer));
    rig.from("192.168.0.35", with(with(uncalibrated(kAnswer), "Meter_Cupboard", "B"), "Meter_Cupboard", "B"));
  }
  CHECK(rig.harness.devices() == Strings{"device", "192.168.0.34", "192.168.0.35"});
  CHECK(rig.harness.names() == Strings{"device", "Meter_Cupboard", "B"});
  CHECK(rig.logs().size() == 2);
  CHECK(rig.values("ct1", "active_power", 1).size() == 3);
  CHECK(rig.values("ct1", "active_power", 2).size() == 3);
}

TEST_CASE("units without a name are named by what is known of them, and said once") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.from(ip(1), unnamed(1));
  rig.from(ip(1), unnamed(1));
  CHECK(rig.harness.devices()[1] == serial(1));
  CHECK(rig.harness.names()[1] == serial(1));
  CHECK(rig.logs() == Strings{"warn: 10.0.0.2:29340: the unit has no name, so it is called " + serial(1) + " here"});
  CHECK(rig.values("ct1", "active_power", 1).size() == 2);
  // It gets one.
  rig.harness.clear();
  rig.from(ip(1), answer_of(1, "Attic"));
  CHECK(rig.logs() == Strings{"info: " + serial(1) + " is called Attic now"});
  CHECK(rig.harness.devices().size() == 2);
}

TEST_CASE("units with equal names: all of them are there, and it is said") {
  Rig rig(live("udp", true));
  rig.harness.open();
  for (int s = 0; s < 3; ++s) {
    rig.from(ip(1), answer_of(1, "Meter-1"));
    rig.from(ip(2), answer_of(2, "meter_1"));
  }
  CHECK(rig.harness.devices() == Strings{"device", serial(1), serial(2)});
  CHECK(rig.logs() == Strings{"warn: 10.0.0.3:29340: the unit " + serial(2) + " is called meter_1 as " + serial(1) +
                              " is; the later one gets a number behind it"});
  CHECK(rig.values("ct1", "active_power", 2).size() == 3);
}

TEST_CASE("a renamed unit keeps its identity") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.from(ip(1), answer_of(1, "Old"));
  rig.harness.clear();
  rig.from(ip(1), answer_of(1, "New"));
  CHECK(rig.harness.devices().size() == 2);
  CHECK(rig.attribute("unit_name", 1) == Strings{"New"});
  CHECK(rig.logs() == Strings{"info: Old is called New now"});
  // The old name is free.
  rig.harness.clear();
  rig.from(ip(2), answer_of(2, "Old"));
  CHECK(rig.logs() == Strings{});
}

TEST_CASE("key: unit_name and address") {
  Rig named(live("udp", true), PluginOptions{}.text("key", "unit_name"));
  named.harness.open();
  named.from(ip(1), answer_of(1, "Meter%20A"));
  named.from(ip(2), answer_of(2, "42.0"));
  named.from(ip(3), unnamed(3));
  CHECK(named.harness.devices() == Strings{"device", "Meter%20A", "42.0", "10.0.0.4"});  // the raw form is the key
  CHECK(named.harness.names()[1] == "Meter A");

  Rig placed(live("udp", true), PluginOptions{}.text("key", "address"));
  placed.harness.open();
  placed.from(ip(1), answer_of(1, "One"));
  placed.from(ip(2), answer_of(1, "Two"));
  CHECK(placed.harness.devices() == Strings{"device", "10.0.0.2", "10.0.0.3"});
  CHECK(placed.logs() == Strings{});
}

TEST_CASE("foreign answers make no units") {
  Rig rig(live("udp", true));
  rig.harness.open();
  rig.from(ip(1), with(answer_of(1, "One"), R"("PRODUCT_ID": "CT6")", R"("PRODUCT_ID": "CT7")"));
  rig.from(ip(2), kAsk);  // our own broadcast, heard
  rig.from(ip(3), "{}");
  CHECK(rig.harness.devices().size() == 1);
  CHECK(rig.faults() == Strings{"foreign", "ayt_question", "foreign"});
  rig.harness.clear();
  rig.harness.advance(5s);
  for (const auto& to : rig.sent()) CHECK(to == kBroadcast);
}

TEST_CASE("inactive units of a fleet: configured ones, and such that went silent") {
  Rig rig(live("udp", true, true), PluginOptions{}.list("hosts", {"10.0.0.1"}).integer("http_port", 8080));
  rig.harness.open(kHttp);
  rig.harness.open(kData);
  rig.from(ip(1), answer_of(1, "One"));
  rig.harness.advance(8s);
  Strings checks = rig.sent(kHttp);
  std::sort(checks.begin(), checks.end());
  REQUIRE(checks == Strings{"GET http://10.0.0.1:8080/get_stats", "GET http://10.0.0.2:8080/get_stats"});
  rig.harness.clear();
  const auto stats = [](int n, std::string_view name) {
    std::string text = with(kPayload, "ASY0398_V003.300_SN00001846", serial(n));
    text = with(text, "Meter_Cupboard", name);
    return with(text, R"("ACTIVE": 1.0)", R"("ACTIVE": 0)");
  };
  rig.http(checks[0], stats(0, "Zero"));
  rig.http(checks[1], stats(1, "One"));
  rig.http("GET http://10.9.9.9:8080/get_stats", stats(9, "Nine"));  // nobody asked there
  CHECK(rig.harness.devices() == Strings{"device", serial(1), serial(0)});
  CHECK(rig.values("total", "active", 1) == std::vector{0.0});
  CHECK(rig.values("total", "active", 2) == std::vector{0.0});
  CHECK(rig.logs() ==
        Strings{"warn: Zero (10.0.0.1) is inactive: it answers HTTP, but sends no data; activate it with: "
                "mesura device ct6://10.0.0.1 activate",
                "warn: One (10.0.0.2) is inactive: it answers HTTP, but sends no data; activate it with: "
                "mesura device ct6://10.0.0.2 activate"});
}

TEST_CASE("a fleet over MQTT: units by their serials, whatever their topics") {
  Rig rig(live("mqtt", true));
  rig.harness.open();
  rig.mqtt("a/ct6", kPayload);
  rig.mqtt("b/ct6", with(kPayload, "SN00001846", "SN00000002"));
  rig.mqtt("c/ct6", uncalibrated(kPayload));
  rig.mqtt("a/ct6", kPayload);
  rig.mqtt("a/ct6", "null");
  CHECK(rig.harness.devices() ==
        Strings{"device", "ASY0398_V003.300_SN00001846", "ASY0398_V003.300_SN00000002", "c/ct6"});
  CHECK(rig.values("ct1", "active_power", 1).size() == 2);
  CHECK(rig.faults() == Strings{"no_sample"});
  rig.harness.advance(60s);
  CHECK(rig.sent().empty());
}

TEST_CASE("a fleet over HTTP: its hosts, spread over the interval, one request each") {
  Rig rig(live("http", true), PluginOptions{}
                                  .list("hosts", {"10.0.0.1", "10.0.0.2:8080", "attic.local", "[fe80::1]"})
                                  .integer("http_port", 81));
  rig.harness.open();
  rig.harness.advance(999ms);
  Strings sent = rig.sent();
  std::sort(sent.begin(), sent.end());
  CHECK(sent == Strings{"GET http://10.0.0.1:81/get_stats", "GET http://10.0.0.2:8080/get_stats",
                        "GET http://[fe80::1]:81/get_stats", "GET http://attic.local:81/get_stats"});
  rig.harness.clear();
  rig.http("GET http://attic.local:81/get_stats", kPayload, 200, kData);
  rig.http("GET http://10.0.0.1:81/get_stats", "no route", -1, kData);
  CHECK(rig.harness.devices() == Strings{"device", "ASY0398_V003.300_SN00001846"});
  CHECK(rig.faults() == Strings{"http_failed", "no_answer"});
  rig.harness.clear();
  rig.harness.advance(1s);
  CHECK(rig.sent().size() == 2);  // the other two have not come back yet
}

TEST_CASE("a capture of a fleet: units by serial, nobody is asked") {
  auto config = live("replay", true);
  config.live = false;
  Rig rig(config);
  rig.harness.open();
  for (int n = 0; n < 3; ++n) rig.from(ip(n), answer_of(n, "u" + std::to_string(n)));
  rig.harness.advance(60s);
  CHECK(rig.harness.devices().size() == 4);
  CHECK(rig.harness.events(Kind::sent).empty());
}
