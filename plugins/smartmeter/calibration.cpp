// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "calibration.hpp"

#include "json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace mesura::smartmeter {

Calibration Calibration::from(std::span<const mesura_option_entry> entries) {
  Calibration c;
  if (entries.empty()) return c;
  if (entries.size() != kFactors && entries.size() != 2)
    throw std::invalid_argument(fmt::format(
        "option calibration: expected six factors [v1, i1, v2, i2, v3, i3], or two for a PowerMeter; got {}",
        entries.size()));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string_view text = abi::view(entries[i].value);
    const auto value = parse_number(text);
    if (!value || !(std::abs(*value) >= kLeast && std::abs(*value) <= kMost))
      throw std::invalid_argument(
          fmt::format("option calibration: expected factors of {} to {}, also with a minus; got '{}' as number {}",
                      kLeast, kMost, text, i + 1));
    for (std::size_t to = i; to < kFactors; to += entries.size()) c.factors_[to] = *value;
    c.on_ = c.on_ || *value != 1;
  }
  return c;
}

double Calibration::factor(Scale scale, std::size_t line) const {
  const double v = factors_[2 * (line - 1)], i = factors_[2 * (line - 1) + 1];
  switch (scale) {
    case Scale::voltage: return v;
    case Scale::current: return i;
    case Scale::power: return v * i;
    default: return 1;
  }
}

double Calibration::total_factor(Scale scale, bool& exact) const {
  const std::array<double, 3> all = {factor(scale, 1), factor(scale, 2), factor(scale, 3)};
  exact = all[0] == all[1] && all[1] == all[2];
  return exact ? all[0] : (all[0] + all[1] + all[2]) / 3;
}

std::array<float, 6> Calibration::of_row(const Measure& measure) const {
  std::array<float, 6> out{1, 1, 1, 1, 1, 1};
  const std::size_t lines = measure.lines;
  for (std::size_t k = 0; k < lines; ++k) {
    const std::size_t line = measure.first_line + k;
    const auto of = [&](Scale scale) { return static_cast<float>(factor(scale, line)); };
    switch (measure.kind) {
      case RowKind::wave:
        out[2 * k] = of(Scale::voltage);
        out[2 * k + 1] = of(Scale::current);
        break;
      case RowKind::power: out[k] = out[k + lines] = of(Scale::power); break;
      case RowKind::rms:  // a root has no sign
        out[k] = std::abs(of(Scale::voltage));
        out[k + lines] = std::abs(of(Scale::current));
        break;
      case RowKind::mixed:
        out[0] = of(Scale::voltage);
        out[1] = of(Scale::current);
        out[2] = out[3] = of(Scale::power);
        break;
    }
  }
  return out;
}

void Calibration::scale(Bytes rows, std::span<const float> factors, std::vector<std::uint8_t>& out) {
  out.resize(rows.size());
  const std::size_t row = factors.size() * sizeof(float);
  for (std::size_t at = 0; at + row <= rows.size(); at += row)
    for (std::size_t i = 0; i < factors.size(); ++i) {
      float value = 0;
      std::memcpy(&value, rows.data() + at + i * sizeof value, sizeof value);
      value *= factors[i];
      std::memcpy(out.data() + at + i * sizeof value, &value, sizeof value);
    }
}

void PowerCheck::waveform(std::size_t line, const Power& power, std::int64_t now_ns) {
  Line& l = lines_[line - 1];
  l.waveform = power;
  l.at_ns = now_ns;
  l.known = true;
}

void PowerCheck::chip(std::size_t line, const Power& chip, std::int64_t now_ns) {
  Line& l = lines_[line - 1];
  if (!l.known || now_ns - l.at_ns > kMostApart || (l.noted && now_ns - l.noted_ns < kQuiet)) return;
  const Power& wave = l.waveform;
  const bool reactive = wave.has_reactive && chip.has_reactive;
  const double chip_apparent = reactive ? std::hypot(chip.active, chip.reactive) : std::abs(chip.active);
  const double size = std::max(wave.apparent, chip_apparent);
  if (size < kLeastApparent) return;
  const double active_off = std::abs(chip.active - wave.active);
  const double reactive_off = reactive ? std::abs(chip.reactive - wave.reactive) : 0;
  if (active_off <= kTolerance * size && reactive_off <= kTolerance * size) return;
  l.noted = true;
  l.noted_ns = now_ns;
  std::string text = fmt::format("l{}: expected the chip's {:.1f} W to agree with the waveform, got {:.1f} W from it",
                                 line, chip.active, wave.active);
  if (reactive) text += fmt::format(" ({:.1f} and {:.1f} var)", chip.reactive, wave.reactive);
  const double wave_size = reactive ? std::hypot(wave.active, wave.reactive) : std::abs(wave.active);
  if (wave_size > 0 && chip_apparent > 0)
    text += fmt::format(
        "; hint: a factor of {:.4f} between v{} times i{} of the waveform and the chip would explain the size",
        chip_apparent / wave_size, line, line);
  if (reactive && wave_size > 0 && chip_apparent > 0) {
    const double turn = (std::atan2(chip.reactive, chip.active) - std::atan2(wave.reactive, wave.active)) * 180 / M_PI;
    if (std::abs(turn) > 1) text += fmt::format(", and {:.1f} degrees the direction", std::remainder(turn, 360.0));
  }
  note_(text);
}

}  // namespace mesura::smartmeter
