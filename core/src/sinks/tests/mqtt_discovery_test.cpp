// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What Home Assistant is told, word for word, and when.
#include "sinks/mqtt/discovery.hpp"
#include "sinks/tests/mqtt_far_end.hpp"

#include "model/vocabulary.hpp"
#include "support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>

using namespace mesura;
using namespace mesura::sinks::test;
using mesura::sinks::mqtt::Cadence;
using mesura::sinks::mqtt::class_of;
using mesura::sinks::mqtt::discovery_payload;
using mesura::sinks::mqtt::discovery_topic;
using mesura::sinks::mqtt::MqttSink;
using mesura::sinks::mqtt::Options;
using mesura::sinks::mqtt::Payload;
using mesura::test::Broker;

namespace {

// A series as the session makes it of the vocabulary.
SeriesInfo series(const std::string& device, const std::string& channel, const std::string& quantity,
                  const std::string& label = {}) {
  const auto* known = model::Vocabulary::standard().find(quantity);
  REQUIRE(known != nullptr);
  SeriesInfo info;
  info.device = device;
  info.channel = channel;
  info.quantity = quantity;
  info.unit = known->unit;
  info.kind = known->kind;
  info.text = known->text;
  info.decimals = known->decimals;
  info.flat_name = model::flat_name(channel, quantity, known->unit);
  info.label = label;
  return info;
}

Options home_assistant(const Broker* broker = nullptr) {
  Options o;
  o.url = fmt::format("mqtt://127.0.0.1:{}", broker != nullptr ? broker->port() : 1);
  o.home_assistant = true;
  return o;
}

using Messages = std::vector<Subscriber::Message>;

std::size_t at(const Messages& all, const std::string& topic) {
  return static_cast<std::size_t>(
      std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.topic == topic; }) - all.begin());
}

std::size_t count(const Messages& all, const std::string& part) {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& m) { return m.topic.find(part) != std::string::npos; }));
}

std::string classes(const SeriesInfo& info) {
  const auto is = class_of(info);
  return fmt::format("{}, {}, {}", is.device_class, is.state_class, is.unit);
}

}  // namespace

TEST_CASE("discovery: a P1 meter's power, register, gas and text") {
  const Options o = home_assistant();
  const auto power = series("grid", "l1", "active_power");
  CHECK(discovery_topic("homeassistant", power) == "homeassistant/sensor/mesura_grid/l1_active_power_w/config");
  CHECK(
      discovery_payload(o, power, "mesura/grid", false, 0) ==
      R"({"name":"L1 active power","unique_id":"mesura_grid-l1_active_power_w",)"
      R"("object_id":"mesura_grid_l1_active_power_w","default_entity_id":"sensor.mesura_grid_l1_active_power_w",)"
      R"("state_topic":"mesura/grid",)"
      R"("value_template":"{% if value_json.l1_active_power_w is defined %}{{ value_json.l1_active_power_w }}{% endif %}",)"
      R"("device_class":"power","state_class":"measurement","unit_of_measurement":"W",)"
      R"("suggested_display_precision":3,"availability_topic":"mesura/status",)"
      R"("device":{"identifiers":["mesura_grid"],"name":"grid"},"origin":{"name":"Mesura"}})");
  CHECK(discovery_payload(o, series("grid", "total", "active_energy_import"), "mesura/grid", false, 40) ==
        R"({"name":"Active energy import","unique_id":"mesura_grid-total_active_energy_import_wh",)"
        R"("object_id":"mesura_grid_total_active_energy_import_wh",)"
        R"("default_entity_id":"sensor.mesura_grid_total_active_energy_import_wh","state_topic":"mesura/grid",)"
        R"("value_template":"{% if value_json.total_active_energy_import_wh is defined %})"
        R"({{ value_json.total_active_energy_import_wh }}{% endif %}",)"
        R"("device_class":"energy","state_class":"total_increasing","unit_of_measurement":"Wh",)"
        R"("suggested_display_precision":4,"expire_after":40,"availability_topic":"mesura/status",)"
        R"("device":{"identifiers":["mesura_grid"],"name":"grid"},"origin":{"name":"Mesura"}})");
  CHECK(classes(series("grid", "mbus1", "gas_volume")) == "gas, total_increasing, m³");
  CHECK(classes(series("grid", "mbus2", "water_volume")) == "water, total_increasing, m³");
  CHECK(discovery_payload(o, series("grid", "total", "message_text"), "mesura/grid", false, 0) ==
        R"({"name":"Message text","unique_id":"mesura_grid-total_message_text",)"
        R"("object_id":"mesura_grid_total_message_text","default_entity_id":"sensor.mesura_grid_total_message_text",)"
        R"("state_topic":"mesura/grid","value_template":"{{ value_json.total_message_text[:255] )"
        R"(if value_json.total_message_text is defined else this.state }}","availability_topic":"mesura/status",)"
        R"("device":{"identifiers":["mesura_grid"],"name":"grid"},"origin":{"name":"Mesura"}})");
}

