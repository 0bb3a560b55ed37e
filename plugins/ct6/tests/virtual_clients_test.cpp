// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the vendor's clients need of a virtual CT6: one case for each row of the sheet's section 10.
#include <string>

#include "tests/virtual_rig.hpp"
#include "virtual_digest.hpp"

using namespace mesura::ct6::test;
using mesura::ct6::twin::Object;
using mesura::ct6::twin::Value;
using mesura::test::contains;

namespace {

const std::string kHeader = "HTTP/1.0 200 OK\r\nContent-type: application/json\r\n\r\n";

}  // namespace

TEST_CASE("twin client row 1: every field that the store reads") {
  Rig rig;
  rig.ayt(kBroadcast, "192.168.0.10:29340");
  rig.host.advance(150ms);
  const auto sent = rig.host.events(Kind::sent);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].to == "192.168.0.10:29340");
  const Value answer = Rig::json(sent[0].text);
  CHECK(*at(answer, "PRODUCT_ID").as<std::string>() == "CT6");
  CHECK_FALSE(at(answer, "IP_ADDRESS").as<std::string>()->empty());
  const auto& name = *at(answer, "UNIT_NAME").as<std::string>();
  CHECK_FALSE(name.empty());
  // A database is named after it, unquoted.
  for (const char c : name) CHECK((std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'));
  CHECK(std::isdigit(static_cast<unsigned char>(name[0])) == 0);
  CHECK(at(answer, "ACTIVE").truthy());
  CHECK_FALSE(at(answer, "ASSY").as<std::string>()->empty());
  for (int port = 1; port <= 6; ++port) {
    const std::string ct = "CT" + std::to_string(port) + ".";
    CHECK(at(answer, ct + "NAME").as<std::string>() != nullptr);
    for (const char* key : {"PRMS", "PREACT", "PAPPARENT", "PF", "VRMS", "FREQ"})
      CHECK(at(answer, ct + key).number().has_value());
  }
  CHECK(at(answer, "BOARD_TEMPERATURE").number().has_value());
  CHECK(at(answer, "RSSI").number().value() < 0);
  // Larger than one Ethernet frame, smaller than the device could send.
  CHECK(sent[0].text.size() > 1472);
  CHECK(sent[0].text.size() < 2100);
}

TEST_CASE("twin client row 2: the menu reads 14 keys, and stores them in one request") {
  Rig rig;
  const Value config = Rig::json(rig.get("/get_config"));
  for (const char* key : {"YDEV_UNIT_NAME", "CT1_NAME", "CT2_NAME", "CT3_NAME", "CT4_NAME", "CT5_NAME", "CT6_NAME",
                          "MQTT_SERVER_ADDRESS", "MQTT_TOPIC", "MQTT_USERNAME", "MQTT_PASSWORD"}) {
    INFO(key);
    CHECK(at(config, key).as<std::string>() != nullptr);
  }
  for (const char* key : {"ACTIVE", "MQTT_SERVER_PORT", "MQTT_TX_PERIOD_MS"})
    CHECK(at(config, key).number().has_value());
  CHECK(rig.get("/set_config?YDEV_UNIT_NAME=Meter_Cupboard,CT1_NAME=Grid,CT2_NAME=Solar,CT3_NAME=Battery,CT4_NAME=,"
                "CT5_NAME=House,CT6_NAME=,ACTIVE=1,MQTT_SERVER_ADDRESS=,MQTT_SERVER_PORT=1883,MQTT_TOPIC=,"
                "MQTT_USERNAME=,MQTT_PASSWORD=,MQTT_TX_PERIOD_MS=2000") ==
        R"({"YDEV_UNIT_NAME": "Meter_Cupboard", "CT1_NAME": "Grid", "CT2_NAME": "Solar", "CT3_NAME": "Battery", )"
        R"("CT4_NAME": "", "CT5_NAME": "House", "CT6_NAME": "", "ACTIVE": 1.0, "MQTT_SERVER_ADDRESS": "", )"
        R"("MQTT_SERVER_PORT": 1883.0, "MQTT_TOPIC": "", "MQTT_USERNAME": "", "MQTT_PASSWORD": "", )"
        R"("MQTT_TX_PERIOD_MS": 2000.0})");
  CHECK_THAT(rig.ask(), contains(R"("UNIT_NAME": "Meter_Cupboard", )"));
}

TEST_CASE("twin client row 3: an upload is answered with 200 OK in the first 1024 bytes") {
  Rig rig;
  const std::string reply =
      rig.http("FILE hello.txt / 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 HTTP/1.1\nhello");
  CHECK(reply == kHeader + R"({"OK": true})");
  CHECK(reply.substr(0, 1024).find("200 OK") != std::string::npos);
}

TEST_CASE("twin client row 4: this.machine.cfg as text, ASSY in three parts") {
  Rig rig;
  const Value reply = Rig::json(rig.get("/get_file?file=this.machine.cfg"));
  CHECK(at(reply, "OK").truthy());
  const Value* text = mesura::ct6::twin::find(*reply.as<Object>(), "this.machine.cfg");
  REQUIRE(text != nullptr);
  const std::string assy = *at(Rig::json(*text->as<std::string>()), "ASSY").as<std::string>();
  CHECK(std::count(assy.begin(), assy.end(), '_') == 2);
}

TEST_CASE("twin client row 5: gone after a reboot, steady afterwards, each within 60 s") {
  Rig rig;
  rig.get("/reboot");
  rig.host.advance(1s);
  CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n").empty());
  rig.host.advance(5s);
  for (int i = 0; i < 10; ++i) {
    CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.1"})");
    rig.host.advance(1s);
  }
}

