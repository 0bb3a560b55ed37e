// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_config.hpp"

#include <algorithm>
#include <array>

#include "virtual_number.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr std::array<std::string_view, 17> kSettable = {"YDEV_UNIT_NAME",
                                                        "YDEV_GROUP_NAME",
                                                        "ASSY",
                                                        "CS0_VOLTAGE_GAIN",
                                                        "CS4_VOLTAGE_GAIN",
                                                        "CS0_VOLTAGE_OFFSET",
                                                        "CS4_VOLTAGE_OFFSET",
                                                        "ZERO_POWER_GATE_WATTS",
                                                        "LINE_FREQ_HZ",
                                                        "ACTIVE",
                                                        "MQTT_SERVER_ADDRESS",
                                                        "MQTT_SERVER_PORT",
                                                        "MQTT_TOPIC",
                                                        "MQTT_USERNAME",
                                                        "MQTT_PASSWORD",
                                                        "MQTT_TX_PERIOD_MS",
                                                        "PF_WATTS_THRESHOLD"};
constexpr std::array<std::string_view, 4> kOfPort = {"_IGAIN", "_IOFFSET", "_TYPE", "_NAME"};
constexpr int kDefaultGain = 45000;
constexpr int kDefaultVoltageOffset = 61440;

Value factory_wifi() {
  Object wifi;
  put(wifi, "WIFI_CFG", Value{0});
  put(wifi, "MODE", Value{"AP"});
  put(wifi, "CHANNEL", Value{3});
  put(wifi, "SSID", Value{"YDEV"});
  put(wifi, "PASSWD", Value{"12345678"});
  return Value{std::move(wifi)};
}

}  // namespace

std::string port_key(int port, std::string_view suffix) {
  std::string key = "CT";
  append_integer(key, port);
  key += suffix;
  return key;
}

Value stored_value(std::string_view text) {
  if (const auto number = parse_python_float(text)) return Value{*number};
  return Value{text};
}

Config::Config(const Firmware& firmware, int ports) : ports_(ports) {
  put("ASSY", Value{kUncalibratedAssy});
  put("YDEV_UNIT_NAME", Value{""});
  put("YDEV_GROUP_NAME", Value{""});
  put("YDEV_PRODUCT_ID", Value{"CT6"});
  put("YDEV_DEVICE_TYPE", Value{"6_CHNL_CT_SENSOR"});
  put("YDEV_SERVICE_LIST", Value{"WEB:80"});
  put("YDEV_OS", Value{"micropython"});
  put("YDEV_AYT_TCP_PORT_KEY", Value{29340});
  put("BLUETOOTH_ON_KEY", Value{1});
  put("WIFI", factory_wifi());
  for (int port = 1; port <= ports; ++port) {
    put(port_key(port, "_IGAIN"), Value{kDefaultGain});
    put(port_key(port, "_IOFFSET"), Value{kDefaultGain});
    put(port_key(port, "_TYPE"), Value{"SCT013_100A"});
    put(port_key(port, "_NAME"), Value{""});
  }
  put("CS0_VOLTAGE_GAIN", Value{kDefaultGain});
  put("CS4_VOLTAGE_GAIN", Value{kDefaultGain});
  put("CS0_VOLTAGE_OFFSET", Value{kDefaultVoltageOffset});
  put("CS4_VOLTAGE_OFFSET", Value{kDefaultVoltageOffset});
  put("ZERO_POWER_GATE_WATTS", Value{0.5F});
  put("LINE_FREQ_HZ", Value{50});
  put("ACTIVE", Value{0});
  put("MQTT_SERVER_ADDRESS", Value{""});
  put("MQTT_TOPIC", Value{""});
  put("MQTT_USERNAME", Value{""});
  put("MQTT_PASSWORD", Value{""});
  put("MQTT_SERVER_PORT", Value{1883});
  put("MQTT_TX_PERIOD_MS", Value{2000});
  if (firmware.factor_rule != FactorRule::none) put("PF_WATTS_THRESHOLD", Value{firmware.factor_threshold});
  put("APP", Value{1});
}

double Config::number(std::string_view key, double fallback) const {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (const auto* text = value->as<std::string>()) {
    const auto read = parse_python_float(*text);
    return read ? static_cast<double>(*read) : fallback;
  }
  return value->number().value_or(fallback);
}

std::string Config::text(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return {};
  const auto* text = value->as<std::string>();
  return text != nullptr ? *text : value->dump();
}

bool Config::truthy(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->truthy();
}

bool Config::settable(std::string_view key) const {
  if (key.empty() || find(key) == nullptr) return false;
  if (std::find(kSettable.begin(), kSettable.end(), key) != kSettable.end()) return true;
  for (int port = 1; port <= ports_; ++port)
    for (const auto suffix : kOfPort)
      if (key == port_key(port, suffix)) return true;
  return false;
}

void Config::merge(std::string_view file) {
  auto read = parse_json(file);
  auto* members = read ? read->as<Object>() : nullptr;
  if (members == nullptr) return;
  for (Member& m : *members) put(m.key, std::move(m.value));
}

bool Config::provisioned() const {
  const Value* wifi = find("WIFI");
  const auto* members = wifi != nullptr ? wifi->as<Object>() : nullptr;
  const Value* configured = members != nullptr ? twin::find(*members, "WIFI_CFG") : nullptr;
  return configured != nullptr && configured->truthy();
}

void Config::provision(bool on) {
  Value wifi = factory_wifi();
  if (on) {
    auto& members = *wifi.as<Object>();
    twin::put(members, "WIFI_CFG", Value{1});
    twin::put(members, "MODE", Value{"STA"});
    twin::put(members, "SSID", Value{"home"});
    twin::put(members, "PASSWD", Value{"not_a_secret"});
  }
  put("WIFI", std::move(wifi));
}

std::string Config::factory() const {
  Object out;
  const auto keep = [&](const std::string& key) {
    if (const Value* value = find(key)) twin::put(out, key, *value);
  };
  keep("ASSY");
  keep("CS0_VOLTAGE_GAIN");
  keep("CS4_VOLTAGE_GAIN");
  for (int port = 1; port <= ports_; ++port) {
    keep(port_key(port, "_IGAIN"));
    keep(port_key(port, "_IOFFSET"));
  }
  keep("LINE_FREQ_HZ");
  return Value{std::move(out)}.dump();
}

}  // namespace mesura::ct6::twin
