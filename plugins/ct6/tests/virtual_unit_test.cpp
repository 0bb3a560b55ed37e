// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Mode 1: when the virtual CT6 answers an AYT, what the answer holds, and what faults do to it.
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "tests/virtual_rig.hpp"

using namespace mesura::ct6::test;
using mesura::ct6::twin::Object;
using mesura::ct6::twin::Value;
using mesura::test::contains;

namespace {

PluginOptions constant(int watts) { return PluginOptions{}.text("profile", "constant:" + std::to_string(watts)); }

double truth_of(const PluginHarness& host, std::string_view channel, std::string_view quantity) {
  for (const auto& e : host.events(Kind::measurement))
    if (e.channel == channel && e.quantity == quantity) return e.value;
  return std::nan("");
}

}  // namespace

TEST_CASE("twin AYT: the request is 50 bytes, and its answer has every key") {
  STATIC_REQUIRE(kAyt.size() == 50);
  Rig rig;
  const Value answer = Rig::json(rig.ask());
  for (const char* key : {"IP_ADDRESS",
                          "OS",
                          "UNIT_NAME",
                          "PRODUCT_ID",
                          "DEVICE_TYPE",
                          "SERVICE_LIST",
                          "GROUP_NAME",
                          "CT1",
                          "CT2",
                          "CT3",
                          "CT4",
                          "CT5",
                          "CT6",
                          "READ_TIME_NS",
                          "RSSI",
                          "BOARD_TEMPERATURE",
                          "ASSY",
                          "YDEV_UNIT_NAME",
                          "FIRMWARE_VERSION",
                          "ACTIVE",
                          "PF_WATTS_THRESHOLD",
                          "TIMESENT"}) {
    INFO(key);
    CHECK(has(answer, key));
  }
  CHECK(answer.as<Object>()->size() == 22);
  CHECK(at(answer, "CT1").as<Object>()->size() == 11);
  CHECK(*at(answer, "IP_ADDRESS").as<std::string>() == "127.0.0.2");
  CHECK(*at(answer, "PRODUCT_ID").as<std::string>() == "CT6");
  CHECK(*at(answer, "UNIT_NAME").as<std::string>() == "Virtual_1");
  CHECK(*at(answer, "ASSY").as<std::string>() == "ASY0398_V003.300_SN00001846");
  CHECK(*at(answer, "CT1.NAME").as<std::string>() == "Grid");
  CHECK(*at(answer, "CT5.NAME").as<std::string>() == "House");
}

TEST_CASE("twin AYT: answered from the data link to whoever asked, broadcast or not") {
  Rig rig;
  rig.ayt(kBroadcast, "127.0.0.1:29340");
  rig.host.advance(1s);
  rig.ayt(kData, "10.0.0.7:51234");
  rig.host.advance(1s);
  const auto sent = rig.host.events(Kind::sent);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].link == kData);
  CHECK(sent[0].to == "127.0.0.1:29340");
  CHECK(sent[1].link == kData);
  CHECK(sent[1].to == "10.0.0.7:51234");
}

TEST_CASE("twin AYT: anything but the magic string is ignored in silence") {
  Rig rig;
  for (const char* datagram : {"", "AYT", "{", "[]", "42", "{\"AYT\":\"\"}", "{\"AYT\":42}",
                               R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qrb"})",
                               R"({"ayt":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})", "\xff\xfe"}) {
    rig.host.bytes(datagram, PluginHarness::From{std::string(kAsker), {}, 0}, kData);
    rig.host.advance(300ms);
  }
  CHECK(rig.sent(kData).empty());
  // Other spellings of the same object are taken.
  rig.host.bytes(R"({ "X": 1, "AYT" : "-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra" })",
                 PluginHarness::From{std::string(kAsker), {}, 0}, kData);
  rig.host.advance(150ms);
  CHECK(rig.sent(kData).size() == 1);
}

TEST_CASE("twin AYT: an answer takes 0 to 150 ms, and not always the same") {
  Rig rig;
  std::set<std::int64_t> waits;
  for (int i = 0; i < 40; ++i) {
    rig.host.clear();
    rig.ayt();
    std::int64_t waited = 0;
    for (; rig.sent(kData).empty() && waited <= 150; ++waited) rig.host.advance(1ms);
    CHECK(waited <= 150);
    waits.insert(waited);
    rig.host.advance(1037ms);
  }
  CHECK(waits.size() > 10);
  CHECK(*waits.rbegin() - *waits.begin() > 60);
}

