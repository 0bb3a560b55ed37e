// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One unit: over UDP, HTTP and MQTT, and from a file.
#include <stdexcept>
#include <string>
#include <vector>

#include "rig.hpp"
#include "support/catch.hpp"

using namespace mesura::ct6::test;

namespace {

constexpr std::string_view kUnit = "192.168.0.34";
constexpr std::string_view kCheck = "GET http://192.168.0.34:80/get_stats";
constexpr std::string_view kGet = "GET /get_stats";

std::string inactive() { return with(kPayload, R"("ACTIVE": 1.0)", R"("ACTIVE": 0)"); }

}  // namespace

TEST_CASE("udp: the question is the sheet's 50 bytes, each second on a steady grid") {
  REQUIRE(kAsk.size() == 50);
  Rig rig(live("udp", false));
  rig.harness.open();
  std::vector<std::int64_t> times;
  for (int ms = 0; ms < 10'000; ms += 10) {
    rig.harness.clear();
    rig.harness.advance(10ms);
    for (const auto& e : rig.harness.events(Kind::sent)) {
      CHECK(e.text == kAsk);
      CHECK(e.to.empty());
      CHECK(e.link == kData);
      times.push_back(ms + 10);
    }
    if (ms % 1000 == 80) rig.from(kUnit, kAnswer);
  }
  CHECK(times == std::vector<std::int64_t>{1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000});
  CHECK(rig.faults() == Strings{});
}

TEST_CASE("udp: the first question goes out when the link opens") {
  Rig rig(live("udp", false), PluginOptions{}.duration("interval", 5s));
  rig.harness.open();
  CHECK(rig.sent() == Strings{""});
  rig.harness.advance(4999ms);
  CHECK(rig.sent().size() == 1);
  rig.harness.advance(1ms);
  CHECK(rig.sent().size() == 2);
  rig.harness.close(false);
  rig.harness.advance(20s);
  CHECK(rig.sent().size() == 2);
  rig.harness.open();
  CHECK(rig.sent().size() == 3);
  CHECK(rig.count("no_answer") == 2);  // the second was lost with the link
}

TEST_CASE("udp: an answer becomes a frame, then measurements at the time of its arrival") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.harness.advance(83ms);
  rig.from(kUnit, kAnswer);
  REQUIRE(rig.frames() == 1);
  const auto all = rig.harness.events(Kind::measurement);
  CHECK(all.size() == 6 * 9 - 2 + 5);  // two unused ports have no power factor
  for (const auto& e : all) {
    CHECK(e.time_ns == kAnswerTime_ns + 83'000'000);
    CHECK(e.quality == 0);
  }
  CHECK(rig.values("ct1", "active_power") == std::vector{-1843.27});  // the wire's sign: plus is export
  CHECK(rig.values("ct1", "power_factor") == std::vector{-0.97});
  CHECK(rig.values("ct2", "reactive_power") == std::vector{221.8869});
  CHECK(rig.values("ct3", "apparent_power") == std::vector{443.6667});
  CHECK(rig.values("ct5", "current") == std::vector{15.30837});
  CHECK(rig.values("ct5", "current_peak") == std::vector{21.64909});
  CHECK(rig.values("ct6", "voltage") == std::vector{242.198});
  CHECK(rig.values("ct6", "frequency") == std::vector{50.01});
  CHECK(rig.values("ct4", "temperature") == std::vector{30.6});
  CHECK(rig.values("ct4", "active_power") == std::vector{0.0});
  CHECK(rig.values("ct4", "power_factor").empty());
  CHECK(rig.values("board", "temperature") == std::vector{24.81});
  CHECK(rig.values("total", "signal_strength") == std::vector{-51.4});
  CHECK(rig.values("total", "read_time") == std::vector{29564.67 / 1e6});  // microseconds, in spite of the name
  CHECK(rig.values("total", "active") == std::vector{1.0});
  CHECK(rig.values("total", "power_factor_threshold") == std::vector{5.0});
  CHECK(all.front().source == "CT1.PRMS");
  CHECK(all.front().label == "Grid");
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, const char*>>{{"model", "CT6"},
                                                        {"hardware", "6_CHNL_CT_SENSOR"},
                                                        {"serial", "ASY0398_V003.300_SN00001846"},
                                                        {"unit_name", "Meter_Cupboard"},
                                                        {"firmware_version", "3.1"},
                                                        {"address", "192.168.0.34"},
                                                        {"operating_system", "micropython"},
                                                        {"services", "WEB:80"},
                                                        {"ct1_channel_name", "Grid"},
                                                        {"ct5_channel_name", "House"},
                                                        {"ct6_sensor_type", "SCT013_100A"},
                                                        {"clock_offset", "0"}}) {
    INFO(key);
    CHECK(rig.attribute(key) == Strings{value});
  }
  CHECK(rig.attribute("group_name").empty());
  CHECK(rig.logs() == Strings{});
}

