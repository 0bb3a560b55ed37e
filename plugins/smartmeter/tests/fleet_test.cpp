// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Devices that dial in, and devices behind a broker.
#include <random>

#include "tests/support.hpp"

using namespace smartmeter_test;
using mesura::test::contains;

namespace {

PluginHarness::Config server(bool fleet) {
  PluginHarness::Config config = live("tcp_listen", "0.0.0.0:54322");
  config.fleet = fleet;
  return config;
}

PluginHarness::Config broker(bool fleet = false) {
  PluginHarness::Config config = live("mqtt", "broker:1883");
  config.fleet = fleet;
  return config;
}

PluginHarness::From from(const std::string& peer) {
  PluginHarness::From f;
  f.peer = peer;
  return f;
}
PluginHarness::From topic(const std::string& name) {
  PluginHarness::From f;
  f.topic = name;
  return f;
}

std::string greeting(const std::string& name) {
  return info(R"({"cmd":"info","type":"smartmeter","version":"2.2","name":")" + name +
              R"(","ip":"10.0.0.1","state":"idle"})");
}

Lines sent_to(const PluginHarness& h, const std::string& to) {
  Lines texts;
  for (const auto& e : h.events(Kind::sent))
    if (e.to == to) texts.push_back(e.text);
  return texts;
}

const std::string kSample =
    "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\"}}\r\n";

}  // namespace

