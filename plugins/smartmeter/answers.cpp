// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "answers.hpp"

#include "measures.hpp"
#include "settings.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string>

namespace mesura::smartmeter {
namespace {

constexpr double kMilli = 1e-3, kKilo = 1e3;

/// With the factors of this device: every number of a line passes here once.
Lines calibrated(const Emitter& emitter, const JsonMember* member, Scale scale) {
  Lines lines = lines_of(member);
  for (std::size_t i = 0; i < lines.count; ++i) lines.values[i] *= emitter.calibration().factor(scale, i + 1);
  return lines;
}

bool add_lines(Emitter& emitter, const Lines& lines, Quantity quantity, double factor,
               std::uint8_t quality = MESURA_GOOD) {
  for (std::size_t i = 0; i < lines.count; ++i)
    emitter.add(line_place(i + 1), quantity, lines.values[i] * factor, quality);
  return lines.count > 0;
}

void add_total(Emitter& emitter, const Lines& lines, Quantity quantity, double factor) {
  if (lines.count > 1) emitter.add(Place::total, quantity, lines.sum() * factor, MESURA_DERIVED);
}

bool tell_power(const JsonObject& answer, Emitter& emitter) {
  const Lines active = calibrated(emitter, answer.find("activePower"), Scale::power);
  const Lines reactive = calibrated(emitter, answer.find("reactivePower"), Scale::power);
  Lines apparent = calibrated(emitter, answer.find("apparentPower"), Scale::power);
  if (!add_lines(emitter, active, Quantity::active_power, 1)) return false;
  add_total(emitter, active, Quantity::active_power, 1);
  add_lines(emitter, reactive, Quantity::reactive_power, 1);
  add_total(emitter, reactive, Quantity::reactive_power, 1);
  const bool repeated = repair_apparent(active, reactive, apparent);
  add_lines(emitter, apparent, Quantity::apparent_power, 1, repeated ? MESURA_DERIVED : MESURA_GOOD);
  return true;
}

bool tell_energy(const JsonMember* member, Emitter& emitter, double factor) {
  const Lines energy = calibrated(emitter, member, Scale::power);
  if (!add_lines(emitter, energy, Quantity::energy_import, factor)) return false;
  add_total(emitter, energy, Quantity::energy_import, factor);
  return true;
}

void attribute(Host& host, const Emitter& emitter, std::string_view name, std::string_view value) {
  if (!value.empty()) host.attribute(name, value, emitter.device());
}

}  // namespace

Lines lines_of(const JsonMember* member) {
  Lines lines;
  if (member == nullptr) return lines;
  if (member->type == JsonMember::Type::number) {
    lines.values[0] = member->number;
    lines.count = 1;
  } else if (member->type == JsonMember::Type::list || member->type == JsonMember::Type::text) {
    lines.count = parse_numbers(member->text, lines.values);
  }
  return lines;
}

bool repair_apparent(const Lines& active, const Lines& reactive, Lines& apparent) {
  if (apparent.count != reactive.count || apparent.values != reactive.values) return false;
  for (std::size_t i = 0; i < std::min(active.count, reactive.count); ++i)
    apparent.values[i] = std::hypot(active.values[i], reactive.values[i]);
  return true;
}

void check_power(Emitter& emitter, const Lines& active, const Lines& reactive, std::int64_t now_ns) {
  for (std::size_t i = 0; i < active.count; ++i)
    emitter.power_check().chip(i + 1, {active.values[i], reactive.values[i], 0, i < reactive.count}, now_ns);
}

std::string_view shown_message(const JsonObject& reply) {
  const std::string_view msg = reply.text("msg");
  return msg.substr(0, std::min(msg.find(", PW:"), msg.size()));
}

std::string_view shown_text(std::string_view text) {
  constexpr std::size_t kShown = 80;
  const bool secret = text.find("\"pwd\"") != std::string_view::npos || text.find("PW:") != std::string_view::npos;
  return secret ? std::string_view{"(a password may be in it)"} : text.substr(0, kShown);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

void tell_info(const JsonObject& info, Emitter& emitter, Host& host, bool energy) {
  attribute(host, emitter, "model", info.text("type"));
  attribute(host, emitter, "unit_name", info.text("name"));
  attribute(host, emitter, "firmware_version", info.text("version"));
  attribute(host, emitter, "firmware_build", info.text("compiled"));
  attribute(host, emitter, "address", info.text("ip"));
  attribute(host, emitter, "wifi_ssid", info.text("ssid"));
  attribute(host, emitter, "wifi_bssid", info.text("bssid"));
  if (const auto* list = info.find("calibration"); list != nullptr && list->type == JsonMember::Type::list)
    attribute(host, emitter, "calibration", list->text);
  if (const auto rssi = info.number("rssi")) emitter.add(Place::total, Quantity::signal_strength, *rssi);
  if (const auto on = info.boolean("relay")) {
    emitter.add(Place::relay, Quantity::relay_state, *on ? 1 : 0);
  } else if (const auto state = info.number("relay")) {
    emitter.add(Place::relay, Quantity::relay_state, *state);
  }
  if (energy) tell_energy(info.find("energy"), emitter, 1);
}

bool tell_momentary(const JsonObject& answer, Emitter& emitter) {
  bool any = tell_power(answer, emitter);
  any |= add_lines(emitter, calibrated(emitter, answer.find("voltage"), Scale::voltage), Quantity::voltage, 1);
  any |= add_lines(emitter, calibrated(emitter, answer.find("current"), Scale::current), Quantity::current, kMilli);
  any |= tell_energy(answer.find("energy"), emitter, 1);
  any |= add_lines(emitter, lines_of(answer.find("period")), Quantity::frequency, 1);
  any |= add_lines(emitter, lines_of(answer.find("phase")), Quantity::phase_angle, 1);
  return any;
}

bool tell_state(const JsonObject& state, Emitter& emitter, std::uint8_t quality) {
  struct Field {
    std::string_view key;
    std::size_t line;  ///< 0: a sum or mean over all
    Quantity quantity;
    Scale scale;
    double factor;
  };
  constexpr std::array<Field, 16> kFields = {{{"power", 0, Quantity::active_power, Scale::power, 1},
                                              {"energy", 0, Quantity::energy_import, Scale::power, kKilo},
                                              {"current", 0, Quantity::current_sum, Scale::current, 1},
                                              {"volt", 0, Quantity::voltage, Scale::voltage, 1},
                                              {"v_l1", 1, Quantity::voltage, Scale::voltage, 1},
                                              {"v_l2", 2, Quantity::voltage, Scale::voltage, 1},
                                              {"v_l3", 3, Quantity::voltage, Scale::voltage, 1},
                                              {"i_l1", 1, Quantity::current, Scale::current, 1},
                                              {"i_l2", 2, Quantity::current, Scale::current, 1},
                                              {"i_l3", 3, Quantity::current, Scale::current, 1},
                                              {"p_l1", 1, Quantity::active_power, Scale::power, 1},
                                              {"p_l2", 2, Quantity::active_power, Scale::power, 1},
                                              {"p_l3", 3, Quantity::active_power, Scale::power, 1},
                                              {"e_l1", 1, Quantity::energy_import, Scale::power, kKilo},
                                              {"e_l2", 2, Quantity::energy_import, Scale::power, kKilo},
                                              {"e_l3", 3, Quantity::energy_import, Scale::power, kKilo}}};
  bool any = false;
  for (const Field& field : kFields)
    if (const auto value = state.number(field.key)) {
      bool exact = true;
      const double scale = field.line == 0 ? emitter.calibration().total_factor(field.scale, exact)
                                           : emitter.calibration().factor(field.scale, field.line);
      const auto flags = static_cast<std::uint8_t>(quality | (exact ? MESURA_GOOD : MESURA_ESTIMATED));
      emitter.add(line_place(field.line), field.quantity, *value * field.factor * scale, flags);
      any = true;
    }
  return any;
}

bool tell_one_shot(const JsonObject& answer, Emitter& emitter) {
  const std::string_view unit = answer.text("unit");
  if (lines_of(answer.find("value")).count == 0) return false;
  struct Unit {
    std::string_view name;
    Quantity quantity;
    Scale scale;
    double factor;
    bool total;
  };
  constexpr std::array<Unit, 8> kUnits = {{{"V", Quantity::voltage, Scale::voltage, 1, false},
                                           {"mA", Quantity::current, Scale::current, kMilli, false},
                                           {"A", Quantity::current, Scale::current, 1, false},
                                           {"W", Quantity::active_power, Scale::power, 1, true},
                                           {"var", Quantity::reactive_power, Scale::power, 1, true},
                                           {"VA", Quantity::apparent_power, Scale::power, 1, false},
                                           {"kWh", Quantity::energy_import, Scale::power, kKilo, true},
                                           {"Wh", Quantity::energy_import, Scale::power, 1, true}}};
  for (const Unit& u : kUnits) {
    if (unit != u.name && !(u.name == "var" && unit == "VAR")) continue;
    const Lines values = calibrated(emitter, answer.find("value"), u.scale);
    add_lines(emitter, values, u.quantity, u.factor);
    if (u.total) add_total(emitter, values, u.quantity, u.factor);
    return true;
  }
  return false;
}

bool tell_row(const JsonObject& row, Emitter& emitter, std::uint8_t quality) {
  const auto* list = row.find("values");
  if (list == nullptr || list->type != JsonMember::Type::list) return false;
  std::array<double, 6> values{};
  const std::size_t count = parse_numbers(list->text, values);
  const Measure* measure = measure_of_reply({}, row.text("unit"), count);
  if (measure == nullptr || measure->is_wave()) return false;
  const std::size_t lines = measure->lines;
  Lines first, second;
  first.count = second.count = lines;
  std::copy_n(values.begin(), lines, first.values.begin());
  std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(lines), lines, second.values.begin());
  const std::array<float, 6> factors = emitter.calibration().of_row(*measure);
  for (std::size_t i = 0; i < lines; ++i) {
    first.values[i] *= double{factors[i]};
    second.values[i] *= double{factors[i + lines]};
  }
  if (measure->kind == RowKind::power) {
    add_lines(emitter, first, Quantity::active_power, 1, quality);
    add_lines(emitter, second, Quantity::reactive_power, 1, quality);
    add_total(emitter, first, Quantity::active_power, 1);
    add_total(emitter, second, Quantity::reactive_power, 1);
  } else {
    add_lines(emitter, first, Quantity::voltage, 1, quality);
    add_lines(emitter, second, Quantity::current, kMilli, quality);
  }
  return true;
}

Stamp stamp_of(const JsonObject& object, std::int64_t received_ns) {
  constexpr std::int64_t kMinute = 60'000'000'000;
  const auto* member = object.find("ts");
  if (member == nullptr) return {MESURA_NO_TIME, MESURA_GOOD};
  std::optional<std::int64_t> time;
  if (member->type == JsonMember::Type::text) time = parse_unix_seconds(member->text);
  if (member->type == JsonMember::Type::number && std::abs(member->number) < 9e9)
    time = static_cast<std::int64_t>(std::llround(member->number * kKilo)) * 1'000'000;
  if (!time) return {MESURA_NO_TIME, MESURA_GOOD};  // the long form is local time: no key
  if (std::abs(*time - received_ns) < kMinute) return {*time, MESURA_GOOD};
  return {MESURA_NO_TIME, MESURA_CLOCK_SUSPECT};
}

}  // namespace mesura::smartmeter