TEST_CASE("udp: settings and facts are told when they change") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.from(kUnit, kAnswer);
  rig.harness.clear();
  rig.from(kUnit, kAnswer);
  CHECK(rig.values("total", "active").empty());
  CHECK(rig.values("total", "power_factor_threshold").empty());
  CHECK(rig.values("total", "signal_strength").size() == 1);
  CHECK(rig.harness.events(Kind::attribute).empty());
  rig.from(kUnit, with(with(kAnswer, R"("ACTIVE": 1.0)", R"("ACTIVE": false)"), R"("3.1")", R"("3.2")"));
  CHECK(rig.values("total", "active") == std::vector{0.0});
  CHECK(rig.attribute("firmware_version") == Strings{"3.2"});
}

TEST_CASE("udp: two answers in one second both count") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.harness.advance(50ms);
  rig.from(kUnit, kAnswer);
  rig.harness.advance(300ms);
  rig.from(kUnit, kAnswer);
  std::vector<std::int64_t> times;
  for (const auto& e : rig.harness.events(Kind::measurement))
    if (e.channel == "ct1" && e.quantity == "active_power") times.push_back(e.time_ns - kAnswerTime_ns);
  CHECK(times == std::vector<std::int64_t>{50'000'000, 350'000'000});
}

TEST_CASE("a power factor that the device forced to 0 is none") {
  const auto factors = [](std::string_view prms, std::string_view pf, std::string_view threshold) {
    Rig rig(live("udp", false));
    rig.harness.open();
    std::string text = with(kAnswer, "-1843.27", prms);
    text = with(text, R"("PF": -0.97)", R"("PF": )" + std::string{pf});
    rig.from(kUnit, with(text, R"("PF_WATTS_THRESHOLD": 5, )", threshold));
    return rig.values("ct1", "power_factor");
  };
  const std::string five = R"("PF_WATTS_THRESHOLD": 5, )", fifty = R"("PF_WATTS_THRESHOLD": 50, )";
  CHECK(factors("-1843.27", "-0.97", five) == std::vector{-0.97});
  CHECK(factors("4.9", "0.0", five).empty());
  CHECK(factors("-4.9", "0.0", five).empty());
  CHECK(factors("5.0", "0.0", five) == std::vector{0.0});  // a pure reactance
  CHECK(factors("-1843.27", "0.0", fifty).empty());        // 2.68 compares with the sign
  CHECK(factors("4.9", "0.3", five) == std::vector{0.3});  // a mean over samples above and below
  CHECK(factors("4.9", "0.0", "") == std::vector{0.0});    // before 2.68 nothing was forced
}

TEST_CASE("names: numbers, percent-encoding, and a port that is renamed") {
  Rig rig(live("udp", false));
  rig.harness.open();
  std::string text = with(kAnswer, R"("Grid")", "1.0");
  text = with(text, R"("Solar")", R"("Roof%20south")");
  text = with(text, R"("UNIT_NAME": "Meter_Cupboard", "PRODUCT)", R"("UNIT_NAME": 42.0, "PRODUCT)");
  text = with(text, R"("YDEV_UNIT_NAME": "Meter_Cupboard")", R"("YDEV_UNIT_NAME": 42.0)");
  rig.from(kUnit, text);
  CHECK(rig.faults() == Strings{});
  CHECK(rig.attribute("ct1_channel_name") == Strings{"1"});
  CHECK(rig.attribute("ct2_channel_name") == Strings{"Roof south"});
  CHECK(rig.attribute("unit_name") == Strings{"42"});
  rig.harness.clear();
  rig.from(kUnit, kAnswer);
  CHECK(rig.attribute("ct1_channel_name") == Strings{"Grid"});
  CHECK(rig.attribute("ct2_channel_name") == Strings{"Solar"});
  CHECK(rig.attribute("unit_name") == Strings{"Meter_Cupboard"});
  CHECK(rig.values("ct1", "active_power").size() == 1);
  CHECK(rig.attribute("ct3_channel_name").empty());
}

