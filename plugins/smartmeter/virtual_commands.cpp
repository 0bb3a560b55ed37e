// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's commands: the table of them, what it says of itself, momentary values.
#include <fmt/format.h>

#include <algorithm>

#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;

namespace {

/// What was not understood, as the firmware quotes it.
std::string quoted_start(std::string_view line) {
  constexpr std::size_t kShown = 30;
  std::string out{line.substr(0, kShown)};
  for (char& c : out)
    if (c == '\r' || c == '\n' || c == '"' || c == '{' || c == '}') c = '_';
  return out;
}

}  // namespace

const std::vector<VirtualSmartMeter::CommandEntry>& VirtualSmartMeter::commands() {
  using M = VirtualSmartMeter;
  static const std::vector<CommandEntry> table = {
      {"info", false, &M::info},
      {"sample", true, &M::sample},
      {"stop", false, &M::stop},
      {"cts", false, &M::clear_to_send},
      {"reqSamples", false, &M::request_samples},
      {"getPower", true, &M::get_power},
      {"getVoltage", true, &M::get_voltage},
      {"getCurrent", true, &M::get_current},
      {"getEnergy", true, &M::get_energy},
      {"getPeriod", true, &M::get_period},
      {"getPhaseAngle", true, &M::get_phase_angle},
      {"mdns", true, &M::mdns},
      {"mqttServer", true, &M::mqtt_server},
      {"streamServer", true, &M::stream_server},
      {"timeServer", true, &M::time_server},
      {"addWifi", true, &M::add_wifi},
      {"delWifi", true, &M::del_wifi},
      {"ntp", false, &M::ntp},
      {"log", false, &M::log_level},
      {"getLog", true, &M::get_log},
      {"clearLog", true, &M::clear_log},
      {"calibration", true, &M::calibrate},
      {"resetEnergy", true, &M::reset_energy},
      {"dailyRestart", true, &M::daily_restart},
      {"ade9k", true, &M::ade9k},
      {"restart", false, &M::restart},
      {"factoryReset", false, &M::factory_reset},
      {"basicReset", false, &M::basic_reset},
      {"switch", false, &M::switch_relay, true},
      {"publishInterval", false, &M::publish_interval, true},
      {"lora", false, &M::bare_ok, true},
  };
  return table;
}

