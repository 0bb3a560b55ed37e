// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// State, restarts, resets, lights.
#include <string>

#include "command_rig.hpp"

using namespace mesura::ct6::test;
using mesura::test::contains;

TEST_CASE("status: all that the unit tells of itself") {
  CommandRig rig;
  const Ended end = rig.run("status");
  REQUIRE(end.status == MESURA_REPLY_DONE);
  CHECK(rig.wrote.empty());
  const auto status = Rig::json(end.json);
  CHECK(*at(status, "firmware_version").as<std::string>() == "3.1");
  CHECK(number_at(status, "ram_used.value") + number_at(status, "ram_free.value") ==
        number_at(status, "ram_total.value"));
  CHECK(*at(status, "disk_used.unit").as<std::string>() == "B");
  CHECK(number_at(status, "disk_used_share.value") > 0);
  CHECK(number_at(status, "uptime.value") >= 1);
  CHECK(*at(status, "active_slot").as<std::string>() == "/app1");
  CHECK(*at(status, "inactive_slot").as<std::string>() == "/app2");
  CHECK(number_at(status, "signal_strength.value") < 0);
  CHECK(*at(status, "serial").as<std::string>() == "ASY0398_V003.300_SN00001846");
  CHECK(at(status, "active").truthy());
}

TEST_CASE("status: what an old firmware does not tell is null") {
  CommandRig rig(PluginOptions{}.text("firmware", "2.3"));
  const auto status = Rig::json(rig.run("status").json);
  CHECK(*at(status, "firmware_version").as<std::string>() == "2.3");
  CHECK(at(status, "uptime").dump() == "null");
}

TEST_CASE("wifi_scan: what the unit sees") {
  CommandRig rig;
  const auto found = Rig::json(rig.run("wifi_scan").json);
  const auto& list = *at(found, "networks").as<mesura::ct6::twin::Array>();
  REQUIRE(list.size() == 3);
  CHECK(*at(list[0], "ssid").as<std::string>() == "home");
  CHECK(*at(list[1], "security").as<std::string>() == "WPA/WPA2");
  CHECK(number_at(list[2], "signal_strength.value") == -83);
}

TEST_CASE("restarts wait until the unit answers again") {
  for (const char* command : {"reboot", "power_cycle"}) {
    INFO(command);
    CommandRig rig;
    rig.advance(30s);
    const Ended end = rig.run(command);
    INFO(end.message);
    CHECK(end.status == MESURA_REPLY_DONE);
    CHECK(number_at(rig.state(), "counters.restarts") == 1);
    CHECK(number_at(Rig::json(end.json), "before") >= 30);
    CHECK(number_at(Rig::json(end.json), "after") < 30);
    CHECK_FALSE(rig.progress.empty());
    CHECK_FALSE(rig.asked.empty());
    // Collection has come back by itself.
    const auto before = rig.frames;
    rig.advance(5s);
    CHECK(rig.frames > before);
  }
}

TEST_CASE("restarts: right after one another, and of firmware without uptime") {
  CommandRig rig;
  CHECK(rig.run("power_cycle").status == MESURA_REPLY_DONE);
  CHECK(rig.run("power_cycle").status == MESURA_REPLY_DONE);
  CHECK(number_at(rig.state(), "counters.restarts") == 2);
  CommandRig old(PluginOptions{}.text("firmware", "2.3"));
  const Ended end = old.run("power_cycle");
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(number_at(old.state(), "counters.restarts") == 1);
}

TEST_CASE("restarts: a unit that stays away is told, with what to do") {
  CommandRig rig;
  rig.begin("power_cycle");
  REQUIRE(rig.until_asked("/power_cycle"));
  rig.set("power", "off");
  const auto id = 1;
  rig.advance(3min);
  const Ended end = rig.ended(id);
  CHECK(end.status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(end.message, contains("take its supply away"));
}

TEST_CASE("restarts: a unit that says yes and goes on is found out") {
  CommandRig rig;
  rig.advance(10s);
  rig.trouble({Trouble::Kind::says, "/reboot", 0, 1, R"({"INFO": "Reboot in progress..."})"});
  const Ended end = rig.run("reboot");
  CHECK(end.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(end.message, contains("use `power_cycle`"));
}

TEST_CASE("defaults and reset_wifi: before and after, and what comes next") {
  CommandRig rig;
  const Ended wifi = rig.run("reset_wifi");
  REQUIRE(wifi.status == MESURA_REPLY_DONE);
  CHECK(at(Rig::json(wifi.json), "before.wifi.wifi_cfg").truthy());
  CHECK_FALSE(at(Rig::json(wifi.json), "after.wifi.wifi_cfg").truthy());
  CHECK_THAT(wifi.message, contains("off the network"));
  const Ended all = rig.run("defaults");
  REQUIRE(all.status == MESURA_REPLY_DONE);
  CHECK(*at(Rig::json(all.json), "before.unit_name").as<std::string>() == "Virtual_1");
  CHECK(at(Rig::json(all.json), "after.unit_name").as<std::string>()->empty());
  CHECK_THAT(all.message, contains("factory.cfg"));
}

TEST_CASE("lights") {
  CommandRig rig;
  for (const auto& [mode, word] : {std::pair{"on", "force_on"}, {"off", "force_off"}, {"release", "release"}}) {
    CHECK(rig.run("wifi_led", PluginOptions{}.text("mode", mode)).status == MESURA_REPLY_DONE);
    CHECK(*at(rig.state(), "wifi_led").as<std::string>() == word);
  }
  CHECK(rig.run("bluetooth_led", PluginOptions{}.text("state", "on")).status == MESURA_REPLY_DONE);
  CHECK(at(rig.state(), "bluetooth_led").truthy());
  CHECK(rig.run("bluetooth_led", PluginOptions{}.text("state", "off")).status == MESURA_REPLY_DONE);
  CHECK_FALSE(at(rig.state(), "bluetooth_led").truthy());
}
