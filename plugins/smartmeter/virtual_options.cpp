// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "virtual_time.hpp"

namespace mesura::smartmeter::twin {
namespace {

using namespace std::chrono_literals;

double number_in(std::string_view option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument(fmt::format("option '{}': a number was expected, got '{}'", option, text));
  return value;
}

/// The name of instance `index`: "lab07" goes on with "lab08", "lab" with "lab2".
std::string numbered(const std::string& name, std::uint32_t index) {
  if (index == 0) return name;
  std::size_t digits = 0;
  while (digits < name.size() && digits < 9 && name[name.size() - 1 - digits] >= '0' &&
         name[name.size() - 1 - digits] <= '9')
    ++digits;
  std::uint64_t number = 1;
  const std::string stem = name.substr(0, name.size() - digits);
  if (digits != 0) std::from_chars(name.data() + stem.size(), name.data() + name.size(), number);
  return fmt::format("{}{:0{}}", stem, number + index, digits);
}

std::string own_ip(const SessionInfo& info) {
  const std::string_view configured = info.options.text("ip");
  if (!configured.empty()) return std::string(configured);
  const std::string_view address = info.link(0).address;
  const std::size_t colon = address.rfind(':');
  if (colon != std::string_view::npos && address.front() >= '0' && address.front() <= '9') {
    const std::string_view ip = address.substr(0, colon);
    if (ip != "0.0.0.0") return std::string(ip);
  }
  return "192.168.0.138";
}

/// Splits "mqtt://user@host:1884" to what the meter would store and the port behind it.
void split_host(std::string_view text, std::string& host, std::int64_t& port) {
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find_first_of("/?"));
  const auto colon = text.rfind(':');
  host = std::string(text.substr(0, colon));
  if (colon == std::string_view::npos) return;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535)
    throw std::invalid_argument(fmt::format("'{}': a host or host:port was expected", text));
}

Harmonics harmonics_of(const Options& options, std::string_view option) {
  Harmonics harmonics;
  for (const auto& entry : options.entries(option)) {
    std::string_view amount = abi::view(entry.value);
    if (!amount.empty() && amount.back() == '%') amount.remove_suffix(1);
    const double order = number_in(option, abi::view(entry.key));
    if (order < 2 || order > 64 || order != static_cast<double>(static_cast<int>(order)))
      throw std::invalid_argument(
          fmt::format("option '{}': orders 2 to 64 were expected, got '{}'", option, abi::view(entry.key)));
    harmonics.emplace_back(static_cast<int>(order), number_in(option, amount) / 100);
  }
  return harmonics;
}

SignalKind kind_of(const Options& options) {
  const std::string_view signal = options.text("signal"), profile = options.text("profile");
  if (signal == "count" || (signal.empty() && profile == "count")) return SignalKind::count;
  if (signal == "house" || (signal.empty() && !profile.empty())) return SignalKind::house;
  return SignalKind::sine;
}

SignalSetup read_signal(const SessionInfo& info, const VirtualSettings& settings) {
  const Options& o = info.options;
  SignalSetup s;
  s.kind = kind_of(o);
  s.lines = settings.model == Model::smartmeter ? kLines : 1;
  s.profile = std::string(o.text("profile", "house"));
  s.frequency = static_cast<double>(o.integer("frequency", 50));
  s.voltage = o.number("voltage", s.voltage);
  s.current = o.number("current", s.current);
  s.phi = o.number("phi");
  s.phase = o.number("phase");
  s.voltage_harmonics = harmonics_of(o, "voltage_harmonics");
  s.current_harmonics = harmonics_of(o, "current_harmonics");
  s.house.phases = static_cast<int>(s.lines);
  s.house.start = floor_to(info.now_ns, kSecond) / kSecond;
  s.house.seed = settings.seed;
  s.house.pv_watts = o.integer("pv");
  if (!info.zone.empty()) s.house.zone = std::string(info.zone);
  return s;
}

template <class Array>
void read_numbers(const Options& options, std::string_view option, Array& to) {
  const auto entries = options.entries(option);
  if (entries.empty()) return;
  if (entries.size() != to.size())
    throw std::invalid_argument(
        fmt::format("option '{}': {} numbers were expected, got {}", option, to.size(), entries.size()));
  std::transform(entries.begin(), entries.end(), to.begin(),
                 [&](const auto& entry) { return number_in(option, abi::view(entry.value)); });
}

