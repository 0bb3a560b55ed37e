// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "emitter.hpp"

#include <cmath>
#include <cstring>

namespace mesura::smartmeter {
namespace {

constexpr std::array<std::string_view, kPlaces> kPlaceNames = {"total", "l1", "l2", "l3", "relay1"};
constexpr std::array<std::string_view, kQuantities> kQuantityNames = {"voltage",
                                                                      "current",
                                                                      "current_sum",
                                                                      "active_power",
                                                                      "reactive_power",
                                                                      "apparent_power",
                                                                      "power_factor",
                                                                      "frequency",
                                                                      "phase_angle",
                                                                      "active_energy_import",
                                                                      "active_energy_export",
                                                                      "active_energy_import",
                                                                      "active_energy_export",
                                                                      "operating_mode",
                                                                      "signal_strength",
                                                                      "sampling_rate",
                                                                      "relay_state",
                                                                      "clock_drift"};
constexpr double kMilli = 1e-3;
constexpr std::size_t kTotal = 0;

float value_at(const std::uint8_t* p) {
  float value = 0;
  std::memcpy(&value, p, sizeof value);
  return value;
}

}  // namespace

std::string_view name_of(Place place) { return kPlaceNames[static_cast<std::size_t>(place)]; }
std::string_view name_of(Quantity quantity) { return kQuantityNames[static_cast<std::size_t>(quantity)]; }

std::int64_t row_time(std::int64_t start_ns, std::uint64_t row, std::int64_t rate) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto per = static_cast<std::uint64_t>(rate);
  return start_ns + static_cast<std::int64_t>(row / per) * kSecond +
         static_cast<std::int64_t>(row % per) * kSecond / rate;
}

Emitter::Emitter(Host host, DeviceId device, const Calibration& calibration)
    : host_(host), device_(device), calibration_(calibration), power_check_([this](const std::string& text) {
        host_.fault({MESURA_FAULT_NOTE, "power_mismatch", text, 0, 0, 0});
      }) {}

SeriesId Emitter::series(Place place, Quantity quantity) {
  Resolved& known = series_[static_cast<std::size_t>(place)][static_cast<std::size_t>(quantity)];
  if (!known.done) {
    Series s;
    s.channel = name_of(place);
    s.quantity = name_of(quantity);
    s.device = device_;
    if (quantity == Quantity::summed_import || quantity == Quantity::summed_export) s.source = "integrated";
    known = {host_.series(s), true};
  }
  return known.id;
}

void Emitter::add(Place place, Quantity quantity, double value, std::uint8_t quality, std::int64_t time_ns) {
  if (!std::isfinite(value)) return;
  const SeriesId id = series(place, quantity);
  if (id != MESURA_NO_SERIES) batch_.push_back(number(id, value, time_ns, quality));
}

void Emitter::emit(std::int64_t time_ns, std::int64_t received_ns) {
  if (!batch_.empty()) host_.emit(batch_, time_ns, received_ns, device_);
  batch_.clear();
}

void Emitter::mode(std::string_view mode, std::int64_t received_ns) {
  if (mode_ == mode) return;
  mode_ = mode;
  const SeriesId id = series(Place::total, Quantity::operating_mode);
  if (id == MESURA_NO_SERIES) return;
  const mesura_measurement m = text(id, mode_);
  host_.emit({&m, 1}, MESURA_NO_TIME, received_ns, device_);
}

void Emitter::add_second(const LineSecond& line, Place place, std::uint8_t quality) {
  if (line.has_voltage) {
    add(place, Quantity::voltage, line.voltage, quality);
    add(place, Quantity::current, line.current, quality);
  }
  if (line.has_power) add(place, Quantity::active_power, line.active, quality);
  if (line.has_reactive) add(place, Quantity::reactive_power, line.reactive, quality);
  double apparent = line.voltage * line.current;
  if (!line.has_voltage) apparent = std::hypot(line.active, line.reactive);
  if (line.has_power) {
    add(place, Quantity::apparent_power, apparent, quality);
    if (apparent > 0) add(place, Quantity::power_factor, line.active / apparent, quality);
  }
  if (line.frequency != 0) add(place, Quantity::frequency, line.frequency, quality);
}

