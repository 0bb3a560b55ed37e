// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/capacity.hpp"
#include "energy/periods.hpp"
#include "store/energy/demand_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace mesura::store {
namespace {

/// A year of quarter hours, and a bit.
constexpr double kMostQuarters = 40'000;
constexpr std::size_t kYear = 12;

}  // namespace

DemandAnswer Store::demand(const DemandQuery& query) {
  const std::int64_t now = query.now_ns > 0 ? query.now_ns : INT64_MAX - energy::kHourNs;
  const double span = static_cast<double>(query.range.to_ns) - static_cast<double>(query.range.from_ns);
  if (span / static_cast<double>(energy::kQuarterNs) > kMostQuarters)
    throw StoreError(StoreError::Cause::question,
                     fmt::format("demand-range: the range has too many quarter hours\n  expected  at most {:.0f}, "
                                 "400 days or so\n  hint      ask for one year after the other",
                                 kMostQuarters));
  DemandReader reader{*archive_, query.device, query.channel, now};
  DemandAnswer out;
  out.quarters = reader.quarters(query.range);
  const model::Zone zone = archive_->site_zone();
  for (std::int64_t at = query.range.from_ns; at < std::min(query.range.to_ns, now);) {
    const model::Window month = zone.month(at);
    MonthPeak none;
    none.month = {month.start_ns, month.end_ns};
    none.average_w = std::numeric_limits<double>::quiet_NaN();
    out.months.push_back(reader.month(at).value_or(none));
    if (month.end_ns <= at) break;
    at = month.end_ns;
  }
  return out;
}

CapacityYear Store::capacity_year(const std::string& device, std::int64_t now_ns, double floor_w,
                                  std::optional<double> eur_per_kw_year) {
  DemandReader reader{*archive_, device, "total", now_ns};
  const model::Zone zone = archive_->site_zone();
  std::vector<MonthPeak> months;
  std::int64_t at = now_ns;
  for (std::size_t i = 0; i < kYear; ++i) {
    if (auto peak = reader.month(at)) months.push_back(*peak);
    at = zone.month(at).start_ns - 1;
  }
  std::reverse(months.begin(), months.end());
  return energy::capacity_year(months, floor_w, eur_per_kw_year);
}

}  // namespace mesura::store
