// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_plant.hpp"

#include <algorithm>
#include <utility>

namespace mesura::axpert::twin {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kCoarseStep = 60;

int isqrt(std::int64_t value) {
  std::int64_t root = 0;
  for (std::int64_t bit = std::int64_t{1} << 40; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return static_cast<int>(root);
}

std::int64_t day_at(std::int64_t seconds) { return (seconds - ((seconds % kDay) + kDay) % kDay) / kDay; }

std::int64_t sum(const virtual_house::PerPhase& p) { return p[0] + p[1] + p[2]; }

int percent_of(int part, int whole) { return whole == 0 ? 0 : part * 100 / whole; }

int before_losses(int w) { return w * 100 / kEfficiencyPercent; }

}  // namespace

Plant::Plant(PlantSetup setup)
    : setup_(std::move(setup)),
      blocks_(setup_.battery_volts / 12),
      capacity_ws_(std::max<std::int64_t>(setup_.battery_wh, 1) * 3600 / setup_.units),
      stored_ws_(capacity_ws_ / 1000 * setup_.soc_permille),
      lived_(setup_.start) {
  live_.battery_cv = resting_cv();
}

void Plant::advance(std::int64_t utc_seconds, std::int64_t clock_offset, const Settings& settings, int fault_code) {
  while (lived_ < utc_seconds) {
    const std::int64_t seconds = utc_seconds - lived_ > kDay ? kCoarseStep : 1;
    step(lived_, seconds, settings, fault_code);
    energy_.add(day_at(lived_ + clock_offset), live_.pv_w(), live_.load_w(), seconds);
    lived_ += seconds;
  }
  step(lived_, 0, settings, fault_code);  // what is seen now, with all that has been set since
}

void Plant::step(std::int64_t t, std::int64_t seconds, const Settings& s, int fault_code) {
  if (setup_.counting || held_) return;
  const virtual_house::Instant now = setup_.house->at(t);
  if (overrides.battery_cv) live_.battery_cv = *overrides.battery_cv;
  measure_load(now);
  measure_grid(now, s);
  const int pv = overrides.pv_w.value_or(static_cast<int>(sum(now.pv_mw) / 1000 / setup_.units));
  live_.mode = choose_mode(s, fault_code, pv);
  feed_loads(s);
  charge(s, pv);
  settle(s, static_cast<std::int64_t>(live_.pv_w()) + live_.ac_charge_w - live_.dc_load_w, seconds);
  live_.heatsink_c = overrides.heatsink_c.value_or(28 + live_.load_percent / 4);
  live_.bus_v = setup_.model->tracker_current ? 440 + live_.load_percent / 5 : live_.battery_cv * 8 * 4 / blocks_ / 100;
  live_.feed_w = overrides.feed_w.value_or(0);
}

void Plant::measure_load(const virtual_house::Instant& now) {
  const auto w = static_cast<int>(std::max<std::int64_t>(sum(now.load_mw) / 1000 / setup_.units, 0));
  const auto var = sum(now.load_mvar) / 1000 / setup_.units;
  live_.w = std::min(overrides.load_w.value_or(w), 2 * setup_.model->rated_w);
  const int va = isqrt(static_cast<std::int64_t>(live_.w) * live_.w + (overrides.load_w ? 0 : var * var));
  live_.va = std::max(overrides.load_va.value_or(va), live_.w);
  rate_load();
}

/// PI41 has two legs; each carries half and is rated for half.
void Plant::rate_load() {
  const bool split = setup_.model->profile == kSplit;
  const int legs = split ? 2 : 1;
  live_.w_l2 = split ? live_.w / 2 : 0;
  live_.va_l2 = split ? live_.va / 2 : 0;
  live_.w -= live_.w_l2;
  live_.va -= live_.va_l2;
  const int rated_w = setup_.model->rated_w / legs;
  const int rated_va = setup_.model->rated_va / legs;
  live_.load_percent = std::max(percent_of(live_.w, rated_w), percent_of(live_.va, rated_va));
  live_.load_percent_l2 = std::max(percent_of(live_.w_l2, rated_w), percent_of(live_.va_l2, rated_va));
}

void Plant::measure_grid(const virtual_house::Instant& now, const Settings& s) {
  const bool present = overrides.grid.value_or(true);
  const auto nominal = static_cast<int>(now.voltage_mv[0] / 100) * setup_.model->rated_dv / 2300;
  const int away_chz = static_cast<int>(now.frequency_mhz / 10) - 5000;
  live_.grid_dv = present ? overrides.grid_dv.value_or(nominal) : 0;
  live_.grid_chz = live_.grid_dv == 0 ? 0 : overrides.grid_chz.value_or(setup_.model->rated_dhz * 10 + away_chz);
  // Appliance range from 90 V, UPS range from 170 V; half of that on a 120 V unit.
  const int lowest = (s.input_range == 0 ? 900 : 1700) * setup_.model->rated_dv / 2300;
  live_.line_lost = live_.grid_dv < lowest;
}

char Plant::choose_mode(const Settings& s, int fault_code, int pv_w) {
  const int volts = live_.battery_cv;
  const bool may_discharge = s.discharge_control.front() == '1' || s.discharge_control == "000";
  if (volts <= s.under_dv * 10) starved_ = true;
  if (volts >= s.under_dv * 10 + 50 * blocks_) starved_ = false;
  const bool battery_ready = !starved_ && may_discharge;
  const bool recovered = s.redischarge_dv == 0 ? live_.float_stage : volts >= s.redischarge_dv * 10;
  // Just switched on, set so, or the grid came back: it begins on the battery.
  const bool begins = live_.mode == 'P' || live_.mode == 'B' || priority_seen_ != 2;
  if (s.output_priority != 2 || volts <= s.recharge_dv * 10) {
    on_battery_ = false;
  } else if (recovered || begins) {
    on_battery_ = true;
  }
  priority_seen_ = s.output_priority;
  if (overrides.mode) return *overrides.mode;
  if (fault_code != 0) return 'F';
  if (!overrides.switched_on) return 'S';
  if (!live_.line_lost && !(on_battery_ && battery_ready)) return 'L';
  return battery_ready || pv_w >= before_losses(live_.load_w()) ? 'B' : 'S';
}

void Plant::feed_loads(const Settings& s) {
  const bool from_dc = live_.mode == 'B' || live_.mode == 'E';
  const bool from_line = live_.mode == 'L' || live_.mode == 'Y';
  live_.load_on = overrides.switched_on && (from_dc || from_line);
  if (!live_.load_on) {
    live_.w = live_.va = live_.w_l2 = live_.va_l2 = 0;
    rate_load();
  }
  live_.out_dv = !live_.load_on ? 0 : from_line ? live_.grid_dv : s.output_dv;
  live_.out_chz = !live_.load_on ? 0 : from_line ? live_.grid_chz : s.output_dhz * 10;
  live_.dc_load_w = live_.load_on && from_dc ? before_losses(live_.load_w()) : 0;
}

int Plant::resting_cv() const { return blocks_ * (1150 + soc_permille() * 130 / 1000); }

int Plant::charging_cv(const Settings& s, int amperes) const {
  const int soc = soc_permille();
  const int target = (live_.float_stage ? s.float_dv : s.bulk_dv) * 10;
  const int rise = 60 + std::max(soc - 600, 0) * 3 / 10 + amperes / 2;
  return std::min(target, resting_cv() + blocks_ * rise);
}

/// A full battery takes nothing, an empty one all that it gets.
int Plant::acceptable_a(const Settings& s) const {
  if (s.discharge_control != "000" && s.discharge_control.back() == '0') return 0;
  const std::int64_t ampere_hours = capacity_ws_ / 3600 / setup_.battery_volts;
  if (stored_ws_ == capacity_ws_) return 0;
  // The taper ends at a few amperes: it would never be over otherwise.
  const std::int64_t taken = std::max<std::int64_t>(ampere_hours * (1000 - soc_permille()) / 250, 2);
  return static_cast<int>(std::min<std::int64_t>(taken, s.own().max_charge_a));
}

/// Takes up to `limit_w` of what the panels offer, in steps of the current that the unit can show.
void Plant::draw_pv(int available_w, int limit_w) {
  const int inputs = setup_.model->trackers;
  for (int i = 0; i < inputs; ++i) {
    Tracker& t = live_.pv[static_cast<std::size_t>(i)];
    t = {};
    const int offered = available_w / inputs;
    const int wanted = std::min(offered, limit_w / inputs);
    if (offered == 0) continue;
    t.dv = setup_.model->tracker_current ? std::min(3000 + offered / 10, 4500) : std::min(950 + offered / 50, 1400);
    t.scc_cv = setup_.model->tracker_current ? 0 : live_.battery_cv - 2;
    if (setup_.model->tracker_current) {
      t.da = wanted * 100 / t.dv;
      t.w = t.da * t.dv / 100;
      t.battery_a = t.w * 100 / live_.battery_cv;
    } else {
      t.battery_a = wanted * 100 / t.scc_cv;
      t.w = t.battery_a * t.scc_cv / 100;
      t.da = t.w * 100 / t.dv;
    }
  }
}

void Plant::charge(const Settings& s, int available_pv_w) {
  const bool grid = !live_.line_lost && live_.mode != 'F';
  const int priority = s.own().charger_priority;
  const int most_w = acceptable_a(s) * live_.battery_cv / 100;
  const bool solar_allowed = live_.mode == 'B' || !grid || priority != 0;
  // In line mode the panels help the loads only when the sun comes first.
  if (live_.mode == 'L' && s.output_priority == 1)
    live_.dc_load_w = std::min(before_losses(live_.load_w()), available_pv_w);
  const int for_battery = solar_allowed ? most_w : 0;
  draw_pv(available_pv_w, live_.mode == 'F' ? 0 : live_.dc_load_w + for_battery);
  if (live_.mode == 'L') live_.dc_load_w = std::min(live_.dc_load_w, live_.pv_w());
  const int solar_w = std::max(live_.pv_w() - live_.dc_load_w, 0);
  const bool from_grid =
      grid && live_.mode != 'B' && (priority == 0 || priority == 2 || (priority == 1 && available_pv_w == 0));
  const int room_a = (most_w - solar_w) * 100 / std::max(live_.battery_cv, 1);
  live_.ac_charge_a = from_grid ? std::clamp(room_a, 0, s.own().max_ac_charge_a) : 0;
  live_.ac_charge_w = live_.ac_charge_a * live_.battery_cv / 100;
  live_.solar_charging = solar_w > 0;
  live_.ac_charging = live_.ac_charge_a > 0;
}

void Plant::settle(const Settings& s, std::int64_t net_w, std::int64_t seconds) {
  stored_ws_ = std::clamp<std::int64_t>(stored_ws_ + net_w * seconds, 0, capacity_ws_);
  // A thousandth below full is full: the last bit of a taper never ends.
  live_.float_stage = soc_permille() >= 999 || (live_.float_stage && soc_permille() >= 950 && net_w >= 0);
  const std::int64_t now_cv = std::max(live_.battery_cv, 1);
  const auto current = static_cast<int>((std::abs(net_w) * 100 + now_cv / 2) / now_cv);
  live_.charge_a = net_w > 0 ? current : 0;
  live_.discharge_a = net_w < 0 ? current : 0;
  // The voltage follows the current a second later, so that V * I of one reply is its power.
  if (seconds > 0) {
    int cv = resting_cv();
    if (net_w < 0) cv -= blocks_ * current / 2;
    if (net_w > 0 || (live_.float_stage && net_w == 0)) cv = charging_cv(s, current);
    live_.battery_cv = std::max(cv + calibration_cv_, 1);
  }
  live_.steady = net_w >= 0 && live_.battery_cv >= (live_.float_stage ? s.float_dv : s.bulk_dv) * 10;
  live_.soc = soc_permille() / 10;
}

void Plant::count(std::int64_t k) {
  const auto at = [k](std::int64_t from, std::int64_t steps) { return static_cast<int>(from + k % steps); };
  const ModelInfo& m = *setup_.model;
  Live l;
  l.mode = k % 2 == 0 ? 'B' : 'L';
  l.grid_dv = at(2200, 200) * m.rated_dv / 2300;
  l.grid_chz = at(495, 11) * 10;
  l.out_dv = at(2250, 100) * m.rated_dv / 2300;
  l.out_chz = at(497, 7) * 10;
  l.w = at(0, m.rated_w);
  l.va = l.w;
  l.bus_v = at(360, 100);
  l.battery_cv = at(1150 * blocks_, 250 * blocks_);
  l.charge_a = k % 2 == 0 ? 0 : at(0, 60);
  l.discharge_a = k % 2 == 0 ? at(0, 100) : 0;
  l.soc = at(0, 101);
  l.heatsink_c = at(20, 60);
  l.load_on = true;
  l.solar_charging = l.charge_a > 0;
  for (int i = 0; i < m.trackers; ++i) {
    Tracker& t = l.pv[static_cast<std::size_t>(i)];
    t.dv = at(m.tracker_current ? 3000 : 950, 400);
    t.scc_cv = m.tracker_current ? 0 : l.battery_cv;
    t.battery_a = at(i, 40);
    t.da = at(i, 100);
    t.w = m.tracker_current ? t.da * t.dv / 100 : t.battery_a * t.scc_cv / 100;
  }
  live_ = l;
  rate_load();
}

}  // namespace mesura::axpert::twin