Faults read_faults(const Options& o) {
  Faults f;
  f.drop = frame_set("drop", o.entries("drop"));
  f.duplicate = frame_set("duplicate", o.entries("duplicate"));
  f.late = frame_set("late", o.entries("late"));
  f.log = frame_set("log_lines", o.entries("log_lines"));
  f.shortened = frame_set("short", o.entries("short"));
  f.ragged = frame_set("ragged", o.entries("ragged"));
  f.disconnect = static_cast<std::uint64_t>(o.integer("disconnect"));
  f.slow = static_cast<std::uint64_t>(o.integer("slow"));
  f.busy = o.flag("busy");
  f.ntp_fails = o.flag("ntp_fails");
  return f;
}

void read_network(const Options& o, VirtualSettings& s) {
  s.dial = "-";
  s.broker = "-";
  if (const auto dial = o.text("dial"); !dial.empty()) split_host(dial, s.dial, s.dial_port);
  s.redial = o.duration("redial", 30s);
  if (const auto broker = o.text("broker"); !broker.empty()) split_host(broker, s.broker, s.broker_port);
  s.broker_user = std::string(o.text("broker_user"));
  s.broker_password = std::string(o.text("broker_password"));
  s.base = std::string(o.text("base", "powermeter"));
  s.state_every = o.duration("state_every", 5s);
  s.state_lines = o.flag("state_lines");
}

}  // namespace

FrameSet frame_set(std::string_view option, std::span<const mesura_option_entry> entries) {
  FrameSet set;
  for (const auto& entry : entries) set.add(option, abi::view(entry.value));
  return set;
}

std::int64_t signed_duration(std::string_view option, std::string_view text) {
  struct Unit {
    std::string_view name;
    double ns;
  };
  constexpr std::array<Unit, 5> units = {{{"ms", 1e6}, {"us", 1e3}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  for (const Unit& unit : units) {
    if (text.size() <= unit.name.size() || text.substr(text.size() - unit.name.size()) != unit.name) continue;
    const double value = number_in(option, text.substr(0, text.size() - unit.name.size())) * unit.ns;
    if (value > -4e18 && value < 4e18) return static_cast<std::int64_t>(value);
  }
  throw std::invalid_argument(
      fmt::format("option '{}': a time with its unit was expected, such as 2s or -150ms; got '{}'", option, text));
}

VirtualSettings read_settings(const SessionInfo& info) {
  const Options& o = info.options;
  VirtualSettings s;
  s.model = o.text("type", "smartmeter") == "powermeter" ? Model::powermeter : Model::smartmeter;
  s.name = numbered(std::string(o.text("name", s.model == Model::smartmeter ? "smartmeter001" : "powermeter001")),
                    info.index);
  if (s.name.size() > 19)
    throw std::invalid_argument(fmt::format("option 'name': at most 19 characters were expected, got '{}'", s.name));
  s.ip = own_ip(info);
  s.seed = static_cast<std::uint64_t>(o.integer("seed", 1)) + info.index;
  s.quirks = o.flag("quirks");
  s.signal = read_signal(info, s);
  s.calibration.fill(1);
  read_numbers(o, "calibration", s.calibration);
  read_numbers(o, "energy", s.energy_wh);
  s.clients = static_cast<std::size_t>(o.integer("clients", 3));
  s.accept = o.duration("accept", 100ms);
  s.liveness = o.duration("liveness", 1s);
  s.liveness_state = o.flag("liveness_state");
  s.reboot = o.duration("reboot", 3s);
  s.buffer = static_cast<std::size_t>(o.integer("buffer", 3'670'016));
  read_network(o, s);
  s.clock_offset_ns = signed_duration("clock_offset", o.text("clock_offset", "0s"));
  s.compression = o.integer("compression", 1);
  s.tick = o.duration("tick", 10ms);
  s.flood = o.flag("flood");
  s.rows = static_cast<std::uint64_t>(o.integer("rows"));
  s.measures = std::string(o.text("measures"));
  s.rate = o.integer("rate", default_rate(s.model));
  const Measures* measures = find_measures(s.model, s.measures);
  if (measures == nullptr || !rate_allowed(s.model, *measures, s.rate))
    throw std::invalid_argument(
        fmt::format("options 'measures' and 'rate': the device samples no '{}' at {} Hz", s.measures, s.rate));
  s.faults = read_faults(o);
  return s;
}

}  // namespace mesura::smartmeter::twin
