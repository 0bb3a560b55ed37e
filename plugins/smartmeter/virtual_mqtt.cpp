// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter at its broker: periodic state, one-shot values, commands.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;

namespace {

// What the usual library on such devices lets through, and what MQTT itself takes of it.
constexpr std::size_t kLongestMessage = 256, kMessageHead = 7;

constexpr std::chrono::seconds kBrokerRetry{1};

/// Two decimals, as the firmware rounds before it prints.
float hundredths(double value) { return static_cast<float>(std::round(value * 100) / 100); }

}  // namespace

void VirtualSmartMeter::open_broker() {
  close_broker();
  if (mqtt_server_ == "-" || rebooting_) return;
  std::string spec = fmt::format("mqtt://{}:{}?client_id={}&topics={}/+,{}/{}/+", mqtt_server_, settings_.broker_port,
                                 name_, settings_.base, settings_.base, name_);
  if (!settings_.broker_user.empty()) spec += "&username=" + settings_.broker_user;
  if (!settings_.broker_password.empty()) spec += "&password=" + settings_.broker_password;
  broker_tried_ = true;
  // On success on_open follows; whatever else happens, the next try comes by itself.
  if (!host().open(kBroker, spec)) host().arm(kBrokerAgain, kBrokerRetry);
}

void VirtualSmartMeter::close_broker() {
  if (!std::exchange(broker_tried_, false)) return;
  broker_open_ = false;
  host().disarm(kState);
  host().disarm(kBrokerAgain);
  host().close(kBroker);
}

void VirtualSmartMeter::broker_closed() {
  broker_open_ = false;
  host().disarm(kState);
  if (broker_tried_) host().arm(kBrokerAgain, kBrokerRetry);
}

void VirtualSmartMeter::publish(std::string_view topic, std::string_view payload) {
  if (!broker_open_) return;
  const std::string whole = fmt::format("{}/{}/{}", settings_.base, name_, topic);
  if (settings_.quirks && kMessageHead + whole.size() + payload.size() > kLongestMessage) return;
  host().send(kBroker, payload, whole);
}

void VirtualSmartMeter::broker_message(std::string_view topic, std::string_view payload) {
  if (rebooting_) return;
  const std::string_view last = topic.substr(topic.rfind('/') + 1);
  if (last == "cmd") {
    handle(kBrokerAsker, payload);
  } else if (last == "sample") {
    answer_sample(payload.size() == 1 ? payload.front() : 'p');
  } else if (last == "state") {
    JsonObject out;
    out.text("sampleState", run_ ? "sampling" : "idle").text("ts", long_form(device_ns()));
    publish("state/info", out.take());
  }
}

void VirtualSmartMeter::answer_sample(char what) {
  struct Kind {
    char letter;
    std::string_view unit, quantity;
    double scale;  // from what is printed to the quantity's unit
  };
  constexpr std::array<Kind, 6> kinds = {{{'p', "W", "active_power", 1},
                                          {'v', "V", "voltage", 1},
                                          {'i', "mA", "current", 1e-3},
                                          {'q', "var", "reactive_power", 1},
                                          {'s', "VA", "apparent_power", 1},
                                          {'e', "kWh", "active_energy_import", 1e3}}};
  const auto* found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.letter == what; });
  const Kind& kind = found != kinds.end() ? *found : kinds.front();
  advance_energy();
  const Lines now = lines();
  std::array<double, kLines> values{};
  for (std::size_t k = 0; k < signal_.setup().lines; ++k) {
    const Line& line = now[k];
    const std::array<double, 6> all = {line.p, line.voltage, line.current_ma, line.q, line.s(), energy_wh_[k] / 1000};
    values[k] = std::round(all[static_cast<std::size_t>(&kind - kinds.data())] * 100) / 100;
    emit_line(fmt::format("l{}", k + 1), kind.quantity, values[k] * kind.scale);
  }
  emit_all();
  if (kind.letter == 'e' && settings_.quirks) values[0] -= 1;
  JsonObject out;
  if (settings_.model == Model::powermeter) {
    out.number("value", hundredths(values[0])).text("unit", kind.unit).text("ts", long_form(device_ns()));
    publish("state/sample", out.take());
    return;
  }
  out.text("value", fmt::format("{:.2f},{:.2f},{:.2f}", values[0], values[1], values[2]));
  publish("state/info", out.text("unit", kind.unit).text("ts", long_form(device_ns())).take());
}

std::string VirtualSmartMeter::state_json(bool emit) {
  advance_energy();
  const Lines now = lines();
  const std::size_t count = signal_.setup().lines;
  double power = 0, energy = 0, current = 0, voltage = 0;
  for (std::size_t k = 0; k < count; ++k) {
    power += now[k].p;
    energy += energy_wh_[k] / 1000;
    current += now[k].current_ma / 1000;
    voltage += now[k].voltage / static_cast<double>(count);
  }
  JsonObject out;
  const auto say = [&](const std::string& key, double value, std::string_view channel, std::string_view quantity,
                       double scale) {
    const float shown = hundredths(value);
    out.number(key, shown);
    if (emit) emit_line(channel, quantity, std::round(static_cast<double>(shown) * 100) / 100 * scale);
  };
  say("power", power, "total", "active_power", 1);
  say("energy", energy, "total", "active_energy_import", 1000);
  say("current", current, "total", "current_sum", 1);
  say("volt", voltage, "total", "voltage", 1);
  for (std::size_t k = 0; settings_.state_lines && k < count; ++k) {
    const std::string line = fmt::format("l{}", k + 1);
    say("v_" + line, now[k].voltage, line, "voltage", 1);
    say("i_" + line, now[k].current_ma / 1000, line, "current", 1);
    say("p_" + line, now[k].p, line, "active_power", 1);
    say("e_" + line, energy_wh_[k] / 1000, line, "active_energy_import", 1000);
  }
  if (emit) emit_all();
  return out.text("ts", fmt::format("{}", floor_to(device_ns(), kSecond) / kSecond)).take();
}

void VirtualSmartMeter::publish_state() {
  if (!broker_open_ || settings_.state_every.count() == 0) return;
  host().arm(kState, settings_.state_every);
  if (!run_) publish("state/sample", state_json(true));
}

}  // namespace mesura::smartmeter