void Emitter::add_energy(double wh, std::size_t slot) {
  (wh < 0 ? energy_[slot].export_wh : energy_[slot].import_wh) += std::isfinite(wh) ? std::abs(wh) : 0;
}

void Emitter::tell_energy(Place place, std::size_t slot) {
  add(place, Quantity::summed_import, energy_[slot].import_wh);
  add(place, Quantity::summed_export, energy_[slot].export_wh);
}

void Emitter::second(const Second& second, const Measure& measure, std::int64_t rate, std::int64_t start_ns,
                     std::int64_t received_ns) {
  double active = 0, reactive = 0, apparent = 0, energy = 0;
  bool has_power = true, has_reactive = true;
  for (std::size_t i = 0; i < second.line_count; ++i) {
    const LineSecond& line = second.lines[i];
    active += line.active;
    reactive += line.reactive;
    apparent += line.has_voltage ? line.voltage * line.current : std::hypot(line.active, line.reactive);
    energy += line.energy_wh;
    has_power = has_power && line.has_power;
    has_reactive = has_reactive && line.has_reactive;
    if (line.has_power) add_energy(line.energy_wh, measure.first_line + i);
  }
  if (has_power) add_energy(energy, kTotal);
  const auto whole = static_cast<std::uint64_t>(rate);
  if (2 * second.rows < whole) return;  // too little to speak for the second; its energy shows with the next
  const std::uint8_t quality = second.rows < whole ? MESURA_ESTIMATED : MESURA_GOOD;
  for (std::size_t i = 0; i < second.line_count; ++i) {
    const Place place = line_place(measure.first_line + i);
    add_second(second.lines[i], place, quality);
    if (quality == MESURA_GOOD) check_power(second.lines[i], measure.first_line + i, measure, received_ns);
    if (second.lines[i].has_power) tell_energy(place, measure.first_line + i);
  }
  if (second.line_count > 1 && has_power) {
    add(Place::total, Quantity::active_power, active, quality);
    if (has_reactive) add(Place::total, Quantity::reactive_power, reactive, quality);
    add(Place::total, Quantity::apparent_power, apparent, quality);
    if (apparent > 0) add(Place::total, Quantity::power_factor, active / apparent, quality);
    tell_energy(Place::total, kTotal);
  }
  emit(row_time(start_ns, second.end_row, rate), received_ns);
}

void Emitter::check_power(const LineSecond& line, std::size_t number, const Measure& measure, std::int64_t now_ns) {
  if (!measure.is_wave()) return;
  power_check_.waveform(number, {line.active, line.reactive, line.voltage * line.current, line.has_reactive}, now_ns);
  if (line.has_chip) power_check_.chip(number, {line.chip_active, line.chip_reactive, 0, true}, now_ns);
}

void Emitter::rows(Bytes payload, const Measure& measure, std::int64_t rate, std::int64_t start_ns,
                   std::uint64_t first_row, std::int64_t received_ns) {
  const std::size_t lines = measure.lines;
  const std::uint8_t* p = payload.data();
  for (std::size_t row = 0; row < payload.size() / measure.row_bytes(); ++row, p += measure.row_bytes()) {
    const std::int64_t time_ns = row_time(start_ns, first_row + row, rate);
    double first_sum = 0, second_sum = 0;
    for (std::size_t i = 0; i < lines; ++i) {
      const double first = double{value_at(p + 4 * i)}, second = double{value_at(p + 4 * (i + lines))};
      const Place place = line_place(measure.first_line + i);
      first_sum += first;
      second_sum += second;
      if (measure.kind == RowKind::power) {
        add(place, Quantity::active_power, first, MESURA_GOOD, time_ns);
        add(place, Quantity::reactive_power, second, MESURA_GOOD, time_ns);
      } else {
        add(place, Quantity::voltage, first, MESURA_GOOD, time_ns);
        add(place, Quantity::current, second * kMilli, MESURA_GOOD, time_ns);
      }
    }
    if (measure.kind != RowKind::power || lines < 2) continue;
    add(Place::total, Quantity::active_power, first_sum, MESURA_DERIVED, time_ns);
    add(Place::total, Quantity::reactive_power, second_sum, MESURA_DERIVED, time_ns);
  }
  emit(MESURA_NO_TIME, received_ns);
}

}  // namespace mesura::smartmeter
