// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/capacity.hpp"

#include "energy/periods.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mesura::energy {
namespace {

constexpr double kQuarterS = 900;
/// From here on a power that would still keep the limit means nothing any more.
constexpr double kLastAllowedS = 870;
constexpr std::int64_t kMinuteNs = 60 * kSecondNs;
constexpr std::size_t kYear = 12;
constexpr double kMonths = 12;

}  // namespace

store::Forecast forecast(std::int64_t quarter_ns, std::int64_t time_ns, double so_far_w, double power_w,
                         double limit_w) {
  store::Forecast out;
  out.quarter_ns = quarter_ns;
  out.elapsed_s = static_cast<double>(time_ns - quarter_ns) / static_cast<double>(kSecondNs);
  out.so_far_w = so_far_w;
  out.power_w = power_w;
  out.limit_w = limit_w;
  const double rest = kQuarterS - out.elapsed_s;
  out.forecast_w = so_far_w + power_w * rest / kQuarterS;
  out.allowed_w = out.elapsed_s < kLastAllowedS ? std::max(0.0, (limit_w - so_far_w) * kQuarterS / rest)
                                                : std::numeric_limits<double>::quiet_NaN();
  return out;
}

void LastMinute::add(std::int64_t time_ns, double watts) {
  if (!std::isfinite(watts)) return;
  if (!powers_.empty() && time_ns <= powers_.back().first) {
    // A clock that was set back begins anew.
    if (powers_.back().first - time_ns <= kMinuteNs) return;
    powers_.clear();
  }
  powers_.emplace_back(time_ns, watts);
  while (powers_.front().first <= time_ns - kMinuteNs) powers_.pop_front();
}

double LastMinute::mean(std::int64_t now_ns) const {
  double sum = 0;
  int count = 0;
  for (const auto& [time_ns, watts] : powers_) {
    if (time_ns <= now_ns - kMinuteNs) continue;
    sum += watts;
    ++count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

store::CapacityYear capacity_year(std::span<const store::MonthPeak> months, double floor_w,
                                  std::optional<double> eur_per_kw_year) {
  store::CapacityYear out;
  const auto last = months.subspan(months.size() - std::min(months.size(), kYear));
  out.months.assign(last.begin(), last.end());
  if (last.empty()) return out;
  double sum = 0;
  for (const store::MonthPeak& month : last) sum += std::fmax(month.average_w, floor_w);  // fmax: NaN is no peak
  out.mean_w = sum / static_cast<double>(last.size());
  if (eur_per_kw_year) out.cost_eur = out.mean_w / 1000 * *eur_per_kw_year;
  return out;
}

double new_peak_cost(double average_w, double peak_w, double floor_w, double eur_per_kw_year) {
  const double above = average_w - std::fmax(peak_w, floor_w);
  return above > 0 ? above / 1000 / kMonths * eur_per_kw_year : 0;
}

}  // namespace mesura::energy
