// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the virtual P1 meter measures and remembers: registers, tariffs, quarter-hour demand, month peaks, power quality
// and the meters on its M-Bus.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "virtual_clock.hpp"
#include "virtual_house/house.hpp"

namespace mesura::dsmr_p1::twin {

using virtual_house::kPhases;
using virtual_house::PerPhase;

/// The net load of one second, plus = import (active) and inductive (reactive).
struct Load {
  PerPhase power_mw{};
  PerPhase reactive_mvar{};
};

inline constexpr std::size_t kTariffs = 4;
inline constexpr std::size_t kQuadrants = 4;
using PerTariff = std::array<std::int64_t, kTariffs>;
using PerQuadrant = std::array<std::int64_t, kQuadrants>;  ///< Q1 +P+Q, Q2 -P+Q, Q3 -P-Q, Q4 +P-Q

/// A highest quarter hour: its end (kNever: none yet) and its mean import.
struct Peak {
  UtcSeconds end = kNever;
  std::int64_t watts = 0;
  bool operator==(const Peak&) const = default;
};

/// The peak of a finished month; `capture` is 00:00 local on the first day of the following one.
struct MonthPeak {
  UtcSeconds capture = kNever;
  Peak peak;
  bool operator==(const MonthPeak&) const = default;
};

struct PowerFailure {
  UtcSeconds end = kNever;
  std::int64_t seconds = 0;
};

/// Device types of the M-Bus (0-n:24.1.0) that have a reading of their own here.
enum class MbusType : int { electricity = 2, gas = 3, heat = 4, water = 7, cooling = 10 };

struct MbusReading {
  int channel = 1;
  MbusType type = MbusType::gas;
  std::string serial;         ///< as text; the telegram hex-codes it
  UtcSeconds stamp = kNever;  ///< kNever: a slot whose device never answered
  std::int64_t milli = 0;     ///< thousandths of m3, GJ or kWh
};

struct MbusSlot {
  enum class State { live, empty, stale };  ///< stale: the old device after a swap, frozen 30 days ago
  int channel = 1;
  MbusType type = MbusType::gas;
  std::string serial;
  std::int64_t interval = 300;   ///< s
  std::int64_t lag = 0;          ///< s by which the stamp trails its grid, as real meters' do
  std::int64_t first_milli = 0;  ///< at the start
  std::int64_t milli_per_hour = 0;
  State state = State::live;
  bool frozen = false;  ///< stuck at its first reading from the start on
};

/// Something that happens once, `at` seconds after the start.
struct MeterEvent {
  enum class Kind { sag, swell, failure, swap, clock };
  Kind kind = Kind::sag;
  std::int64_t at = 0;
  std::int64_t seconds = 0;  ///< how long; clock: by how much the clock is set ahead
  int phase = 0;             ///< of sags and swells, 0..2
};

/// The mean demand of a quarter hour in W, var, VA.
struct Demand {
  std::int64_t import_w = 0;
  std::int64_t export_w = 0;
  std::int64_t reactive_import_var = 0;
  std::int64_t reactive_export_var = 0;
  std::int64_t apparent_import_va = 0;
  std::int64_t apparent_export_va = 0;
};

/// Registers and demand maxima frozen at the first instant of a month (Hungary).
struct MonthSnapshot {
  UtcSeconds stamp = kNever;
  PerTariff import_wh{};
  PerTariff export_wh{};
  PerQuadrant reactive_varh{};
  PerTariff import_peak_w{};
  PerTariff export_peak_w{};
};

struct VoltageEvent {
  std::int64_t count = 0;
  std::int64_t seconds = 0;    ///< of the latest
  std::int64_t decivolts = 0;  ///< of the latest
};

/// Everything that one telegram may tell, in integers of the unit named.
struct Reading {
  UtcSeconds time = 0;
  int phases = 1;
  std::string serial;
  int tariff = 1;
  std::int64_t import_total_wh = 0;
  std::int64_t export_total_wh = 0;
  PerTariff import_wh{};
  PerTariff export_wh{};
  std::int64_t reactive_import_total_varh = 0;
  std::int64_t reactive_export_total_varh = 0;
  PerTariff reactive_import_varh{};
  PerTariff reactive_export_varh{};
  PerQuadrant reactive_quadrant_varh{};
  std::int64_t power_w = 0;       ///< net, plus = import
  std::int64_t reactive_var = 0;  ///< net, plus = inductive
  PerPhase phase_power_w{};
  PerPhase phase_reactive_var{};
  PerPhase voltage_dv{};
  PerPhase voltage_average_dv{};  ///< of the quarter so far
  PerPhase current_ma{};
  std::int64_t frequency_chz = 5000;  ///< 1/100 Hz
  Demand demand;                      ///< of the running quarter so far: energy since it began / 0.25 h
  Demand last_demand;                 ///< of the last complete quarter
  Demand average;                     ///< over the part of the quarter that has passed
  Peak month_peak;
  std::vector<MonthPeak> peak_history;  ///< oldest first
  MonthSnapshot snapshot;
  std::int64_t failures = 0;
  std::int64_t long_failures = 0;
  std::vector<PowerFailure> failure_log;  ///< newest first
  std::array<VoltageEvent, kPhases> sags{};
  std::array<VoltageEvent, kPhases> swells{};
  std::vector<MbusReading> mbus;
};

struct ModelSetup {
  UtcSeconds start = 0;
  int phases = 1;
  int day_tariff = 2;  ///< t2 is the day in the Netherlands, t1 elsewhere
  int night_tariff = 1;
  std::uint64_t seed = 1;
  std::string serial;
  PerTariff import_wh{};
  PerTariff export_wh{};
  Peak month_peak;
  std::vector<MonthPeak> peak_history;
  std::vector<MbusSlot> mbus;
  std::vector<MeterEvent> events;
};

/// The running meter. Registers are integers of milliwatt-seconds: each second adds the net power of all phases to
/// import or export of the active tariff, so registers, totals and phases can never drift apart, however far apart the
/// calls are.
///
/// cost    about 0.1 us a simulated second with the house profile
/// thread  one caller at a time
/// source  DSMR P1 companion standard 5.0.2; e-MUCS 1.7 (quarter and month peaks)
class MeterModel {
 public:
  /// `clock` and `profile` must outlive the model.
  MeterModel(ModelSetup setup, const MeterClock& clock, const virtual_house::Profile& profile);