TEST_CASE("a hundred devices dial in, each with its own receiver and name") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  INFO("seed " << seed);
  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false).text("key", "name"), server(true));
  h.open();
  constexpr std::uint32_t kDevices = 100, kFrames = 6;
  const auto peer = [](std::uint32_t n) { return "10.0.0." + std::to_string(n + 1) + ":4000"; };
  std::vector<std::string> streams;
  for (std::uint32_t n = 0; n < kDevices; ++n) {
    h.peer(peer(n), true);
    std::string bytes = greeting("smartmeter" + std::to_string(n)) + kLiveness + sample_reply();
    for (std::uint32_t k = 0; k < kFrames; ++k)
      if (k != 3 || n % 2 == 0) bytes += frame(k, count_rows(n * 100'000 + k * 42, 42));
    streams.push_back(bytes);
  }
  // The greeting first, so that the answer to sample has a question; then anything in any order.
  std::vector<std::size_t> at(kDevices);
  for (std::uint32_t n = 0; n < kDevices; ++n) {
    at[n] = streams[n].find("Info:{\"error\"");
    h.bytes(streams[n].substr(0, at[n]), from(peer(n)));
  }
  for (bool more = true; more;) {
    more = false;
    for (std::uint32_t n = 0; n < kDevices; ++n) {
      const std::size_t size = std::uniform_int_distribution<std::size_t>(0, 700)(random);
      const std::string part = streams[n].substr(at[n], size);
      at[n] += part.size();
      more = more || at[n] < streams[n].size();
      if (!part.empty()) h.bytes(part, from(peer(n)));
    }
  }
  CHECK(h.devices().size() == kDevices + 1);
  CHECK(h.devices().at(1) == "smartmeter0");
  CHECK(h.streams().size() == kDevices);
  std::map<std::uint32_t, std::vector<float>> by_device;
  for (const auto& e : h.events(Kind::waveform))
    by_device[e.device].insert(by_device[e.device].end(), e.samples.begin(), e.samples.end());
  for (std::uint32_t n = 0; n < kDevices; ++n) {
    INFO("device " << n);
    std::vector<float> expected;
    for (std::uint32_t k = 0; k < kFrames; ++k)
      if (k != 3 || n % 2 == 0) {
        const auto rows = flat(count_rows(n * 100'000 + k * 42, 42));
        expected.insert(expected.end(), rows.begin(), rows.end());
      }
    CHECK(by_device[n + 1] == expected);
    CHECK(sent_to(h, peer(n)) == Lines{kSample});
  }
  CHECK(h.counts().gap_rows == 50 * 42);
  CHECK(faults(h) == Lines(50, "packet_gap"));
}

TEST_CASE("a device that dials in again replaces its old connection, two of one name are two") {
  PluginHarness h(plugin(), PluginOptions{}.text("key", "name"), server(true));
  h.open();
  h.peer("10.0.0.1:4000", true);
  h.bytes(greeting("a"), from("10.0.0.1:4000"));
  h.bytes(sample_reply(), from("10.0.0.1:4000"));
  h.peer("10.0.0.1:4001", true);
  h.bytes(greeting("a"), from("10.0.0.1:4001"));
  REQUIRE(h.events(Kind::dropped).size() == 1);
  CHECK(h.events(Kind::dropped)[0].to == "10.0.0.1:4000");
  h.peer("10.0.0.1:4000", false);
  h.bytes(sample_reply(), from("10.0.0.1:4001"));
  h.bytes(frame(0, count_rows(0, 42)), from("10.0.0.1:4001"));
  CHECK(h.counts().rows == 42);
  h.peer("10.0.0.2:4000", true);
  h.bytes(greeting("a"), from("10.0.0.2:4000"));
  CHECK(h.devices() == Lines{"device", "a", "a_2"});
  CHECK(h.names().at(2) == "a");
  bool warned = false;
  for (const auto& e : h.events(Kind::log))
    warned = warned || (e.key == "warn" && e.text.find("calls itself 'a'") != std::string::npos);
  CHECK(warned);
  CHECK(sent_to(h, "10.0.0.2:4000") == Lines{kSample});
}

TEST_CASE("devices keyed by their address, and devices without a name") {
  PluginHarness h(plugin(), PluginOptions{}.text("key", "address"), server(true));
  h.open();
  h.bytes(greeting("a"), from("10.0.0.1:4000"));
  h.bytes(greeting("a"), from("10.0.0.2:4000"));
  CHECK(h.devices() == Lines{"device", "10.0.0.1", "10.0.0.2"});
  CHECK(h.names() == Lines{"device", "a", "a"});
  PluginHarness nameless(plugin(), PluginOptions{}.text("key", "name"), server(true));
  nameless.open();
  nameless.bytes(info(R"({"cmd":"info","type":"smartmeter"})"), from("10.0.0.9:4000"));
  CHECK(nameless.devices() == Lines{"device", "10.0.0.9"});
}

TEST_CASE("one configured device takes one that dials in, and sends a second one away") {
  PluginHarness h(plugin(), {}, server(false));
  h.open();
  h.bytes(greeting("a"), from("10.0.0.1:4000"));
  h.bytes(greeting("b"), from("10.0.0.2:4000"));
  CHECK(faults(h) == Lines{"second_device"});
  REQUIRE(h.events(Kind::dropped).size() == 1);
  CHECK(h.events(Kind::dropped)[0].to == "10.0.0.2:4000");
  CHECK(h.devices().size() == 1);
  CHECK(sent_to(h, "10.0.0.2:4000").empty());
}

TEST_CASE("a silent peer is dropped alone, a peer that leaves ends its run alone") {
  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false), server(true));
  h.open();
  for (const char* n : {"1", "2", "3"}) {
    const auto peer = from(std::string("10.0.0.") + n + ":4000");
    h.peer(peer.peer, true);
    h.bytes(greeting(std::string("m") + n) + "", peer);
    h.bytes(sample_reply() + frame(0, count_rows(0, 42)), peer);
  }
  h.peer("10.0.0.2:4000", false);
  for (std::uint32_t second = 1; second <= 5; ++second) {
    h.advance(1s);
    h.bytes(frame(second, count_rows(0, 42)), from("10.0.0.1:4000"));
  }
  REQUIRE(h.events(Kind::dropped).size() == 1);
  CHECK(h.events(Kind::dropped)[0].to == "10.0.0.3:4000");
  CHECK(h.events(Kind::reopened).empty());
  CHECK(h.counts().rows == 8 * 42);
  CHECK(h.counts().gap_rows == 0);
}

TEST_CASE("UDP from a fleet: datagrams are told apart by their sender") {
  PluginHarness h(plugin(), PluginOptions{}.text("sink", "udp").flag("derive", false), server(true));
  h.open();
  for (const char* n : {"1", "2"}) h.bytes(greeting(std::string("m") + n), from(std::string("10.0.0.") + n + ":4000"));
  CHECK(h.events(Kind::opened).size() == 1);
  h.open(1);
  const auto reply = sample_reply("v,i,v,i,v,i", 504, 8000, 6, "V,mA,V,mA,V,mA", "UDP");
  for (const char* n : {"1", "2"}) {
    CHECK(sent_to(h, std::string("10.0.0.") + n + ":4000").size() == 1);
    h.bytes(reply, from(std::string("10.0.0.") + n + ":4000"));
  }
  h.bytes(frame(0, count_rows(0, 21)), from("10.0.0.2:1025"), 1);
  h.bytes(frame(0, count_rows(0, 21)), from("10.0.0.1:1025"), 1);
  h.bytes(frame(0, count_rows(0, 21)), from("10.0.0.3:1025"), 1);
  CHECK(faults(h) == Lines{"foreign_datagram"});
  const auto blocks = h.events(Kind::waveform);
  REQUIRE(blocks.size() == 2);
  CHECK(h.devices().at(blocks[0].device) == "m2");
  CHECK(h.devices().at(blocks[1].device) == "m1");
}

TEST_CASE("MQTT: the periodic state, with its time as a text") {
  PluginHarness h(plugin(), {}, broker());
  h.open();
  CHECK(sent(h).empty());
  h.advance(1s);
  const auto state = topic("powermeter/smartmeter001/state/sample");
  h.bytes(R"({"power":1116.89,"energy":12.35,"current":4.82,"volt":236.56,"ts":"1614697438"})", state);
  CHECK(measured(h, "total", "active_power").at(0).value == 1116.89);
  CHECK(measured(h, "total", "active_energy_import").at(0).value == Approx(12350));
  CHECK(measured(h, "total", "current_sum").at(0).value == 4.82);
  CHECK(measured(h, "total", "voltage").at(0).value == 236.56);
  for (const auto& e : h.events(Kind::measurement)) {
    CHECK(e.time_ns == 1'614'697'438'000'000'000);
    CHECK(e.quality == MESURA_GOOD);
  }
  h.clear();
  h.bytes(R"({"power":5,"ts":1614697438})", state);  // a number, and energy missing, as one description has it
  CHECK(measured(h, "total", "active_power").at(0).time_ns == 1'614'697'438'000'000'000);
  h.clear();
  h.bytes(R"({"power":5,"v_l1":230.5,"i_l2":1.25,"p_l3":7,"e_l1":1.5,"ts":"1614600000"})",
          state);  // its clock is a day off
  CHECK(measured(h, "total", "active_power").at(0).time_ns == h.now_ns());
  CHECK(measured(h, "total", "active_power").at(0).quality == MESURA_CLOCK_SUSPECT);
  CHECK(measured(h, "l1", "voltage").at(0).value == 230.5);
  CHECK(measured(h, "l2", "current").at(0).value == 1.25);
  CHECK(measured(h, "l3", "active_power").at(0).value == 7);
  CHECK(measured(h, "l1", "active_energy_import").at(0).value == 1500);
  h.bytes("on", state);
  h.bytes("off", state);
  CHECK(measured(h, "total", "operating_mode").at(0).text == "sampling");
  CHECK(measured(h, "total", "operating_mode").at(1).text == "idle");
  CHECK(faults(h).empty());
}

TEST_CASE("MQTT: one-shot answers on both topics, all units") {
  for (const char* word : {"info", "sample"}) {
    PluginHarness h(plugin(), {}, broker());
    h.open();
    const auto answer = topic(std::string("powermeter/smartmeter001/state/") + word);
    h.bytes(R"({"value":"228.43,228.48,228.33","unit":"V","ts":"03/08/2021 11:42:34.848"})", answer);
    h.bytes(R"({"value":"4350.00,125.50,0.00","unit":"mA","ts":"03/08/2021 11:42:34.848"})", answer);
    h.bytes(R"({"value":"1,2,3","unit":"W"})", answer);
    h.bytes(R"({"value":"-1,2,3","unit":"var"})", answer);
    h.bytes(R"({"value":"4,5,6","unit":"VA"})", answer);
    h.bytes(R"({"value":"1.5,2,3","unit":"kWh"})", answer);
    CHECK(measured(h, "l2", "voltage").at(0).value == 228.48);
    CHECK(measured(h, "l2", "voltage").at(0).time_ns == h.now_ns());
    CHECK(measured(h, "l1", "current").at(0).value == Approx(4.35));
    CHECK(measured(h, "total", "active_power").at(0).value == 6);
    CHECK(measured(h, "l1", "reactive_power").at(0).value == -1);
    CHECK(measured(h, "l3", "apparent_power").at(0).value == 6);
    CHECK(measured(h, "total", "active_energy_import").at(0).value == 6500);
    h.bytes(R"({"value":17.5,"unit":"W"})", answer);  // the sister device: one number
    CHECK(measured(h, "l1", "active_power").at(1).value == 17.5);
    CHECK(faults(h).empty());
    h.bytes(R"({"value":"1,2,3","unit":"furlong"})", answer);
    CHECK(faults(h) == Lines{"bad_message"});
  }
}

TEST_CASE("MQTT: values are asked for each interval, of one device or of all") {
  PluginHarness h(plugin(), PluginOptions{}.duration("interval", 30s).text("name", "smartmeter001"), broker());
  h.open();
  const auto asked = h.events(Kind::sent);
  REQUIRE(asked.size() == 7);
  CHECK(asked[0].to == "powermeter/smartmeter001/sample");
  CHECK(asked[0].text == "v");
  CHECK(asked[5].text == "e");
  CHECK(asked[6].to == "powermeter/smartmeter001/state");
  h.advance(30s);
  CHECK(h.events(Kind::sent).size() == 14);
  h.bytes(R"({"sampleState":"sampling","ts":"03/08/2021 11:42:34.848"})", topic("powermeter/smartmeter001/state/info"));
  CHECK(measured(h, "total", "operating_mode").at(0).text == "sampling");
  h.bytes(R"({"value":"1,2,3","unit":"W"})", topic("powermeter/another/state/info"));
  CHECK(measured(h, "l1", "active_power").empty());

  PluginHarness all(plugin(), PluginOptions{}.duration("interval", 30s).text("topic", "site/meters"), broker(true));
  all.open();
  CHECK(all.events(Kind::sent).at(0).to == "site/meters/sample");
  all.bytes(R"({"value":"1,2,3","unit":"W"})", topic("site/meters/a/state/info"));
  all.bytes(R"({"value":"1,2,3","unit":"W"})", topic("site/meters/b/state/info"));
  all.bytes("v", topic("site/meters/a/sample"));
  all.bytes("v", topic("site/meters/sample"));
  CHECK(all.devices() == Lines{"device", "a", "b"});
  CHECK(faults(all).empty());
}

TEST_CASE("MQTT: sampling, one message a row") {
  PluginHarness h(plugin(), PluginOptions{}.text("stream", "on").text("measures", "v,i_RMS").integer("rate", 2),
                  broker());
  h.open();
  REQUIRE(h.events(Kind::sent).size() == 1);
  CHECK(h.events(Kind::sent)[0].to == "powermeter/cmd");
  CHECK(h.events(Kind::sent)[0].text ==
        "{\"cmd\":\"sample\",\"payload\":{\"type\":\"MQTT\",\"rate\":2,\"measures\":\"v,i_RMS\"}}");
  const auto row = topic("powermeter/smartmeter001/state/info");
  h.advance(3s);
  h.bytes(R"({"unit":"V,V,V,mA,mA,mA","ts":"1614697441.119","values":[230.1,229.8,230.4,4350,125.5,0]})", row);
  CHECK(measured(h, "l1", "voltage").at(0).value == 230.1);
  CHECK(measured(h, "l1", "voltage").at(0).time_ns == kStart);
  CHECK(measured(h, "l2", "current").at(0).value == Approx(0.1255));
  CHECK(measured(h, "total", "operating_mode").at(0).text == "sampling");
  h.bytes(R"({"unit":"W,W,W,VAR,VAR,VAR","ts":"1614697441.619","values":[1,2,3,-4,5,6]})", row);
  CHECK(measured(h, "l1", "reactive_power").at(0).value == -4);
  CHECK(measured(h, "total", "active_power").at(0).value == 6);
  for (int i = 0; i < 12; ++i) {
    h.advance(1s);
    h.bytes(R"({"unit":"V,V,V,mA,mA,mA","ts":"1614697441.119","values":[230.1,229.8,230.4,4350,125.5,0]})", row);
  }
  CHECK(h.events(Kind::sent).size() == 1);  // rows come: nothing to ask for
  h.advance(25s);
  CHECK(h.events(Kind::sent).size() == 3);
  h.bytes(R"({"unit":"V,mA,V,mA,V,mA","ts":"1614697441.119","values":[230.1,1,230.4,2,125.5,0]})", row);
  CHECK(faults(h) == Lines{"bad_message"});  // momentary values are no RMS values
}

TEST_CASE("MQTT: answers to commands, info, the switch of a PowerMeter, refusals and rubbish") {
  PluginHarness h(plugin(), {}, broker());
  h.open();
  const auto answer = topic("powermeter/p7/state/info");
  h.bytes(R"({"cmd":"info","type":"powermeter","name":"p7","relay":true,"energy":12.5})", answer);
  CHECK(measured(h, "relay1", "relay_state").at(0).value == 1);
  CHECK(measured(h, "l1", "active_energy_import").at(0).value == 12.5);
  h.bytes("off", topic("powermeter/p7/state/switch"));
  CHECK(measured(h, "relay1", "relay_state").at(1).value == 0);
  h.bytes(R"({"error":false,"cmd":"getVoltage","voltage":[230,231,232],"unit":"V"})", answer);
  CHECK(measured(h, "l3", "voltage").at(0).value == 232);
  h.bytes(R"({"error":true,"cmd":"sample","msg":"Currently sampling","state":"busy"})", answer);
  h.bytes(R"({"error":true,"cmd":"x","msg":"unknown command"})", answer);
  CHECK(faults(h) == Lines{"busy", "refused"});
  h.clear();
  h.bytes("", answer);
  h.bytes("{\"", answer);
  h.bytes("maybe", topic("powermeter/p7/state/switch"));
  h.bytes("5", topic("powermeter/p7/state/sample"));
  h.bytes("{}", topic("powermeter/p7/state/sample"));
  CHECK(faults(h) == Lines(5, "bad_message"));
  h.clear();
  for (const char* other :
       {"powermeter", "powermeter/", "powermeter//state/info", "other/p7/state/info", "powermeter/p7"})
    h.bytes("x", topic(other));
  CHECK(h.events().empty());
}
