// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the running quarter hour comes to, and what peaks cost in a year.
#pragma once

#include <mesura/store.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>

namespace mesura::energy {

/// F = D + P (900 - t) / 900 and the power A that just keeps the limit (NaN from t = 870 s on).
///
/// source  sheet dsmr_p1 11.2 step 5
[[nodiscard]] store::Forecast forecast(std::int64_t quarter_ns, std::int64_t time_ns, double so_far_w, double power_w,
                                       double limit_w);

/// Mean of the import powers of the last minute.
class LastMinute {
 public:
  /// NaN and what is not later than the power before are passed over.
  void add(std::int64_t time_ns, double watts);
  /// NaN: none in the minute up to then.
  [[nodiscard]] double mean(std::int64_t now_ns) const;

 private:
  std::deque<std::pair<std::int64_t, double>> powers_;
};

/// The mean of max(peak, floor) over the last twelve of these months, and its price. A month of which it is known that
/// it had no peak (or nothing above the floor) counts as the floor; months that are not there don't count.
///
/// source  sheet dsmr_p1 11.2 step 7
[[nodiscard]] store::CapacityYear capacity_year(std::span<const store::MonthPeak> months, double floor_w,
                                                std::optional<double> eur_per_kw_year);

/// What a year costs more if a quarter of this average becomes the peak of a month that had `peak_w` (NaN: none).
[[nodiscard]] double new_peak_cost(double average_w, double peak_w, double floor_w, double eur_per_kw_year);

}  // namespace mesura::energy