  /// Lives on, second by second, until `to`; earlier instants change nothing.
  void advance(UtcSeconds to);
  /// False during a power failure: the meter is silent.
  [[nodiscard]] bool powered() const { return now_ >= dark_until_; }
  /// What the meter's clock says; it leaves the instants given to advance() when an event sets it.
  [[nodiscard]] UtcSeconds time() const { return time_; }
  /// The state at time(), with the power of the second that begins there.
  [[nodiscard]] Reading reading() const;

 private:
  /// Sums of mW, mvar or mVA over whole seconds.
  struct Sums {
    std::int64_t import = 0;
    std::int64_t exported = 0;
    std::int64_t reactive_import = 0;
    std::int64_t reactive_export = 0;
    std::int64_t apparent_import = 0;
    std::int64_t apparent_export = 0;
  };

  void measure_second();
  void begin_events();
  void close_quarter(UtcSeconds end);
  void begin_quarter();
  void close_month(UtcSeconds end);
  void set_clock(std::int64_t seconds);
  void begin_event(const MeterEvent& event);
  void end_failure();
  void swap();
  [[nodiscard]] Load load_now() const;
  [[nodiscard]] int tariff_at(UtcSeconds t) const;
  [[nodiscard]] std::int64_t voltage_dv(std::size_t phase, const Load& load) const;
  [[nodiscard]] MbusReading mbus_reading(const MbusSlot& slot) const;
  [[nodiscard]] static Demand demand_of(const Sums& sums, std::int64_t seconds);

  ModelSetup setup_;
  const MeterClock* clock_;
  const virtual_house::Profile* profile_;
  UtcSeconds now_;   // counts the seconds lived
  UtcSeconds time_;  // the meter's clock, equal until it is set
  UtcSeconds dark_since_ = kNever;
  UtcSeconds dark_until_ = kNever;
  std::size_t next_event_ = 0;
  std::string serial_;
  int tariff_;
  PerTariff import_mws_{};
  PerTariff export_mws_{};
  PerTariff reactive_import_mvars_{};
  PerTariff reactive_export_mvars_{};
  PerQuadrant quadrant_mvars_{};
  Sums quarter_;
  PerPhase voltage_sum_dv_{};
  std::int64_t quarter_measured_ = 0;  // seconds of the quarter that are in the sums
  Demand last_demand_;
  UtcSeconds month_begin_ = kNever;
  Peak month_peak_;
  std::deque<MonthPeak> history_;
  MonthSnapshot snapshot_;
  PerTariff import_peak_w_{};
  PerTariff export_peak_w_{};
  std::int64_t failures_ = 0;
  std::int64_t long_failures_ = 0;
  std::deque<PowerFailure> failure_log_;
  std::array<VoltageEvent, kPhases> sags_{};
  std::array<VoltageEvent, kPhases> swells_{};
  std::array<UtcSeconds, kPhases> sag_until_{};
  std::array<UtcSeconds, kPhases> swell_until_{};
};

}  // namespace mesura::dsmr_p1::twin
