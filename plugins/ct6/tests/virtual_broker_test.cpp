// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Mode 2 of the virtual CT6: when it connects, as whom, and what it publishes when.
#include <cmath>
#include <string>

#include "tests/virtual_rig.hpp"

using namespace mesura::ct6::test;
using mesura::ct6::twin::Object;
using mesura::ct6::twin::Value;
using mesura::test::contains;

namespace {

// Lower-case hex of ASY0398_V003.300_SN00001846.
const std::string kClient = "415359303339385f563030332e3330305f534e3030303031383436&qos=0&keepalive=60s";

std::vector<std::string> opened(const Rig& rig) {
  std::vector<std::string> out;
  for (const auto& e : rig.host.events(Kind::opened))
    if (e.link == kBroker) out.push_back(e.text);
  return out;
}

std::size_t closed(const Rig& rig) {
  const auto all = rig.host.events(Kind::closed);
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& e) { return e.link == kBroker; }));
}

void connect(Rig& rig, std::string_view more = {}) {
  rig.get("/set_config?MQTT_SERVER_ADDRESS=10.0.0.5,MQTT_SERVER_PORT=1884,MQTT_TOPIC=house/ct6" + std::string(more));
  rig.host.open(kBroker);
  rig.host.clear();
}

}  // namespace

TEST_CASE("twin MQTT: nothing until address, port and topic are set") {
  Rig rig;
  rig.get("/set_config?MQTT_SERVER_ADDRESS=10.0.0.5");
  CHECK(opened(rig).empty());
  rig.get("/set_config?MQTT_TOPIC=t,MQTT_SERVER_PORT=0");
  CHECK(opened(rig).empty());
  rig.get("/set_config?MQTT_SERVER_PORT=1884");
  CHECK(opened(rig) == std::vector<std::string>{"mqtt://10.0.0.5:1884?client_id=" + kClient});
}

TEST_CASE("twin MQTT: credentials only if both are there, and on the next connect") {
  Rig rig;
  rig.get("/set_config?MQTT_USERNAME=u,MQTT_SERVER_ADDRESS=b,MQTT_TOPIC=t");
  CHECK(opened(rig).back() == "mqtt://b:1883?client_id=" + kClient);
  rig.host.open(kBroker);
  rig.host.clear();
  rig.get("/set_config?MQTT_PASSWORD=p");
  CHECK(opened(rig).empty());  // not now
  rig.host.close(false, kBroker, "gone");
  rig.host.advance(2s);
  CHECK(opened(rig) == std::vector<std::string>{"mqtt://b:1883?client_id=" + kClient + "&username=u&password=p"});
}

TEST_CASE("twin MQTT: publishes every period to the topic, without header keys") {
  Rig rig(PluginOptions{}.text("profile", "constant:500"));
  connect(rig);
  rig.host.advance(10s);
  const auto sent = rig.host.events(Kind::sent);
  REQUIRE(sent.size() == 5);  // default period 2 s
  for (const auto& e : sent) {
    CHECK(e.link == kBroker);
    CHECK(e.to == "house/ct6");
    const Value message = Rig::json(e.text);
    CHECK(message.as<Object>()->size() == 15);
    CHECK(has(message, "TIMESENT"));
    for (const char* key : {"PRODUCT_ID", "IP_ADDRESS", "UNIT_NAME", "OS", "DEVICE_TYPE", "SERVICE_LIST", "GROUP_NAME"})
      CHECK_FALSE(has(message, key));
    CHECK(number_at(message, "CT1.PRMS") == -500);
  }
  CHECK(rig.host.counts().batches == 5);
  CHECK(number_at(rig.state(), "counters.mqtt_messages") == 5);
}

TEST_CASE("twin MQTT: both modes at once, each with its own mean") {
  Rig rig(PluginOptions{}.text("profile", "constant:500"));
  rig.set("ct1_power", "-100");
  connect(rig, ",MQTT_TX_PERIOD_MS=10000");
  rig.host.advance(10s);  // the first message ends what was before
  rig.host.advance(5s);
  rig.ask();
  rig.set("ct1_power", "-300");
  rig.host.advance(2s);
  CHECK(number_at(Rig::json(rig.ask()), "CT1.PRMS") == Approx(-300));  // since the answer before
  rig.host.clear();
  rig.host.advance(3s);
  const auto sent = rig.sent(kBroker);
  REQUIRE(sent.size() == 1);
  const double mean = number_at(Rig::json(sent[0]), "CT1.PRMS");
  CHECK(mean == Approx(-200).margin(10));  // half of ten seconds at each
}

