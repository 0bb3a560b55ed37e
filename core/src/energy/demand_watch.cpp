// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/demand_watch.hpp"

#include <cmath>

namespace mesura::energy {
namespace {

constexpr double kQuietS = 60;
constexpr double kClearAt = 0.95;
/// A register of whole Wh makes quarters of whole 4 W.
constexpr double kResolutionW = 4;

}  // namespace

void DemandWatch::feed(const DemandSample& sample, std::vector<DemandEvent>& out) {
  done_.clear();
  meter_.push(sample, done_);
  minute_.add(sample.time_ns, sample.power_w);
  for (const QuarterDemand& quarter : done_) finished(quarter, sample.time_ns, out);
  look_ahead(sample.time_ns, out);
}

void DemandWatch::finished(const QuarterDemand& quarter, std::int64_t time_ns, std::vector<DemandEvent>& out) {
  out.push_back({DemandEvent::Kind::quarter, time_ns, quarter, {}, 0, true});
  const auto before = peaks_.peak_without(quarter.start_ns);
  peaks_.own(quarter);
  // A year and a month: what the yearly view may still ask for.
  peaks_.forget_before(quarter.start_ns - std::int64_t{400} * 86400 * kSecondNs);
  if (std::isnan(quarter.average_w)) return;
  last_finished_ = quarter;
  const double peak_w = before ? before->average_w : DemandSample::kUnknown;
  const auto now = peaks_.peak(quarter.start_ns);
  const bool meter_agrees = now && now->from_meter && now->quarter_ns == quarter.start_ns;
  const bool by_meter = before && before->from_meter;
  const bool unsure = quarter.origin == DemandOrigin::power && quarter.estimated;
  const bool beats = std::isnan(peak_w) || quarter.average_w > peak_w + (by_meter ? kResolutionW : 0);
  if (meter_agrees || (beats && !unsure)) new_peak(quarter, peak_w, time_ns, out);
}

void DemandWatch::meter_peak(std::int64_t end_ns, double watts, std::vector<DemandEvent>& out) {
  const bool news = peaks_.meter(end_ns, watts);
  if (!news || watts <= 0 || !last_finished_) return;
  const std::int64_t quarter = floor_to(end_ns - 1, kQuarterNs);
  if (quarter != last_finished_->start_ns) return;
  const auto before = peaks_.peak_without(quarter);
  new_peak(*last_finished_, before ? before->average_w : DemandSample::kUnknown, meter_.time_ns(), out);
}

void DemandWatch::new_peak(const QuarterDemand& quarter, double before_w, std::int64_t time_ns,
                           std::vector<DemandEvent>& out) {
  if (peak_told_ == quarter.start_ns) return;
  peak_told_ = quarter.start_ns;
  out.push_back({DemandEvent::Kind::new_peak, time_ns, quarter, {}, before_w, quarter.average_w > rules_.floor_w});
}

void DemandWatch::look_ahead(std::int64_t time_ns, std::vector<DemandEvent>& out) {
  const auto running = meter_.running();
  if (!running || time_ns != meter_.time_ns()) return;  // passed over
  const double power = minute_.mean(time_ns);
  const auto peak = peaks_.peak(running->start_ns);
  const double limit = std::fmax(rules_.limit_w ? *rules_.limit_w
                                 : peak         ? peak->average_w
                                                : DemandSample::kUnknown,
                                 rules_.floor_w);
  if (warning_ && warned_quarter_ != running->start_ns) {
    warning_ = false;
    const store::Forecast last = forecast_.value_or(store::Forecast{});
    out.push_back({DemandEvent::Kind::cleared, time_ns, *running, last, 0, true});
  }
  forecast_.reset();
  if (std::isnan(power) || std::isnan(running->average_w)) return;
  forecast_ = energy::forecast(running->start_ns, time_ns, running->average_w, power, limit);
  if (!warning_ && warned_quarter_ != running->start_ns && forecast_->elapsed_s >= kQuietS &&
      forecast_->forecast_w > limit) {
    warning_ = true;
    warned_quarter_ = running->start_ns;
    out.push_back({DemandEvent::Kind::warning, time_ns, *running, *forecast_, 0, true});
  } else if (warning_ && forecast_->forecast_w < kClearAt * limit) {
    warning_ = false;
    out.push_back({DemandEvent::Kind::cleared, time_ns, *running, *forecast_, 0, true});
  }
}

}  // namespace mesura::energy