TEST_CASE("twin AYT: asked at 10 Hz it answers three to five times a second") {
  Rig rig;
  for (int i = 0; i < 100; ++i) {
    rig.ayt();
    rig.host.advance(100ms);
  }
  const auto answers = rig.sent(kData).size();
  CHECK(answers >= 30);
  CHECK(answers <= 51);
}

TEST_CASE("twin AYT: two in the same 200 ms get one answer") {
  Rig rig;
  rig.ayt(kData, "10.0.0.1:1");
  rig.ayt(kData, "10.0.0.2:2");
  rig.host.advance(110ms);
  rig.host.advance(50ms);
  // The second is read 100 ms later: at times a sample lies between, at times not. Over many, about half are answered.
  Rig many;
  for (int i = 0; i < 100; ++i) {
    many.ayt(kData, "10.0.0.1:1");
    many.ayt(kData, "10.0.0.2:2");
    many.host.advance(1037ms);
  }
  std::map<std::string, int> got;
  for (const auto& e : many.host.events(Kind::sent)) ++got[e.to];
  CHECK(got["10.0.0.1:1"] == 100);
  CHECK(got["10.0.0.2:2"] > 20);
  CHECK(got["10.0.0.2:2"] < 80);
}

TEST_CASE("twin AYT: values are the mean since the answer before, to anybody") {
  Rig rig(constant(500));
  rig.ask();
  rig.set("ct1_power", "-100");
  rig.ask();  // closes the window: from here only what is set
  rig.host.advance(590ms);
  rig.set("ct1_power", "-200");
  rig.host.advance(410ms);
  rig.ayt(kData, "10.0.0.9:9");
  rig.host.advance(150ms);
  const auto sent = rig.host.events(Kind::sent);
  REQUIRE(sent.size() == 1);
  const double mean = number_at(Rig::json(sent[0].text), "CT1.PRMS");
  CHECK(mean < -100);
  CHECK(mean > -200);
  // Whole samples: some of the window of about five are 100 W, the others 200 W.
  double best = 1;
  for (int all = 3; all <= 7; ++all)
    for (int high = 1; high < all; ++high) best = std::min(best, std::abs(mean + 100 + 100.0 * high / all) / 100);
  CHECK(best < 1e-4);
  // Another asker finds the window emptied.
  rig.host.advance(300ms);
  CHECK(number_at(Rig::json(rig.ask()), "CT1.PRMS") == Approx(-200));
}

TEST_CASE("twin AYT: silent while inactive, since firmware 2.61") {
  Rig rig(PluginOptions{}.flag("active", false));
  CHECK(rig.ask().empty());
  CHECK(rig.get("/set_config?ACTIVE=1") == R"({"ACTIVE": 1.0})");
  CHECK_FALSE(rig.ask().empty());
  CHECK(rig.get("/set_config?ACTIVE=0") == R"({"ACTIVE": 0.0})");
  rig.host.advance(1s);
  CHECK(rig.ask().empty());

  Rig old(PluginOptions{}.flag("active", false).text("firmware", "2.5"));
  CHECK_THAT(old.ask(), contains(R"("ACTIVE": 0})"));
}

TEST_CASE("twin AYT: truth is what the answer carried") {
  Rig rig(constant(500));
  const Value answer = Rig::json(rig.ask());
  const auto& host = rig.host;
  CHECK(truth_of(host, "ct1", "active_power") == -500);
  CHECK(truth_of(host, "ct1", "active_power") == number_at(answer, "CT1.PRMS"));
  CHECK(static_cast<float>(truth_of(host, "ct5", "voltage")) == static_cast<float>(number_at(answer, "CT5.VRMS")));
  CHECK(truth_of(host, "ct1", "power_factor") == Approx(-1).margin(0.2));
  CHECK(std::isnan(truth_of(host, "ct6", "power_factor")));
  CHECK(truth_of(host, "total", "active") == 1);
  CHECK(truth_of(host, "total", "power_factor_threshold") == 5);
  CHECK(host.counts().batches == 1);
  for (const auto& e : host.events(Kind::measurement)) CHECK(e.time_ns == e.received_ns);
}

TEST_CASE("twin profile count: answer k carries k, to the last bit") {
  Rig rig(PluginOptions{}.text("profile", "count"));
  for (int k = 0; k < 12; ++k) {
    const Value answer = Rig::json(rig.ask());
    CHECK(number_at(answer, "CT1.PRMS") == -(k + 0.5));
    CHECK(number_at(answer, "CT2.PRMS") == k + 1.0);
    CHECK(number_at(answer, "CT6.PRMS") == k + 3.0);
    CHECK(number_at(answer, "CT6.PREACT") == (k + 3.0) / 4);
    CHECK(truth_of(rig.host, "ct1", "active_power") == -(k + 0.5));
    CHECK(truth_of(rig.host, "ct3", "current") == k + 0.09375);
    rig.host.advance(850ms);
  }
}

