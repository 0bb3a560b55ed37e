// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a register has grown by, window after window, over gaps, resets, rollovers and another meter in its place.
#pragma once

#include "energy/periods.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace mesura::energy {

/// A register at an instant, in its base unit.
struct Reading {
  std::int64_t time_ns = 0;
  double value = 0;
};

/// What a register can do at most; beyond it another meter has come.
struct RegisterRules {
  double at_once = 0;   ///< base units in no time: registers with a coarse last digit step that far
  double per_hour = 0;  ///< base units; 0: no limit

  /// 100 kWh and 1 MW of energies, 100 m3 and 1000 m3/h of volumes, ...
  [[nodiscard]] static RegisterRules of(std::string_view unit);
};

/// From one reading to the next.
struct Step {
  double growth = 0;   ///< never negative
  bool epoch = false;  ///< a reset, a rollover or another meter lies between: growth is what is certain of it
};

/// A step down is a rollover where it is evident: from the last thousandth of a power of ten (999999.9 kWh) to the
/// first one; then growth goes through it. Any other one is a reset and counts nothing, nor does one up that nobody can
/// use.
[[nodiscard]] Step step(const Reading& a, const Reading& b, const RegisterRules& rules);

struct BorderRules {
  /// A border takes the first reading at or after it, if it is not later than this.
  std::int64_t late_ns = 10 * kSecondNs;
  /// Otherwise it is interpolated; between readings farther apart than this that is an estimate.
  std::int64_t gap_ns = 60 * kSecondNs;
};

/// The growth in windows that follow one another without holes, of readings by time. All readings are not needed: those
/// beside borders and beside steps that are epochs are enough, the result is the same.
///
/// A window that begins before the first reading counts from there, one that ends after the last one up to it:
/// completeness, which is not worked out here, tells.
class GrowthWalk {
 public:
  /// `windows` must outlive the walk.
  GrowthWalk(std::span<const TimeRange> windows, RegisterRules rules, BorderRules borders = {});
  /// Repeated and earlier times are passed over.
  void reading(const Reading& reading);
  [[nodiscard]] std::vector<store::Growth> finish() const;
  /// Both borders of a window lie within the readings: its growth is all of it.
  [[nodiscard]] bool bounded(std::size_t window) const {
    return borders_[window].at.has_value() && borders_[window + 1].at.has_value();
  }
  /// A border of a window has no reading of its own, however short the step that it cuts.
  [[nodiscard]] bool interpolated(std::size_t window) const {
    return borders_[window].interpolated || borders_[window + 1].interpolated;
  }

 private:
  struct Border {
    std::int64_t time_ns;
    std::optional<double> at;  ///< growth since the first reading; empty: outside the readings
    bool estimated = false;
    bool interpolated = false;
  };

  std::span<const TimeRange> windows_;
  RegisterRules rules_;
  BorderRules border_rules_;
  std::vector<Border> borders_;  ///< one more than windows
  std::size_t next_ = 0;         ///< the first border after the last reading
  std::vector<std::uint32_t> epochs_;
  std::optional<Reading> last_;
  double grown_ = 0;
};

}  // namespace mesura::energy
