// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_control.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "virtual_number.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr double kFree = std::numeric_limits<double>::quiet_NaN();

Value counted(std::uint64_t n) { return Value{static_cast<std::int64_t>(n)}; }

Value registers_of(const Machine& machine) {
  const Chips& chips = machine.chips();
  Object out;
  put(out, "CS4_VOLTAGE_GAIN", Value{chips.voltage_gain()[0]});
  put(out, "CS0_VOLTAGE_GAIN", Value{chips.voltage_gain()[1]});
  for (std::size_t i = 0; i < chips.current_gain().size(); ++i) {
    const int port = static_cast<int>(i) + 1;
    put(out, port_key(port, "_IGAIN"), Value{chips.current_gain()[i]});
    put(out, port_key(port, "_IOFFSET"), Value{chips.current_offset()[i]});
  }
  put(out, "LINE_FREQ_HZ", Value{chips.line_hz()});
  return Value{std::move(out)};
}

Value faults_of(const Faults& faults) {
  Object out;
  for (std::size_t i = 0; i < kFaultKinds; ++i)
    put(out, name_of(static_cast<FaultKind>(i)), counted(faults.happened(static_cast<FaultKind>(i))));
  return Value{std::move(out)};
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// "auto" is NaN, otherwise a number of at least `least`.
std::optional<double> load_value(std::string_view text, double least) {
  if (text == "auto") return kFree;
  const auto value = parse_python_float(text);
  if (!value || !std::isfinite(*value) || static_cast<double>(*value) < least) return std::nullopt;
  return static_cast<double>(*value);
}

/// The port in "ct3_power" and what follows it; 0 if the name is of another kind.
std::pair<int, std::string_view> port_in(std::string_view name, int ports) {
  if (name.substr(0, 2) != "ct") return {0, {}};
  int port = 0;
  const char* const end = name.data() + name.size();
  const auto stop = std::from_chars(name.data() + 2, end, port).ptr;
  if (port < 1 || port > ports) return {0, {}};
  return {port, {stop, static_cast<std::size_t>(end - stop)}};
}

std::string set_load(Machine& machine, std::string_view name, std::string_view value, std::int64_t now_ns,
                     bool& known) {
  const auto [port, what] = port_in(name, machine.ports());
  known = what == "_power" || what == "_current" || name == "mains_voltage" || name == "mains_frequency";
  if (!known) return {};
  if (machine.loads().counts()) return fmt::format("{}: expected another profile, got count, which has no loads", name);
  const auto number = load_value(value, what == "_power" ? -1e6 : 0);
  if (!number) return fmt::format("{}: expected a number or auto, got '{}'", name, value);
  machine.settle(now_ns);
  if (what == "_power") {
    machine.loads().force_power(port, *number);
  } else if (what == "_current") {
    machine.loads().force_current(port, *number);
  } else if (name == "mains_voltage") {
    machine.loads().force_voltage(std::isnan(*number) ? 0 : *number);
  } else {
    machine.loads().force_frequency(std::isnan(*number) ? 0 : *number);
  }
  return {};
}

std::string set_firmware(Machine& machine, std::string_view value) {
  if (!find_firmware(value)) return fmt::format("firmware: expected a version such as 3.1, got '{}'", value);
  const std::string folder = slot_folder(machine.next_slot());
  machine.files().make_folder(folder);
  machine.files().write(folder + "/version", std::string(value));
  return {};
}

}  // namespace

std::string describe(const Machine& machine, const Counters& counters, const Faults& faults, bool broker_open,
                     std::int64_t now_ns) {
  Object out;
  put(out, "state", Value{name_of(machine.state())});
  if (!machine.why().empty()) put(out, "why", Value{machine.why()});
  put(out, "firmware", Value{machine.firmware().text});
  put(out, "uptime", Value{machine.uptime_s(now_ns)});
  put(out, "slot", Value{machine.running_slot()});
  put(out, "next_slot", Value{machine.next_slot()});
  put(out, "broker_open", Value{broker_open});
  put(out, "wifi_led", Value{machine.wifi_led()});
  put(out, "bluetooth_led", Value{machine.bluetooth_led()});
  put(out, "config", Value{machine.config().object()});
  put(out, "registers", registers_of(machine));
  Array files;
  for (auto& path : machine.files().list()) files.emplace_back(std::move(path));
  put(out, "files", Value{std::move(files)});
  Object counts;
  put(counts, "ayt", counted(counters.ayt));
  put(counts, "foreign", counted(counters.foreign));
  put(counts, "answers", counted(counters.answers));
  put(counts, "http_requests", counted(counters.http_requests));
  put(counts, "uploads", counted(counters.uploads));
  put(counts, "mqtt_messages", counted(counters.mqtt_messages));
  put(counts, "restarts", counted(counters.restarts));
  put(counts, "flash_writes", Value{machine.flash_writes()});
  put(out, "counters", Value{std::move(counts)});
  put(out, "faults", faults_of(faults));
  return Value{std::move(out)}.dump();
}

std::string set_by_hand(Machine& machine, Faults& faults, std::string_view name, std::string_view value,
                        std::int64_t now_ns) {
  if (const auto kind = find_fault(name)) {
    const auto rate = load_value(value, 0);
    if (!rate || !(*rate <= 1)) return fmt::format("{}: expected a chance from 0 to 1, got '{}'", name, value);
    faults.set_rate(*kind, *rate);
    return {};
  }
  bool load = false;
  std::string why = set_load(machine, name, value, now_ns, load);
  if (load) return why;
  if (name == "firmware") return set_firmware(machine, value);
  if (name == "wifi") {
    if (value != "on" && value != "off") return fmt::format("wifi: expected on or off, got '{}'", value);
    machine.provision(value == "on");
    return {};
  }
  const std::string key = name == "unit_name" ? "YDEV_UNIT_NAME" : upper(name);
  const Value* const old = machine.config().find(key);
  if (old == nullptr || old->as<Object>() != nullptr)
    return fmt::format(
        "name: expected a key of the configuration, unit_name, wifi, power, firmware, mains_voltage, mains_frequency, "
        "ct1_power, ct1_current or a fault's chance, got '{}'",
        name);
  machine.store(key, stored_value(value));
  // A unit that its own factory.cfg keeps from starting is mended there, too, as over USB.
  if (machine.state() == Machine::State::bricked && machine.files().read("/factory.cfg") != nullptr)
    machine.save_factory();
  return {};
}

}  // namespace mesura::ct6::twin
