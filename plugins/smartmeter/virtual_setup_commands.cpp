// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's commands that change it: names, servers, networks, time, log, calibration, registers.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;

namespace {

constexpr std::size_t kMostNetworks = 5;
constexpr std::size_t kName = 25, kServer = 17, kNetwork = 20, kStoredName = 19;

/// The text at payload.key, or nullptr.
const std::string* payload_text(const Json& document, std::string_view key) {
  const Json& value = document["payload"][key];
  return value.is_text() ? &value.text() : nullptr;
}

std::optional<std::uint32_t> hex_of(const Json& value) {
  if (!value.is_text()) return std::nullopt;
  std::string_view text = value.text();
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) return std::nullopt;
  text.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void VirtualSmartMeter::mdns(Asker asker, const Json& document) {
  const std::string* name = payload_text(document, "name");
  if (name == nullptr) return refuse(asker, "mdns", "MDNS name required in payload with key name");
  if (name->size() >= kName) return refuse(asker, "mdns", "MDNS name too long, only string of size 25 allowed");
  log(Level::info, fmt::format("MDNS Name: {}", *name));
  const std::string asked = *name;
  done(asker, "mdns", fmt::format("Set MDNS name to: {}", asked), "mdns_name", asked);
  rename(std::string_view{asked}.substr(0, kStoredName));
}

void VirtualSmartMeter::mqtt_server(Asker asker, const Json& document) {
  const std::string* server = payload_text(document, "server");
  if (server == nullptr) return refuse(asker, "mqttServer", "MQTTServer address required in payload with key server");
  if (server->size() >= kServer)
    return refuse(asker, "mqttServer", "MQTTServer address too long, only string of size 17 allowed");
  if (settings_.model == Model::powermeter) {  // which keeps these too
    const Json& payload = document["payload"];
    if (payload["user"].is_text()) settings_.broker_user = payload["user"].text();
    if (payload["pwd"].is_text()) settings_.broker_password = payload["pwd"].text();
    if (const auto port = payload["port"].integer(); port > 0 && port < 65536) settings_.broker_port = port;
  }
  mqtt_server_ = *server;
  done(asker, "mqttServer", fmt::format("Set MQTTServer address to: {}", *server), "mqtt_server", *server);
  open_broker();
}

void VirtualSmartMeter::stream_server(Asker asker, const Json& document) {
  const std::string* server = payload_text(document, "server");
  if (server == nullptr)
    return refuse(asker, "streamServer", "StreamServer address required in payload with key server");
  if (server->size() >= kServer)
    return refuse(asker, "streamServer", "StreamServer address too long, only string of size 17 allowed");
  stream_server_ = *server;
  dial_warned_ = false;
  done(asker, "streamServer", fmt::format("Set StreamServer address to: {}", *server), "stream_server", *server);
  dial();
}

void VirtualSmartMeter::time_server(Asker asker, const Json& document) {
  const std::string* server = payload_text(document, "server");
  if (server == nullptr)  // the firmware's own slip
    return refuse(asker, "timeServer", "StreamServer address required in payload with key server");
  if (server->size() >= kName)
    return refuse(asker, "timeServer", "TimeServer address too long, only string of size 25 allowed");
  time_server_ = *server;
  sync_time();
  done(asker, "timeServer", fmt::format("Set TimeServer address to: {}", *server), "time_server", *server);
}

std::string VirtualSmartMeter::ssids(bool dangling) const {
  std::string out = "[";
  for (std::size_t i = 0; i < networks_.size(); ++i) {
    if (i != 0) out += ", ";
    out += networks_[i].first;
  }
  if (dangling && !networks_.empty()) out += ", ";
  return out + "]";
}

void VirtualSmartMeter::add_wifi(Asker asker, const Json& document) {
  const std::string* ssid = payload_text(document, "ssid");
  const std::string* password = payload_text(document, "pwd");
  if (ssid == nullptr || password == nullptr)
    return refuse(asker, "addWifi", "WiFi SSID and PWD required, for open networks, fill empty pwd");
  if (ssid->size() >= kNetwork || password->size() >= kNetwork)
    return refuse(asker, "addWifi", "SSID or PWD too long, max: 20, 20");
  const bool known = std::any_of(networks_.begin(), networks_.end(), [&](const auto& n) { return n.first == *ssid; });
  const bool full = !known && networks_.size() >= kMostNetworks;
  const bool added = !known && !full;
  if (added) networks_.emplace_back(*ssid, *password);
  JsonObject out;
  // The firmware's flag is the wrong way round, except for what it knows already.
  out.boolean("error", settings_.quirks ? !full : !added).text("cmd", "addWifi");
  if (added)
    out.text("ssid", *ssid)
        .text("pwd", *password)
        .text("msg", fmt::format("New Ap, SSID: {}, PW: {}", *ssid, *password));
  if (known) out.text("msg", fmt::format("Wifi AP {} already in list", *ssid));
  if (full) out.text("msg", "MAX # APs reached, need to delete first");
  reply(asker, out.text("ssids", ssids(settings_.quirks)).take());
}

void VirtualSmartMeter::del_wifi(Asker asker, const Json& document) {
  const std::string* ssid = payload_text(document, "ssid");
  if (ssid == nullptr) return refuse(asker, "delWifi", "Required SSID to remove");
  if (ssid->size() >= kNetwork) return refuse(asker, "delWifi", "SSID too long, max: 20");
  const auto found =
      std::find_if(networks_.begin(), networks_.end(), [&](const auto& network) { return network.first == *ssid; });
  const bool known = found != networks_.end();
  if (known) networks_.erase(found);
  JsonObject out;
  out.boolean("error", !known).text("cmd", "delWifi");
  out.text("msg", known ? fmt::format("Removed SSID: {}", *ssid) : fmt::format("SSID {} not found", *ssid));
  reply(asker, out.text("ssids", ssids(settings_.quirks)).take());
}

// ---------------------------------------------------------------- time and log

bool VirtualSmartMeter::sync_time() {
  if (settings_.faults.ntp_fails) return false;
  log(Level::info, "NTP synced with conf: 4");
  return true;
}

void VirtualSmartMeter::ntp(Asker asker, const Json&) {
  const bool synced = sync_time();
  JsonObject out;
  out.boolean("error", settings_.quirks ? synced : !synced).text("cmd", "ntp");
  out.text("msg", synced ? "Time synced" : "Error syncing time").text("current_time", long_form(device_ns()));
  reply(asker, out.take());
}

void VirtualSmartMeter::log_level(Asker asker, const Json& document) {
  constexpr std::array<std::string_view, 5> names = {"all", "debug", "info", "warning", "error"};
  const Json& level = document["level"];
  if (!level.is_text()) return refuse(asker, "log", "Not a valid Log level cmd, level missing");
  const auto found = std::find(names.begin(), names.end(), level.text());
  if (found == names.end()) return refuse(asker, "log", fmt::format("Unknown log level: {}", level.text()));
  Client* client = find(asker);
  if (client == nullptr) return refuse(asker, "log", "getter not related to logger");
  client->level = static_cast<Level>(found - names.begin());
  done(asker, "log", fmt::format("Log Level set to: {}", level.text()));
}

void VirtualSmartMeter::get_log(Asker asker, const Json&) {
  // Rows go out as they are: a quote in one of them breaks the JSON, as on the device.
  std::string dump = R"({"cmd":"log","msg":"*** LOGFile *** //n)";
  for (const std::string& row : log_file_) dump += row + "//n";
  reply(asker, dump + R"(*** LOGFile *** "})");
  done(asker, "getLog", {});
}

