// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "virtual_house/parse.hpp"
#include "virtual_house/random.hpp"

namespace mesura::dsmr_p1::twin {
namespace {

using virtual_house::chance_of;
using virtual_house::serial_after;
using virtual_house::wander;

constexpr std::int64_t kMwsPerWh = 3'600'000;
constexpr std::size_t kHistoryMonths = 13;
constexpr std::size_t kFailureLogEntries = 10;
constexpr std::int64_t kLongFailureSeconds = 180;
constexpr std::int64_t kStaleSeconds = 30 * kDaySeconds;
constexpr std::int64_t kSagDecivolts = 1840;
constexpr std::int64_t kSwellDecivolts = 2620;

enum What : std::uint64_t { kSlowVoltage = 32, kFastVoltage = 40, kFrequency = 48 };

/// To the nearest, halves away from zero.
std::int64_t rounded(std::int64_t value, std::int64_t divisor) {
  const std::int64_t half = divisor / 2;
  return value >= 0 ? (value + half) / divisor : (value - half) / divisor;
}

/// mVA of mW and mvar, to the VA: so the squares stay below 2^53 and every machine takes the root of the same number.
std::int64_t apparent_mva(std::int64_t mw, std::int64_t mvar) {
  const std::int64_t watts = mw / 1000;
  const std::int64_t vars = mvar / 1000;
  const auto p = static_cast<double>(watts);
  const auto q = static_cast<double>(vars);
  return static_cast<std::int64_t>(std::sqrt(p * p + q * q)) * 1000;
}

std::int64_t sum(const PerPhase& values) { return values[0] + values[1] + values[2]; }

std::int64_t total_wh(const PerTariff& mws) {
  return std::accumulate(mws.begin(), mws.end(), std::int64_t{0}) / kMwsPerWh;
}

template <std::size_t N>
std::array<std::int64_t, N> to_wh(const std::array<std::int64_t, N>& mws) {
  std::array<std::int64_t, N> wh{};
  for (std::size_t i = 0; i < N; ++i) wh[i] = mws[i] / kMwsPerWh;
  return wh;
}

PerTariff to_mws(const PerTariff& wh) {
  PerTariff mws{};
  for (std::size_t i = 0; i < kTariffs; ++i) mws[i] = wh[i] * kMwsPerWh;
  return mws;
}

}  // namespace

MeterModel::MeterModel(ModelSetup setup, const MeterClock& clock, const virtual_house::Profile& profile)
    : setup_(std::move(setup)),
      clock_(&clock),
      profile_(&profile),
      now_(setup_.start),
      time_(setup_.start),
      serial_(setup_.serial),
      tariff_(tariff_at(setup_.start)),
      import_mws_(to_mws(setup_.import_wh)),
      export_mws_(to_mws(setup_.export_wh)),
      month_peak_(setup_.month_peak),
      history_(setup_.peak_history.begin(), setup_.peak_history.end()) {
  while (history_.size() > kHistoryMonths) history_.pop_front();
  std::stable_sort(setup_.events.begin(), setup_.events.end(),
                   [](const MeterEvent& a, const MeterEvent& b) { return a.at < b.at; });
  const LocalTime local = clock_->local(time_);
  month_begin_ = clock_->month_begin(local.year, local.month);
  // The month began before the meter did: what its registers show now is the best that it can say of that instant.
  snapshot_.stamp = month_begin_;
  snapshot_.import_wh = setup_.import_wh;
  snapshot_.export_wh = setup_.export_wh;
  begin_events();
}

int MeterModel::tariff_at(UtcSeconds t) const {
  const LocalTime local = clock_->local(t);
  const bool weekend = local.weekday == 0 || local.weekday == 6;
  return !weekend && local.hour >= 7 && local.hour < 22 ? setup_.day_tariff : setup_.night_tariff;
}

Load MeterModel::load_now() const {
  Load load;
  if (!powered()) return load;
  const virtual_house::Instant house = profile_->at(now_);
  for (std::size_t p = 0; p < kPhases; ++p) load.power_mw[p] = house.grid_mw(p);
  load.reactive_mvar = house.load_mvar;
  return load;
}

void MeterModel::advance(UtcSeconds to) {
  while (now_ < to) {
    measure_second();
    ++now_;
    ++time_;
    if (now_ == dark_until_) end_failure();
    if (time_ % 60 == 0) tariff_ = tariff_at(time_);
    if (time_ % kQuarterSeconds == 0) close_quarter(time_);
    begin_events();
  }
}

void MeterModel::begin_events() {
  for (; next_event_ < setup_.events.size() && setup_.start + setup_.events[next_event_].at <= now_; ++next_event_)
    begin_event(setup_.events[next_event_]);
}

void MeterModel::measure_second() {
  const Load load = load_now();
  const std::int64_t p = sum(load.power_mw);
  const std::int64_t q = sum(load.reactive_mvar);
  const std::int64_t s = q == 0 ? std::abs(p) : apparent_mva(p, q);
  const auto t = static_cast<std::size_t>(tariff_ - 1);
  if (p >= 0) {
    import_mws_[t] += p;
    quarter_.import += p;
    quarter_.apparent_import += s;
  } else {
    export_mws_[t] -= p;
    quarter_.exported -= p;
    quarter_.apparent_export += s;
  }
  if (q >= 0) {
    quadrant_mvars_[p >= 0 ? 0 : 1] += q;
    reactive_import_mvars_[t] += q;
    quarter_.reactive_import += q;
  } else {
    quadrant_mvars_[p >= 0 ? 3 : 2] -= q;
    reactive_export_mvars_[t] -= q;
    quarter_.reactive_export -= q;
  }
  for (std::size_t phase = 0; phase < kPhases; ++phase) voltage_sum_dv_[phase] += voltage_dv(phase, load);
  ++quarter_measured_;
}

Demand MeterModel::demand_of(const Sums& sums, std::int64_t seconds) {
  const std::int64_t to_watts = seconds * 1000;  // mW s -> W over that many seconds, cut off as the meter does
  return {sums.import / to_watts,          sums.exported / to_watts,        sums.reactive_import / to_watts,
          sums.reactive_export / to_watts, sums.apparent_import / to_watts, sums.apparent_export / to_watts};
}

void MeterModel::close_quarter(UtcSeconds end) {
  last_demand_ = demand_of(quarter_, kQuarterSeconds);
  if (last_demand_.import_w > month_peak_.watts) month_peak_ = {end, last_demand_.import_w};
  const auto t = static_cast<std::size_t>(tariff_at(end - 1) - 1);
  import_peak_w_[t] = std::max(import_peak_w_[t], last_demand_.import_w);
  export_peak_w_[t] = std::max(export_peak_w_[t], last_demand_.export_w);
  begin_quarter();
  const LocalTime local = clock_->local(time_);
  // Not on every change: a clock that was set back must not end the same month twice.
  if (const UtcSeconds begin = clock_->month_begin(local.year, local.month); begin > month_begin_) close_month(begin);
}

void MeterModel::begin_quarter() {
  quarter_ = {};
  voltage_sum_dv_ = {};
  quarter_measured_ = 0;
}

void MeterModel::close_month(UtcSeconds end) {
  month_begin_ = end;
  history_.push_back({end, month_peak_});
  if (history_.size() > kHistoryMonths) history_.pop_front();
  month_peak_ = {};
  snapshot_ = {end, to_wh(import_mws_), to_wh(export_mws_), to_wh(quadrant_mvars_), import_peak_w_, export_peak_w_};
  import_peak_w_ = {};
  export_peak_w_ = {};
}

void MeterModel::set_clock(std::int64_t seconds) {
  const UtcSeconds before = floor_to(time_, kQuarterSeconds);
  time_ += seconds;
  tariff_ = tariff_at(time_);
  const UtcSeconds after = floor_to(time_, kQuarterSeconds);
  // Set ahead into another quarter, the running one ends with what it has; set back, it is given up.
  if (after > before) close_quarter(after);
  if (after < before) begin_quarter();
}

void MeterModel::begin_event(const MeterEvent& event) {
  const auto phase = static_cast<std::size_t>(event.phase);
  switch (event.kind) {
    case MeterEvent::Kind::sag:
      sags_[phase] = {sags_[phase].count + 1, event.seconds, kSagDecivolts};
      sag_until_[phase] = now_ + event.seconds;
      break;
    case MeterEvent::Kind::swell:
      swells_[phase] = {swells_[phase].count + 1, event.seconds, kSwellDecivolts};
      swell_until_[phase] = now_ + event.seconds;
      break;
    case MeterEvent::Kind::failure:
      // Overlapping failures are one.
      if (powered()) dark_since_ = now_;
      dark_until_ = std::max(dark_until_, now_ + event.seconds);
      break;
    case MeterEvent::Kind::swap: swap(); break;
    case MeterEvent::Kind::clock: set_clock(event.seconds); break;
  }
}

void MeterModel::end_failure() {
  ++failures_;
  const std::int64_t seconds = now_ - dark_since_;
  if (seconds < kLongFailureSeconds) return;
  ++long_failures_;
  failure_log_.push_front({time_, seconds});
  if (failure_log_.size() > kFailureLogEntries) failure_log_.pop_back();
}

void MeterModel::swap() {
  serial_ = serial_after(serial_, 1);
  import_mws_ = {};
  export_mws_ = {};
  reactive_import_mvars_ = {};
  reactive_export_mvars_ = {};
  quadrant_mvars_ = {};
  begin_quarter();
  last_demand_ = {};
  month_peak_ = {};
  history_.clear();
  failures_ = 0;
  long_failures_ = 0;
  failure_log_.clear();
  sags_ = {};
  swells_ = {};
}

std::int64_t MeterModel::voltage_dv(std::size_t phase, const Load& load) const {
  if (now_ < sag_until_[phase]) return kSagDecivolts;
  if (now_ < swell_until_[phase]) return kSwellDecivolts;
  const std::int64_t slow = wander(setup_.seed, kSlowVoltage + phase, now_, 600) * 25 / 1000;
  const std::int64_t fast = static_cast<std::int64_t>(chance_of(setup_.seed, kFastVoltage + phase, now_) % 11) - 5;
  // The street's cable: about 0.4 V a kilowatt on a phase.
  return 2300 + slow + fast - load.power_mw[phase] / 250'000;
}

MbusReading MeterModel::mbus_reading(const MbusSlot& slot) const {
  MbusReading reading{slot.channel, slot.type, slot.serial, kNever, 0};
  if (slot.state == MbusSlot::State::empty) return reading;
  const UtcSeconds first = floor_to(setup_.start - slot.lag, slot.interval);
  UtcSeconds grid = slot.frozen ? first : floor_to(now_ - slot.lag, slot.interval);
  if (slot.state == MbusSlot::State::stale) grid = floor_to(setup_.start - kStaleSeconds, slot.interval);
  reading.stamp = grid + slot.lag + (slot.state == MbusSlot::State::stale || slot.frozen ? 0 : time_ - now_);
  const std::int64_t grown = slot.state == MbusSlot::State::stale ? 0 : (grid - first) * slot.milli_per_hour / 3600;
  reading.milli = slot.first_milli + grown;
  return reading;
}

Reading MeterModel::reading() const {
  const Load load = load_now();
  Reading r;
  r.time = time_;
  r.phases = setup_.phases;
  r.serial = serial_;
  r.tariff = tariff_;
  r.import_wh = to_wh(import_mws_);
  r.export_wh = to_wh(export_mws_);
  r.import_total_wh = total_wh(import_mws_);
  r.export_total_wh = total_wh(export_mws_);
  r.reactive_import_varh = to_wh(reactive_import_mvars_);
  r.reactive_export_varh = to_wh(reactive_export_mvars_);
  r.reactive_import_total_varh = total_wh(reactive_import_mvars_);
  r.reactive_export_total_varh = total_wh(reactive_export_mvars_);
  r.reactive_quadrant_varh = to_wh(quadrant_mvars_);
  r.power_w = rounded(sum(load.power_mw), 1000);
  r.reactive_var = rounded(sum(load.reactive_mvar), 1000);
  for (std::size_t p = 0; p < kPhases; ++p) {
    r.phase_power_w[p] = rounded(load.power_mw[p], 1000);
    r.phase_reactive_var[p] = rounded(load.reactive_mvar[p], 1000);
    r.voltage_dv[p] = voltage_dv(p, load);
    r.voltage_average_dv[p] = quarter_measured_ > 0 ? rounded(voltage_sum_dv_[p], quarter_measured_) : r.voltage_dv[p];
    r.current_ma[p] = rounded(std::abs(load.power_mw[p]) * 10, r.voltage_dv[p]);
  }
  r.frequency_chz = 5000 + wander(setup_.seed, kFrequency, now_, 20) * 4 / 1000;
  r.demand = demand_of(quarter_, kQuarterSeconds);
  r.last_demand = last_demand_;
  r.average = demand_of(quarter_, std::max<std::int64_t>(quarter_measured_, 1));
  r.month_peak = month_peak_;
  r.peak_history.assign(history_.begin(), history_.end());
  r.snapshot = snapshot_;
  r.failures = failures_;
  r.long_failures = long_failures_;
  r.failure_log.assign(failure_log_.begin(), failure_log_.end());
  r.sags = sags_;
  r.swells = swells_;
  for (const MbusSlot& slot : setup_.mbus) r.mbus.push_back(mbus_reading(slot));
  return r;
}

}  // namespace mesura::dsmr_p1::twin
