// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The live side of the virtual inverter: panels, battery, grid and loads, in whole numbers of the wire's units.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "virtual_energy.hpp"
#include "virtual_house/house.hpp"
#include "virtual_models.hpp"
#include "virtual_settings.hpp"

namespace mesura::axpert::twin {

/// One solar input. Either w = da * dv / 100 (current of the tracker) or w = battery_a * scc_cv / 100, rounded down.
struct Tracker {
  int da = 0;  ///< tracker current, 0.1 A
  int dv = 0;  ///< 0.1 V
  int w = 0;
  int battery_a = 0;  ///< current into the battery side
  int scc_cv = 0;     ///< battery voltage as the charge controller sees it, 10 mV
};

/// What one unit measures; of parallel units, each measures the same.
struct Live {
  char mode = 'P';
  int grid_dv = 0;   ///< 0.1 V
  int grid_chz = 0;  ///< 10 mHz
  int out_dv = 0;
  int out_chz = 0;
  int va = 0;  ///< PI41: of L1
  int w = 0;
  int load_percent = 0;
  int va_l2 = 0;  ///< PI41 only
  int w_l2 = 0;
  int load_percent_l2 = 0;
  int bus_v = 0;
  int battery_cv = 0;  ///< 10 mV
  int charge_a = 0;
  int discharge_a = 0;
  int soc = 0;  ///< %
  int heatsink_c = 0;
  std::array<Tracker, 3> pv{};
  int ac_charge_a = 0;
  int ac_charge_w = 0;
  int feed_w = 0;
  bool load_on = false;
  bool steady = false;
  bool float_stage = false;
  bool solar_charging = false;
  bool ac_charging = false;
  bool line_lost = false;
  /// Power that the loads take out of panels and battery, before the inverter's losses: 0 while the grid feeds them.
  int dc_load_w = 0;

  [[nodiscard]] int pv_w() const { return pv[0].w + pv[1].w + pv[2].w; }
  [[nodiscard]] int load_w() const { return w + w_l2; }
};

/// What somebody has fixed from outside; what is absent follows the house.
struct Overrides {
  std::optional<char> mode;
  std::optional<bool> grid;
  std::optional<int> grid_dv, grid_chz, load_w, load_va, pv_w, battery_cv, heatsink_c, feed_w;
  bool switched_on = true;
};

struct PlantSetup {
  const ModelInfo* model = nullptr;
  int battery_volts = 48;
  std::int64_t battery_wh = 5000;
  int soc_permille = 800;  ///< at the start
  int units = 1;
  std::int64_t start = 0;  ///< UTC seconds
  bool counting = false;   ///< profile count: every QPIGS shows the next step of a ramp
  std::shared_ptr<const virtual_house::Profile> house;
};

inline constexpr int kEfficiencyPercent = 92;  ///< of the inverting stage

class Plant {
 public:
  explicit Plant(PlantSetup setup);

  /// Lives through every second up to `utc_seconds`; after more than a day without a question, in minutes.
  /// `clock_offset`: of the inverter's clock against UTC, for the days of the energy counters.
  void advance(std::int64_t utc_seconds, std::int64_t clock_offset, const Settings& settings, int fault_code);
  /// Shows exactly this from now on.
  void hold(const Live& live) {
    live_ = live;
    held_ = true;
  }
  /// The ramp of reply `k`.
  void count(std::int64_t k);

  [[nodiscard]] const Live& live() const { return live_; }
  [[nodiscard]] EnergyLog& energy() { return energy_; }
  [[nodiscard]] const EnergyLog& energy() const { return energy_; }
  [[nodiscard]] bool counting() const { return setup_.counting && !held_; }
  void set_soc(int permille) { stored_ws_ = capacity_ws_ / 1000 * permille; }
  /// BTA: the unit shows its battery so many 10 mV higher.
  void calibrate(int centivolts) { calibration_cv_ += centivolts; }

  Overrides overrides;

 private:
  void step(std::int64_t t, std::int64_t seconds, const Settings& s, int fault_code);
  void measure_load(const virtual_house::Instant& now);
  void measure_grid(const virtual_house::Instant& now, const Settings& s);
  char choose_mode(const Settings& s, int fault_code, int pv_w);
  void feed_loads(const Settings& s);
  void draw_pv(int available_w, int limit_w);
  void charge(const Settings& s, int available_pv_w);
  void settle(const Settings& s, std::int64_t net_w, std::int64_t seconds);
  [[nodiscard]] int soc_permille() const { return static_cast<int>(stored_ws_ * 1000 / capacity_ws_); }
  [[nodiscard]] int resting_cv() const;
  [[nodiscard]] int charging_cv(const Settings& s, int amperes) const;
  [[nodiscard]] int acceptable_a(const Settings& s) const;
  void rate_load();

  PlantSetup setup_;
  int blocks_;
  std::int64_t capacity_ws_;
  std::int64_t stored_ws_;
  std::int64_t lived_;  ///< every second before this has been lived
  bool on_battery_ = false;
  bool starved_ = false;  ///< cut off at the lowest voltage, until the battery has recovered
  int priority_seen_ = 0;
  bool held_ = false;
  int calibration_cv_ = 0;
  Live live_;
  EnergyLog energy_;
};

}  // namespace mesura::axpert::twin
