// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/quarter_meter.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::energy {
namespace {

constexpr auto kQuarterD = static_cast<double>(kQuarterNs);
/// Of a quarter, that power must cover to stand for it.
constexpr double kEnough = 0.9;
constexpr std::int64_t kFarBack = 60 * kSecondNs;
constexpr int kSetBack = 3;

}  // namespace

bool QuarterMeter::in_order(const DemandSample& sample, std::vector<QuarterDemand>& done) {
  if (!last_ns_ || sample.time_ns > *last_ns_) {
    back_ = 0;
    return true;
  }
  if (*last_ns_ - sample.time_ns <= kFarBack) return false;
  // A late sample comes alone; a clock that was set back goes on from there.
  back_ = back_ > 0 && sample.time_ns > back_ns_ ? back_ + 1 : 1;
  back_ns_ = sample.time_ns;
  if (back_ < kSetBack) return false;
  if (pending_) close_pending(done);
  const Rules rules = rules_;
  *this = QuarterMeter{rules};
  return true;
}

void QuarterMeter::push(const DemandSample& sample, std::vector<QuarterDemand>& done) {
  if (!in_order(sample, done)) return;
  const std::int64_t start = floor_to(sample.time_ns, kQuarterNs);
  if (open_ && start != open_->start_ns) {
    if (pending_) close_pending(done);
    pending_ = open_;
    open_.reset();
  }
  if (!open_) {
    Quarter fresh;
    fresh.start_ns = start;
    fresh.first_ns = sample.time_ns;
    open_ = fresh;
  }
  take_power(sample);
  take_register(sample);
  open_->last_ns = sample.time_ns;
  ++open_->samples;
  if (std::isfinite(sample.demand_w)) {
    open_->demand_w = sample.demand_w;
    open_->demand_ns = sample.time_ns;
  }
  last_ns_ = sample.time_ns;
  if (pending_ && (pending_->to || !pending_->from || sample.time_ns - open_->first_ns >= rules_.patience_ns))
    close_pending(done);
}

void QuarterMeter::take_power(const DemandSample& sample) {
  if (!std::isfinite(sample.power_w)) return;
  const double watts = std::max(0.0, sample.power_w);
  open_->min_w = std::fmin(open_->min_w, watts);
  open_->max_w = std::fmax(open_->max_w, watts);
  if (power_ && !cadence_.is_gap(sample.time_ns - power_->time_ns)) {
    // What a meter says is the mean of its last second or seconds.
    const auto share = [&](Quarter& quarter) {
      const std::int64_t from = std::max(power_->time_ns, quarter.start_ns);
      const std::int64_t to = std::min(sample.time_ns, end_of(quarter));
      if (from >= to) return;
      quarter.power_wns += watts * static_cast<double>(to - from);
      quarter.covered_ns += to - from;
    };
    if (pending_) share(*pending_);
    share(*open_);
  }
  power_ = Reading{sample.time_ns, watts};
}

void QuarterMeter::take_register(const DemandSample& sample) {
  if (!std::isfinite(sample.register_wh)) return;
  const Reading now{sample.time_ns, sample.register_wh};
  static const RegisterRules rules = RegisterRules::of("Wh");
  const Step made = register_ ? step(*register_, now, rules) : Step{};
  const auto border_at = [&](std::int64_t border) -> std::optional<Border> {
    if (now.time_ns - border <= rules_.late_ns) return Border{grown_ + made.growth, false};
    if (!register_ || register_->time_ns > border) return std::nullopt;
    const double part =
        static_cast<double>(border - register_->time_ns) / static_cast<double>(now.time_ns - register_->time_ns);
    return Border{grown_ + made.growth * part, true};
  };
  if (pending_ && !pending_->to) {
    pending_->to = border_at(end_of(*pending_));
    pending_->epoch |= made.epoch;
  }
  if (!open_->from) open_->from = border_at(open_->start_ns);
  // Before the border that has taken this reading, a change of the register is none of the new quarter.
  open_->epoch |= made.epoch && now.time_ns - open_->start_ns > rules_.late_ns;
  grown_ += made.growth;
  register_ = now;
}