TEST_CASE("discovery: a clamp of a fleet's unit with a name that ids cannot hold, one message a measurement") {
  Options o = home_assistant();
  o.availability = "none";
  auto info = series("Küche 1", "ct3", "active_power", "Solar");
  info.fleet = "ct6_units";
  CHECK(discovery_topic("ha", info) == "ha/sensor/mesura_K__che_1_eb83ece6/ct3_active_power_w/config");
  CHECK(discovery_payload(o, info, "m/K%C3%BCche 1/ct3", true, 30) ==
        R"({"name":"Solar active power","unique_id":"mesura_K__che_1_eb83ece6-ct3_active_power_w",)"
        R"("object_id":"mesura_K__che_1_eb83ece6_ct3_active_power_w",)"
        R"("default_entity_id":"sensor.mesura_K__che_1_eb83ece6_ct3_active_power_w",)"
        R"("state_topic":"m/K%C3%BCche 1/ct3","value_template":"{{ value_json.value }}",)"
        R"("device_class":"power","state_class":"measurement","unit_of_measurement":"W",)"
        R"("suggested_display_precision":3,"expire_after":30,)"
        R"("device":{"identifiers":["mesura_K__che_1_eb83ece6"],"name":"Küche 1"},"origin":{"name":"Mesura"}})");
  o.payload = Payload::value;
  CHECK(discovery_payload(o, info, "t", true, 0).find("value_template") == std::string::npos);
  CHECK_THAT(discovery_payload(o, series("grid", "total", "message_text"), "t", true, 0),
             mesura::test::contains(R"("value_template":"{{ value[:255] }}")"));
  // Other letters that look the same without their marks are another device.
  CHECK(discovery_topic("ha", series("Kache 1", "l1", "voltage")) !=
        discovery_topic("ha", series("K\"che 1", "l1", "voltage")));
  info.flat_name = "ct3_it's";
  o.payload = Payload::json;
  CHECK_THAT(discovery_payload(o, info, "t", false, 0),
             mesura::test::contains(R"(value_json['ct3_it\\'s'] is defined)"));
}

TEST_CASE("discovery: classes and units are ones that Home Assistant takes together") {
  CHECK(classes(series("x", "l1", "voltage")) == "voltage, measurement, V");
  CHECK(classes(series("x", "l1", "current")) == "current, measurement, A");
  CHECK(classes(series("x", "l1", "reactive_power")) == "reactive_power, measurement, var");
  CHECK(classes(series("x", "l1", "apparent_power")) == "apparent_power, measurement, VA");
  CHECK(classes(series("x", "total", "frequency")) == "frequency, measurement, Hz");
  CHECK(classes(series("x", "board", "temperature")) == "temperature, measurement, °C");
  CHECK(classes(series("x", "total", "signal_strength")) == "signal_strength, measurement, dBm");
  CHECK(classes(series("x", "battery", "state_of_charge")) == "battery, measurement, %");
  CHECK(classes(series("x", "fan", "fan_speed")) == ", measurement, %");
  CHECK(classes(series("x", "l1", "power_factor")) == "power_factor, measurement, ");
  CHECK(classes(series("x", "l1", "phase_angle")) == ", measurement, °");
  CHECK(classes(series("x", "total", "uptime")) == "duration, measurement, s");
  CHECK(classes(series("x", "mbus1", "thermal_energy_heat")) == "energy, total_increasing, GJ");
  CHECK(classes(series("x", "mbus1", "volume")) == "volume, total_increasing, m³");
  CHECK(classes(series("x", "total", "reactive_energy_import")) == ", total_increasing, varh");
  CHECK(classes(series("x", "total", "power_failures")) == ", total_increasing, ");
  CHECK(classes(series("x", "total", "active_energy_import_interval")) == ", , Wh");
  CHECK(classes(series("x", "total", "tariff_indicator")) == ", , ");
  CHECK(classes(series("x", "total", "limiter_threshold")) == "power, , W");
  CHECK(classes(series("x", "total", "operating_mode")) == ", , ");
  for (const auto* quantity : model::Vocabulary::standard().quantities()) {
    const auto is = class_of(series("x", "total", quantity->name));
    INFO(quantity->name);
    if (is.device_class == "energy" || is.device_class == "gas" || is.device_class == "water")
      CHECK(is.state_class == "total_increasing");
    if (quantity->text) CHECK((is.device_class.empty() && is.state_class.empty() && is.unit.empty()));
  }
}

