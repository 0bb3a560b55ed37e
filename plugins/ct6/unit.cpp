// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "unit.hpp"

#include "keys.hpp"
#include "text_value.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace mesura::ct6 {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kPlausibleOffset_s = 300;  // its clock starts in 1970 or 2021 until NTP has set it
constexpr std::int64_t kOffsetStep_s = 2;         // whole seconds and the way here make one second of difference
constexpr double kMicroseconds = 1e6;             // of READ_TIME_NS, in spite of its name

constexpr std::array<std::string_view, kPortNumbers> kPortQuantities = {
    "active_power", "reactive_power", "apparent_power", "power_factor", "current",
    "current_peak", "voltage",        "frequency",      "temperature"};

struct Where {
  std::string_view channel, quantity, source;
};
// In the order of UnitSeries.
constexpr std::array<Where, 6> kUnitSeriesNames = {{{"total", "signal_strength", "RSSI"},
                                                    {"board", "temperature", "BOARD_TEMPERATURE"},
                                                    {"total", "read_time", "READ_TIME_NS"},
                                                    {"total", "active", "ACTIVE"},
                                                    {"total", "power_factor_threshold", "PF_WATTS_THRESHOLD"},
                                                    {"total", "device_time", "TIMESENT"}}};

// In the order of UnitText; a name has rules of its own.
constexpr std::array<std::string_view, kUnitTexts> kAttributes = {
    "model", "hardware", "serial", "", "", "group_name", "firmware_version", "address", "operating_system", "services"};

/// Whether the device put the 0 there because the power is below its threshold. Firmware 2.68 compared with the sign.
bool is_forced(const Port& port, const Answer& answer) {
  if (port[PortNumber::pf] != 0 || !answer.has(UnitNumber::pf_threshold) || !port.has(PortNumber::prms)) return false;
  return port[PortNumber::prms] < answer[UnitNumber::pf_threshold];
}

void bad_escape(std::string_view key, std::string_view token, Problems& problems) {
  problems.push_back({Problem::Kind::object, "bad_value", fmt::format("{}: expected a JSON text, got {}", key, token),
                      0, token.size()});
}

}  // namespace

Unit::Unit(Host host, DeviceId device, std::string key, bool wants_device_time)
    : host_(host), device_(device), key_(std::move(key)), wants_device_time_(wants_device_time) {}

const std::string& Unit::called() const { return !name_.empty() ? name_ : !key_.empty() ? key_ : serial_; }

bool Unit::take_texts(const Answer& answer, Problems& problems) {
  bool renamed = false;
  for (std::size_t i = 0; i < kUnitTexts; ++i) {
    const std::string_view token = answer.texts[i];
    if (token.empty() || token == tokens_[i]) continue;
    tokens_[i] = token;
    const std::string before = name_;
    take_unit_text(static_cast<UnitText>(i), token, problems);
    renamed = renamed || name_ != before;
  }
  for (std::size_t i = 0; i < answer.port_count; ++i) take_port_texts(answer.ports[i], problems);
  return renamed;
}

void Unit::take_unit_text(UnitText which, std::string_view token, Problems& problems) {
  const auto text = text_of_token(token);
  if (!text) {
    bad_escape(wire_name(which), token, problems);
    return;
  }
  if (which == UnitText::unit_name || which == UnitText::ydev_unit_name) {
    const std::string name = decode_percent(*text);
    if (name == name_) return;
    name_ = name;
    host_.attribute("unit_name", name_, device_);
    return;
  }
  if (which == UnitText::assy) serial_ = *text;
  if (which == UnitText::group_name && text->empty()) return;
  host_.attribute(kAttributes[index(which)], *text, device_);
}

void Unit::take_port_texts(const Port& port, Problems& problems) {
  if (ports_.size() < port.number) ports_.resize(port.number);
  PortState& state = ports_[port.number - 1U];
  for (std::size_t i = 0; i < kPortTexts; ++i) {
    const std::string_view token = port.texts[i];
    if (token.empty() || token == state.tokens[i]) continue;
    state.tokens[i] = token;
    const auto text = text_of_token(token);
    if (!text) {
      bad_escape(wire_name(static_cast<PortText>(i)), token, problems);
      continue;
    }
    if (static_cast<PortText>(i) == PortText::type) {
      host_.attribute(fmt::format("ct{}_sensor_type", port.number), *text, device_);
      continue;
    }
    std::string label = decode_percent(*text);
    if (label == state.label) continue;
    state.label = std::move(label);
    name_port(port.number, state);
  }
}