void QuarterMeter::close(const Quarter& quarter, std::optional<std::int64_t> next_ns,
                         std::vector<QuarterDemand>& done) const {
  QuarterDemand out;
  out.start_ns = quarter.start_ns;
  out.samples = quarter.samples;
  out.min_w = quarter.min_w;
  out.max_w = quarter.max_w;
  const std::int64_t end = end_of(quarter);
  out.complete = quarter.first_ns - quarter.start_ns <= rules_.late_ns &&
                 (end - quarter.last_ns <= rules_.late_ns || (next_ns && *next_ns - end <= rules_.late_ns));
  if (quarter.from && quarter.to) {
    out.average_w = 4 * (quarter.to->grown - quarter.from->grown);
    out.estimated = quarter.from->estimated || quarter.to->estimated || quarter.epoch;
  } else if (std::isfinite(quarter.demand_w)) {
    out.origin = DemandOrigin::meter;
    out.average_w = quarter.demand_w;
    out.estimated = end - quarter.demand_ns > rules_.late_ns;
  } else if (quarter.covered_ns > 0) {
    out.origin = DemandOrigin::power;
    out.average_w = quarter.power_wns / static_cast<double>(quarter.covered_ns);
    out.estimated = static_cast<double>(quarter.covered_ns) < kEnough * kQuarterD;
  } else {
    out.average_w = DemandSample::kUnknown;
  }
  done.push_back(out);
}

void QuarterMeter::close_pending(std::vector<QuarterDemand>& done) {
  const std::optional<std::int64_t> next = open_ ? std::optional{open_->first_ns} : std::nullopt;
  close(*pending_, next, done);
  if (open_) {
    std::size_t markers = 0;
    for (std::int64_t at = end_of(*pending_); at < open_->start_ns && markers < rules_.most_unknown;
         at += kQuarterNs, ++markers) {
      QuarterDemand unknown;
      unknown.start_ns = at;
      unknown.average_w = unknown.min_w = unknown.max_w = DemandSample::kUnknown;
      done.push_back(unknown);
    }
  }
  pending_.reset();
}

void QuarterMeter::finish(std::int64_t now_ns, std::vector<QuarterDemand>& done) {
  if (pending_) close_pending(done);
  if (!open_ || end_of(*open_) > now_ns) return;
  // Nothing came after it: the last reading stands for the end if it is as near as a late one may be.
  if (register_ && open_->from && !open_->to && end_of(*open_) - register_->time_ns <= rules_.late_ns)
    open_->to = Border{grown_, true};
  close(*open_, std::nullopt, done);
  open_.reset();
}

std::optional<QuarterDemand> QuarterMeter::running() const {
  if (!open_) return std::nullopt;
  const Quarter& quarter = *open_;
  QuarterDemand out;
  out.start_ns = quarter.start_ns;
  out.running = true;
  out.samples = quarter.samples;
  out.min_w = quarter.min_w;
  out.max_w = quarter.max_w;
  if (std::isfinite(quarter.demand_w)) {
    out.origin = DemandOrigin::meter;
    out.average_w = quarter.demand_w;
  } else if (quarter.from) {
    out.average_w = 4 * (grown_ - quarter.from->grown);
    out.estimated = quarter.from->estimated || quarter.epoch;
  } else {
    out.origin = DemandOrigin::power;
    // A beginning that was not heard is unknown, not zero.
    const std::int64_t elapsed = quarter.last_ns - quarter.start_ns;
    const bool known = elapsed - quarter.covered_ns <= kFarBack;
    out.average_w = known ? quarter.power_wns / kQuarterD : DemandSample::kUnknown;
    out.estimated = elapsed - quarter.covered_ns > rules_.late_ns;
  }
  return out;
}

}  // namespace mesura::energy