TEST_CASE("twin MQTT: only while active, and with a period of at least 200 ms") {
  Rig rig;
  connect(rig);
  rig.get("/set_config?ACTIVE=0");
  rig.host.clear();
  rig.host.advance(1min);
  CHECK(rig.sent(kBroker).empty());
  rig.get("/set_config?ACTIVE=1");
  rig.host.advance(5s);
  CHECK(rig.sent(kBroker).size() >= 2);
  rig.get("/set_config?MQTT_TX_PERIOD_MS=199");
  rig.host.clear();
  rig.host.advance(1min);
  CHECK(rig.sent(kBroker).empty());
  rig.get("/set_config?MQTT_TX_PERIOD_MS=500");
  rig.host.clear();
  rig.host.advance(10s);
  CHECK(rig.sent(kBroker).size() >= 19);
}

TEST_CASE("twin MQTT: a new address or port reconnects, a new topic acts at once") {
  Rig rig;
  connect(rig);
  rig.get("/set_config?MQTT_TOPIC=elsewhere");
  rig.host.advance(3s);
  CHECK(closed(rig) == 0);
  CHECK(rig.host.events(Kind::sent).back().to == "elsewhere");
  rig.get("/set_config?MQTT_SERVER_PORT=1999");
  CHECK(closed(rig) == 1);
  CHECK(opened(rig) == std::vector<std::string>{"mqtt://10.0.0.5:1999?client_id=" + kClient});
}

TEST_CASE("twin MQTT: an attempt is given up after 4.15 s, and retried for ever") {
  Rig rig;
  rig.get("/set_config?MQTT_SERVER_ADDRESS=10.0.0.5,MQTT_TOPIC=t");
  rig.host.clear();
  rig.host.advance(42s);
  CHECK(opened(rig).size() == 10);
  CHECK(closed(rig) == 10);
  rig.host.open(kBroker);
  rig.host.clear();
  rig.host.advance(1min);
  CHECK(opened(rig).empty());
  rig.host.close(false, kBroker, "gone");
  rig.host.advance(1s);
  CHECK(opened(rig).size() == 1);
}

TEST_CASE("twin MQTT: a period beyond 90 s loses the broker") {
  Rig rig;
  connect(rig, ",MQTT_TX_PERIOD_MS=100000");
  rig.host.advance(101s);
  CHECK(rig.sent(kBroker).empty());
  CHECK(closed(rig) == 1);
  rig.host.advance(2s);
  CHECK(opened(rig).size() == 1);
}

TEST_CASE("twin MQTT: a null payload") {
  Rig rig;
  connect(rig);
  rig.fault("null_payload");
  rig.host.clear();
  const auto batches = rig.host.counts().batches;
  rig.host.advance(4s);
  const auto sent = rig.sent(kBroker);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0] == "null");
  CHECK(sent[1] != "null");
  CHECK(rig.host.counts().batches == batches + 1);

  // And of itself, where no sample falls into a period.
  Rig slow(PluginOptions{}.duration("sample_interval", 1s));
  connect(slow, ",MQTT_TX_PERIOD_MS=300");
  slow.host.advance(3s);
  int nulls = 0;
  for (const auto& text : slow.sent(kBroker)) nulls += text == "null" ? 1 : 0;
  CHECK(nulls >= 6);
}

TEST_CASE("twin MQTT: closed over a restart, opened again after it") {
  Rig rig;
  connect(rig);
  rig.get("/power_cycle");
  rig.host.advance(2s);
  CHECK(closed(rig) == 1);
  rig.host.clear();
  rig.host.advance(4s);
  CHECK(opened(rig).size() == 1);
}

TEST_CASE("twin MQTT: old firmware has none") {
  Rig rig(PluginOptions{}.text("firmware", "2.5"));
  rig.get("/set_config?MQTT_SERVER_ADDRESS=10.0.0.5,MQTT_TOPIC=t");
  CHECK(opened(rig).empty());
}

TEST_CASE("twin MQTT: from options, and over a link that the host opens") {
  Rig options(PluginOptions{}.text("broker", "mqtt://broker:1885").text("mqtt_topic", "ct6/{n}"));
  CHECK(opened(options) == std::vector<std::string>{"mqtt://broker:1885?client_id=" + kClient});
  options.host.open(kBroker);
  options.host.advance(2s);
  CHECK(options.host.events(Kind::sent).back().to == "ct6/1");

  Rig link(PluginOptions{}, network(0, {{"udp", "127.0.0.2:29340"}, {"", ""}, {"", ""}, {"mqtt", "127.0.0.1:1883"}}));
  link.host.open(kBroker);
  link.host.advance(2s);
  REQUIRE_FALSE(link.sent(kBroker).empty());
  CHECK(link.host.events(Kind::sent).back().to == "ct6/Virtual_1");
}
