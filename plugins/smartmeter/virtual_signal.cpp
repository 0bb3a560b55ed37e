// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_signal.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "virtual_frame.hpp"

namespace mesura::smartmeter::twin {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kRoot2 = 1.41421356237309504880;
constexpr double kLineShift = 2 * kPi / 3;

double radians(double degrees) { return degrees * kPi / 180; }

/// RMS of a wave with overtones beside the RMS of its fundamental.
double rms_factor(const Harmonics& harmonics) {
  double sum = 1;
  for (const auto& [order, amplitude] : harmonics) sum += amplitude * amplitude;
  return std::sqrt(sum);
}

double amplitude_of(const Harmonics& harmonics, int order) {
  for (const auto& [n, amplitude] : harmonics)
    if (n == order) return amplitude;
  return 0;
}

/// Overtones keep to the zero crossing of their fundamental.
double wave(double angle, const Harmonics& harmonics) {
  double sum = std::sin(angle);
  for (const auto& [order, amplitude] : harmonics) sum += amplitude * std::sin(order * angle);
  return sum;
}

}  // namespace

Signal::Signal(SignalSetup setup) : setup_(std::move(setup)) {
  if (setup_.kind == SignalKind::house) house_ = virtual_house::make_profile(setup_.profile, setup_.house);
}

void Signal::set_sine(double voltage, double current, double phi) {
  setup_.voltage = voltage;
  setup_.current = current;
  setup_.phi = phi;
}

Lines Signal::raw_at(std::int64_t utc_seconds) const {
  Lines lines{};
  if (house_ != nullptr) {
    const virtual_house::Instant now = house_->at(utc_seconds);
    for (std::size_t k = 0; k < setup_.lines; ++k) {
      Line& line = lines[k];
      line.voltage = static_cast<double>(now.voltage_mv[k]) / 1000;
      line.p = static_cast<double>(now.grid_mw(k)) / 1000;
      line.q = static_cast<double>(now.load_mvar[k]) / 1000;
      if (line.voltage > 0) line.current_ma = std::hypot(line.p, line.q) / line.voltage * 1000;
      line.phase_deg = std::atan2(line.q, line.p) * 180 / kPi;
    }
    return lines;
  }
  const double v = setup_.voltage / kRoot2, i = setup_.current / kRoot2, phi = radians(setup_.phi);
  double active = std::cos(phi);
  for (const auto& [order, amplitude] : setup_.current_harmonics)
    active += amplitude * amplitude_of(setup_.voltage_harmonics, order) * std::cos(order * phi);
  for (std::size_t k = 0; k < setup_.lines; ++k)
    lines[k] = {v * rms_factor(setup_.voltage_harmonics), i * rms_factor(setup_.current_harmonics),
                v * i / 1000 * active, v * i / 1000 * std::sin(phi), setup_.phi};
  return lines;
}

Lines Signal::at(std::int64_t utc_seconds) const {
  Lines lines = raw_at(utc_seconds);
  for (std::size_t k = 0; k < kLines; ++k) {
    const double v = calibration[2 * k], i = relay ? calibration[2 * k + 1] : 0;
    Line& line = lines[k];
    line = {line.voltage * v, line.current_ma * i, line.p * v * i, line.q * v * i, line.phase_deg};
  }
  return lines;
}

RowWriter::RowWriter(const Signal& signal, const Measures& measures, std::int64_t rate, std::int64_t start_seconds)
    : signal_(signal),
      measures_(measures),
      rate_(static_cast<std::uint64_t>(rate)),
      start_(start_seconds),
      row_bytes_(measures.row_bytes()),
      period_(static_cast<std::size_t>(rate / std::gcd(rate, static_cast<std::int64_t>(signal.frequency())))) {}

void RowWriter::append(std::vector<std::uint8_t>& out, std::uint64_t first, std::size_t count) {
  const std::size_t at = out.size();
  out.resize(at + count * row_bytes_);
  write(out.data() + at, first, count);
}

void RowWriter::write(std::uint8_t* to, std::uint64_t first, std::size_t count) {
  if (signal_.setup_.kind == SignalKind::count) {
    count_rows(to, first, count);
    return;
  }
  while (count != 0) {
    const auto second = static_cast<std::int64_t>(first / rate_);
    if (second_ < 0 || second_ != second) make_table(second);
    const std::size_t place = first % period_;
    const std::size_t rows = std::min({count, 2 * period_ - place, static_cast<std::size_t>(rate_ - first % rate_)});
    std::memcpy(to, table_.data() + place * row_bytes_, rows * row_bytes_);
    to += rows * row_bytes_;
    first += rows;
    count -= rows;
  }
}

void RowWriter::count_rows(std::uint8_t* to, std::uint64_t first, std::size_t count) const {
  constexpr std::uint64_t kMask = (1U << 24) - 1;
  const std::size_t channels = measures_.channels.size();
  for (std::size_t row = 0; row < count; ++row) {
    // 8 n never carries into the channel's bits, so the mask may come first.
    const auto base = static_cast<std::int32_t>(8 * (first + row) & kMask);
    for (std::size_t k = 0; k < channels; ++k, to += sizeof(float))
      put_float(to, static_cast<float>(base + static_cast<std::int32_t>(k)));
  }
}

void RowWriter::sample_channel(const Channel& channel, const Lines& lines) {
  const SignalSetup& setup = signal_.setup_;
  const Line& line = lines[channel.line];
  samples_.resize(period_);
  const bool voltage = channel.value == Value::wave_v;
  if (!voltage && channel.value != Value::wave_i) {
    double value = line.voltage;
    if (channel.value == Value::rms_i) value = line.current_ma;
    if (channel.value == Value::p) value = line.p;
    if (channel.value == Value::q) value = line.q;
    std::fill(samples_.begin(), samples_.end(), value);
    return;
  }
  const Harmonics& harmonics = voltage ? setup.voltage_harmonics : setup.current_harmonics;
  double amplitude = (voltage ? line.voltage : line.current_ma) * kRoot2 / rms_factor(harmonics);
  if (setup.kind == SignalKind::sine) {
    // From the amplitude that the user named, without a detour over its RMS.
    amplitude = voltage ? setup.voltage : setup.current;
    amplitude *= signal_.calibration[2 * channel.line + (voltage ? 0 : 1)];
    if (!voltage && !signal_.relay) amplitude = 0;
  }
  const double shift =
      radians(setup.phase) - kLineShift * static_cast<double>(channel.line) - (voltage ? 0 : radians(line.phase_deg));
  const double step = 2 * kPi * setup.frequency / static_cast<double>(rate_);
  for (std::size_t n = 0; n < period_; ++n)
    samples_[n] = amplitude * wave(step * static_cast<double>(n) + shift, harmonics);
}

void RowWriter::make_table(std::int64_t second) {
  const bool same = second_ >= 0 && signal_.setup_.kind == SignalKind::sine;
  second_ = second;
  if (same) return;
  const Lines lines = signal_.at(start_ + second);
  table_.resize(2 * period_ * row_bytes_);
  for (std::size_t k = 0; k < measures_.channels.size(); ++k) {
    sample_channel(measures_.channels[k], lines);
    for (std::size_t n = 0; n < 2 * period_; ++n)
      put_float(table_.data() + n * row_bytes_ + k * sizeof(float), static_cast<float>(samples_[n % period_]));
  }
}

}  // namespace mesura::smartmeter::twin
