// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which device a command is for, and what becomes of it where there is none, or not yet.
#include "tests/command_rig.hpp"

using namespace smartmeter_test;
using mesura::test::contains;

namespace {

PluginHarness::From on(const std::string& topic) {
  PluginHarness::From from;
  from.topic = topic;
  return from;
}

const std::string kState = R"({"power":1116.89,"energy":12.35,"current":4.82,"volt":236.56,"ts":"1614697438"})";
const std::string kEnergy = R"({"error":false,"cmd":"getEnergy","energy":[1,2,3],"unit":"Wh","startTs":1614600000})";

}  // namespace

TEST_CASE("MQTT without a name: the one device that publishes, none yet, and several") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), {}, live("mqtt", "broker:1883"));
  h.open();
  tap.command("energy", {}, false, 0);
  h.advance(2s);
  CHECK(sent(h).empty());  // nobody to say it to: it waits
  h.bytes(kState, on("powermeter/cellar/state/sample"));
  REQUIRE(sent(h).size() == 1);
  CHECK(h.events(Kind::sent)[0].to == "powermeter/cellar/cmd");
  h.bytes(R"({"error":true,"cmd":"getPower","msg":"of somebody else"})", on("powermeter/cellar/state/info"));
  CHECK(tap.outcomes[1].replies == 0);
  h.bytes(kEnergy, on("powermeter/cellar/state/info"));
  CHECK(tap.outcomes[1].status == MESURA_REPLY_DONE);
  CHECK_THAT(tap.outcomes[1].json, contains(R"("start_ts":1614600000)"));

  h.bytes(kState, on("powermeter/attic/state/sample"));
  tap.command("energy", {}, false, 0);
  h.advance(1ms);
  CHECK(tap.outcomes[2].status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(tap.outcomes[2].message, contains("option name"));
}

TEST_CASE("MQTT with a name: said at once, whether or not it has published, and answers of others are not taken") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), PluginOptions{}.text("name", "cellar").text("topic", "house"),
                  live("mqtt", "broker:1883"));
  h.open();
  tap.command("energy", {}, false, 0);
  h.advance(1ms);
  REQUIRE(sent(h).size() == 1);
  CHECK(h.events(Kind::sent)[0].to == "house/cellar/cmd");
  h.bytes(kEnergy, on("house/attic/state/info"));
  CHECK(tap.outcomes[1].replies == 0);
  h.bytes(kEnergy, on("house/cellar/state/info"));
  CHECK(tap.outcomes[1].status == MESURA_REPLY_DONE);
}

TEST_CASE("MQTT: the broker is lost") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), PluginOptions{}.text("name", "cellar"), live("mqtt", "broker:1883"));
  h.open();
  tap.command("energy", {}, false, 0);
  h.advance(1ms);
  h.close(false);
  CHECK(tap.outcomes[1].status == MESURA_REPLY_UNREACHABLE);
}

TEST_CASE("one device that dials in: a command waits for it, half a minute") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), PluginOptions{}.text("stream", "off"), live("tcp_listen", "0.0.0.0:54322"));
  h.open();
  tap.command("info", {}, false, 0);
  h.advance(10s);
  CHECK(tap.outcomes[1].replies == 0);
  PluginHarness::From from;
  from.peer = "10.0.0.1:4000";
  h.peer(from.peer, true);
  h.bytes(kGreeting, from);
  for (int k = 0; k < 7; ++k) h.bytes(k == 0 ? kGreeting : info(R"({"error":false,"cmd":"getX"})"), from);
  h.bytes(kGreeting, from);
  CHECK(tap.outcomes[1].status == MESURA_REPLY_DONE);

  Tap lonely(plugin());
  PluginHarness nobody(lonely.plugin(), {}, live("tcp_listen", "0.0.0.0:54322"));
  nobody.open();
  lonely.command("info", {}, false, 0);
  nobody.advance(31s);
  CHECK(lonely.outcomes[1].status == MESURA_REPLY_UNREACHABLE);
}

TEST_CASE("what takes no commands says so") {
  Tap recording(plugin());
  PluginHarness file(recording.plugin(), {}, PluginHarness::Config{});
  file.open();
  recording.command("info", {}, false, 0);
  CHECK(recording.outcomes[1].status == MESURA_REPLY_INVALID);
  Tap raw(plugin());
  PluginHarness stream(raw.plugin(), PluginOptions{}.text("mode", "raw"), live("tcp", "10.0.0.1:54322"));
  stream.open();
  raw.command("info", {}, false, 0);
  CHECK(raw.outcomes[1].status == MESURA_REPLY_INVALID);
  CHECK_THAT(raw.outcomes[1].message, contains("54321"));
  CHECK(sent(stream).empty());
}

TEST_CASE("no greeting: a command waits for it and ends with the connection") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), {}, live());
  h.open();
  tap.command("info", {}, false, 0);
  h.advance(1s);
  CHECK(sent(h).empty());
  h.close(false);
  CHECK(tap.outcomes[1].status == MESURA_REPLY_UNREACHABLE);
  CHECK(tap.outcomes[1].replies == 1);
}

TEST_CASE("a command takes its turn between two questions of a round, which goes on behind it") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), PluginOptions{}.text("stream", "off").duration("interval", 10s), live());
  h.open();
  h.bytes(kGreeting);
  CHECK(sent(h) == Lines{"{\"cmd\":\"info\"}\r\n"});
  tap.command("energy", {}, false, 0);
  h.advance(1ms);
  CHECK(sent(h).size() == 1);  // one question at a time
  h.bytes(kGreeting);
  REQUIRE(sent(h).size() == 2);
  CHECK(sent(h)[1] == "{\"cmd\":\"getEnergy\"}\r\n");
  h.advance(500ms);
  CHECK(sent(h).size() == 2);
  h.bytes(info(kEnergy));
  CHECK(tap.outcomes[1].status == MESURA_REPLY_DONE);
  h.advance(1ms);
  REQUIRE(sent(h).size() == 3);
  CHECK(sent(h)[2] == "{\"cmd\":\"getPower\"}\r\n");
  h.bytes(info(
      R"({"error":false,"cmd":"getPower","activePower":[1,2,3],"reactivePower":[0,0,0],"apparentPower":[1,2,3]})"));
  REQUIRE(sent(h).size() == 4);
  CHECK(sent(h)[3] == "{\"cmd\":\"getVoltage\"}\r\n");
}

TEST_CASE("a device that falls silent is given up, and its command with it") {
  Tap tap(plugin());
  PluginHarness h(tap.plugin(), PluginOptions{}.text("stream", "off").duration("interval", 1h), live());
  h.open();
  h.bytes(kGreeting);
  for (int k = 0; k < 7; ++k) h.bytes(k == 0 ? kGreeting : info(R"({"error":false,"cmd":"getX"})"));
  tap.command("sample", PluginOptions{}.integer("rate", 1000).duration("duration", 1h), false, 0);
  h.advance(1ms);
  h.bytes(sample_reply("v,i,v,i,v,i", 1008, 1000));
  h.bytes(frame(0, count_rows(0, 42)));
  CHECK(tap.outcomes[1].replies == 0);
  h.advance(30s);
  CHECK(h.events(Kind::reopened).size() == 1);
  CHECK(tap.outcomes[1].replies == 1);
  CHECK(tap.outcomes[1].status == MESURA_REPLY_UNREACHABLE);
}
