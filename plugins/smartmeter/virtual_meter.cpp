// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter as a session: links, timers, restarts, the energy behind it.
#include "virtual_meter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;
using namespace std::chrono_literals;

namespace {

constexpr auto kSyncEvery = 120s;
constexpr std::int64_t kMostEnergySteps = 200'000;

std::string udp_spec_of(const SessionInfo& info) {
  if (!info.link(kUdp).kind.empty()) return {};
  const std::string_view own = info.link(kCommand).address;
  const std::size_t colon = own.rfind(':');
  const bool numeric = !own.empty() && own.front() >= '0' && own.front() <= '9' && colon != std::string_view::npos;
  return fmt::format("udp://?listen={}:0", numeric ? own.substr(0, colon) : "0.0.0.0");
}

}  // namespace

VirtualSmartMeter::VirtualSmartMeter(Host host, const SessionInfo& info)
    : Device(host, info),
      settings_(read_settings(info)),
      now_(info.now_ns),
      offset_(settings_.clock_offset_ns),
      started_(info.now_ns),
      command_kind_(info.link(kCommand).kind),
      udp_spec_(udp_spec_of(info)),
      signal_(settings_.signal),
      name_(settings_.name),
      mqtt_server_(settings_.broker),
      stream_server_(settings_.dial),
      time_server_("time.google.com"),
      networks_{{"energywifi", ""}},
      last_rate_(default_rate(settings_.model)),
      energy_wh_(settings_.energy_wh),
      energy_start_ns_(info.now_ns + offset_),
      energy_until_(house_second(info.now_ns)) {
  signal_.calibration = settings_.calibration;
}

void VirtualSmartMeter::on_open(LinkId link, std::int64_t now_ns) {
  now_ = now_ns;
  switch (link) {
    case kCommand:
      if (command_kind_ == "file") {
        start_file(now_ns);
        return;
      }
      if (command_kind_ == "pty" || command_kind_ == "serial") {
        auto line = std::make_unique<Client>();
        line->id = next_id_++;
        line->greeted = true;  // nobody can be seen to come: the line is simply there
        clients_.push_back(std::move(line));
      }
      arm_liveness();
      host().arm(kNtp, kSyncEvery);
      open_broker();
      dial();
      break;
    case kUdp: udp_open_ = true; break;
    case kDial:
      dialled_ = true;
      dial_warned_ = false;
      log(Level::info, fmt::format("Connected to StreamServer: {}", stream_server_));
      join(kDial, {});
      break;
    case kBroker:
      broker_open_ = true;
      log(Level::info, fmt::format("MQTT connected to {}", mqtt_server_));
      log(Level::info, fmt::format("Subscribing to: {}/+", settings_.base));
      log(Level::info, fmt::format("Subscribing to: {}/{}/+", settings_.base, name_));
      if (settings_.model == Model::powermeter) publish("state/switch", signal_.relay ? "on" : "off");
      if (settings_.state_every.count() > 0) host().arm(kState, settings_.state_every);
      break;
    default: break;
  }
}

void VirtualSmartMeter::on_close(LinkId link, std::int64_t now_ns, std::string_view, bool) {
  now_ = now_ns;
  if (link == kUdp) udp_open_ = false;
  if (link == kBroker) broker_closed();
  if (link == kCommand || link == kRaw) {
    // When the link itself goes, everybody on it is gone without a word.
    std::vector<Asker> gone;
    for (const auto& client : clients_)
      if (client->link == link) gone.push_back(client->id);
    for (const Asker id : gone) leave(id);
  }
  if (link != kDial) return;
  if (!dialled_ && !dial_warned_ && stream_server_ != "-") {
    dial_warned_ = true;
    log(Level::warning, fmt::format("Cannot connect to StreamServer: {}", stream_server_));
  }
  dialled_ = false;
  if (const Client* client = find(kDial, {}); client != nullptr) leave(client->id);
  if (stream_server_ != "-") host().arm(kRedial, settings_.redial);
}

void VirtualSmartMeter::on_timer(TimerId timer, std::int64_t now_ns) {
  now_ = now_ns;
  switch (timer) {
    case kTick: tick(); break;
    case kLiveness: say_alive(); break;
    case kAccept: greet_next(); break;
    case kRedial: dial(); break;
    case kState: publish_state(); break;
    case kRetry: flush_backlogs(); break;
    case kDaily: check_daily(); break;
    case kRestart: reboot(); break;
    case kBooted: booted(); break;
    case kScheduled: begin_scheduled(); break;
    case kBrokerAgain: open_broker(); break;
    case kNtp:
      host().arm(kNtp, kSyncEvery);
      if (!rebooting_) sync_time();
      break;
    default: break;
  }
}

// ---------------------------------------------------------------- what happens by itself

void VirtualSmartMeter::arm_liveness() {
  if (settings_.liveness.count() > 0 && !run_ && !rebooting_) host().arm(kLiveness, settings_.liveness);
}

