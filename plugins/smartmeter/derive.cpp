// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "derive.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace mesura::smartmeter {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;
constexpr double kNominal = 50;     // Hz, until the first second has shown better
constexpr double kRetune = 0.02;    // Hz off, the reference is set anew
constexpr double kLeastGain = 0.3;  // of the correlation, below which its correction would be guesswork
constexpr double kMilli = 1e-3;
constexpr double kSecondsPerHour = 3600;
constexpr std::size_t kPair = 2 * sizeof(float);  // v and i

/// Sum of e^(j angle n), n = 0 to count - 1.
std::complex<double> geometric(double angle, double count) {
  const double half = std::sin(angle / 2);
  if (std::abs(half) < 1e-12) return count;
  return std::polar(std::sin(count * angle / 2) / half, (count - 1) * angle / 2);
}

}  // namespace

void Derive::begin(const Measure& measure, std::int64_t rate) {
  measure_ = &measure;
  rate_ = rate;
  lines_ = measure.lines;
  wave_ = measure.is_wave();
  phases_ = wave_ && rate >= kLeastPhaseRate;
  next_row_ = window_ = seen_ = 0;
  whole_ = true;
  sums_ = {};
  means_ = {};
  const auto rows_a_second = static_cast<double>(rate);
  if (wave_) kernel_.set(lines_, kTwoPi * kNominal / rows_a_second);
  for (auto& c : crossings_) c.begin(rows_a_second);
  pairs_.resize(measure.kind == RowKind::mixed ? kPair * Kernel::kBlock : 0);
}

void Derive::rows(const std::uint8_t* samples, std::size_t rows, std::uint64_t first_row) {
  if (first_row > next_row_) {
    whole_ = false;
    for (auto& c : crossings_) c.gap();
  }
  const auto second = static_cast<std::uint64_t>(rate_);
  while (rows > 0) {
    if (first_row >= (window_ + 1) * second) {
      end_second(second);
      window_ = first_row / second;
      whole_ = first_row % second == 0;
    }
    const std::size_t now = std::min<std::uint64_t>(rows, (window_ + 1) * second - first_row);
    add(samples, now, first_row);
    samples += now * measure_->row_bytes();
    first_row += now;
    rows -= now;
    next_row_ = first_row;
  }
  if (next_row_ == (window_ + 1) * second) {
    end_second(second);
    ++window_;
    whole_ = true;
  }
}

void Derive::finish() {
  if (measure_ == nullptr || seen_ == 0) return;
  end_second(next_row_ - window_ * static_cast<std::uint64_t>(rate_));
}

void Derive::add(const std::uint8_t* samples, std::size_t rows, std::uint64_t first_row) {
  seen_ += rows;
  if (!wave_) {
    add_means(samples, rows);
    return;
  }
  if (measure_->kind != RowKind::mixed) {
    add_wave(samples, rows, first_row);
    return;
  }
  while (rows > 0) {
    const std::size_t block = std::min(rows, Kernel::kBlock);
    for (std::size_t row = 0; row < block; ++row) {
      const std::uint8_t* const at = samples + row * measure_->row_bytes();
      std::memcpy(&pairs_[row * kPair], at, kPair);
      std::array<float, 2> chip{};
      std::memcpy(chip.data(), at + kPair, sizeof chip);
      means_[0] += double{chip[0]};
      means_[1] += double{chip[1]};
    }
    add_wave(pairs_.data(), block, first_row);
    samples += block * measure_->row_bytes();
    first_row += block;
    rows -= block;
  }
}

void Derive::add_wave(const std::uint8_t* samples, std::size_t rows, std::uint64_t first_row) {
  kernel_.add(samples, rows, first_row - window_ * static_cast<std::uint64_t>(rate_), sums_.data());
  if (!phases_) return;
  for (std::size_t line = 0; line < lines_; ++line)
    crossings_[line].add(samples, rows, 2 * lines_, 2 * line, first_row);
}

