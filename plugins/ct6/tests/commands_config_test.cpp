// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Showing and changing the configuration.
#include <string>

#include "command_list.hpp"
#include "command_rig.hpp"
#include "ct6_schema.hpp"
#include "support/plugin_schema.hpp"

using namespace mesura::ct6::test;
using mesura::test::contains;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

PluginOptions settings(Pairs pairs) { return PluginOptions{}.map("settings", std::move(pairs)); }

/// "/set_config?..." of each write.
std::vector<std::string> paths(const std::vector<Sent>& sent) {
  std::vector<std::string> out;
  for (const auto& s : sent) out.push_back(path_of(s.to));
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("every command of the schema is there, and no other") {
  const auto schema = mesura::test::accepted_schema(mesura_schema);
  CHECK(schema.commands.size() == 35);
  CommandRig rig;
  for (const auto& command : schema.commands) {
    INFO(command.name);
    CHECK(mesura::ct6::find_command(command.name) != nullptr);
    CHECK((command.danger != mesura::config::Danger::dangerous || !command.warning.empty()));
  }
  const Ended end = rig.run("no_such_thing");
  CHECK(end.status == MESURA_REPLY_INVALID);
}

TEST_CASE("config: the whole of it in our words, without passwords") {
  CommandRig rig(PluginOptions{}.text("mqtt_username", "anna").text("mqtt_password", "tellnobody"));
  const Ended end = rig.run("config");
  REQUIRE(end.status == MESURA_REPLY_DONE);
  CHECK(rig.wrote.empty());
  const auto config = Rig::json(end.json);
  CHECK(*at(config, "unit_name").as<std::string>() == "Virtual_1");
  CHECK(*at(config, "ct1_name").as<std::string>() == "Grid");
  CHECK(at(config, "active").truthy());
  CHECK(number_at(config, "mqtt_period") == 2000);
  CHECK(*at(config, "mqtt_password").as<std::string>() == "***");
  CHECK(*at(config, "wifi.passwd").as<std::string>() == "***");
  CHECK(*at(config, "wifi.ssid").as<std::string>() == "home");
  CHECK(end.json.find("tellnobody") == std::string::npos);
  CHECK(end.json.find("not_a_secret") == std::string::npos);
  // Nothing that the unit has is left out.
  const auto state = rig.state();
  CHECK(at(state, "config").as<mesura::ct6::twin::Object>()->size() == config.as<mesura::ct6::twin::Object>()->size());
}

TEST_CASE("config: the link http is opened once, and not where it is configured") {
  CommandRig rig;
  rig.run("config");
  rig.run("status");
  CHECK(rig.opened == Strings{"http://127.0.0.2:80"});
  CHECK(rig.asked.front() == "GET http://127.0.0.2:80/get_config");
  CommandRig::Config config;
  config.http = "127.0.0.2:8080";
  CommandRig configured({}, config);
  CHECK(configured.run("config").status == MESURA_REPLY_DONE);
  CHECK(configured.opened.empty());
  CHECK(configured.asked.front() == "GET http://127.0.0.2:8080/get_config");
  config.http.clear();
  config.opens = false;
  CommandRig closed({}, config);
  CHECK(closed.run("config").status == MESURA_REPLY_UNREACHABLE);
}

TEST_CASE("commands of a unit behind a broker need the link http") {
  CommandRig::Config config;
  config.data = "mqtt";
  CommandRig rig({}, config);
  const Ended end = rig.run("activate");
  CHECK(end.status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(end.message, contains("give the device the link http"));
  config.http = "127.0.0.2:80";
  CommandRig with({}, config);
  CHECK(with.run("set_unit_name", PluginOptions{}.text("name", "Shed")).status == MESURA_REPLY_DONE);
  CHECK(with.config("YDEV_UNIT_NAME") == R"("Shed")");
}

TEST_CASE("a unit that is polled over HTTP takes commands between its polls") {
  CommandRig::Config config;
  config.data = "http";
  CommandRig rig({}, config);
  rig.advance(300ms);
  CHECK(rig.run("set_unit_name", PluginOptions{}.text("name", "Shed")).status == MESURA_REPLY_DONE);
  rig.advance(3s);
  CHECK(rig.frames >= 2);
}

TEST_CASE("set: only what differs is sent, and read back") {
  CommandRig rig;
  const Ended end = rig.run("set", settings({{"unit_name", "Kitchen"},
                                             {"CT1_NAME", "Solar"},
                                             {"ct2-name", "Solar"},
                                             {"active", "true"},
                                             {"mqtt_period", "2.5s"}}));
  REQUIRE(end.status == MESURA_REPLY_DONE);
  CHECK(paths(rig.wrote) == Strings{"/set_config?YDEV_UNIT_NAME=Kitchen,CT1_NAME=Solar,MQTT_TX_PERIOD_MS=2500"});
  CHECK(end.json == R"({"before":{"unit_name":"Virtual_1","ct1_name":"Grid","mqtt_period":2000},)"
                    R"("after":{"unit_name":"Kitchen","ct1_name":"Solar","mqtt_period":2500}})");
  CHECK(rig.config("YDEV_UNIT_NAME") == R"("Kitchen")");
  rig.wrote.clear();
  const Ended again = rig.run("set", settings({{"unit_name", "Kitchen"}, {"mqtt_period", "2500"}}));
  CHECK(again.status == MESURA_REPLY_DONE);
  CHECK(again.message == "already in force");
  CHECK(rig.wrote.empty());
  // Collection goes on meanwhile.
  rig.advance(3s);
  CHECK(rig.frames >= 3);
}

TEST_CASE("set: what is wrong is refused before anything is sent") {
  struct Case {
    std::string key, value, says;
  };
  const std::vector<Case> cases = {
      {"unit_nam", "x", "did you mean unit_name?"},
      {"ct1nmae", "x", "did you mean ct1_name?"},
      {"zzzzzzzzzz", "x", "is no setting of a CT6; `config`"},
      {"unit_name", "Meter Cupboard", "without space"},
      {"unit_name", "a\tb", "without space"},
      {"unit_name", "a.b", "got 'a.b'"},
      {"unit_name", "a,b", "without space"},
      {"unit_name", "a=b", "without space"},
      {"unit_name", "a?b", "without space"},
      {"unit_name", "a'b", "without space"},
      {"unit_name", "a\"b", "without space"},
      {"unit_name", "\xC3\xA9", "printable ASCII"},
      {"unit_name", "42", "no number"},
      {"unit_name", "1e5", "no number"},
      {"ct3_name", "nan", "no number"},
      {"ct3_name", "-Infinity", "no number"},
      {"unit_name", std::string(65, 'x'), "at most 64"},
      {"ct1_gain", "0", "from 1 to 65535"},
      {"ct1_gain", "65536", "from 1 to 65535"},
      {"ct1_gain", "1.5", "an integer"},
      {"ct1_gain", "-1", "from 1"},
      {"cs4_voltage_gain", "0", "from 1 to 65535"},
      {"CS0_VOLTAGE_GAIN", "nan", "from 1 to 65535"},
      {"ct1_offset", "65536", "from 0 to 65535"},
      {"line_frequency", "55", "50 or 60"},
      {"line_frequency", "60", "set_line_frequency"},
      {"mqtt_port", "0", "from 1 to 65535"},
      {"mqtt_port", "70000", "from 1 to 65535"},
      {"mqtt_period", "100", "200ms to 60s"},
      {"mqtt_period", "61s", "200ms to 60s"},
      {"mqtt_host", "a b", "without space"},
      {"mqtt_topic", "17", "no number"},
      {"mqtt_password", "secret", "set_mqtt"},
      {"active", "yes", "true or false"},
      {"serial", "ASY1", "ASYnnnn"},
      {"power_factor_threshold", "-1", "from 0"},
      {"ntp", "time.local", "pool.ntp.org"},
      {"wifi", "home", "over Bluetooth or USB"},
      {"ssid", "home", "over Bluetooth or USB"},
      {"product_id", "CT7", "fixed in the firmware"},
      {"ct7_name", "x", "the ports 1 to 6"},
      {"ct25_name", "x", "is no setting"},
  };
  CommandRig rig;
  for (const Case& c : cases) {
    INFO(c.key << "=" << c.value);
    for (const char* command : {"set", "apply"}) {
      const Ended end = rig.run(command, settings({{"ct2_name", "Good"}, {c.key, c.value}}));
      CHECK(end.status == MESURA_REPLY_INVALID);
      CHECK_THAT(end.message, contains(c.says));
      CHECK(end.message.find("secret") == std::string::npos);
    }
  }
  CHECK(rig.wrote.empty());
  CHECK(rig.run("set", settings({})).status == MESURA_REPLY_INVALID);
  CHECK(rig.run("set", settings({{"ct1_name", "A"}, {"CT1_NAME", "B"}})).status == MESURA_REPLY_INVALID);
  CHECK(number_at(rig.state(), "counters.flash_writes") == 0);
}

TEST_CASE("apply: what config printed can be given back, and costs nothing") {
  CommandRig rig(PluginOptions{}.text("mqtt_username", "anna").text("mqtt_password", "tellnobody"));
  const auto config = Rig::json(rig.run("config").json);
  Pairs all;
  for (const auto& member : *config.as<mesura::ct6::twin::Object>()) {
    const auto* text = member.value.as<std::string>();
    all.emplace_back(member.key, text != nullptr ? *text : member.value.dump());
  }
  REQUIRE(all.size() > 40);
  const Ended same = rig.run("apply", settings(all));
  INFO(same.message);
  CHECK(same.status == MESURA_REPLY_DONE);
  CHECK(same.message == "already in force");
  CHECK(rig.wrote.empty());
  for (auto& [key, value] : all)
    if (key == "ct4_name") value = "Car";
  const Ended plan = rig.run("apply", settings(all), true);
  CHECK(plan.status == MESURA_REPLY_PLAN);
  CHECK(plan.json == R"({"before":{"ct4_name":""},"after":{"ct4_name":"Car"}})");
  CHECK(rig.wrote.empty());
  CHECK(rig.config("CT4_NAME") == R"("")");
  const Ended done = rig.run("apply", settings(all));
  CHECK(done.status == MESURA_REPLY_DONE);
  CHECK(rig.wrote == rig.planned);
  CHECK(paths(rig.wrote) == Strings{"/set_config?CT4_NAME=Car"});
}

TEST_CASE("apply: many keys go in pieces of fourteen") {
  CommandRig rig;
  Pairs many;
  for (int port = 1; port <= 6; ++port) {
    many.emplace_back("ct" + std::to_string(port) + "_name", "n" + std::to_string(port));
    many.emplace_back("ct" + std::to_string(port) + "_type", "SCT013_30A");
    many.emplace_back("ct" + std::to_string(port) + "_gain", "40000");
  }
  const Ended end = rig.run("apply", settings(many));
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK_THAT(end.message, contains("init_chips"));
  CHECK(rig.wrote.size() == 2);
  CHECK(rig.config("CT6_IGAIN") == "40000.0");
}

TEST_CASE("single settings") {
  CommandRig rig(PluginOptions{}.flag("active", false));
  CHECK(rig.run("set_unit_name", PluginOptions{}.text("name", "Kitchen")).json ==
        R"({"setting":"unit_name","before":"Virtual_1","after":"Kitchen"})");
  CHECK(rig.run("set_group_name", PluginOptions{}.text("name", "Home")).json ==
        R"({"setting":"group_name","before":"","after":"Home"})");
  CHECK(rig.run("set_port_name", PluginOptions{}.integer("port", 4).text("name", "Car")).json ==
        R"({"setting":"ct4_name","before":"","after":"Car"})");
  CHECK(rig.run("set_port_name", PluginOptions{}.integer("port", 1).text("name", "")).json ==
        R"({"setting":"ct1_name","before":"Grid","after":""})");
  const Ended seven = rig.run("set_port_name", PluginOptions{}.integer("port", 7).text("name", "x"));
  CHECK(seven.status == MESURA_REPLY_INVALID);
  CHECK_THAT(seven.message, contains("the ports 1 to 6"));
  CHECK(rig.run("activate").json == R"({"setting":"active","before":false,"after":true})");
  CHECK(rig.config("ACTIVE") == "1.0");
  CHECK(rig.run("deactivate").json == R"({"setting":"active","before":true,"after":false})");
  CHECK(rig.run("set_power_factor_threshold", PluginOptions{}.number("watts", 7.5)).json ==
        R"({"setting":"power_factor_threshold","before":5,"after":7.5,"unit":"W"})");
  CHECK(rig.run("set_line_frequency", PluginOptions{}.text("hertz", "60")).json ==
        R"({"setting":"line_frequency","before":50,"after":60,"unit":"Hz"})");
  CHECK(paths(rig.wrote).back() == "/set_config?LINE_FREQ_HZ=60");
}

TEST_CASE("settings that a firmware does not have are refused with what has them") {
  CommandRig rig(PluginOptions{}.text("firmware", "2.66"));
  const Ended end = rig.run("set_power_factor_threshold", PluginOptions{}.number("watts", 5));
  CHECK(end.status == MESURA_REPLY_INVALID);
  CHECK_THAT(end.message, contains("2.68"));
  CHECK(rig.wrote.empty());
}

TEST_CASE("set_mqtt and clear_mqtt") {
  CommandRig rig;
  const auto arguments = PluginOptions{}
                             .text("host", "192.168.0.2")
                             .text("topic", "home/ct6")
                             .integer("port", 1884)
                             .text("username", "anna")
                             .text("password", "tellnobody")
                             .duration("period", 5s);
  const Ended end = rig.run("set_mqtt", arguments);
  REQUIRE(end.status == MESURA_REPLY_DONE);
  CHECK(end.json.find("tellnobody") == std::string::npos);
  CHECK(paths(rig.wrote) ==
        Strings{"/set_config?MQTT_SERVER_ADDRESS=192.168.0.2,MQTT_TOPIC=home/ct6,MQTT_SERVER_PORT=1884,"
                "MQTT_USERNAME=anna,MQTT_PASSWORD=tellnobody,MQTT_TX_PERIOD_MS=5000"});
  CHECK(rig.config("MQTT_PASSWORD") == R"("tellnobody")");
  const Ended cleared = rig.run("clear_mqtt");
  CHECK(cleared.status == MESURA_REPLY_DONE);
  CHECK(rig.config("MQTT_PASSWORD") == R"("")");
  CHECK(rig.config("MQTT_SERVER_ADDRESS") == R"("")");
  const Ended half = rig.run(
      "set_mqtt", PluginOptions{}.text("host", "b").text("topic", "t").integer("port", 1883).text("username", "anna"));
  CHECK(half.status == MESURA_REPLY_DONE);
  CHECK_THAT(half.message, contains("only if it has both"));
  const Ended bad =
      rig.run("set_mqtt", PluginOptions{}.text("host", "b").text("topic", "t").text("password", "pass word"));
  CHECK(bad.status == MESURA_REPLY_INVALID);
  CHECK(bad.message.find("pass word") == std::string::npos);
  // Not even where the transport quotes the request.
  for (const auto kind : {Trouble::Kind::silent, Trouble::Kind::refused, Trouble::Kind::closed}) {
    rig.trouble({kind, "", 1, 100});
    const Ended lost =
        rig.run("set_mqtt", PluginOptions{}.text("host", "c").text("topic", "t").text("password", "tellnobody"));
    rig.calm();
    CHECK(lost.status != MESURA_REPLY_DONE);
    CHECK_THAT(lost.message, contains("/set_config"));
    CHECK(lost.message.find("tellnobody") == std::string::npos);
    CHECK(lost.json.find("tellnobody") == std::string::npos);
  }
  // No secret in what is logged.
  for (const auto& line : rig.logs) CHECK(line.find("tellnobody") == std::string::npos);
}

TEST_CASE("names that the unit's web server damages are read all the same") {
  CommandRig rig(PluginOptions{}.text("odd_names", "apostrophe"));
  const Ended end = rig.run("set_port_name", PluginOptions{}.integer("port", 2).text("name", "Solar"));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(rig.config("CT2_NAME") == R"("Solar")");
}

TEST_CASE("units of a fleet work at the same time, each one after another") {
  CommandRig::Config config;
  config.fleet = true;
  CommandRig rig({}, config);
  rig.advance(3s);
  REQUIRE(rig.devices.size() == 2);
  const auto unknown = rig.begin("config", {}, false, 7);
  CHECK(rig.ended(unknown).status == MESURA_REPLY_UNREACHABLE);
  const auto first = rig.begin("set_unit_name", PluginOptions{}.text("name", "A"), false, 1);
  const auto second = rig.begin("set_unit_name", PluginOptions{}.text("name", "B"), false, 1);
  rig.advance(3s);
  CHECK(rig.ended(first).json == R"({"setting":"unit_name","before":"Virtual_1","after":"A"})");
  CHECK(rig.ended(second).json == R"({"setting":"unit_name","before":"A","after":"B"})");
}
