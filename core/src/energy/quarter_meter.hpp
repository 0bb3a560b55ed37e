// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Quarter hours as the Belgian capacity tariff bills them: the mean import of each.
#pragma once

#include "energy/power_energy.hpp"
#include "energy/register_growth.hpp"

#include <mesura/store.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace mesura::energy {

using store::DemandOrigin;
using store::QuarterDemand;

/// What a device said at an instant; NaN: not said.
struct DemandSample {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  std::int64_t time_ns = 0;       ///< the meter's time, UTC
  double power_w = kUnknown;      ///< present import, never negative
  double register_wh = kUnknown;  ///< imported energy, all tariffs together
  double demand_w = kUnknown;     ///< the meter's own running demand (1.4.0)
};

/// Turns samples by time into quarter hours, as they come or from stored rows.
///
/// The average of a quarter is four times the growth of the register between its borders. A border takes the first
/// reading at or after it if that is at most 10 s late; else it is interpolated and the quarter `estimated`. Without
/// registers the last 1.4.0 counts, else the time-weighted mean of the power. Quarters of which nothing was heard are
/// reported once each, as unknown.
///
/// A quarter is reported by the first sample of a later one; where that has no register and the quarter has, by the
/// next one that has, a minute later at most.
///
/// Samples that are not later than the one before are passed over; when three in a row are more than a minute back, the
/// clock was set back and measuring begins anew there.
///
/// source  sheet dsmr_p1 11.2, steps 1 to 3: quarters are those of UTC, whose offsets to local time are whole hours
/// cost    a sample O(1), memory fixed
class QuarterMeter {
 public:
  struct Rules {
    std::int64_t late_ns = 10 * kSecondNs;
    std::int64_t patience_ns = 60 * kSecondNs;  ///< for the register after a border
    std::size_t most_unknown = 100'000;         ///< markers for one gap (2.8 years)
  };
  QuarterMeter() = default;
  explicit QuarterMeter(Rules rules) : rules_(rules) {}

  /// Appends the quarters that are over to `done`.
  void push(const DemandSample& sample, std::vector<QuarterDemand>& done);
  /// No more samples come, and it is `now_ns`: quarters that are over are closed with what there is.
  void finish(std::int64_t now_ns, std::vector<QuarterDemand>& done);
  /// The quarter of the last sample; nullopt before the first one. average_w is NaN while nothing tells what the whole
  /// quarter has used so far: its beginning was not heard and the meter sends no 1.4.0.
  [[nodiscard]] std::optional<QuarterDemand> running() const;
  /// Time of the newest sample; only once there is one.
  [[nodiscard]] std::int64_t time_ns() const { return last_ns_.value_or(0); }

 private:
  struct Border {
    double grown = 0;
    bool estimated = false;
  };
  struct Quarter {
    std::int64_t start_ns = 0;
    std::uint64_t samples = 0;
    std::int64_t first_ns = 0, last_ns = 0;
    double min_w = DemandSample::kUnknown, max_w = DemandSample::kUnknown;
    double power_wns = 0;  ///< sum of power and time
    std::int64_t covered_ns = 0;
    double demand_w = DemandSample::kUnknown;
    std::int64_t demand_ns = 0;
    std::optional<Border> from, to;  ///< growth of the register
    bool epoch = false;              ///< the register was reset or changed
  };

  [[nodiscard]] bool in_order(const DemandSample& sample, std::vector<QuarterDemand>& done);
  void take_power(const DemandSample& sample);
  void take_register(const DemandSample& sample);
  void close(const Quarter& quarter, std::optional<std::int64_t> next_ns, std::vector<QuarterDemand>& done) const;
  void close_pending(std::vector<QuarterDemand>& done);
  [[nodiscard]] static std::int64_t end_of(const Quarter& quarter) { return quarter.start_ns + kQuarterNs; }

  Rules rules_;
  std::optional<Quarter> open_;
  std::optional<Quarter> pending_;  ///< over, its end border not known yet
  std::optional<std::int64_t> last_ns_;
  int back_ = 0;  ///< samples in a row that are far back
  std::int64_t back_ns_ = 0;

  std::optional<Reading> register_;
  double grown_ = 0;
  std::optional<Reading> power_;
  Cadence cadence_;
};

}  // namespace mesura::energy
