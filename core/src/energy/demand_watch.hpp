// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Follows one connection's demand live: finished quarters, the forecast of the running one, warnings and new peaks.
#pragma once

#include "energy/capacity.hpp"
#include "energy/month_peaks.hpp"
#include "energy/quarter_meter.hpp"

#include "model/zones.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace mesura::energy {

struct DemandEvent {
  enum class Kind : std::uint8_t {
    quarter,  ///< one is over (or is known never to be known)
    warning,  ///< the running quarter's forecast has gone above the limit
    cleared,  ///< it has come down to 95 % of the limit, or the quarter is over
    new_peak  ///< a finished quarter has beaten the month's peak
  };
  Kind kind = Kind::quarter;
  std::int64_t time_ns = 0;       ///< of the sample that told
  QuarterDemand quarter = {};     ///< of quarter and new_peak; the running one of the others
  store::Forecast forecast = {};  ///< of warning and cleared
  double before_w = 0;            ///< new_peak: the peak that was beaten; NaN: the month had none
  bool above_floor = true;        ///< new_peak: it costs something; alerts had better be silent below
};

/// A pure state machine: samples and the meter's own peaks in, events out.
///
/// A forecast above the limit (the fixed one, or else the month's peak, but at least the floor) is a warning at most
/// once a quarter, and not in its first 60 s. A finished quarter that beats the month's peak so far is a new peak;
/// where the meter keeps peaks itself, one by less than our resolution (4 W) only once it says so, too.
///
/// source  sheet dsmr_p1 11.2 steps 4 to 6
/// cost    a sample O(60), about 100 ns
class DemandWatch {
 public:
  struct Rules {
    double floor_w = 2500;
    std::optional<double> limit_w;  ///< in place of the month's peak
  };
  DemandWatch(Rules rules, model::Zone zone) : rules_(rules), peaks_(zone) {}

  void feed(const DemandSample& sample, std::vector<DemandEvent>& out);
  /// 1.6.0 or 98.1.0, at the time of its quarter's end. The same telegram's sample may come before or after.
  void meter_peak(std::int64_t end_ns, double watts, std::vector<DemandEvent>& out);
  /// Peaks from a store, after a start.
  void known(const MonthPeak& peak) { peaks_.known(peak); }
  /// Other figures, the state stays.
  void set_rules(Rules rules) { rules_ = rules; }

  /// Of the newest sample; nullopt: no power in the last minute, or nobody knows what the quarter has used so far.
  [[nodiscard]] const std::optional<store::Forecast>& forecast() const { return forecast_; }
  [[nodiscard]] bool warning() const { return warning_; }
  [[nodiscard]] std::optional<QuarterDemand> running() const { return meter_.running(); }
  [[nodiscard]] const MonthPeaks& peaks() const { return peaks_; }

 private:
  void finished(const QuarterDemand& quarter, std::int64_t time_ns, std::vector<DemandEvent>& out);
  void look_ahead(std::int64_t time_ns, std::vector<DemandEvent>& out);
  void new_peak(const QuarterDemand& quarter, double before_w, std::int64_t time_ns, std::vector<DemandEvent>& out);

  Rules rules_;
  MonthPeaks peaks_;
  QuarterMeter meter_;
  LastMinute minute_;
  std::vector<QuarterDemand> done_;
  std::optional<store::Forecast> forecast_;
  std::optional<QuarterDemand> last_finished_;
  std::optional<std::int64_t> warned_quarter_;  ///< the last one that was warned of
  std::optional<std::int64_t> peak_told_;       ///< the last quarter that was told as a peak
  bool warning_ = false;
};

}  // namespace mesura::energy
