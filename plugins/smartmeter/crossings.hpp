// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace mesura::smartmeter {

/// Finds the frequency of a voltage from its rising zero crossings, interpolated between rows.
///
/// Looks at some rows of each half wave only, and at each row where the sign changed in between. A crossing counts when
/// the voltage was clearly below zero before and is clearly above it after: noise around zero makes none.
class Crossings {
 public:
  /// rate: rows a second; a voltage of up to 65 Hz is followed.
  void begin(double rate);
  /// Rows were lost: what came before says nothing about what follows.
  void gap();
  /// Takes the voltage at offset `channel` of rows of `channels` float32. first_row: number of the first one.
  void add(const std::uint8_t* samples, std::size_t rows, std::size_t channels, std::size_t channel,
           std::uint64_t first_row);
  /// Hz over the crossings since the last call, 0 if there were too few; `rms` sets what is clear from now on.
  double take_frequency(double rms);

 private:
  void look(float value, std::uint64_t row);

  double rate_ = 0;
  std::size_t stride_ = 1;
  float clear_ = 5;       ///< V
  bool any_ = false;      ///< `last_` holds the row before
  bool armed_ = false;    ///< was clearly below zero since the last crossing
  bool pending_ = false;  ///< crossed at `crossing_`, not clearly above yet
  bool counted_ = false;  ///< `previous_` holds a crossing
  float last_ = 0;
  double crossing_ = 0, previous_ = 0;  ///< rows
  double span_ = 0;
  std::uint64_t cycles_ = 0;
};

}  // namespace mesura::smartmeter