TEST_CASE("twin profile house: like the sheet's example") {
  Rig rig(PluginOptions{}.integer("pv", 0).integer("battery", 0));
  const Value answer = Rig::json(rig.ask());
  CHECK(number_at(answer, "CT1.PRMS") < 0);  // consumption is negative on the wire
  CHECK(number_at(answer, "CT1.PRMS") == Approx(number_at(answer, "CT5.PRMS")).epsilon(0.02));
  CHECK(number_at(answer, "CT2.PRMS") == 0);
  CHECK(number_at(answer, "CT4.IRMS") == 0);
  CHECK(number_at(answer, "CT1.VRMS") == number_at(answer, "CT3.VRMS"));
  CHECK(number_at(answer, "CT4.VRMS") == number_at(answer, "CT6.VRMS"));
  CHECK(number_at(answer, "CT1.VRMS") == Approx(230).epsilon(0.1));
}

TEST_CASE("twin options: ports, names, units of one run") {
  Rig rig(PluginOptions{}.integer("ports", 24).map("names", {{"ct7", "Heat%20pump"}, {"ct8", "8"}, {"ct9", "Bob's"}}),
          network(4));
  const Value answer = Rig::json(rig.ask());
  CHECK(*at(answer, "UNIT_NAME").as<std::string>() == "Virtual_5");
  CHECK(*at(answer, "ASSY").as<std::string>() == "ASY0398_V003.300_SN00001850");
  CHECK(*at(answer, "CT7.NAME").as<std::string>() == "Heat%20pump");
  CHECK(number_at(answer, "CT8.NAME") == 8);
  CHECK(*at(answer, "CT9.NAME").as<std::string>() == "Bob's");
  CHECK(has(answer, "CT24"));
}

