// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the device says in JSON, as measurements and attributes. Each of these adds to the emitter's batch and leaves
// the emit to the caller.
#pragma once

#include "emitter.hpp"
#include "json.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace mesura::smartmeter {

/// One value for each line.
struct Lines {
  std::array<double, 3> values{};
  std::size_t count = 0;

  [[nodiscard]] double sum() const { return values[0] + values[1] + values[2]; }
};
/// From a list, a text that holds one, or a number; null gives none.
[[nodiscard]] Lines lines_of(const JsonMember* member);
/// The firmware repeats the reactive values as apparent ones: then they are computed. True: they were.
bool repair_apparent(const Lines& active, const Lines& reactive, Lines& apparent);
/// The chip's own power, to be compared with the waveform's; factors applied.
void check_power(Emitter& emitter, const Lines& active, const Lines& reactive, std::int64_t now_ns);

/// The `info` object: attributes, signal strength, relay. energy: also its registers.
void tell_info(const JsonObject& info, Emitter& emitter, Host& host, bool energy);

/// The answers of getPower, getVoltage, getCurrent, getEnergy, getPeriod and getPhaseAngle, told by their keys. False
/// if there is nothing of that kind in it.
bool tell_momentary(const JsonObject& answer, Emitter& emitter);

/// The periodic state: {"power":..,"energy":..,"current":..,"volt":..,"ts":".."}. False if it is none.
bool tell_state(const JsonObject& state, Emitter& emitter, std::uint8_t quality);

/// The one-shot answer of MQTT, told by its unit: {"value":"228.43,228.48,228.33","unit":"V",..}, or one number. False
/// if it is none.
bool tell_one_shot(const JsonObject& answer, Emitter& emitter);

/// A row of MQTT sampling: {"unit":"V,V,V,mA,mA,mA","values":[..]}. False if it is none, or a row of momentary values.
bool tell_row(const JsonObject& row, Emitter& emitter, std::uint8_t quality);

/// The time in `ts`, if it can be believed: Unix seconds, as a text or a number, less than a minute from `received_ns`.
struct Stamp {
  std::int64_t time_ns;
  std::uint8_t quality;
};
[[nodiscard]] Stamp stamp_of(const JsonObject& object, std::int64_t received_ns);

/// What the device says for people, without the password that it repeats when a network is added.
[[nodiscard]] std::string_view shown_message(const JsonObject& reply);
/// Foreign text for messages: its start, or nothing where a password may be in it.
[[nodiscard]] std::string_view shown_text(std::string_view text);

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace mesura::smartmeter
