// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The lines of a telegram, one method per object that several dialects have in common.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "virtual_telegram.hpp"

namespace mesura::dsmr_p1::twin {

/// Collects lines and, beside them, the truth: whatever is printed as a number is recorded as printed.
class Lines {
 public:
  Lines(const Dialect& dialect, const MeterClock& clock, const MeterIdentity& identity, const Reading& reading);

  /// One line `code` + `content`, unless this meter omits the code. True if it was written.
  bool raw(std::string_view code, std::string_view content);
  void text(std::string_view code, std::string_view value);
  /// Two hex digits a byte.
  void octets(std::string_view code, std::string_view value);
  /// `base` is in units of which `per_unit` make the quantity's base unit (1 Wh, 10 dV, 1000 mA). True if written.
  bool number(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t base,
              Field field, std::int64_t per_unit = 1);

  /// The same for a setting.
  void setting(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t base,
               Field field, std::int64_t per_unit = 1);
  /// A state, printed with as many digits as given.
  void state(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t value,
             int digits = 1);

  void version(std::string_view code);
  void time();
  void tariff();
  void breaker();
  /// The registers of one group C: its sum (C.8.0) if `totals`, then tariffs 1..count (C.8.t).
  void active_registers(int group, std::string_view quantity, std::int64_t total, const PerTariff& parts, bool totals,
                        int count);
  void reactive_registers(int group, std::string_view quantity, std::int64_t total, const PerTariff& parts, int count);
  /// Active import, then export.
  void energy(bool totals, int count);
  /// The sums of reactive import, then export.
  void reactive_energy();
  void net_power();
  /// All phases' import, then all phases' export; or phase by phase.
  void phase_powers(bool phase_by_phase);
  void reactive_net_power();
  void phase_reactive_powers(bool phase_by_phase);
  void voltages();
  void currents();
  void failure_counts();
  void failure_log();
  void sags_and_swells();
  void belgian_peaks();
  /// Luxembourg's pair of current limits.
  void current_thresholds(std::int64_t amperes);
  void mbus();

  void reactive_power(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t var);
  void active_power(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t watts);
  void apparent_power(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t va);

  [[nodiscard]] std::string stamp(UtcSeconds t) const { return clock_.stamp(t); }
  [[nodiscard]] const Reading& reading() const { return reading_; }
  [[nodiscard]] const MeterIdentity& identity() const { return identity_; }
  [[nodiscard]] const Dialect& dialect() const { return dialect_; }

  Telegram take() { return std::move(telegram_); }

 private:
  void registers(int group, std::string_view quantity, std::int64_t total, const PerTariff& parts, bool totals,
                 int count, const Field& field);
  void mbus_device(const MbusReading& device);
  [[nodiscard]] bool omitted(std::string_view code) const;
  void know(std::string_view channel, std::string_view quantity, double value, UtcSeconds time = kNever,
            bool state = false);

  const Dialect& dialect_;
  const MeterClock& clock_;
  const MeterIdentity& identity_;
  const Reading& reading_;
  Field current_;
  std::string reactive_energy_unit_;
  Field reactive_energy_;
  Field reactive_power_;
  Field apparent_power_;
  Telegram telegram_;
};

/// l1, l2, l3 for 0, 1, 2.
std::string_view phase_name(std::size_t phase);
/// `1-0:C.D` with C = `first` + 20 per phase, the numbering of per-phase objects.
std::string phase_code(int first, std::size_t phase, std::string_view rest);
/// VA of W and var, to the nearest.
std::int64_t apparent(std::int64_t watts, std::int64_t vars);
/// Digits of `mantissa` with `field`'s width; registers beyond it roll over, as they do.
std::string print(std::int64_t mantissa, const Field& field);

constexpr std::int64_t positive(std::int64_t value) { return value > 0 ? value : 0; }

}  // namespace mesura::dsmr_p1::twin
