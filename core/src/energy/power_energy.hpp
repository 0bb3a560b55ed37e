// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Energy of powers, where there is no register.
#pragma once

#include "energy/periods.hpp"

#include <mesura/measurement.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace mesura::energy {

/// Energy by sign of the power, both positive, and the time that it is of.
struct PowerEnergy {
  double above_wh = 0;  ///< of positive power
  double below_wh = 0;  ///< of negative power
  std::int64_t covered_ns = 0;
};

/// How long an interval may be before it is a gap: three times the usual one. The usual one follows slowly; three long
/// intervals in a row are the new usual one.
class Cadence {
 public:
  /// Whether the interval is a gap. Call it for each one, in order.
  [[nodiscard]] bool is_gap(std::int64_t interval_ns);
  [[nodiscard]] std::int64_t usual_ns() const { return usual_ns_; }

 private:
  std::int64_t usual_ns_ = 0;
  int odd_ = 0;
};

/// The energy of a line from power a to power b over a time, by sign.
[[nodiscard]] PowerEnergy line_energy(double a_w, double b_w, std::int64_t ns);

/// Powers by time into windows that follow one another without holes. A mean counts for the time since the value before
/// it, momentary values are joined by straight lines; a line through zero feeds both directions. Nothing is counted
/// across a gap.
class PowerWalk {
 public:
  /// `windows` must outlive the walk. mode: Integration::mean, else momentary values.
  PowerWalk(std::span<const TimeRange> windows, Integration mode);
  /// NaN, repeated and earlier times are passed over.
  void power(std::int64_t time_ns, double watts);
  /// A stretch whose mean is known (a rollup); `low` and `high` are what powers were in it. Of mixed signs the split
  /// is that of values spread evenly, as near as the mean allows. Powers may follow, the last one before its end first:
  /// what lies before its end is not counted again.
  void stretch(TimeRange window, std::int64_t covered_ns, double mean_w, double low_w, double high_w);
  /// What was worked out elsewhere of a stretch that lies within one window.
  void add(TimeRange stretch, const PowerEnergy& energy);
  /// By window.
  [[nodiscard]] const std::vector<PowerEnergy>& result() const { return out_; }

 private:
  [[nodiscard]] std::size_t window_at(std::int64_t time_ns);

  std::span<const TimeRange> windows_;
  bool mean_;
  std::vector<PowerEnergy> out_;
  std::size_t at_ = 0;
  Cadence cadence_;
  std::optional<std::int64_t> last_ns_;
  std::int64_t counted_to_ns_ = std::numeric_limits<std::int64_t>::min();  ///< by a stretch
  double last_w_ = 0;
};

}  // namespace mesura::energy