void Derive::add_means(const std::uint8_t* samples, std::size_t rows) {
  const bool squares = measure_->kind == RowKind::rms;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < measure_->channels; ++i, samples += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, samples, sizeof value);
      means_[i] += squares ? double{value} * double{value} : double{value};
    }
}

void Derive::end_second(std::uint64_t due) {
  if (seen_ > 0) {
    Second second;
    second.end_row = window_ * static_cast<std::uint64_t>(rate_) + due;
    second.rows = seen_;
    second.line_count = lines_;
    double mains = 0;  // any line's: they are phases of one supply
    for (std::size_t line = 0; line < lines_ && wave_; ++line) {
      const double rms = std::sqrt(sums_[line].vv / static_cast<double>(seen_));
      second.lines[line].frequency = phases_ ? crossings_[line].take_frequency(rms) : 0;
      if (mains == 0) mains = second.lines[line].frequency;
    }
    for (std::size_t line = 0; line < lines_; ++line) {
      LineSecond& out = second.lines[line];
      if (wave_) {
        tell_wave(out, line, out.frequency != 0 ? out.frequency : mains);
        out.has_chip = measure_->kind == RowKind::mixed;
        out.chip_active = means_[0] / static_cast<double>(seen_);
        out.chip_reactive = means_[1] / static_cast<double>(seen_);
      } else {
        tell_means(out, line);
      }
    }
    sink_.on_second(second);
    const double radians = kTwoPi * mains / static_cast<double>(rate_);
    if (mains != 0 && std::abs(radians - kernel_.radians()) > kTwoPi * kRetune / static_cast<double>(rate_))
      kernel_.set(lines_, radians);
  }
  seen_ = 0;
  sums_ = {};
  means_ = {};
}

void Derive::tell_wave(LineSecond& out, std::size_t line, double frequency) const {
  const LineSums& sums = sums_[line];
  const auto rows = static_cast<double>(seen_);
  out.has_voltage = out.has_power = true;
  out.voltage = std::sqrt(sums.vv / rows);
  out.current = std::sqrt(sums.ii / rows) * kMilli;
  out.active = sums.vi / rows * kMilli;
  out.energy_wh = sums.vi * kMilli / static_cast<double>(rate_) / kSecondsPerHour;
  out.has_reactive = phases_ && frequency != 0 && reactive_power(sums, frequency, out.reactive);
}

void Derive::tell_means(LineSecond& out, std::size_t line) const {
  const auto rows = static_cast<double>(seen_);
  const double first = means_[line] / rows, second = means_[line + lines_] / rows;
  if (measure_->kind == RowKind::rms) {
    out.has_voltage = true;
    out.voltage = std::sqrt(first);
    out.current = std::sqrt(second) * kMilli;
    return;
  }
  out.has_power = out.has_reactive = true;
  out.active = first;
  out.reactive = second;
  out.energy_wh = means_[line] / static_cast<double>(rate_) / kSecondsPerHour;
}

/// The sum of a wave Re(X e^(jan)) against e^(-jwn) is (A X + B conj(X)) / 2, with A and B the geometric sums of the
/// difference and of the sum of both frequencies. Two such equations, one for X and one for its conjugate, give X.
bool Derive::reactive_power(const LineSums& sums, double frequency, double& out) const {
  const auto rows = static_cast<double>(seen_);
  std::complex<double> a = rows, b = 0;  // where rows are missing: as if both frequencies were equal
  if (whole_) {
    const double angle = kTwoPi * frequency / static_cast<double>(rate_);
    a = geometric(angle - kernel_.radians(), rows);
    b = geometric(-angle - kernel_.radians(), rows);
  }
  const double gain = std::norm(a) - std::norm(b);
  if (gain < kLeastGain * kLeastGain * rows * rows) return false;
  const auto phasor = [&](const std::complex<double>& sum) {
    return 2.0 * (std::conj(a) * sum - b * std::conj(sum)) / gain;
  };
  out = 0.5 * (phasor(sums.v) * std::conj(phasor(sums.i))).imag() * kMilli;
  return true;
}

}  // namespace mesura::smartmeter
