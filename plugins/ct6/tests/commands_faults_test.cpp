// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every command in trouble: the device refuses, hangs up, loses a reply, is away, says yes and does nothing. And every
// plan is what is then sent.
#include <functional>
#include <set>
#include <string>

#include "command_rig.hpp"
#include "ct6_schema.hpp"
#include "support/plugin_schema.hpp"

using namespace mesura::ct6::test;

namespace {

using Way = Trouble::Kind;

/// A command that does something, and the request with which it does that.
struct Subject {
  std::string command;
  PluginOptions arguments;
  std::string path;      ///< of the request that is troubled
  std::string yes;       ///< what the unit says when it has done it
  bool verified = true;  ///< what came of it can be read back
  bool writes = true;
};

std::string factory_of(CommandRig& rig) {
  const Ended file = rig.run("get_file", PluginOptions{}.text("file", "/factory.cfg"));
  REQUIRE(file.status == MESURA_REPLY_DONE);
  return file.bytes;
}

std::vector<Subject> subjects() {
  const auto text = [](std::string name, std::string value) {
    return PluginOptions{}.text(std::move(name), std::move(value));
  };
  const std::string set = "/set_config";
  const std::string ok = R"({"OK": true})";
  return {
      {"config", {}, "/get_config", "", true, false},
      {"status", {}, "/get_sys_stats", "", true, false},
      {"wifi_scan", {}, "/wifi_scan", "", true, false},
      {"files", {}, "/get_file_list", "", true, false},
      {"get_file", text("file", "/main.py"), "/get_file", "", true, false},
      {"calibration", {}, "/get_config", "", true, false},
      {"set", PluginOptions{}.map("settings", {{"ct4_name", "Car"}}), set, R"({"CT4_NAME": "Car"})"},
      {"apply", PluginOptions{}.map("settings", {{"ct4_name", "Car"}}), set, R"({"CT4_NAME": "Car"})"},
      {"set_unit_name", text("name", "Kitchen"), set, R"({"YDEV_UNIT_NAME": "Kitchen"})"},
      {"set_group_name", text("name", "Home"), set, R"({"YDEV_GROUP_NAME": "Home"})"},
      {"set_port_name", PluginOptions{}.integer("port", 4).text("name", "Car"), set, R"({"CT4_NAME": "Car"})"},
      {"activate", {}, set, R"({"ACTIVE": 1.0})"},
      {"deactivate", {}, set, R"({"ACTIVE": 0.0})"},
      {"set_mqtt", PluginOptions{}.text("host", "b.local").text("topic", "t").integer("port", 1883), set,
       R"({"MQTT_TOPIC": "t"})"},
      {"clear_mqtt", {}, set, R"({"MQTT_TOPIC": ""})"},
      {"set_power_factor_threshold", PluginOptions{}.number("watts", 9), set, R"({"PF_WATTS_THRESHOLD": 9.0})"},
      {"set_line_frequency", text("hertz", "60"), set, R"({"LINE_FREQ_HZ": 60.0})"},
      {"reboot", {}, "/reboot", R"({"INFO": "Reboot in progress..."})"},
      {"power_cycle", {}, "/power_cycle", R"({"OK": "POWER CYCLE IN PROGRESS"})"},
      {"defaults", {}, "/reset_to_default_config", R"({"INFO": "The unit has been reset."})"},
      {"reset_wifi", {}, "/reset_wifi_config", ok},
      {"wifi_led", text("mode", "on"), "/set_wifi_led", ok, false},
      {"bluetooth_led", text("state", "on"), "/set_bluetooth_led", ok, false},
      {"put_file", PluginOptions{}.text("content", "hello").text("name", "x.txt").text("folder", "/"), "FILE", ok},
      {"delete_file", text("file", "/app2/old.mpy"), "/rmfile", ok},
      {"make_folder", text("folder", "/notes"), "/mkdir", ok},
      {"delete_folder", text("folder", "/empty"), "/rmdir", ok},
      {"erase_offline_app", {}, "/erase_offline_app", ok},
      {"init_chips", {}, "/init_atm90e32_devs", R"({"OK": "ATM90E32 init success."})", false},
      {"save_factory_config", {}, "/save_factory_cfg", R"({"OK": "Saved factory config to factory.cfg"})"},
      {"restore_calibration", {}, set, R"({"CT1_IGAIN": 1.0})"},
      {"calibrate_voltage", PluginOptions{}.integer("port", 1).number("volts", 200), set,
       R"({"CS4_VOLTAGE_GAIN": 1.0})"},
      {"calibrate_current", PluginOptions{}.integer("port", 1).number("amperes", 12), set, R"({"CT1_IGAIN": 1.0})"},
      {"calibrate_offset", PluginOptions{}.integer("port", 4), set, R"({"CT4_IOFFSET": 1.0})"},
      {"upgrade", PluginOptions{}.map("firmware", {{"app.mpy", "FIRMWARE_VERSION 3.2"}, {"lib/a.mpy", "a"}}),
       "/erase_offline_app", ok},
  };
}

/// A unit on which each of them has something to do.
struct Bench {
  CommandRig rig{unit()};
  Subject subject;