/// Its series stay, under the new label.
void Unit::name_port(std::uint8_t number, PortState& state) {
  host_.attribute(fmt::format("ct{}_channel_name", number), state.label, device_);
  for (std::size_t i = 0; i < kPortNumbers; ++i)
    if ((state.resolved >> i & 1U) != 0) state.series[i] = resolve(state, number, i);
}

SeriesId Unit::resolve(const PortState& state, std::uint8_t number, std::size_t which) {
  const std::string channel = fmt::format("ct{}", number);
  const std::string source = fmt::format("CT{}.{}", number, wire_name(static_cast<PortNumber>(which)));
  return host_.series({channel, kPortQuantities[which], state.label, source, device_});
}

void Unit::add_port(const Port& port, const Answer& answer, Batch& batch) {
  PortState& state = ports_[port.number - 1U];
  const std::uint32_t have = is_forced(port, answer) ? port.have & ~bit(PortNumber::pf) : port.have;
  if (const std::uint32_t fresh = have & ~state.resolved; fresh != 0) {
    for (std::size_t i = 0; i < kPortNumbers; ++i)
      if ((fresh >> i & 1U) != 0) state.series[i] = resolve(state, port.number, i);
    state.resolved |= fresh;
  }
  for (std::size_t i = 0; i < kPortNumbers; ++i)
    if ((have >> i & 1U) != 0 && state.series[i] != MESURA_NO_SERIES) batch.add(state.series[i], port.values[i]);
}

void Unit::add_unit(UnitSeries which, double value, Batch& batch) {
  if ((resolved_ >> which & 1U) == 0) {
    const Where& where = kUnitSeriesNames[which];
    series_[which] = host_.series({where.channel, where.quantity, {}, where.source, device_});
    resolved_ |= 1U << which;
  }
  if (series_[which] != MESURA_NO_SERIES) batch.add(series_[which], value);
}

/// Settings are told when they change.
void Unit::add_state(UnitSeries which, double value, double& told, Batch& batch) {
  if (value == told) return;
  told = value;
  add_unit(which, value, batch);
}

void Unit::take_clock(std::int64_t time_sent, std::int64_t received_ns, Batch& batch) {
  const std::int64_t offset_s = time_sent - received_ns / kSecond;
  if (std::llabs(offset_s) > kPlausibleOffset_s) return;
  if (wants_device_time_) add_unit(device_time, static_cast<double>(time_sent), batch);
  if (told_offset_s_ != INT64_MIN && std::llabs(offset_s - told_offset_s_) < kOffsetStep_s) return;
  told_offset_s_ = offset_s;
  host_.attribute("clock_offset", fmt::format("{}", offset_s), device_);
}

void Unit::emit(const Answer& answer, std::int64_t received_ns, Batch& batch) {
  batch.clear();
  for (std::size_t i = 0; i < answer.port_count; ++i) add_port(answer.ports[i], answer, batch);
  if (answer.has(UnitNumber::rssi)) add_unit(signal, answer[UnitNumber::rssi], batch);
  if (answer.has(UnitNumber::board_temperature)) add_unit(board, answer[UnitNumber::board_temperature], batch);
  if (answer.has(UnitNumber::read_time)) add_unit(read_time, answer[UnitNumber::read_time] / kMicroseconds, batch);
  if (answer.has(UnitNumber::active)) add_state(active, answer[UnitNumber::active] != 0 ? 1 : 0, told_active_, batch);
  if (answer.has(UnitNumber::pf_threshold))
    add_state(threshold, answer[UnitNumber::pf_threshold], told_threshold_, batch);
  if (answer.time_sent != 0) take_clock(answer.time_sent, received_ns, batch);
  if (!batch.empty()) host_.emit(batch.items(), MESURA_NO_TIME, received_ns, device_);
}

void Unit::emit_active(const Answer& answer, std::int64_t received_ns, Batch& batch) {
  batch.clear();
  if (answer.has(UnitNumber::active)) add_state(active, answer[UnitNumber::active] != 0 ? 1 : 0, told_active_, batch);
  if (!batch.empty()) host_.emit(batch.items(), MESURA_NO_TIME, received_ns, device_);
}

}  // namespace mesura::ct6