void VirtualSmartMeter::handle(Asker asker, std::string_view line) {
  if (!line.empty() && line.front() == '!') return;
  if (!line.empty() && line.front() == '?') {
    if (Client* client = find(asker); client != nullptr) send(*client, "Info:Setup done\r\n");
    return;
  }
  if (const Client* client = find(asker); client != nullptr && !is_tcp(*client)) {
    log(Level::error, "MESSAGE Over Serial");  // left over in the firmware, harmless
  }
  const auto document = Json::parse(line);
  if (!document) {
    log(Level::error, fmt::format("deserializeJson() failed: {}", quoted_start(line)));
    return;
  }
  const Json& name = (*document)["cmd"];
  if (!name.is_text()) {
    JsonObject out;
    out.boolean("error", true).text("msg", R"(JSON format error, syntax: {"cmd":<cmdName>, "[payload":{<data>}]}})");
    reply(asker, out.take());
    return;
  }
  run_command(asker, name.text(), *document);
}

void VirtualSmartMeter::run_command(Asker asker, const std::string& name, const Json& document) {
  const auto& table = commands();
  const auto entry = std::find_if(table.begin(), table.end(), [&](const CommandEntry& e) { return e.name == name; });
  if (entry == table.end() || (entry->sister_only && settings_.model != Model::powermeter)) {
    log(Level::warning, "Received unknown command");
    refuse(asker, name, "unknown command");
    return;
  }
  // A client of the raw stream may be given other rows while it is served.
  const bool reshapes =
      run_ && run_->request.sink == Sink::raw && name == "sample" && document["payload"]["type"].text() == "FFMPEG";
  if (entry->needs_idle && busy() && !reshapes) {
    JsonObject out;
    out.boolean("error", true).text("cmd", name).text("msg", busy_text()).text("state", "busy");
    reply(asker, out.take());
    return;
  }
  (this->*entry->run)(asker, document);
}

std::string VirtualSmartMeter::busy_text() const {
  if (!tcp_sampled_) return "Currently sampling";
  return fmt::format("Device with IP: {} currently sampling", settings_.ip);
}

void VirtualSmartMeter::done(Asker asker, std::string_view command, std::string_view message, std::string_view key,
                             std::string_view value) {
  JsonObject out;
  out.boolean("error", false).text("cmd", command);
  if (!message.empty()) out.text("msg", message);
  if (!key.empty()) out.text(key, value);
  reply(asker, out.take());
}

std::string VirtualSmartMeter::info_json() {
  const bool sister = settings_.model == Model::powermeter;
  advance_energy();
  JsonObject out;
  out.text("cmd", "info").text("type", sister ? "powermeter" : "smartmeter").text("version", sister ? "2.3" : "2.2");
  out.text("compiled", "Nov  3 2021 10:12:33").text("sys_time", long_form(device_ns())).text("name", name_);
  out.text("ip", settings_.ip).text("mqtt_server", mqtt_server_).text("stream_server", stream_server_);
  out.text("time_server", time_server_).integer("sampling_rate", last_rate_);
  out.integer("buffer_size", static_cast<std::int64_t>(settings_.buffer)).boolean("psram", true).boolean("rtc", true);
  out.text("state", busy() ? "busy" : "idle");
  if (sister) {
    out.boolean("relay", signal_.relay).number("energy", static_cast<float>(energy_wh_[0]));
  } else {
    out.text("energy", fmt::format("[{:.4f}, {:.4f}, {:.4f}]", energy_wh_[0], energy_wh_[1], energy_wh_[2]));
  }
  out.text("dailyReset", daily_ ? fmt::format("@{:02}:{:02}:00", daily_->first, daily_->second) : "None");
  std::string factors = "[";
  for (std::size_t i = 0; i < (sister ? 2 : signal_.calibration.size()); ++i) {
    if (i != 0) factors += ',';
    append_float(factors, static_cast<float>(signal_.calibration[i]));
  }
  out.raw("calibration", factors + "]").text("ssids", ssids(false));
  out.text("ssid", networks_.empty() ? "energywifi" : networks_.front().first).integer("rssi", -71);
  out.text("bssid", "aa:bb:cc:dd:ee:ff");
  if (sister) out.text("MAC", "24:0A:C4:00:00:01");
  return out.take();
}

void VirtualSmartMeter::info(Asker asker, const Json&) {
  // Over MQTT the firmware answers to the last client of another kind instead.
  const Client* last = last_tcp_client();
  if (asker == kBrokerAsker && settings_.quirks) {
    if (last != nullptr) reply(last->id, info_json());
    return;
  }
  reply(asker, info_json());
}

// ---------------------------------------------------------------- momentary values

/// One number per line; the sister device, which has one line, sends it bare. The truth is `scale` times that.
template <class Pick>
std::string VirtualSmartMeter::per_line(const Lines& lines, std::string_view quantity, double scale, Pick&& pick) {
  const bool sister = settings_.model == Model::powermeter;
  std::string out;
  for (std::size_t k = 0; k < signal_.setup().lines; ++k) {
    constexpr std::array<std::string_view, kLines> names = {"l1", "l2", "l3"};
    const auto value = static_cast<float>(pick(lines[k]));
    if (!sister) out += k == 0 ? '[' : ',';
    append_float(out, value);
    emit_line(names[k], quantity, static_cast<double>(value) * scale);
  }
  return sister ? out : out + "]";
}

void VirtualSmartMeter::get_power(Asker asker, const Json&) {
  const Lines now = lines();
  JsonObject out;
  out.boolean("error", false).text("cmd", "getPower");
  out.raw("activePower", per_line(now, "active_power", 1, [](const Line& line) { return line.p; }));
  const std::string reactive = per_line(now, "reactive_power", 1, [](const Line& line) { return line.q; });
  const std::string apparent = per_line(now, "apparent_power", 1, [](const Line& line) { return line.s(); });
  out.raw("reactivePower", reactive).raw("apparentPower", settings_.quirks ? reactive : apparent);
  reply(asker, out.text("unit", "W/var/VA").take());
  emit_all();
}

void VirtualSmartMeter::get_voltage(Asker asker, const Json&) {
  JsonObject out;
  out.boolean("error", false).text("cmd", "getVoltage");
  out.raw("voltage", per_line(lines(), "voltage", 1, [](const Line& line) { return line.voltage; })).text("unit", "V");
  reply(asker, out.take());
  emit_all();
}

void VirtualSmartMeter::get_current(Asker asker, const Json&) {
  JsonObject out;
  out.boolean("error", false).text("cmd", "getCurrent");
  out.raw("current", per_line(lines(), "current", 1e-3, [](const Line& line) { return line.current_ma; }));
  reply(asker, out.text("unit", "mA").take());
  emit_all();
}

void VirtualSmartMeter::get_energy(Asker asker, const Json&) {
  advance_energy();
  Lines now{};
  for (std::size_t k = 0; k < kLines; ++k) now[k].p = energy_wh_[k];
  const std::int64_t start = energy_start_ns_ / kSecond;
  JsonObject out;
  out.boolean("error", false).text("cmd", "getEnergy");
  out.raw("energy", per_line(now, "active_energy_import", 1, [](const Line& line) { return line.p; }));
  out.text("unit", "Wh").integer("startTs", start).text("start", long_form(energy_start_ns_));
  reply(asker, out.integer("days", (device_ns() / kSecond - start) / 86'400).take());
  emit_all();
}

void VirtualSmartMeter::get_period(Asker asker, const Json&) {
  JsonObject out;
  out.boolean("error", false).text("cmd", "getPeriod");
  out.raw("period", per_line({}, "frequency", 1, [&](const Line&) { return signal_.frequency(); }));
  reply(asker, out.text("unit", "Hz").take());
  emit_all();
}

void VirtualSmartMeter::get_phase_angle(Asker asker, const Json&) {
  JsonObject out;
  out.boolean("error", false).text("cmd", "getPhaseAngle");
  out.raw("phase", per_line(lines(), "phase_angle", 1, [](const Line& line) { return line.phase_deg; }));
  reply(asker, out.text("unit", "Deg").take());
  emit_all();
}

// ---------------------------------------------------------------- restart

void VirtualSmartMeter::restart(Asker, const Json&) { reboot(); }

void VirtualSmartMeter::factory_reset(Asker, const Json&) {
  set_defaults(false);
  reboot();
}

void VirtualSmartMeter::basic_reset(Asker, const Json&) {
  set_defaults(true);
  reboot();
}

}  // namespace mesura::smartmeter