TEST_CASE("the unit's clock: an attribute where it can be right") {
  const auto offsets = [](std::int64_t ahead_s, PluginOptions options = {}) {
    auto config = live("udp", false);
    config.now_ns = kAnswerTime_ns - ahead_s * 1'000'000'000;
    Rig rig(config, std::move(options));
    rig.harness.open();
    rig.from(kUnit, kAnswer);
    return std::pair{rig.attribute("clock_offset"), rig.values("total", "device_time")};
  };
  CHECK(offsets(0).first == Strings{"0"});
  CHECK(offsets(-1).first == Strings{"-1"});
  CHECK(offsets(120).first == Strings{"120"});
  CHECK(offsets(301).first.empty());
  CHECK(offsets(0).second.empty());
  CHECK(offsets(7, PluginOptions{}.flag("device_time", true)).second == std::vector{1'781'441'101.0});
  CHECK(offsets(400, PluginOptions{}.flag("device_time", true)).second.empty());

  // A second more or less is the way here.
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.from(kUnit, kAnswer);
  rig.harness.advance(1s);
  rig.from(kUnit, kAnswer);
  CHECK(rig.attribute("clock_offset") == Strings{"0"});
  rig.harness.advance(1s);
  rig.from(kUnit, kAnswer);
  CHECK(rig.attribute("clock_offset") == Strings{"0", "-2"});
}

TEST_CASE("a bad datagram costs nothing but a counter") {
  for (const auto& [text, code] :
       std::vector<std::pair<std::string, std::string>>{{"\xFF\xFE", "not_utf8"},
                                                        {"hello", "not_json"},
                                                        {"17", "not_an_object"},
                                                        {"[1, 2]", "not_an_object"},
                                                        {R"({"hello": 1})", "foreign"},
                                                        {R"({"PRODUCT_ID": "CT7"})", "foreign"},
                                                        {std::string{kAsk}, "ayt_question"},
                                                        {std::string{kAnswer.substr(0, 1472)}, "truncated"},
                                                        {std::string{kAnswer.substr(1480)}, "not_json"},
                                                        {with(kAnswer, "2210.54,", "2210.54"), "bad_json"}}) {
    INFO(code << ": " << text);
    Rig rig(live("udp", false));
    rig.harness.open();
    rig.from(kUnit, kAnswer);
    const auto good = rig.harness.lines({Kind::measurement});
    rig.harness.clear();
    rig.from(kUnit, text);
    CHECK(rig.faults() == Strings{code});
    CHECK(rig.harness.events(Kind::measurement).empty());
    CHECK(rig.frames() == 0);
    rig.from(kUnit, kAnswer);
    CHECK(rig.harness.events(Kind::measurement).size() == good.size() - 2);  // all but the two settings
    CHECK(rig.logs() == Strings{});
  }
}

TEST_CASE("udp: missing answers are counted, silence is said once, and its end") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.harness.advance(80ms);
  rig.from(kUnit, kAnswer);
  rig.harness.clear();
  rig.harness.advance(4920ms);  // asked at 1, 2, 3, 4, 5 s
  CHECK(rig.sent().size() == 5);
  CHECK(rig.count("no_answer") == 4);
  CHECK(rig.logs() == Strings{});
  rig.harness.advance(20s);
  CHECK(rig.count("no_answer") == 24);
  CHECK(rig.logs() == Strings{"warn: 192.168.0.34 has not answered for 5 s; it is asked on"});
  rig.harness.clear();
  rig.harness.advance(100ms);
  rig.from(kUnit, kAnswer);
  CHECK(rig.logs() == Strings{"info: Meter_Cupboard (192.168.0.34) answers again, after 24 s"});
  CHECK(rig.frames() == 1);
  rig.harness.advance(900ms);
  CHECK(rig.count("no_answer") == 0);
}

TEST_CASE("udp: who has been silent for a minute is asked more slowly, and quickly again") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.harness.advance(70s);
  rig.harness.clear();
  rig.harness.advance(100s);
  CHECK(rig.sent().size() == 10);
  rig.from(kUnit, kAnswer);
  rig.harness.clear();
  rig.harness.advance(10s);
  CHECK(rig.sent().size() == 10);
}