TEST_CASE("discovery: expire_after follows the cadence, once it is known") {
  Cadence cadence;
  std::int64_t now = kNoon;
  const auto after = [&](std::int64_t distance, int times) {
    int changes = 0;
    for (int i = 0; i < times; ++i) changes += cadence.note(now += distance) ? 1 : 0;
    return changes;
  };
  CHECK(after(10 * kSecond, 5) == 0);
  CHECK(cadence.expire_after_s() == 0);
  CHECK(after(10 * kSecond, 1) == 1);
  CHECK(cadence.expire_after_s() == 40);
  CHECK(after(10 * kSecond, 100) == 0);
  // A gap, and data that come late.
  CHECK(after(3600 * kSecond, 1) == 0);
  CHECK(cadence.note(kNoon) == false);
  CHECK(after(10 * kSecond, 100) == 0);
  CHECK(cadence.expire_after_s() == 40);
  CHECK(after(60 * kSecond, 10) == 1);
  CHECK(cadence.expire_after_s() == 240);
  CHECK(after(kSecond / 100, 10) == 1);
  CHECK(cadence.expire_after_s() == 30);
}

TEST_CASE("discovery: told before the first value, only of what comes here, and again with the cadence") {
  Broker broker;
  Feed feed;
  const auto power = feed.table().add(series("grid", "l1", "active_power"));
  const auto energy = feed.table().add(series("grid", "total", "active_energy_import"));
  feed.table().add(series("grid", "l2", "active_power"));
  Subscriber subscriber{broker.port(), "#"};
  MqttSink sink{home_assistant(&broker), feed.table(), {}};
  const std::string config = "homeassistant/sensor/mesura_grid/l1_active_power_w/config";
  REQUIRE(attempt(sink, {feed.batch(kNoon, {{power, 1.0}, {energy, 2.0}})}).committed);
  const auto& all = subscriber.everything();
  CHECK(count(all, "homeassistant/") == 2);
  CHECK(at(all, config) < at(all, "mesura/grid"));
  CHECK(at(all, "homeassistant/sensor/mesura_grid/total_active_energy_import_wh/config") < at(all, "mesura/grid"));
  CHECK(subscriber.last(config) ==
        discovery_payload(home_assistant(), feed.table().at(power), "mesura/grid", false, 0));
  for (int i = 1; i < 20; ++i) REQUIRE(attempt(sink, {feed.batch(kNoon + i * 10 * kSecond, {{power, 1.0}})}).committed);
  subscriber.everything();
  CHECK(count(all, "homeassistant/") == 4);
  CHECK(subscriber.last(config) ==
        discovery_payload(home_assistant(), feed.table().at(power), "mesura/grid", false, 40));
  CHECK(subscriber.last("mesura/status") == "online");
  // They are kept for who comes later.
  Subscriber late{broker.port(), "homeassistant/#"};
  CHECK(late.everything().size() == 2);
  // Another label: the same entity, told anew.
  auto renamed = feed.table().at(power);
  renamed.label = "Solar";
  const auto solar = feed.table().add(renamed);
  REQUIRE(attempt(sink, {feed.batch(kNoon + 300 * kSecond, {{solar, 1.0}})}).committed);
  subscriber.everything();
  CHECK(subscriber.last(config) == discovery_payload(home_assistant(), renamed, "mesura/grid", false, 40));
}

TEST_CASE("discovery: told again when Home Assistant is born, while nothing is written") {
  Broker broker;
  Feed feed;
  // More entities than the window has room for.
  std::vector<Feed::Item> items;
  for (int i = 0; i < 40; ++i)
    items.push_back({feed.table().add(series("cupboard", fmt::format("ct{}", i), "active_power")), 1.0});
  auto o = home_assistant(&broker);
  o.inflight = 7;
  o.protocol = GENERATE(mesura::sinks::mqtt::Protocol::v311, mesura::sinks::mqtt::Protocol::v5);
  MqttSink sink{o, feed.table(), {}};
  REQUIRE(attempt(sink, {feed.batch(kNoon, items)}).committed);
  Subscriber subscriber{broker.port(), "homeassistant/sensor/#"};
  CHECK(subscriber.everything().size() == 40);
  subscriber.forget();
  subscriber.publish("homeassistant/status", "offline");
  subscriber.publish("homeassistant/status", "online");
  subscriber.wait([](const Messages& all) { return all.size() >= 40; });
  CHECK(subscriber.everything().size() == 40);
  CHECK(subscriber.last("homeassistant/sensor/mesura_cupboard/ct39_active_power_w/config") ==
        discovery_payload(o, feed.table().at(items[39].series), "mesura/cupboard", false, 0));
}

TEST_CASE("discovery: told again to a broker that has lost everything, while nothing is written") {
  Broker broker;
  Feed feed;
  const auto power = feed.table().add(series("grid", "l1", "active_power"));
  MqttSink sink{home_assistant(&broker), feed.table(), {}};
  REQUIRE(attempt(sink, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  broker.stop();
  broker.start();
  Subscriber subscriber{broker.port(), "#"};
  subscriber.wait([](const Messages& all) { return count(all, "config") == 1 && count(all, "mesura/status") == 1; });
  CHECK(subscriber.last("mesura/status") == "online");
}