void VirtualSmartMeter::clear_log(Asker asker, const Json&) {
  log_file_.clear();
  log_bytes_ = 0;
  done(asker, "clearLog", {});
}

// ---------------------------------------------------------------- calibration, energy, restart, registers

void VirtualSmartMeter::calibrate(Asker asker, const Json& document) {
  const bool sister = settings_.model == Model::powermeter;
  std::vector<const Json*> factors;
  if (sister && document["calV"].is_number() && document["calI"].is_number()) {
    factors = {&document["calV"], &document["calI"]};
  } else {
    const Json& list = document["cal"];
    if (list.type() != Json::Type::list) return refuse(asker, "calibration", "Missing cal constants");
    for (const Json& item : list.items()) factors.push_back(&item);
    if (factors.size() < (sister ? 2 : signal_.calibration.size()))
      return refuse(asker, "calibration", fmt::format("Need at least {} cal constants", sister ? 2 : 6));
  }
  factors.resize(sister ? 2 : signal_.calibration.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double factor = factors[i]->number(), size = std::fabs(factor);
    if (!(size >= 0.5 && size <= 2.0))
      return refuse(asker, "calibration",
                    fmt::format("Calibration parameter {}: {:.2f} not allowed [0.5-2.0]", i, factor));
  }
  advance_energy();
  std::string message = "Calibration set: ";
  for (std::size_t i = 0; i < factors.size(); ++i) {
    signal_.calibration[i] = factors[i]->number();
    if (i != 0) message += ", ";
    message += fmt::format("{}{}:{:.2f}", i % 2 == 0 ? 'v' : 'i', i / 2 + 1, factors[i]->number());
  }
  done(asker, "calibration", message);
}