TEST_CASE("twin client row 6: what calibration tools change acts after the init") {
  Rig rig(PluginOptions{}.text("profile", "constant:1000"));
  const auto live = [&](std::string_view path) { return number_at(Rig::json(rig.get("/get_stats")), path); };
  const double volts = live("CT1.VRMS"), amps = live("CT1.IRMS");
  const double gain = number_at(rig.state(), "registers.CS4_VOLTAGE_GAIN");
  const double igain = number_at(rig.state(), "registers.CT1_IGAIN");
  const int gain2 = static_cast<int>(gain) * 9 / 10, igain2 = static_cast<int>(igain) * 8 / 10;
  rig.get("/set_config?CS4_VOLTAGE_GAIN=" + std::to_string(gain2) + ",CT1_IGAIN=" + std::to_string(igain2));
  CHECK(live("CT1.VRMS") == Approx(volts).epsilon(0.001));
  CHECK(rig.get("/init_atm90e32_devs") == R"({"OK": "ATM90E32 init success."})");
  CHECK(live("CT1.VRMS") == Approx(volts * gain2 / gain).epsilon(0.001));
  CHECK(live("CT1.IRMS") == Approx(amps * igain2 / igain).epsilon(0.001));
  CHECK(live("CT6.IRMS") == 0.0);  // no load, and an offset that is not zero
  rig.get("/set_config?CT6_IOFFSET=0");
  rig.get("/init_atm90e32_devs");
  CHECK(live("CT6.IRMS") > 0.0);
}

TEST_CASE("twin client row 7: hears the broadcast address, answers from its own, serves HTTP there") {
  Rig rig(
      PluginOptions{},
      network(
          0, {{"udp", "127.0.0.7:29340"}, {"udp", "127.255.255.255:29340"}, {"tcp_listen", "127.0.0.7:80"}, {"", ""}}));
  rig.ayt(kBroadcast);
  rig.host.advance(150ms);
  REQUIRE(rig.sent(kData).size() == 1);
  CHECK(rig.sent(kBroadcast).empty());
  CHECK(*at(Rig::json(rig.sent(kData)[0]), "IP_ADDRESS").as<std::string>() == "127.0.0.7");
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.1"})");
  // A thousand units are cheaper without the broadcast: unicast is enough once a unit is known.
  Rig quiet(PluginOptions{}, network(0, {{"udp", "127.0.0.7:29340"}, {"", ""}, {"", ""}, {"", ""}}));
  CHECK_FALSE(quiet.ask().empty());
}

TEST_CASE("twin client row 8: each faithful option is there") {
  CHECK(Rig(PluginOptions{}.flag("active", false)).ask().empty());
  CHECK_THAT(Rig(PluginOptions{}.map("names", {{"ct1", "1"}})).ask(), contains(R"("NAME": 1.0, )"));
  CHECK_THAT(Rig(PluginOptions{}.map("names", {{"ct1", "Bob's"}})).get("/get_config"), contains(R"("Bob"s")"));
  CHECK_THAT(Rig(PluginOptions{}.text("firmware", "2.64")).ask(),
             !contains("TIMESENT") && !contains("PF_WATTS_THRESHOLD"));
  CHECK(Rig(PluginOptions{}.number("lost", 1)).ask().empty());
  Rig twice(PluginOptions{}.number("duplicate", 1));
  twice.ayt();
  twice.host.advance(150ms);
  CHECK(twice.sent(kData).size() == 2);
  Rig null(PluginOptions{}.number("null_payload", 1).text("broker", "b").text("mqtt_topic", "t"));
  null.host.open(kBroker);
  null.host.advance(2s);
  CHECK(null.sent(kBroker) == std::vector<std::string>{"null"});
  CHECK_THAT(Rig(PluginOptions{}.flag("clock_unset", true)).ask(), contains(R"("TIMESENT": [2021, 1, 1, )"));
  Rig spoilt(PluginOptions{}.number("hash_mismatch", 1));
  CHECK_THAT(
      spoilt.http(
          "FILE hello.txt / 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 HTTP/1.1\nhello"),
      contains("HTTP/1.0 500 ") && contains(kHeader) && contains(R"({"ERROR": "/hello.txt XFER ERROR (deleted)."})"));
}
