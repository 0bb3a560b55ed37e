// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The highest quarter hour of each calendar month.
#pragma once

#include "energy/quarter_meter.hpp"

#include "model/zones.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace mesura::energy {

using store::MonthPeak;

/// Keeps what the meter says (1.6.0, 98.1.0), which counts, beside our own maxima.
///
/// A quarter hour belongs to the month in which it begins: one that ends at 00:00 on the 1st is the month before's.
/// Quarters of which too little was heard don't make a peak.
///
/// source  sheet dsmr_p1 11.1 and 11.2 step 4
class MonthPeaks {
 public:
  explicit MonthPeaks(model::Zone zone) : zone_(zone) {}

  /// A peak of the meter's with the end of its quarter; 0 W or less at any time in a month: that one has no peak.
  /// True if it is news.
  bool meter(std::int64_t end_ns, double watts);
  /// A finished quarter of our own.
  void own(const QuarterDemand& quarter);
  /// What was known before, from a store.
  void known(const MonthPeak& peak);

  /// Of the month that holds this instant; average_w NaN: none. nullopt: nothing was heard in that month.
  [[nodiscard]] std::optional<MonthPeak> peak(std::int64_t time_ns) const;
  /// The same as if this quarter had not been: what it has to beat.
  [[nodiscard]] std::optional<MonthPeak> peak_without(std::int64_t quarter_ns) const;
  /// All that is known, oldest first.
  [[nodiscard]] std::vector<MonthPeak> all() const;
  /// Forgets months that ended before.
  void forget_before(std::int64_t time_ns);

 private:
  struct Maximum {
    double watts = DemandSample::kUnknown;
    std::int64_t quarter_ns = 0;
  };
  /// The highest and the one before it.
  struct Two {
    std::optional<Maximum> first, second;
    bool add(Maximum maximum);
    [[nodiscard]] std::optional<Maximum> without(std::optional<std::int64_t> quarter_ns) const;
  };
  struct Month {
    TimeRange range;
    bool meter_says = false;  ///< even if it is that there is none
    Two meter, own;
    std::optional<std::int64_t> since_ns;
  };

  Month& month_of(std::int64_t quarter_ns);
  [[nodiscard]] const Month* find(std::int64_t time_ns) const;
  [[nodiscard]] static MonthPeak peak_of(const Month& month, std::optional<std::int64_t> without);

  model::Zone zone_;
  std::map<std::int64_t, Month> months_;  ///< by start
};

}  // namespace mesura::energy