void VirtualSmartMeter::reset_energy(Asker asker, const Json& document) {
  std::array<double, kLines> values{};
  const Json& energy = document["energy"];
  if (energy.exists()) {
    const auto& items = energy.items();
    const std::size_t lines = signal_.setup().lines;
    if (energy.type() != Json::Type::list || items.size() < lines)
      return refuse(asker, "resetEnergy", "Need 3 energy values");
    for (std::size_t k = 0; k < lines; ++k) values[k] = items[k].number();
  }
  advance_energy();
  energy_wh_ = values;
  energy_start_ns_ = device_ns();
  // Far beyond any clock, but within 64 bits of nanoseconds.
  if (document["ts"].exists())
    energy_start_ns_ = std::clamp<std::int64_t>(document["ts"].integer(), 0, 9'000'000'000) * kSecond;
  done(asker, "resetEnergy",
       fmt::format("Energy reset to [{:.2f}, {:.2f}, {:.2f}], @{}", values[0], values[1], values[2],
                   long_form(energy_start_ns_)));
}

void VirtualSmartMeter::daily_restart(Asker asker, const Json& document) {
  const Json& hour = document["hour"];
  const Json& minute = document["minute"];
  if (!hour.exists() || !minute.exists()) return refuse(asker, "dailyRestart", "Missing hour/minute");
  const std::int64_t h = hour.integer(), m = minute.integer();
  if (h < -1 || h > 23) return refuse(asker, "dailyRestart", "Hour must be in 24h format, -1 to disable");
  if (m < -1 || m > 59) return refuse(asker, "dailyRestart", "Minute must be -1<min<60, -1 to disable");
  daily_.reset();
  if (h < 0 || m < 0) return done(asker, "dailyRestart", "Disabled daily restart");
  daily_ = {static_cast<int>(h), static_cast<int>(m)};
  done(asker, "dailyRestart", fmt::format("Set daily restart to: {:02}:{:02}:00", h, m));
  arm_daily();
}

void VirtualSmartMeter::ade9k(Asker asker, const Json& document) {
  if (!document["address"].exists()) return refuse(asker, "ade9k", "Missing Register address");
  const std::int64_t size = document["size"].integer();
  if (size != 16 && size != 32) return refuse(asker, "ade9k", "Missing Size, 16 or 32 Bit");
  const auto address = hex_of(document["address"]);
  const bool writes = document["write"].exists();
  const auto value = writes ? hex_of(document["write"]) : std::optional<std::uint32_t>{0};
  if (!address || !value) {
    JsonObject out;
    out.boolean("error", true).text("cmd", "ade9k").text("msg", "Register values should be hex strings (e.g. 0xab)");
    reply(asker, out.text("what", "stoul").take());
    return;
  }
  std::uint32_t& cell = registers_[*address & 0xFFFFU];
  const std::uint32_t before = cell;
  std::string message = fmt::format("Addr: {:#06x}, Read: {:#06x}", *address, before);
  if (writes) {
    cell = size == 16 ? *value & 0xFFFFU : *value;
    message += fmt::format(", Write: {:#06x}, Re-Read: {:#06x}", *value, cell);
  }
  JsonObject out;
  out.boolean("error", false).text("cmd", "ade9k").text("msg", message).integer("regValue", before);
  if (writes) out.integer("newRegValue", cell);
  reply(asker, out.take());
}

// ---------------------------------------------------------------- the sister device

void VirtualSmartMeter::switch_relay(Asker asker, const Json& document) {
  const Json& value = document["payload"]["value"];
  if (!value.exists()) return refuse(asker, "switch", "Info:Not a valid \"switch\" command");
  advance_energy();
  const std::int64_t wanted = value.type() == Json::Type::boolean ? (value.boolean() ? 1 : 0) : value.integer();
  signal_.relay = wanted < 0 ? !signal_.relay : wanted != 0;
  if (run_) run_->writer.refresh();
  done(asker, "switch", signal_.relay ? "Switching: On" : "Switching: Off");
  publish("state/switch", signal_.relay ? "on" : "off");
}

void VirtualSmartMeter::publish_interval(Asker asker, const Json& document) {
  const Json& interval = document["intv"].exists() ? document["intv"] : document["payload"]["intv"];
  const std::int64_t seconds = interval.integer();
  settings_.state_every = std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, 86'400)};
  if (seconds > 0) {
    host().arm(kState, settings_.state_every);
  } else {
    host().disarm(kState);
  }
  done(asker, "publishInterval", {});
}

void VirtualSmartMeter::bare_ok(Asker asker, const Json& document) { done(asker, document["cmd"].text(), {}); }

}  // namespace mesura::smartmeter
