// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Quarter-hour demand of one channel, from what is stored.
#pragma once

#include "energy/month_peaks.hpp"
#include "energy/quarter_meter.hpp"
#include "store/archive.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mesura::store {

/// The rules of energy::QuarterMeter over stored rows: registers at the borders of quarters, from a few raw rows beside
/// each; else the meter's own running demand; else power, from rollups.
class DemandReader {
 public:
  /// Throws StoreError (unknown): the channel has neither a register nor a power.
  DemandReader(Archive& archive, const std::string& device, const std::string& channel, std::int64_t now_ns);

  /// All quarters that touch the range and have begun, without those before the first and after the last known one.
  [[nodiscard]] std::vector<QuarterDemand> quarters(TimeRange range);
  /// Of the month that holds this instant; nullopt: nothing was measured in it.
  [[nodiscard]] std::optional<MonthPeak> month(std::int64_t time_ns);

 private:
  /// The part of a range in which there is anything at all, in whole quarters; nullopt: none.
  [[nodiscard]] std::optional<TimeRange> known(TimeRange range);
  [[nodiscard]] std::vector<QuarterDemand> finished(TimeRange range);
  [[nodiscard]] std::optional<QuarterDemand> running(std::int64_t quarter_ns);
  /// Returns the part of each quarter that rollups cover.
  std::vector<double> see(TimeRange range, std::vector<QuarterDemand>& out);
  void by_registers(std::span<const TimeRange> windows, std::vector<QuarterDemand>& out);
  void by_demand(std::vector<QuarterDemand>& out);
  void by_power(std::vector<QuarterDemand>& out);
  void completeness(std::span<const double> covered, std::vector<QuarterDemand>& out);
  [[nodiscard]] energy::DemandSample sample(const RawRow& row) const;
  [[nodiscard]] std::vector<std::uint32_t> live_ids() const;
  void meter_peaks(TimeRange range, energy::MonthPeaks& peaks);
  void meter_peaks(Resolution resolution, TimeRange range, energy::MonthPeaks& peaks);
  void own_peak(TimeRange month, energy::MonthPeaks& peaks);

  Archive& archive_;
  std::int64_t now_ns_;
  std::vector<std::uint32_t> registers_;  ///< the total, or all tariffs
  std::optional<std::uint32_t> power_, demand_, month_max_;
  bool above_ = true;  ///< import is the power's plus
};

}  // namespace mesura::store
