// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/month_peaks.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace mesura::energy {

bool MonthPeaks::Two::add(Maximum maximum) {
  if (first && first->quarter_ns == maximum.quarter_ns) {
    const bool news = first->watts != maximum.watts;
    first = maximum;
    return news;
  }
  if (!first || maximum.watts > first->watts) {
    second = first;
    first = maximum;
    return true;
  }
  if (!second || maximum.watts > second->watts) second = maximum;
  return false;
}

std::optional<MonthPeaks::Maximum> MonthPeaks::Two::without(std::optional<std::int64_t> quarter_ns) const {
  return quarter_ns && first && first->quarter_ns == *quarter_ns ? second : first;
}

MonthPeaks::Month& MonthPeaks::month_of(std::int64_t quarter_ns) {
  const model::Window window = zone_.month(quarter_ns);
  Month& month = months_[window.start_ns];
  month.range = {window.start_ns, window.end_ns};
  return month;
}

const MonthPeaks::Month* MonthPeaks::find(std::int64_t time_ns) const {
  const auto after = months_.upper_bound(time_ns);
  if (after == months_.begin()) return nullptr;
  const Month& month = std::prev(after)->second;
  return month.range.contains(time_ns) ? &month : nullptr;
}

bool MonthPeaks::meter(std::int64_t end_ns, double watts) {
  if (!std::isfinite(watts)) return false;
  if (watts <= 0) {
    Month& month = month_of(end_ns);
    const bool news = !month.meter_says;
    month.meter_says = true;
    return news;
  }
  const std::int64_t quarter = floor_to(end_ns - 1, kQuarterNs);
  Month& month = month_of(quarter);
  const bool news = !month.meter_says;
  month.meter_says = true;
  return month.meter.add({watts, quarter}) || news;
}

void MonthPeaks::own(const QuarterDemand& quarter) {
  if (std::isnan(quarter.average_w) || quarter.running) return;
  Month& month = month_of(quarter.start_ns);
  month.since_ns = std::min(month.since_ns.value_or(quarter.start_ns), quarter.start_ns);
  if (quarter.origin == DemandOrigin::power && quarter.estimated) return;
  month.own.add({quarter.average_w, quarter.start_ns});
}

void MonthPeaks::known(const MonthPeak& peak) {
  if (peak.from_meter) {
    meter(std::isnan(peak.average_w) ? peak.month.from_ns : peak.quarter_ns + kQuarterNs,
          std::isnan(peak.average_w) ? 0 : peak.average_w);
    return;
  }
  if (std::isnan(peak.average_w)) return;
  Month& month = month_of(peak.quarter_ns);
  month.own.add({peak.average_w, peak.quarter_ns});
  month.since_ns = std::min(month.since_ns.value_or(peak.since_ns), peak.since_ns);
}

MonthPeak MonthPeaks::peak_of(const Month& month, std::optional<std::int64_t> without) {
  MonthPeak out;
  out.month = month.range;
  out.from_meter = month.meter_says;
  out.since_ns = month.since_ns.value_or(month.range.from_ns);
  const auto maximum = (month.meter_says ? month.meter : month.own).without(without);
  out.average_w = maximum ? maximum->watts : DemandSample::kUnknown;
  out.quarter_ns = maximum ? maximum->quarter_ns : 0;
  return out;
}

std::optional<MonthPeak> MonthPeaks::peak(std::int64_t time_ns) const {
  const Month* month = find(time_ns);
  return month != nullptr ? std::optional{peak_of(*month, {})} : std::nullopt;
}

std::optional<MonthPeak> MonthPeaks::peak_without(std::int64_t quarter_ns) const {
  const Month* month = find(quarter_ns);
  return month != nullptr ? std::optional{peak_of(*month, quarter_ns)} : std::nullopt;
}

std::vector<MonthPeak> MonthPeaks::all() const {
  std::vector<MonthPeak> out;
  for (const auto& [start, month] : months_) out.push_back(peak_of(month, {}));
  return out;
}

void MonthPeaks::forget_before(std::int64_t time_ns) {
  std::erase_if(months_, [&](const auto& entry) { return entry.second.range.to_ns <= time_ns; });
}

}  // namespace mesura::energy
