// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <string_view>

#include "virtual_number.hpp"
#include "virtual_random.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

/// "ASY0398_V003.300_SN00001846" counted on by `index` in its last digits.
std::string counted_on(std::string text, std::uint32_t index) {
  std::size_t first = text.size();
  while (first > 0 && text[first - 1] >= '0' && text[first - 1] <= '9') --first;
  std::uint64_t number = 0;
  if (first == text.size() || text.size() - first > 18) return text;
  std::from_chars(text.data() + first, text.data() + text.size(), number);
  return text.substr(0, first) + fmt::format("{:0{}}", number + index, text.size() - first);
}

std::string numbered(std::string_view text, std::uint32_t index) {
  std::string out(text);
  if (const auto at = out.find("{n}"); at != std::string::npos) out.replace(at, 3, std::to_string(index + 1));
  return out;
}

std::string odd(std::string_view kind, std::string_view name, int number) {
  if (kind == "percent") return std::string(name) + "%20" + std::to_string(number);
  if (kind == "apostrophe") return std::string(name) + "'s";
  if (kind == "numeric") return std::to_string(number);
  if (kind == "nan") return "nan";
  return std::string(name);
}

int port_of(std::string_view key, int ports) {
  int port = 0;
  if (key.substr(0, 2) == "ct") {
    const char* const end = key.data() + key.size();
    const auto [stop, error] = std::from_chars(key.data() + 2, end, port);
    if (error != std::errc{} || stop != end) port = 0;
  }
  if (port < 1 || port > ports)
    throw std::invalid_argument(fmt::format("names: expected ports ct1 to ct{}, got '{}'", ports, key));
  return port;
}

std::string unit_name(const Options& o, std::uint32_t index) {
  const auto pattern = o.text("unit_name", "Virtual_{n}");
  return pattern == "none" ? std::string{} : numbered(pattern, index);
}

void put_names(const SessionInfo& info, int ports, int phases, Object& config) {
  const Options& o = info.options;
  const auto kind = o.text("odd_names", "none");
  put(config, "YDEV_UNIT_NAME", stored_value(odd(kind, unit_name(o, info.index), 42 + static_cast<int>(info.index))));
  const bool counts = o.text("profile", "house") == "count";
  for (int port = 1; port <= ports; ++port) {
    const std::string_view name = counts ? std::string_view{} : Loads::default_name(port, phases);
    put(config, port_key(port, "_NAME"), Value{name.empty() ? std::string{} : odd(kind, name, port)});
    if (!name.empty() && kind != "none") put(config, port_key(port, "_NAME"), stored_value(odd(kind, name, port)));
  }
  for (const auto& entry : o.entries("names")) {
    const int port = port_of(abi::view(entry.key), ports);
    put(config, port_key(port, "_NAME"), stored_value(abi::view(entry.value)));
  }
}

void put_mqtt(const SessionInfo& info, Object& config) {
  const Options& o = info.options;
  put(config, "MQTT_TX_PERIOD_MS", Value{o.integer("mqtt_period", 2 * kSecond) / kMillisecond});
  for (const auto& [option, key] : {std::pair{"mqtt_topic", "MQTT_TOPIC"}, std::pair{"mqtt_username", "MQTT_USERNAME"},
                                    std::pair{"mqtt_password", "MQTT_PASSWORD"}})
    if (o.has(option)) put(config, key, Value{numbered(o.text(option), info.index)});
  const LinkInfo broker = info.link(3);
  constexpr std::string_view kScheme = "mqtt://";
  std::string_view address = broker.kind.empty() ? o.text("broker") : broker.address;
  if (address.substr(0, kScheme.size()) == kScheme) address.remove_prefix(kScheme.size());
  if (address.empty()) return;
  const auto colon = address.rfind(':');
  int port = 1883;
  if (colon != std::string_view::npos)
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  put(config, "MQTT_SERVER_ADDRESS", Value{address.substr(0, colon)});
  put(config, "MQTT_SERVER_PORT", Value{port});
  if (!o.has("mqtt_topic")) put(config, "MQTT_TOPIC", Value{"ct6/" + unit_name(o, info.index)});
}

std::string address_of(const SessionInfo& info) {
  if (info.options.has("address")) return std::string(info.options.text("address"));
  const LinkInfo link = info.link(0);
  const auto host = link.address.substr(0, link.address.rfind(':'));
  if (link.kind == "udp" && !host.empty()) return std::string(host);
  return fmt::format("192.168.{}.{}", info.index / 200, 34 + info.index % 200);
}

Object config_of(const SessionInfo& info, int ports, int phases) {
  const Options& o = info.options;
  Object config;
  if (!o.flag("factory_new")) {
    put(config, "ASSY", Value{counted_on(std::string(o.text("assy", "ASY0398_V003.300_SN00001846")), info.index)});
    put(config, "ACTIVE", o.flag("active", true) ? Value{1.0F} : Value{0});
    put_names(info, ports, phases, config);
    if (o.has("group_name")) put(config, "YDEV_GROUP_NAME", Value{o.text("group_name")});
  }
  put_mqtt(info, config);
  for (const auto& entry : o.entries("config")) put(config, abi::view(entry.key), stored_value(abi::view(entry.value)));
  return config;
}

}  // namespace

UnitSettings read_settings(const SessionInfo& info) {
  const Options& o = info.options;
  UnitSettings s;
  const auto version = o.text("firmware", "3.1");
  const auto firmware = find_firmware(version);
  if (!firmware)
    throw std::invalid_argument(fmt::format("firmware: expected a version such as 3.1, got '{}'", version));
  MachineSetup& m = s.machine;
  m.firmware = *firmware;
  // Units of one run are different ones; the first is what the seed says.
  m.seed = info.index == 0 ? static_cast<std::uint64_t>(o.integer("seed", 1))
                           : chance_of(static_cast<std::uint64_t>(o.integer("seed", 1)), 60, info.index);
  m.ports = static_cast<int>(o.integer("ports", 6));
  m.calibrated = o.flag("calibrated", true) && !o.flag("factory_new");
  m.address = address_of(info);
  m.clock_unset = o.flag("clock_unset");
  m.clock_skew_s = o.integer("clock_skew", 0);
  m.sample_ns = o.integer("sample_interval", 0);
  m.now_ns = info.now_ns;
  m.loads.profile = std::string(o.text("profile", "house"));
  m.loads.phases = static_cast<int>(o.integer("phases", m.loads.profile == "lab" ? 3 : 1));
  if (m.loads.phases == 2) throw std::invalid_argument("phases: expected 1 or 3, got 2");
  m.loads.ports = m.ports;
  m.loads.seed = m.seed;
  m.loads.start = info.now_ns / kSecond;
  m.loads.pv_watts = o.integer("pv", 4000);
  m.loads.battery_wh = o.integer("battery", 5000);
  m.loads.zone = std::string(o.text("zone", info.zone));
  m.config = config_of(info, m.ports, m.loads.phases);
  s.interval_ns = o.integer("interval", kSecond);
  s.answers = static_cast<std::uint64_t>(o.integer("answers", 0));
  s.http_latency_ns = o.integer("http_latency", 0);
  s.to_file = info.link(0).kind == "file";
  s.has_broker = !info.link(3).kind.empty();
  return s;
}

void read_faults(const Options& options, Faults& faults) {
  for (std::size_t i = 0; i < kFaultKinds; ++i) {
    const auto kind = static_cast<FaultKind>(i);
    faults.set_rate(kind, options.number(name_of(kind), 0));
  }
}

}  // namespace mesura::ct6::twin