TEST_CASE("udp: a unit that answers HTTP only is inactive, and is said to be with the remedy") {
  Rig rig(live("udp", false, true));
  rig.harness.open(kHttp);
  rig.harness.open(kData);
  rig.harness.advance(4s);
  CHECK(rig.sent(kHttp).empty());
  rig.harness.advance(2s);
  CHECK(rig.sent(kHttp) == Strings{std::string{kCheck}});
  rig.harness.clear();
  rig.http(kCheck, inactive());
  CHECK(rig.logs() == Strings{"warn: Meter_Cupboard (192.168.0.34) is inactive: it answers HTTP, but sends no data; "
                              "activate it with: mesura device ct6://192.168.0.34 activate"});
  CHECK(rig.values("total", "active") == std::vector{0.0});
  CHECK(rig.harness.events(Kind::measurement).size() == 1);
  CHECK(rig.attribute("serial") == Strings{"ASY0398_V003.300_SN00001846"});
  // Looked after again, but said once.
  rig.harness.clear();
  rig.harness.advance(125s);
  CHECK(rig.sent(kHttp).size() == 2);
  rig.http(kCheck, inactive());
  CHECK(rig.logs() == Strings{});
  CHECK(rig.harness.events(Kind::measurement).empty());
  // Somebody has activated it.
  rig.from(kUnit, kAnswer);
  CHECK(rig.values("total", "active") == std::vector{1.0});
  CHECK(rig.logs().size() == 1);
  rig.http(kCheck, inactive());  // a late answer says nothing any more
  CHECK(rig.values("total", "active") == std::vector{1.0});
}

TEST_CASE("udp: a unit that is active, yet answers HTTP only, sits behind something") {
  Rig rig(live("udp", false, true));
  rig.harness.open(kHttp);
  rig.harness.open(kData);
  rig.harness.advance(6s);
  rig.harness.clear();
  rig.http(kCheck, "connection refused", -1);
  rig.http(kCheck, "busy", 503);
  rig.http(kCheck, R"({"ERROR": "x"})");
  CHECK(rig.logs() == Strings{});
  CHECK(rig.faults() == Strings{"device_error"});
  rig.http(kCheck, kPayload);
  rig.http(kCheck, kPayload);
  CHECK(rig.logs() == Strings{"warn: Meter_Cupboard (192.168.0.34) is active and answers HTTP, but not UDP: look for "
                              "what stops datagrams to port 29340"});
}

TEST_CASE("without the link `http` nobody asks over HTTP") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.harness.advance(300s);
  CHECK(rig.sent(kHttp).empty());
}

TEST_CASE("http: /get_stats each interval, one at a time") {
  Rig rig(live("http", false));
  rig.harness.open();
  CHECK(rig.sent() == Strings{std::string{kGet}});
  CHECK(rig.harness.events(Kind::sent)[0].text.empty());
  rig.harness.advance(1500ms);
  CHECK(rig.sent().size() == 1);
  CHECK(rig.count("no_answer") == 1);
  rig.http(kGet, kPayload, 200, kData);
  CHECK(rig.values("ct1", "active_power") == std::vector{-1843.27});
  CHECK(rig.values("total", "active") == std::vector{1.0});
  rig.harness.advance(500ms);
  CHECK(rig.sent().size() == 2);
  rig.http(kGet, inactive(), 200, kData);  // read all the same
  CHECK(rig.values("ct1", "active_power").size() == 2);
  CHECK(rig.values("total", "active") == std::vector{1.0, 0.0});
  // A request that is lost without a word is not waited for forever.
  rig.harness.advance(1s);
  rig.harness.clear();
  rig.harness.advance(29s);
  CHECK(rig.sent().empty());
  rig.harness.advance(2s);
  CHECK(rig.sent().size() == 1);
}

