// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "crossings.hpp"

#include <algorithm>
#include <cstring>

namespace mesura::smartmeter {
namespace {

constexpr double kHighest = 65;  // Hz
constexpr double kLooksPerCycle = 10;
constexpr float kClearShare = 0.1F;  // of the RMS value
constexpr float kLeastClear = 0.5F;  // V

}  // namespace

void Crossings::begin(double rate) {
  *this = Crossings{};
  rate_ = rate;
  stride_ = static_cast<std::size_t>(std::max(1.0, rate / (kHighest * kLooksPerCycle)));
}

void Crossings::gap() { any_ = armed_ = pending_ = counted_ = false; }

void Crossings::add(const std::uint8_t* samples, std::size_t rows, std::size_t channels, std::size_t channel,
                    std::uint64_t first_row) {
  const auto value = [&](std::size_t row) {
    float v = 0;
    std::memcpy(&v, samples + (row * channels + channel) * sizeof v, sizeof v);
    return v;
  };
  // [from, to] is one stride; its first row was looked at before, if only as the last row of the previous call.
  std::size_t next = any_ ? 0 : 1;
  if (!any_) look(value(0), first_row);
  while (next < rows) {
    const std::size_t to = std::min(next + stride_ - 1, rows - 1);
    const float v = value(to);
    if ((last_ < 0) != (v < 0)) {
      for (std::size_t row = next; row <= to; ++row) look(value(row), first_row + row);
    } else {
      look(v, first_row + to);
    }
    next = to + 1;
  }
}

void Crossings::look(float value, std::uint64_t row) {
  if (value < -clear_) {
    armed_ = true;
    pending_ = false;
  }
  if (any_ && armed_ && last_ < 0 && value >= 0) {
    crossing_ = static_cast<double>(row) - static_cast<double>(value) / (double{value} - double{last_});
    pending_ = true;
  }
  if (pending_ && value > clear_) {
    if (counted_) {
      span_ += crossing_ - previous_;
      ++cycles_;
    }
    previous_ = crossing_;
    counted_ = true;
    armed_ = pending_ = false;
  }
  last_ = value;
  any_ = true;
}

double Crossings::take_frequency(double rms) {
  const double frequency = cycles_ > 0 ? static_cast<double>(cycles_) * rate_ / span_ : 0;
  cycles_ = 0;
  span_ = 0;
  clear_ = std::max(kLeastClear, kClearShare * static_cast<float>(rms));
  return frequency;
}

}  // namespace mesura::smartmeter
