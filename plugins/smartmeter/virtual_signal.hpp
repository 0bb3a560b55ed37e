// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a virtual SmartMeter measures: the electricity on its lines, as numbers and as rows of samples.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "virtual_house/house.hpp"
#include "virtual_measures.hpp"

namespace mesura::smartmeter::twin {

inline constexpr std::size_t kLines = 3;

enum class SignalKind {
  sine,   ///< v = 325.27 sin(2 pi f t - 120 deg k) V, i = 14142 sin(2 pi f t - 120 deg k - phi) mA
  count,  ///< row n, channel k of the row: (8 n + k) mod 2^24, exact in a float
  house   ///< power, voltage and angle of a house, new every second
};

/// One line, before calibration.
struct Line {
  double voltage = 0;     ///< V, RMS
  double current_ma = 0;  ///< mA, RMS
  double p = 0, q = 0;    ///< W, var; plus = import, inductive
  double phase_deg = 0;   ///< from voltage to current

  [[nodiscard]] double s() const { return voltage * current_ma / 1000; }
};
using Lines = std::array<Line, kLines>;

/// An overtone: its order and its amplitude beside the fundamental's.
using Harmonics = std::vector<std::pair<int, double>>;

struct SignalSetup {
  SignalKind kind = SignalKind::sine;
  std::string profile = "house";  ///< for kind house, see virtual_house
  virtual_house::Setup house;
  std::size_t lines = kLines;
  double frequency = 50;    ///< Hz, whole
  double voltage = 325.27;  ///< V, amplitude
  double current = 14142;   ///< mA, amplitude
  double phi = 0;           ///< deg, of the current behind the voltage
  double phase = 0;         ///< deg, of L1 at row 0
  Harmonics voltage_harmonics, current_harmonics;
};

/// Factors for v1 i1 v2 i2 v3 i3: v and i are multiplied by theirs, p, q, s and energy by both of the line.
using Calibration = std::array<double, 2 * kLines>;

/// The lines behind a meter.
///
/// errors  the constructor throws std::invalid_argument for a profile that cannot be read
class Signal {
 public:
  explicit Signal(SignalSetup setup);

  /// What holds in a second of UTC, calibrated.
  [[nodiscard]] Lines at(std::int64_t utc_seconds) const;
  [[nodiscard]] const SignalSetup& setup() const { return setup_; }
  [[nodiscard]] double frequency() const { return setup_.frequency; }

  /// May change while rows are written; they follow with the next second.
  Calibration calibration{1, 1, 1, 1, 1, 1};
  bool relay = true;  ///< off: no current flows

  /// For sine: changes amplitude or angle.
  void set_sine(double voltage, double current, double phi);

 private:
  [[nodiscard]] Lines raw_at(std::int64_t utc_seconds) const;

  SignalSetup setup_;
  std::unique_ptr<virtual_house::Profile> house_;
  friend class RowWriter;
};

/// Writes the rows of one run. Rows come out of a table of one common period of rate and mains, so that a row costs a
/// copy; the table is made anew when a second of the house begins.
class RowWriter {
 public:
  /// `start_seconds`: house time of row 0; `rate` rows belong to each second after it. `measures` must outlive this.
  RowWriter(const Signal& signal, const Measures& measures, std::int64_t rate, std::int64_t start_seconds);

  /// Appends `count` rows from number `first` on as the wire has them.
  void append(std::vector<std::uint8_t>& out, std::uint64_t first, std::size_t count);
  /// The same into `to`, which has room for count * row_bytes.
  void write(std::uint8_t* to, std::uint64_t first, std::size_t count);
  /// Takes up a changed signal at once.
  void refresh() { second_ = -1; }

 private:
  void count_rows(std::uint8_t* to, std::uint64_t first, std::size_t count) const;
  void make_table(std::int64_t second);
  void sample_channel(const Channel& channel, const Lines& lines);

  const Signal& signal_;
  const Measures& measures_;
  std::uint64_t rate_;
  std::int64_t start_;
  std::size_t row_bytes_;
  std::size_t period_;               // rows
  std::int64_t second_ = -1;         // of the run, that table_ shows
  std::vector<double> samples_;      // of one channel, one period
  std::vector<std::uint8_t> table_;  // twice the period, so that most copies need no second piece
};

}  // namespace mesura::smartmeter::twin
