// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/power_energy.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::energy {
namespace {

constexpr double kNsPerHour = 3.6e12;
constexpr std::int64_t kGapFactor = 3;
constexpr int kNewUsual = 3;
/// Until two values have come nobody knows the interval: a longer one is none.
constexpr std::int64_t kLongestInterval = kQuarterNs;

}  // namespace

bool Cadence::is_gap(std::int64_t interval_ns) {
  if (usual_ns_ == 0) {
    if (interval_ns > kLongestInterval) return true;
    usual_ns_ = interval_ns;
    return false;
  }
  if (interval_ns > kGapFactor * usual_ns_) {
    if (++odd_ < kNewUsual) return true;
    usual_ns_ = interval_ns;
    odd_ = 0;
    return interval_ns > kLongestInterval;
  }
  odd_ = 0;
  usual_ns_ += (interval_ns - usual_ns_) / 8;
  return false;
}

PowerEnergy line_energy(double a_w, double b_w, std::int64_t ns) {
  const double hours = static_cast<double>(ns) / kNsPerHour;
  if ((a_w >= 0) == (b_w >= 0)) {
    const double wh = (a_w + b_w) / 2 * hours;
    return wh >= 0 ? PowerEnergy{wh, 0, ns} : PowerEnergy{0, -wh, ns};
  }
  const double part = a_w / (a_w - b_w);  // of the time, until the line crosses zero
  const double first = std::abs(a_w) / 2 * part * hours;
  const double second = std::abs(b_w) / 2 * (1 - part) * hours;
  return a_w >= 0 ? PowerEnergy{first, second, ns} : PowerEnergy{second, first, ns};
}

PowerWalk::PowerWalk(std::span<const TimeRange> windows, Integration mode)
    : windows_(windows), mean_(mode == Integration::mean), out_(windows.size()) {}

std::size_t PowerWalk::window_at(std::int64_t time_ns) {
  while (at_ < windows_.size() && windows_[at_].to_ns <= time_ns) ++at_;
  return at_;
}

void PowerWalk::power(std::int64_t time_ns, double watts) {
  if (!std::isfinite(watts) || (last_ns_ && time_ns <= *last_ns_)) return;
  if (last_ns_ && !cadence_.is_gap(time_ns - *last_ns_)) {
    const auto span = static_cast<double>(time_ns - *last_ns_);
    const auto value_at = [&](std::int64_t at) {
      return mean_ ? watts : last_w_ + (watts - last_w_) * (static_cast<double>(at - *last_ns_) / span);
    };
    for (std::size_t i = window_at(*last_ns_); i < windows_.size() && windows_[i].from_ns < time_ns; ++i) {
      const std::int64_t from = std::max({*last_ns_, windows_[i].from_ns, counted_to_ns_});
      const std::int64_t to = std::min(time_ns, windows_[i].to_ns);
      if (from >= to) continue;
      const PowerEnergy part = line_energy(value_at(from), value_at(to), to - from);
      out_[i].above_wh += part.above_wh;
      out_[i].below_wh += part.below_wh;
      out_[i].covered_ns += part.covered_ns;
    }
  }
  last_ns_ = time_ns;
  last_w_ = watts;
}

void PowerWalk::stretch(TimeRange window, std::int64_t covered_ns, double mean_w, double low_w, double high_w) {
  if (!std::isfinite(mean_w)) return;
  double magnitude = std::abs(mean_w);
  if (low_w < 0 && high_w > 0) {
    const double span = high_w - low_w;
    const double even = (low_w * low_w + high_w * high_w) / (2 * span);
    const double share = (mean_w - low_w) / span;  // of the time, if there were nothing but the extremes
    const double widest = share * high_w - (1 - share) * low_w;
    magnitude = std::clamp(even, magnitude, std::max(magnitude, widest));
  }
  const double hours = static_cast<double>(covered_ns) / kNsPerHour;
  add(window, {(magnitude + mean_w) / 2 * hours, (magnitude - mean_w) / 2 * hours, covered_ns});
}

void PowerWalk::add(TimeRange stretch, const PowerEnergy& energy) {
  last_ns_.reset();
  counted_to_ns_ = stretch.to_ns;
  const std::size_t i = window_at(stretch.from_ns);
  if (i >= windows_.size()) return;
  out_[i].above_wh += energy.above_wh;
  out_[i].below_wh += energy.below_wh;
  out_[i].covered_ns += energy.covered_ns;
}

}  // namespace mesura::energy
