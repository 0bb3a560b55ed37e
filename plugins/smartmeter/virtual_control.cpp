// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What tests and people may ask of and do to a running virtual SmartMeter, beside its own protocol.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;

namespace {

bool flag_in(std::string_view name, std::string_view value) {
  if (value == "on" || value == "true" || value == "1") return true;
  if (value == "off" || value == "false" || value == "0") return false;
  throw std::invalid_argument(fmt::format("'{}': on or off was expected, got '{}'", name, value));
}

double number_in(std::string_view name, std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size())
    throw std::invalid_argument(fmt::format("'{}': a number was expected, got '{}'", name, value));
  return number;
}

template <class Numbers>
std::string list_of(const Numbers& numbers) {
  std::string out = "[";
  for (const double n : numbers) {
    if (out.size() > 1) out += ',';
    append_float(out, static_cast<float>(n));
  }
  return out + "]";
}

}  // namespace

void VirtualSmartMeter::on_command(const Command& command) {
  try {
    if (command.name != "get") {
      const std::string_view what = command.name == "set" ? "name" : "kind";
      if (command.dry_run) return host().reply(command.id, MESURA_REPLY_PLAN, "nothing is sent to a virtual meter");
      if (command.name == "set") {
        change(command.arguments.text(what), command.arguments.text("value"));
      } else {
        misbehave(command.arguments.text(what), command.arguments.text("value"));
      }
    }
    host().reply(command.id, MESURA_REPLY_DONE, {}, state_of_all());
  } catch (const std::invalid_argument& e) {
    host().reply(command.id, MESURA_REPLY_REFUSED, e.what());
  }
}

std::string VirtualSmartMeter::state_of_all() {
  constexpr std::array<std::string_view, 5> levels = {"all", "debug", "info", "warning", "error"};
  std::string clients = "[";
  for (const auto& client : clients_) {
    if (clients.size() > 1) clients += ',';
    JsonObject one;
    one.integer("link", client->link).text("peer", client->peer).boolean("greeted", client->greeted);
    one.text("level", levels[static_cast<std::size_t>(client->level)]);
    clients += one.integer("waiting", static_cast<std::int64_t>(client->backlog.size())).take();
  }
  const auto count = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
  JsonObject out;
  out.raw("info", info_json()).raw("calibration", list_of(signal_.calibration)).raw("energy", list_of(energy_wh_));
  out.boolean("relay", signal_.relay).boolean("quirks", settings_.quirks).boolean("rebooting", rebooting_);
  out.boolean("dialled", dialled_).boolean("broker", broker_open_).raw("clients", clients + "]");
  out.integer("runs", count(runs_));
  out.integer("rows", count(rows_total_ + (run_ ? run_->taken : 0)));
  out.integer("frames", count(frames_total_ + (run_ ? run_->frames : 0)));
  if (run_) {
    JsonObject run;
    run.text("type", run_->request.type).text("measures", run_->request.measures->reply).integer("rate", last_rate_);
    run.text("owner", run_->owner).text("start", unix_form(run_->start_ns + offset_));
    run.integer("produced", count(run_->produced)).integer("sent", count(run_->taken));
    run.integer("frames", count(run_->frames)).boolean("paused", run_->paused);
    out.raw("run", run.take());
  }
  return out.take();
}

void VirtualSmartMeter::rename(std::string_view name) {
  name_ = std::string(name);
  open_broker();  // its topics and its client id are the name
}

void VirtualSmartMeter::change(std::string_view name, std::string_view value) {
  const SignalSetup& signal = signal_.setup();
  advance_energy();
  if (name == "name") {
    if (value.empty() || value.size() > 19)
      throw std::invalid_argument(fmt::format("'name': 1 to 19 characters were expected, got '{}'", value));
    rename(value);
  } else if (name == "relay") {
    if (settings_.model == Model::smartmeter) throw std::invalid_argument("'relay': only a powermeter has one");
    signal_.relay = flag_in(name, value);
    publish("state/switch", signal_.relay ? "on" : "off");
  } else if (name == "quirks") {
    settings_.quirks = flag_in(name, value);
  } else if (name == "busy") {
    settings_.faults.busy = flag_in(name, value);
  } else if (name == "ntp_fails") {
    settings_.faults.ntp_fails = flag_in(name, value);
  } else if (name == "liveness") {
    settings_.liveness = std::chrono::nanoseconds{std::max<std::int64_t>(0, signed_duration(name, value))};
    host().disarm(kLiveness);
    arm_liveness();
  } else if (name == "voltage") {
    signal_.set_sine(number_in(name, value), signal.current, signal.phi);
  } else if (name == "current") {
    signal_.set_sine(signal.voltage, number_in(name, value), signal.phi);
  } else if (name == "phi") {
    signal_.set_sine(signal.voltage, signal.current, number_in(name, value));
  } else if (name == "slow") {
    settings_.faults.slow = static_cast<std::uint64_t>(std::clamp(number_in(name, value), 0.0, 1e15));
  } else if (name == "clock_offset") {
    offset_ = signed_duration(name, value);
  } else if (name == "stream_server") {
    stream_server_ = value.empty() ? "-" : std::string(value);
    dial();
  } else if (name == "mqtt_server") {
    mqtt_server_ = value.empty() ? "-" : std::string(value);
    open_broker();
  } else {
    throw std::invalid_argument(fmt::format("'{}': no such setting", name));
  }
  if (run_) run_->writer.refresh();
}

void VirtualSmartMeter::misbehave(std::string_view kind, std::string_view value) {
  Faults& f = settings_.faults;
  constexpr std::array<std::string_view, 6> names = {"drop", "duplicate", "late", "log_lines", "short", "ragged"};
  const std::array<FrameSet*, 6> sets = {&f.drop, &f.duplicate, &f.late, &f.log, &f.shortened, &f.ragged};
  const auto set = std::find(names.begin(), names.end(), kind);
  if (set != names.end()) {
    sets[static_cast<std::size_t>(set - names.begin())]->add(kind, value);
  } else if (kind == "disconnect") {
    drop_all();
  } else if (kind == "clock_jump") {
    offset_ += signed_duration(kind, value);
  } else if (kind == "overflow") {
    log(Level::error, fmt::format("Overflow during ringBuffer write, lost {} samples", value.empty() ? "1" : value));
    reboot();
  } else if (kind == "reboot") {
    reboot();
  } else if (kind == "log") {
    log(Level::warning, value);
  } else {
    throw std::invalid_argument(fmt::format("'{}': no such fault", kind));
  }
}

}  // namespace mesura::smartmeter
