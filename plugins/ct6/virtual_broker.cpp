// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_broker.hpp"

#include <fmt/format.h>

#include <chrono>

#include "virtual_digest.hpp"

namespace mesura::ct6::twin {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kAttempt = milliseconds{4150};
constexpr auto kPause = milliseconds{1000};  // the device tries on its next loop; a refused port answers as fast
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kShortestPeriod = 200 * kMillisecond;
/// One and a half keepalives of 60 s: the firmware never pings, so a broker gives it up then.
constexpr std::int64_t kPatience = 90'000 * kMillisecond;

std::string wanted_address(const Machine& machine) {
  if (!machine.online() || !machine.firmware().mqtt) return {};
  const Config& config = machine.config();
  const std::string host = config.text("MQTT_SERVER_ADDRESS");
  const auto port = static_cast<std::int64_t>(config.number("MQTT_SERVER_PORT", 0));
  if (host.empty() || port < 1 || port > 65535 || config.text("MQTT_TOPIC").empty()) return {};
  return fmt::format("{}:{}", host, port);
}

std::int64_t period_of(const Config& config) {
  const double ms = config.number("MQTT_TX_PERIOD_MS", 0);
  return ms >= 1 && ms < 1e9 ? static_cast<std::int64_t>(ms) * kMillisecond : 0;
}

}  // namespace

std::string Broker::spec_of(const Config& config) {
  std::string out =
      fmt::format("mqtt://{}:{}?client_id={}&qos=0&keepalive=60s", config.text("MQTT_SERVER_ADDRESS"),
                  static_cast<std::int64_t>(config.number("MQTT_SERVER_PORT", 0)), hex_of(config.text("ASSY")));
  const std::string user = config.text("MQTT_USERNAME"), password = config.text("MQTT_PASSWORD");
  if (!user.empty() && !password.empty()) out += fmt::format("&username={}&password={}", user, password);
  return out;
}

void Broker::update(const Machine& machine, std::int64_t now_ns) {
  const std::string wanted = wanted_address(machine);
  if (wanted != address_) {
    disconnect();
    address_ = wanted;
    if (!address_.empty()) connect(machine);
    return;
  }
  if (state_ == State::open && period_of(machine.config()) != period_ns_) {
    last_sent_ns_ = now_ns;
    armed_ = false;
  }
  schedule(machine);
}

void Broker::connect(const Machine& machine) {
  state_ = State::connecting;
  host_.arm(timers_.connect, kAttempt);
  host_.open(timers_.link, address_ == configured_ ? std::string{} : spec_of(machine.config()));
}

void Broker::disconnect() {
  if (state_ != State::off) host_.close(timers_.link);
  state_ = State::off;
  armed_ = false;
  host_.disarm(timers_.connect);
  host_.disarm(timers_.publish);
}

void Broker::on_open(const Machine& machine, std::int64_t now_ns) {
  if (address_.empty()) address_ = wanted_address(machine);
  state_ = State::open;
  last_sent_ns_ = now_ns;
  armed_ = false;
  host_.disarm(timers_.connect);
  schedule(machine);
}

void Broker::on_close() {
  if (state_ == State::off) return;
  state_ = State::waiting;
  armed_ = false;
  host_.disarm(timers_.publish);
  host_.arm(timers_.connect, kPause);
}

void Broker::on_retry(const Machine& machine, std::int64_t) {
  if (state_ == State::off || state_ == State::open) return;
  if (state_ == State::connecting) host_.close(timers_.link);
  connect(machine);
}

void Broker::schedule(const Machine& machine) {
  period_ns_ = period_of(machine.config());
  const bool due = state_ == State::open && !address_.empty() && machine.active() && period_ns_ >= kShortestPeriod;
  if (due && !armed_) host_.arm(timers_.publish, nanoseconds{period_ns_});
  if (!due && armed_) host_.disarm(timers_.publish);
  armed_ = due;
}

bool Broker::on_due(const Machine& machine, std::int64_t now_ns) {
  if (!armed_) return false;
  armed_ = false;
  if (now_ns - last_sent_ns_ > kPatience) {
    host_.close(timers_.link);
    on_close();
    return false;
  }
  schedule(machine);
  return armed_;
}

}  // namespace mesura::ct6::twin
