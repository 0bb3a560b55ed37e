// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>

namespace mesura::smartmeter {

/// What a line's rows add up to. Units as sent: V and mA.
struct LineSums {
  double vv = 0, ii = 0, vi = 0;  ///< sums of v^2, i^2 and v i
  std::complex<double> v, i;      ///< sums of x(n) e^(-jwn), n counted from the window's first row
};

/// The sums over waveform rows from which a second's values come, several rows at a time.
///
/// Rows are float32, v and i of each line in turn, not necessarily aligned. Lanes of float add up 64 rows at most, then
/// doubles take over. cost  about 1 ns a row of three lines with 128-bit vectors
class Kernel {
 public:
  static constexpr std::size_t kBlock = 64;  ///< rows

  /// The reference of the fundamental sums turns by `radians` each row. lines: 1 or 3.
  void set(std::size_t lines, double radians);
  [[nodiscard]] double radians() const { return radians_; }

  /// Adds `rows` rows (any number), the first of which is row `index` of the window.
  void add(const std::uint8_t* samples, std::size_t rows, std::uint64_t index, LineSums* sums);

 private:
  template <std::size_t Lines>
  void add_lines(const std::uint8_t* samples, std::size_t rows, std::uint64_t index, LineSums* sums);
  template <std::size_t Lines>
  void add_block(const std::uint8_t* samples, std::size_t rows, const std::complex<double>& turn, LineSums* sums) const;
  [[nodiscard]] std::complex<double> turn(std::uint64_t index);

  static constexpr std::size_t kMostLines = 3;
  std::size_t lines_ = 3;
  double radians_ = 0;
  // One value for each value of a row, so that they load as the samples do.
  alignas(64) std::array<float, kBlock * 2 * kMostLines> cos_{};
  alignas(64) std::array<float, kBlock * 2 * kMostLines> sin_{};
  std::array<std::complex<double>, kBlock + 1> steps_{};  ///< e^(-jwm)
  std::uint64_t turn_index_ = 0;
  std::complex<double> turn_ = 1;
};

}  // namespace mesura::smartmeter