  explicit Bench(Subject s) : subject(std::move(s)) {
    rig.set("ct1_current", "10");
    rig.set("ct4_current", "0");
    rig.set("mains_voltage", "230");
    if (subject.command == "activate") rig.set("active", "0");
    if (subject.command == "clear_mqtt") rig.set("MQTT_TOPIC", "old/topic");
    if (subject.command == "delete_file" || subject.command == "erase_offline_app") put("old.mpy", "/app2");
    if (subject.command == "delete_folder")
      REQUIRE(rig.run("make_folder", PluginOptions{}.text("folder", "/empty")).status == 0);
    if (subject.command == "save_factory_config") rig.set("CT1_IGAIN", "40001");
    if (subject.command == "restore_calibration") {
      subject.arguments = PluginOptions{}.text("content", factory_of(rig));
      rig.set("CT1_IGAIN", "40002");
    }
    rig.wrote.clear();
    rig.planned.clear();
    rig.asked.clear();
  }
  static PluginOptions unit() { return PluginOptions{}.text("profile", "flat"); }
  void put(std::string name, std::string folder) {
    REQUIRE(
        rig.run("put_file",
                PluginOptions{}.text("content", "x").text("name", std::move(name)).text("folder", std::move(folder)))
            .status == 0);
  }
  Ended run(bool dry = false) { return rig.run(subject.command, subject.arguments, dry); }
  void trouble(Way kind, std::string body = {}, int count = 100) {
    rig.trouble({kind, subject.path, 0, count, std::move(body), subject.writes});
  }
};

const std::set<int> kNotGood = {MESURA_REPLY_REFUSED, MESURA_REPLY_TIMEOUT, MESURA_REPLY_MISMATCH,
                                MESURA_REPLY_UNREACHABLE, MESURA_REPLY_UNVERIFIED};

}  // namespace

TEST_CASE("commands: each of the schema has its place here") {
  std::set<std::string> here;
  for (const auto& s : subjects()) here.insert(s.command);
  for (const auto& c : mesura::test::accepted_schema(mesura_schema).commands) {
    INFO(c.name);
    CHECK(here.erase(c.name) == 1);
    const auto list = subjects();
    const auto subject = std::find_if(list.begin(), list.end(), [&](const Subject& s) { return s.command == c.name; });
    // What says that it changes nothing must not want to: the core would not let it.
    if (subject != list.end()) CHECK(subject->writes == (c.danger != mesura::config::Danger::read));
  }
  CHECK(here.empty());
}

TEST_CASE("commands: each does what it should, and its plan is what it then sends") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    Bench bench(subject);
    const Ended plan = bench.run(true);
    INFO(plan.message);
    CHECK(plan.status == (subject.writes ? MESURA_REPLY_PLAN : MESURA_REPLY_DONE));
    CHECK(bench.rig.wrote.empty());
    CHECK(bench.rig.planned.empty() == !subject.writes);
    const Ended end = bench.run();
    INFO(end.message);
    CHECK(end.status == MESURA_REPLY_DONE);
    CHECK(Rig::json(end.json).as<mesura::ct6::twin::Object>() != nullptr);
    if (subject.writes) {
      CHECK(has(Rig::json(end.json), "before"));
      CHECK(has(Rig::json(end.json), "after"));
    }
    // A calibration's later steps depend on readings.
    REQUIRE(bench.rig.planned.size() <= bench.rig.wrote.size());
    const bool search = subject.command.starts_with("calibrate_");
    if (!search) CHECK(bench.rig.planned == bench.rig.wrote);
    for (std::size_t i = 0; i < bench.rig.planned.size(); ++i) {
      CHECK(bench.rig.planned[i] == bench.rig.wrote[i]);
    }
  }
}

TEST_CASE("commands: the unit refuses") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    Bench bench(subject);
    bench.trouble(Way::says, R"({"ERROR": "no room for that"})");
    const Ended end = bench.run();
    CHECK(end.status == MESURA_REPLY_REFUSED);
    CHECK((end.message.find("no room for that") != std::string::npos || subject.command == "get_file"));
  }
}

TEST_CASE("commands: the unit hangs up") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    Bench bench(subject);
    bench.trouble(Way::closed);
    const Ended end = bench.run();
    INFO(end.message);
    CHECK(kNotGood.contains(end.status));
    CHECK_FALSE(end.message.empty());
  }
}

