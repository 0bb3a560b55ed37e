// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crossings.hpp"
#include "kernel.hpp"
#include "measures.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mesura::smartmeter {

/// What a second of rows says of one line, in V, A, W, var, VA and Hz.
struct LineSecond {
  double voltage = 0, current = 0;            ///< RMS
  double active = 0;                          ///< mean of v i
  double reactive = 0;                        ///< of the fundamental, plus is inductive
  double frequency = 0;                       ///< 0: not found
  double energy_wh = 0;                       ///< over the rows that came, signed
  double chip_active = 0, chip_reactive = 0;  ///< means of what the chip itself says, of a mixed measure
  bool has_chip = false;
  bool has_voltage = false, has_power = false, has_reactive = false;
};

struct Second {
  std::uint64_t end_row = 0;  ///< number of the row behind its last
  std::uint64_t rows = 0;     ///< that came
  std::array<LineSecond, 3> lines;
  std::size_t line_count = 0;
};

/// Sees a run's rows go by and gives the values of each second, counted in rows from the run's first one.
///
/// RMS values are the roots of the means of all rows; active power is the mean of the products v i; reactive power is
/// that of the fundamental: both phasors are correlated with one reference that turns at the mains frequency as it was
/// found in the second before, then put right for the difference to the frequency of this second. Below 125 rows/s a
/// mains wave can't be told from its aliases: nothing is derived; frequency and reactive power need 250.
class Derive {
 public:
  class Sink {
   public:
    virtual void on_second(const Second& second) = 0;

   protected:
    ~Sink() = default;
  };
  static constexpr std::int64_t kLeastRate = 125, kLeastPhaseRate = 250;

  explicit Derive(Sink& sink) : sink_(sink) {}

  void begin(const Measure& measure, std::int64_t rate);
  /// Rows in the order of the run; whatever is between two calls was lost. samples: as on the wire.
  void rows(const std::uint8_t* samples, std::size_t rows, std::uint64_t first_row);
  /// The run is over: what is pending of a second.
  void finish();

 private:
  void add(const std::uint8_t* samples, std::size_t rows, std::uint64_t first_row);
  void add_means(const std::uint8_t* samples, std::size_t rows);
  void add_wave(const std::uint8_t* samples, std::size_t rows, std::uint64_t first_row);
  void end_second(std::uint64_t due);
  void tell_wave(LineSecond& out, std::size_t line, double frequency) const;
  void tell_means(LineSecond& out, std::size_t line) const;
  [[nodiscard]] bool reactive_power(const LineSums& sums, double frequency, double& out) const;

  Sink& sink_;
  const Measure* measure_ = nullptr;
  std::int64_t rate_ = 0;
  std::size_t lines_ = 0;
  bool wave_ = false;
  bool phases_ = false;         ///< the rate suffices for frequency and reactive power
  std::uint64_t next_row_ = 0;  ///< behind the last row seen
  std::uint64_t window_ = 0;    ///< number of the second
  std::uint64_t seen_ = 0;      ///< its rows so far
  bool whole_ = true;           ///< none of them is missing so far
  Kernel kernel_;
  std::array<LineSums, 3> sums_;
  std::array<double, 6> means_{};  ///< sums of the latched values; of squares for RMS values; of a mixed measure's P, Q
  std::array<Crossings, 3> crossings_;
  std::vector<std::uint8_t> pairs_;  ///< v and i of a mixed measure
};

}  // namespace mesura::smartmeter