void VirtualSmartMeter::say_alive() {
  if (run_ || rebooting_) return;
  advance_energy();
  log(Level::info, settings_.liveness_state ? state_json(false) : std::string{});
  arm_liveness();
}

void VirtualSmartMeter::dial() {
  if (stream_server_ == "-" || dialled_) {
    if (stream_server_ == "-" && std::exchange(dial_tried_, false)) {
      if (const Client* client = find(kDial, {}); client != nullptr) {
        drop(client->id);
      } else {
        host().close(kDial);
      }
      host().disarm(kRedial);
    }
    return;
  }
  host().arm(kRedial, settings_.redial);
  if (run_ || rebooting_) return;
  if (std::exchange(dial_tried_, true)) host().close(kDial);
  if (!host().open(kDial, fmt::format("tcp://{}:{}", stream_server_, settings_.dial_port)) && !dial_warned_) {
    dial_warned_ = true;
    log(Level::warning, fmt::format("Cannot connect to StreamServer: {}", stream_server_));
  }
}

void VirtualSmartMeter::arm_daily() {
  constexpr std::int64_t kMinute = 60 * kSecond;
  if (daily_) host().arm(kDaily, std::chrono::nanoseconds{floor_to(device_ns(), kMinute) + kMinute - device_ns()});
}

void VirtualSmartMeter::check_daily() {
  if (!daily_) return;
  arm_daily();
  if (rebooting_ || local_minute(device_ns()) != daily_->first * 60 + daily_->second) return;
  log(Level::info, "Daily restart now!");
  host().arm(kRestart, 1s);
}

void VirtualSmartMeter::reboot() {
  if (rebooting_) return;
  rebooting_ = true;
  // A device that restarts says nothing more, and nobody hears of its run.
  run_.reset();
  scheduled_.reset();
  out_.clear();
  datagram_.clear();
  for (const TimerId timer : {kTick, kLiveness, kAccept, kState, kRetry, kRestart, kScheduled}) host().disarm(timer);
  drop_all();
  for (const auto& client : clients_) {  // the serial line stays
    client->input.clear();
    client->backlog.clear();
    client->level = Level::info;
  }
  close_broker();
  last_rate_ = default_rate(settings_.model);
  tcp_sampled_ = false;
  host().arm(kBooted, settings_.reboot);
}

void VirtualSmartMeter::booted() {
  rebooting_ = false;
  arm_liveness();
  open_broker();
  dial_tried_ = false;
  dial();
}

void VirtualSmartMeter::set_defaults(bool keep_name) {
  if (!keep_name) name_ = settings_.model == Model::smartmeter ? "smartmeterX" : "powermeterX";
  mqtt_server_ = "-";
  stream_server_ = "-";
  time_server_ = "time.google.com";
  networks_ = {{"energywifi", ""}};
  signal_.calibration.fill(1);
  energy_wh_.fill(0);
  energy_start_ns_ = device_ns();
  energy_until_ = house_second(now_);
  daily_.reset();
}

// ---------------------------------------------------------------- the model

std::int64_t VirtualSmartMeter::house_second(std::int64_t now_ns) const {
  const std::int64_t elapsed = std::max<std::int64_t>(0, now_ns - started_);
  const std::int64_t ran =
      elapsed / kSecond * settings_.compression + elapsed % kSecond * settings_.compression / kSecond;
  return floor_to(started_, kSecond) / kSecond + ran;
}

void VirtualSmartMeter::advance_energy() {
  const std::int64_t until = house_second(now_), seconds = until - energy_until_;
  if (seconds <= 0) return;
  // What does not change needs one step; a house one a second, or longer ones after a very long silence.
  const bool steady = signal_.setup().kind != SignalKind::house;
  const std::int64_t step = steady ? seconds : std::max<std::int64_t>(1, seconds / kMostEnergySteps);
  for (std::int64_t at = energy_until_; at < until; at += step) {
    const Lines now = signal_.at(at);
    const double hours = static_cast<double>(std::min(step, until - at)) / 3600;
    for (std::size_t k = 0; k < kLines; ++k) energy_wh_[k] += std::max(now[k].p, 0.0) * hours;
  }
  energy_until_ = until;
}

void VirtualSmartMeter::emit_line(std::string_view channel, std::string_view quantity, double value,
                                  std::int64_t time_ns) {
  const auto [entry, added] = series_.try_emplace({std::string(channel), std::string(quantity)}, MESURA_NO_SERIES);
  if (added) {
    Series series;
    series.channel = channel;
    series.quantity = quantity;
    entry->second = host().series(series);
  }
  if (entry->second != MESURA_NO_SERIES) items_.push_back(number(entry->second, value, time_ns));
}

void VirtualSmartMeter::emit_all() {
  if (!items_.empty()) host().emit(items_, floor_to(device_ns(), kSecond), now_);
  items_.clear();
}

}  // namespace mesura::smartmeter