TEST_CASE("commands: a reply is lost, but what was asked is done") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    Bench bench(subject);
    bench.trouble(Way::lost, {}, 1);
    const Ended end = bench.run();
    INFO(end.message);
    // What can be read back is known to be done; the rest is not.
    const bool searches = subject.command == "upgrade" || subject.command == "put_file";
    if (!subject.writes || !subject.verified) {
      CHECK(end.status == MESURA_REPLY_TIMEOUT);
    } else if (!searches) {
      CHECK(end.status == MESURA_REPLY_DONE);
    } else if (subject.command == "put_file") {
      CHECK(end.status == MESURA_REPLY_DONE);
    } else {
      CHECK(end.status == MESURA_REPLY_TIMEOUT);
    }
  }
}

TEST_CASE("commands: the unit is gone half-way") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    Bench bench(subject);
    bench.trouble(Way::off, {}, 1);
    const Ended end = bench.run();
    INFO(end.message);
    CHECK((end.status == MESURA_REPLY_TIMEOUT || end.status == MESURA_REPLY_UNREACHABLE));
    CHECK_FALSE(end.message.empty());
  }
}

TEST_CASE("commands: there is no connection") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    Bench bench(subject);
    bench.rig.trouble({Way::refused, "", 0, 10000, {}, false});
    const Ended end = bench.run();
    INFO(end.message);
    CHECK(end.status == MESURA_REPLY_UNREACHABLE);
    CHECK(bench.rig.wrote.empty() == (subject.command != "wifi_led" && subject.command != "bluetooth_led"));
  }
}

TEST_CASE("commands: the unit says yes and does nothing") {
  for (const auto& subject : subjects()) {
    if (!subject.writes || !subject.verified || subject.command == "upgrade") continue;
    INFO(subject.command);
    Bench bench(subject);
    bench.trouble(Way::says, subject.yes);
    const Ended end = bench.run();
    INFO(end.message);
    // A calibration sees it as a reading that does not move.
    const bool search = subject.command.starts_with("calibrate_");
    CHECK((end.status == MESURA_REPLY_MISMATCH || (search && end.status == MESURA_REPLY_REFUSED)));
  }
}

TEST_CASE("commands: nothing goes out where the core does not let it") {
  for (const auto& subject : subjects()) {
    if (!subject.writes) continue;
    INFO(subject.command);
    Bench bench(subject);
    bench.rig.refuse_writes(true);
    const Ended end = bench.run();
    CHECK(end.status == MESURA_REPLY_UNREACHABLE);
    CHECK(bench.rig.wrote.empty());
  }
}

TEST_CASE("commands: called off at any moment, the next one still works") {
  for (const auto& subject : subjects()) {
    INFO(subject.command);
    for (const auto after : {0ms, 10ms, 30ms, 400ms, 1500ms}) {
      Bench bench(subject);
      const auto id = bench.rig.begin(subject.command, subject.arguments);
      bench.rig.advance(after);
      if (bench.rig.ended(id).status != -1) break;
      bench.rig.cancel(id);
      bench.rig.advance(20s);  // it may be about to restart
      const Ended next = bench.rig.run("config");
      CHECK(next.status == MESURA_REPLY_DONE);
    }
  }
}

TEST_CASE("commands: whatever a unit says, each ends and the next one works") {
  const std::vector<std::string> bodies = {
      "",
      "null",
      "[]",
      "{}",
      "17",
      R"({"OK": true})",
      R"({"ERROR": 17})",
      R"({"ERROR": ""})",
      R"({"ACTIVE": null, "APP": [], "WIFI": 3, "CT1_IGAIN": "x", "CT1_NAME": {}})",
      R"({"UPTIME_SECONDS": "x", "FIRMWARE_VERSION": 3.1, "ACTIVE_APP_FOLDER": 1})",
      R"({"WIFI_SCAN_RESULTS": [1, null, "x", {}]})",
      "[1, null, {}, \"\"]",
      "\xFF\xFE\x00{",
      std::string(5000, '['),
      R"({"CT1": {"VRMS": nan, "IRMS": 1e400}})",
      "{\"a\": \"" + std::string(100'000, 'x')};
  for (const auto& subject : subjects()) {
    for (const std::string& body : bodies) {
      INFO(subject.command << " <- " << body.substr(0, 60));
      Bench bench(subject);
      bench.rig.trouble({Way::says, "", 0, 10000, body});
      const Ended end = bench.run();
      CHECK(end.status != -1);
      if (!end.json.empty()) CHECK(mesura::ct6::twin::parse_json(end.json).has_value());
      bench.rig.calm();
      CHECK(bench.rig.run("config").status == MESURA_REPLY_DONE);
    }
  }
}