TEST_CASE("http: what is no answer") {
  Rig rig(live("http", false));
  rig.harness.open();
  rig.http(kGet, "connection refused", -1, kData);
  CHECK(rig.faults() == Strings{"http_failed", "no_answer"});
  rig.harness.clear();
  rig.harness.advance(1s);
  CHECK(rig.sent().size() == 1);
  rig.http(kGet, "Not Found", 404, kData);
  CHECK(rig.faults() == Strings{"http_status", "no_answer"});
  rig.harness.clear();
  rig.harness.advance(1s);
  rig.http(kGet, R"({"ERROR": "/get_stats is an invalid command."})", 200, kData);
  CHECK(rig.faults() == Strings{"device_error", "no_answer"});
  rig.harness.clear();
  rig.harness.advance(1s);
  rig.http(kGet, "", 200, kData);
  CHECK(rig.faults() == Strings{"not_json", "no_answer"});
  rig.harness.advance(1s);
  rig.http(kGet, "connection refused", -1, kData);
  rig.harness.advance(1s);
  rig.http(kGet, "connection refused", -1, kData);
  CHECK(rig.logs() == Strings{"warn: 192.168.0.34 has not answered for 5 s; it is asked on"});
  rig.harness.clear();
  rig.http("GET /fw_version", kPayload, 200, kData);
  CHECK(rig.frames() == 1);  // alone, whatever comes over this link is the unit's
}

TEST_CASE("http: an apostrophe in a name spoils the reply, and is mended") {
  Rig rig(live("http", false));
  rig.harness.open();
  rig.http(kGet, with(kPayload, R"("Grid")", R"("Bob"s")"), 200, kData);
  CHECK(rig.faults() == Strings{"apostrophe"});
  CHECK(rig.attribute("ct1_channel_name") == Strings{"Bob's"});
  CHECK(rig.values("ct2", "active_power") == std::vector{2210.54});
}

TEST_CASE("mqtt: pushed payloads, with and without a sample") {
  Rig rig(live("mqtt", false));
  rig.harness.open();
  rig.harness.advance(60s);
  CHECK(rig.sent().empty());
  rig.mqtt("home/ct6", kPayload);
  CHECK(rig.values("ct1", "active_power") == std::vector{-1843.27});
  CHECK(rig.attribute("unit_name") == Strings{"Meter_Cupboard"});
  CHECK(rig.attribute("model").empty());
  rig.mqtt("home/ct6", "null");
  CHECK(rig.faults() == Strings{"no_sample"});
  CHECK(rig.frames() == 1);
  rig.mqtt("home/ct6", kAnswer);  // what ct6_stats prints, published by somebody else
  CHECK(rig.frames() == 2);
}

TEST_CASE("alone: answers of another unit are said") {
  Rig rig(live("mqtt", false));
  rig.harness.open();
  rig.mqtt("a", kPayload);
  rig.mqtt("b", with(kPayload, "SN00001846", "SN00001847"));
  rig.mqtt("a", kPayload);
  CHECK(rig.logs() == Strings{"warn: another unit answers: ASY0398_V003.300_SN00001847 instead of "
                              "ASY0398_V003.300_SN00001846; several of them belong into `fleets`"});
  CHECK(rig.frames() == 3);
}

TEST_CASE("options that contradict each other") {
  const auto refusal = [](PluginHarness::Config config, PluginOptions options) -> std::string {
    try {
      Rig rig(std::move(config), std::move(options));
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "taken";
  };
  CHECK(refusal(live("udp", true), PluginOptions{}.text("key", "mac")) ==
        "option key: expected assy, unit_name or address, got mac");
  CHECK(refusal(live("udp", false), PluginOptions{}.list("hosts", {"192.168.0.34"})) ==
        "option hosts: expected nothing, as one unit has the transport's host, got a list");
  CHECK(refusal(live("udp", true), PluginOptions{}.list("hosts", {"meter.local"})) ==
        "option hosts: expected IP addresses, as answers come from those, got meter.local");
  CHECK(refusal(live("http", true), {}) == "option hosts: expected the units to be polled over HTTP, got none");
  CHECK(refusal(live("udp", false), PluginOptions{}.duration("interval", 100ms)) ==
        "option interval: expected at least 200ms, as the unit takes its samples so often, got 100000000 ns");
  CHECK(refusal(live("http", true), PluginOptions{}.list("hosts", {"meter.local"})) == "taken");
}

TEST_CASE("a clock that is set does not stop the questions") {
  Rig rig(live("udp", false));
  rig.harness.open();
  rig.harness.advance(10s);
  rig.harness.clear();
  rig.harness.advance(0s);
  // The harness has one clock: a leap is a timer that fires late.
  rig.harness.advance(1h);
  const auto count = rig.sent().size();
  CHECK(count >= 350);
  CHECK(count <= 420);  // silent: every ten seconds
}
