// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Factors that are applied on this side, because the device keeps its own and does not use them.
#pragma once

#include "measures.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace mesura::smartmeter {

/// What a value is proportional to.
enum class Scale : std::uint8_t { none, voltage, current, power };

/// Six factors, v1 i1 v2 i2 v3 i3: voltages by v, currents by i, powers and energies by v i of their line. Everything
/// that the device tells passes here exactly once: rows as they arrive, numbers as they are read from an answer.
class Calibration {
 public:
  static constexpr std::size_t kFactors = 6;
  static constexpr double kLeast = 0.1, kMost = 10;  ///< of a factor's size; a minus turns a current round

  /// Of the option: six factors, or two for the one line of a PowerMeter.
  /// errors  std::invalid_argument
  static Calibration from(std::span<const mesura_option_entry> entries);

  [[nodiscard]] bool is_on() const { return on_; }
  [[nodiscard]] const std::array<double, kFactors>& factors() const { return factors_; }
  /// line: 1 to 3.
  [[nodiscard]] double factor(Scale scale, std::size_t line) const;
  /// Of a sum or mean over all lines that comes without the lines' own values: the mean of their factors.
  /// `exact` is false where the lines' factors differ.
  [[nodiscard]] double total_factor(Scale scale, bool& exact) const;
  /// One factor for each value of a row.
  [[nodiscard]] std::array<float, 6> of_row(const Measure& measure) const;
  /// Whole rows, scaled into `out`.
  static void scale(Bytes rows, std::span<const float> factors, std::vector<std::uint8_t>& out);

 private:
  std::array<double, kFactors> factors_{1, 1, 1, 1, 1, 1};
  bool on_ = false;
};

/// Compares active and reactive power as computed from the waveform with what the chip itself says.
class PowerCheck {
 public:
  struct Power {
    double active = 0, reactive = 0, apparent = 0;
    bool has_reactive = false;
  };
  static constexpr double kTolerance = 0.05;    ///< of the apparent power
  static constexpr double kLeastApparent = 20;  ///< VA; below, noise and offsets decide
  static constexpr std::int64_t kMostApart = 5'000'000'000, kQuiet = 60'000'000'000;

  /// Called with the text of each note, at most once a minute for each line.
  explicit PowerCheck(std::function<void(const std::string&)> note) : note_(std::move(note)) {}

  /// line: 1 to 3. Both in the same scale: with all factors applied, or none.
  void waveform(std::size_t line, const Power& power, std::int64_t now_ns);
  void chip(std::size_t line, const Power& power, std::int64_t now_ns);

 private:
  struct Line {
    Power waveform;
    std::int64_t at_ns = 0, noted_ns = 0;
    bool known = false, noted = false;
  };
  std::function<void(const std::string&)> note_;
  std::array<Line, 3> lines_;
};

}  // namespace mesura::smartmeter