TEST_CASE("twin options: odd names") {
  const auto names = [](const char* kind) {
    Rig rig(PluginOptions{}.text("odd_names", kind));
    return rig.ask();
  };
  CHECK_THAT(names("numeric"), contains(R"("NAME": 1.0, )") && contains(R"("UNIT_NAME": 42.0, )"));
  CHECK_THAT(names("percent"), contains(R"("NAME": "Grid%201", )"));
  CHECK_THAT(names("apostrophe"), contains(R"("NAME": "Grid's", )"));
  CHECK_THAT(names("nan"), contains(R"("NAME": nan, )"));
}

TEST_CASE("twin options: a factory-new unit and an unnamed one") {
  Rig fresh(PluginOptions{}.flag("factory_new", true));
  CHECK(fresh.ask().empty());
  const Value config = Rig::json(fresh.get("/get_config"));
  CHECK(*at(config, "ASSY").as<std::string>() == "ASY0197_V00.0000_SN00000000");
  CHECK(number_at(config, "ACTIVE") == 0);
  CHECK(at(config, "YDEV_UNIT_NAME").as<std::string>()->empty());
  CHECK(fresh.get("/get_file?file=factory.cfg") == R"({"ERROR": "[Errno 2] ENOENT"})");
  Rig unnamed(PluginOptions{}.text("unit_name", "none"));
  CHECK_THAT(unnamed.ask(), contains(R"("UNIT_NAME": "", )"));
}

TEST_CASE("twin options: contradictions are refused in words") {
  using Catch::Matchers::Message;
  const auto make = [](PluginOptions o) { Rig rig(std::move(o)); };
  CHECK_THROWS_WITH(make(PluginOptions{}.text("firmware", "new")),
                    "firmware: expected a version such as 3.1, got 'new'");
  CHECK_THROWS_WITH(make(PluginOptions{}.integer("phases", 2)), "phases: expected 1 or 3, got 2");
  CHECK_THROWS_WITH(make(PluginOptions{}.map("names", {{"ct7", "x"}})), "names: expected ports ct1 to ct6, got 'ct7'");
  CHECK_THROWS(make(PluginOptions{}.text("profile", "nonsense")));
}

TEST_CASE("twin clock: unset, then set a second after a restart") {
  const auto year = [](const std::string& answer) {
    const Value json = Rig::json(answer);
    return (*at(json, "TIMESENT").as<mesura::ct6::twin::Array>())[0].number().value();
  };
  Rig unset(PluginOptions{}.flag("clock_unset", true));
  CHECK(year(unset.ask()) == 2021);
  unset.host.advance(10s);
  CHECK(year(unset.ask()) == 2021);
  Rig skewed(PluginOptions{}.integer("clock_skew", -86400));
  CHECK(year(skewed.ask()) == 2025);
  Rig rig;
  CHECK(year(rig.ask()) == 2026);
  rig.fault("power_cycle");
  rig.host.advance(5s);
  for (int i = 0; i < 3; ++i) {
    const auto answer = rig.ask();
    if (!answer.empty()) CHECK((year(answer) == 2021 || year(answer) == 2026));
  }
  rig.host.advance(2s);
  CHECK(year(rig.ask()) == 2026);
}

TEST_CASE("twin faults: lost, duplicated, cut, nan") {
  Rig rig(constant(500));
  rig.fault("lost", 2);
  CHECK(rig.ask().empty());
  CHECK(rig.host.counts().batches == 0);
  rig.host.advance(1s);
  CHECK(rig.ask().empty());
  rig.host.advance(1s);
  CHECK_FALSE(rig.ask().empty());

  rig.host.advance(1s);
  rig.fault("duplicate");
  rig.ayt();
  const auto batches = rig.host.counts().batches;
  rig.host.advance(150ms);
  const auto twice = rig.sent(kData);
  REQUIRE(twice.size() == 2);
  CHECK(twice[0] == twice[1]);
  CHECK(rig.host.counts().batches == batches + 1);

  rig.host.advance(1s);
  rig.fault("truncate");
  const std::string cut = rig.ask();
  CHECK_FALSE(cut.empty());
  CHECK_FALSE(mesura::ct6::twin::parse_json(cut).has_value());
  CHECK(rig.host.counts().batches == batches + 1);

  rig.host.advance(1s);
  rig.fault("nan");
  CHECK_THAT(rig.ask(), contains(R"("PRMS": nan)"));

  rig.host.advance(1s);
  CHECK_THAT(rig.ask(), !contains("nan"));
}

TEST_CASE("twin faults: by chance, the same for the same seed") {
  const auto run = [](std::int64_t seed) {
    Rig rig(PluginOptions{}.number("lost", 0.3).integer("seed", seed));
    std::string pattern;
    for (int i = 0; i < 60; ++i) {
      pattern += rig.ask().empty() ? '.' : 'x';
      rig.host.advance(1s);
    }
    return pattern;
  };
  const std::string one = run(1);
  CHECK(one == run(1));
  CHECK(one != run(2));
  CHECK(std::count(one.begin(), one.end(), '.') > 5);
  CHECK(std::count(one.begin(), one.end(), '.') < 35);
}

TEST_CASE("twin old firmware: cached and requested readings") {
  Rig rig(constant(500).text("firmware", "2.61"));
  rig.ask();
  rig.host.advance(2s);
  rig.set("ct1_power", "-50");
  rig.host.advance(400ms);
  const std::string answer = rig.ask();
  CHECK(number_at(Rig::json(answer), "CT1.PRMS") == Approx(-50).epsilon(0.001));  // the latest, no mean
  CHECK_THAT(answer, !contains("TIMESENT") && !contains("PF_WATTS_THRESHOLD"));
  CHECK_THAT(answer, contains(R"("FIRMWARE_VERSION": "2.61")"));
}

TEST_CASE("twin output: answers one after another at the interval, then the end") {
  PluginHarness::Config config = network(0, {{"file", ""}, {"", ""}, {"", ""}, {"", ""}});
  config.live = false;
  PluginHarness host(twin_plugin(),
                     PluginOptions{}.text("profile", "count").duration("interval", 1s).integer("answers", 3), config);
  host.open(0);
  host.advance(1h);
  const auto sent = host.events(Kind::sent);
  REQUIRE(sent.size() == 3);
  for (std::size_t k = 0; k < sent.size(); ++k) {
    CHECK(sent[k].text.back() == '\n');
    CHECK(number_at(Rig::json(sent[k].text), "CT2.PRMS") == static_cast<double>(k) + 1);
  }
  CHECK(host.events(Kind::closed).size() == 1);
  CHECK(host.counts().batches == 3);
}

TEST_CASE("twin cost: nothing runs while nobody asks") {
  Rig rig;
  rig.ask();
  for (std::uint32_t timer = 0; timer < 8; ++timer) CHECK_FALSE(rig.host.armed(timer));
  rig.host.advance(24h * 365);
  CHECK_FALSE(rig.ask().empty());  // and a year's mean is not made of a year's samples
}
