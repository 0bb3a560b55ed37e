// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace mesura::dsmr_p1::twin {
namespace {

constexpr Field kVoltage{3, 1, 1, "V"};  // from dV, the same everywhere
constexpr std::int64_t kDecivoltsPerVolt = 10;
constexpr std::int64_t kMilliamperesPerAmpere = 1000;

constexpr std::int64_t power_of_ten(int exponent) {
  std::int64_t value = 1;
  for (int i = 0; i < exponent; ++i) value *= 10;
  return value;
}

/// What is left in the digits of the field.
std::int64_t rolled(std::int64_t mantissa, const Field& field) {
  return mantissa % power_of_ten(field.digits + field.decimals);
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02X}", static_cast<unsigned char>(c));
  return text;
}

/// How a kind of M-Bus device prints its reading (from thousandths) and what a reader calls it.
struct MbusFormat {
  Field field;
  std::string_view quantity;
  std::int64_t per_unit;  // thousandths of the printed unit in one base unit of the quantity
};

MbusFormat mbus_format(MbusType type) {
  switch (type) {
    case MbusType::heat: return {{4, 2, 10, "GJ"}, "thermal_energy_heat", 1000};
    case MbusType::cooling: return {{4, 2, 10, "GJ"}, "thermal_energy_cold", 1000};
    case MbusType::water: return {{5, 3, 1, "m3"}, "water_volume", 1000};
    case MbusType::electricity: return {{5, 3, 1, "kWh"}, "active_energy_import", 1};  // a thousandth of a kWh is a Wh
    case MbusType::gas: break;
  }
  return {{5, 3, 1, "m3"}, "gas_volume", 1000};
}

Field current_field(const Dialect& dialect, const MeterIdentity& identity) {
  Field field = dialect.current;
  if (identity.current_decimals >= 0) {
    field.decimals = identity.current_decimals;
    field.step = kMilliamperesPerAmpere / power_of_ten(field.decimals);
  }
  return field;
}

}  // namespace

std::string_view phase_name(std::size_t phase) {
  constexpr std::array<std::string_view, kPhases> kNames{"l1", "l2", "l3"};
  return kNames[phase];
}

std::string phase_code(int first, std::size_t phase, std::string_view rest) {
  return fmt::format("1-0:{}.{}", first + 20 * static_cast<int>(phase), rest);
}

std::int64_t apparent(std::int64_t watts, std::int64_t vars) {
  const auto p = static_cast<double>(watts);
  const auto q = static_cast<double>(vars);
  return std::llround(std::sqrt(p * p + q * q));
}

std::string print(std::int64_t mantissa, const Field& field) {
  const std::int64_t whole = power_of_ten(field.decimals);
  const std::int64_t shown = std::abs(rolled(mantissa, field));
  std::string text = mantissa < 0 ? "-" : "";
  text += fmt::format("{:0{}}", shown / whole, field.digits);
  if (field.decimals > 0) text += fmt::format(".{:0{}}", shown % whole, field.decimals);
  return text;
}

Lines::Lines(const Dialect& dialect, const MeterClock& clock, const MeterIdentity& identity, const Reading& reading)
    : dialect_(dialect),
      clock_(clock),
      identity_(identity),
      reading_(reading),
      current_(current_field(dialect, identity)),
      reactive_energy_unit_(std::string{dialect.reactive_unit} + "h"),
      reactive_energy_{dialect.energy.digits, dialect.energy.decimals, dialect.energy.step, reactive_energy_unit_},
      reactive_power_{dialect.power.digits, dialect.power.decimals, dialect.power.step, dialect.reactive_unit},
      apparent_power_{dialect.power.digits, dialect.power.decimals, dialect.power.step, "kVA"} {
  telegram_.body = identity.header + "\r\n\r\n";
}

bool Lines::omitted(std::string_view code) const {
  return std::find(identity_.omit.begin(), identity_.omit.end(), code) != identity_.omit.end();
}

bool Lines::raw(std::string_view code, std::string_view content) {
  if (omitted(code)) return false;
  telegram_.body += code;
  telegram_.body += content;
  telegram_.body += "\r\n";
  return true;
}

void Lines::text(std::string_view code, std::string_view value) { raw(code, fmt::format("({})", value)); }

void Lines::octets(std::string_view code, std::string_view value) { text(code, hex(value)); }

bool Lines::number(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t base,
                   Field field, std::int64_t per_unit) {
  const std::int64_t half = field.step / 2;
  const std::int64_t mantissa = rolled((base >= 0 ? base + half : base - half) / field.step, field);
  const std::string_view star = field.unit.empty() ? "" : "*";
  if (!raw(code, fmt::format("({}{}{})", print(mantissa, field), star, field.unit))) return false;
  know(channel, quantity, static_cast<double>(mantissa * field.step) / static_cast<double>(per_unit));
  return true;
}

void Lines::setting(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t base,
                    Field field, std::int64_t per_unit) {
  if (number(code, channel, quantity, base, field, per_unit)) telegram_.truth.back().state = true;
}

void Lines::state(std::string_view code, std::string_view channel, std::string_view quantity, std::int64_t value,
                  int digits) {
  if (raw(code, fmt::format("({:0{}})", value, digits)))
    know(channel, quantity, static_cast<double>(value), kNever, true);
}

void Lines::know(std::string_view channel, std::string_view quantity, double value, UtcSeconds time, bool state) {
  telegram_.truth.push_back({std::string{channel}, quantity, value, time, state});
}

void Lines::version(std::string_view code) { text(code, identity_.version); }

void Lines::time() { text("0-0:1.0.0", stamp(reading_.time)); }

void Lines::tariff() { state("0-0:96.14.0", "total", "tariff_indicator", reading_.tariff, 4); }

void Lines::breaker() { state("0-0:96.3.10", "total", "breaker_state", 1); }

void Lines::registers(int group, std::string_view quantity, std::int64_t total, const PerTariff& parts, bool totals,
                      int count, const Field& field) {
  if (totals) number(fmt::format("1-0:{}.8.0", group), "total", quantity, total, field);
  for (int t = 1; t <= count; ++t)
    number(fmt::format("1-0:{}.8.{}", group, t), fmt::format("t{}", t), quantity,
           parts[static_cast<std::size_t>(t - 1)], field);
}

void Lines::active_registers(int group, std::string_view quantity, std::int64_t total, const PerTariff& parts,
                             bool totals, int count) {
  registers(group, quantity, total, parts, totals, count, dialect_.energy);
}

void Lines::reactive_registers(int group, std::string_view quantity, std::int64_t total, const PerTariff& parts,
                               int count) {
  registers(group, quantity, total, parts, true, count, reactive_energy_);
}

void Lines::energy(bool totals, int count) {
  active_registers(1, "active_energy_import", reading_.import_total_wh, reading_.import_wh, totals, count);
  active_registers(2, "active_energy_export", reading_.export_total_wh, reading_.export_wh, totals, count);
}

void Lines::reactive_energy() {
  reactive_registers(3, "reactive_energy_import", reading_.reactive_import_total_varh, reading_.reactive_import_varh,
                     0);
  reactive_registers(4, "reactive_energy_export", reading_.reactive_export_total_varh, reading_.reactive_export_varh,
                     0);
}

void Lines::active_power(std::string_view code, std::string_view channel, std::string_view quantity,
                         std::int64_t watts) {
  number(code, channel, quantity, watts, dialect_.power);
}

void Lines::reactive_power(std::string_view code, std::string_view channel, std::string_view quantity,
                           std::int64_t var) {
  number(code, channel, quantity, var, reactive_power_);
}

void Lines::apparent_power(std::string_view code, std::string_view channel, std::string_view quantity,
                           std::int64_t va) {
  number(code, channel, quantity, va, apparent_power_);
}

void Lines::net_power() {
  active_power("1-0:1.7.0", "total", "active_power_import", positive(reading_.power_w));
  active_power("1-0:2.7.0", "total", "active_power_export", positive(-reading_.power_w));
}

void Lines::phase_powers(bool phase_by_phase) {
  const auto phases = static_cast<std::size_t>(reading_.phases);
  const auto import = [&](std::size_t p) {
    active_power(phase_code(21, p, "7.0"), phase_name(p), "active_power_import", positive(reading_.phase_power_w[p]));
  };
  const auto exported = [&](std::size_t p) {
    active_power(phase_code(22, p, "7.0"), phase_name(p), "active_power_export", positive(-reading_.phase_power_w[p]));
  };
  for (std::size_t p = 0; p < phases; ++p) {
    import(p);
    if (phase_by_phase) exported(p);
  }
  for (std::size_t p = 0; p < phases && !phase_by_phase; ++p) exported(p);
}

void Lines::reactive_net_power() {
  reactive_power("1-0:3.7.0", "total", "reactive_power_import", positive(reading_.reactive_var));
  reactive_power("1-0:4.7.0", "total", "reactive_power_export", positive(-reading_.reactive_var));
}

void Lines::phase_reactive_powers(bool phase_by_phase) {
  const auto phases = static_cast<std::size_t>(reading_.phases);
  const auto import = [&](std::size_t p) {
    reactive_power(phase_code(23, p, "7.0"), phase_name(p), "reactive_power_import",
                   positive(reading_.phase_reactive_var[p]));
  };
  const auto exported = [&](std::size_t p) {
    reactive_power(phase_code(24, p, "7.0"), phase_name(p), "reactive_power_export",
                   positive(-reading_.phase_reactive_var[p]));
  };
  for (std::size_t p = 0; p < phases; ++p) {
    import(p);
    if (phase_by_phase) exported(p);
  }
  for (std::size_t p = 0; p < phases && !phase_by_phase; ++p) exported(p);
}

void Lines::voltages() {
  for (std::size_t p = 0; p < static_cast<std::size_t>(reading_.phases); ++p)
    number(phase_code(32, p, "7.0"), phase_name(p), "voltage", reading_.voltage_dv[p], kVoltage, kDecivoltsPerVolt);
}

void Lines::currents() {
  for (std::size_t p = 0; p < static_cast<std::size_t>(reading_.phases); ++p)
    number(phase_code(31, p, "7.0"), phase_name(p), "current", reading_.current_ma[p], current_,
           kMilliamperesPerAmpere);
}

void Lines::failure_counts() {
  number("0-0:96.7.21", "total", "power_failures", reading_.failures, {5, 0, 1, ""});
  number("0-0:96.7.9", "total", "long_power_failures", reading_.long_failures, {5, 0, 1, ""});
}

void Lines::failure_log() {
  std::string content = fmt::format("({})(0-0:96.7.19)", reading_.failure_log.size());
  for (const PowerFailure& f : reading_.failure_log) content += fmt::format("({})({:010}*s)", stamp(f.end), f.seconds);
  if (!raw("1-0:99.97.0", content)) return;
  for (const PowerFailure& f : reading_.failure_log)
    know("total", "power_failure_duration", static_cast<double>(f.seconds), f.end);
}

void Lines::sags_and_swells() {
  const auto phases = static_cast<std::size_t>(reading_.phases);
  for (std::size_t p = 0; p < phases; ++p)
    number(phase_code(32, p, "32.0"), phase_name(p), "voltage_sags", reading_.sags[p].count, {5, 0, 1, ""});
  for (std::size_t p = 0; p < phases; ++p)
    number(phase_code(32, p, "36.0"), phase_name(p), "voltage_swells", reading_.swells[p].count, {5, 0, 1, ""});
}

void Lines::belgian_peaks() {
  constexpr std::string_view kMonthMaximum = "active_demand_import_month_max";
  active_power("1-0:1.4.0", "total", "active_demand_import", reading_.demand.import_w);
  const auto know_peak = [&](const Peak& peak) {
    if (peak.end != kNever)
      know("total", kMonthMaximum, static_cast<double>(rolled(peak.watts, dialect_.power)), peak.end);
  };
  const auto shown = [&](const Peak& peak) {
    return fmt::format("({})({}*kW)", stamp(peak.end), print(peak.watts, dialect_.power));
  };
  if (raw("1-0:1.6.0", shown(reading_.month_peak))) know_peak(reading_.month_peak);
  std::string history = fmt::format("({})(1-0:1.6.0)(1-0:1.6.0)", reading_.peak_history.size());
  for (const MonthPeak& month : reading_.peak_history)
    history += fmt::format("({})", stamp(month.capture)) + shown(month.peak);
  if (!raw("0-0:98.1.0", history)) return;
  for (const MonthPeak& month : reading_.peak_history) know_peak(month.peak);
}

void Lines::current_thresholds(std::int64_t amperes) {
  if (!raw("1-1:31.4.0", fmt::format("({:03}*A)(-{:03}*A)", amperes, amperes))) return;
  know("total", "current_threshold_import", static_cast<double>(amperes), kNever, true);
  know("total", "current_threshold_export", static_cast<double>(amperes), kNever, true);
}

void Lines::mbus() {
  for (const MbusReading& device : reading_.mbus) mbus_device(device);
}

void Lines::mbus_device(const MbusReading& device) {
  const auto code = [&](std::string_view rest) { return fmt::format("0-{}:{}", device.channel, rest); };
  const bool belgian = dialect_.id == DialectId::be;
  const bool old = dialect_.id == DialectId::nl2;
  const bool gas = device.type == MbusType::gas;
  const bool answers = device.stamp != kNever;
  const MbusFormat format = mbus_format(device.type);
  const std::int64_t mantissa = answers ? rolled(device.milli / format.field.step, format.field) : 0;
  const std::string value = print(mantissa, format.field);

  const std::string channel = fmt::format("mbus{}", device.channel);

  // A slot that never answered is no device to a reader.
  const std::string type = fmt::format("({:0{}})", static_cast<int>(device.type), old ? 1 : 3);
  if (raw(code("24.1.0"), type) && answers)
    know(channel, "device_type", static_cast<double>(device.type), kNever, true);
  octets(code(belgian ? "96.1.1" : "96.1.0"), device.serial);
  if (belgian && gas && answers) state(code("24.4.0"), channel, "valve_state", 1);
  bool shown = false;
  if (old) {
    // The value stands on a line of its own, without unit; the fields before it describe an hourly profile of one
    // column.
    shown = raw(code("24.3.0"), fmt::format("({})(00)(60)(1)({})({})\r\n({})",
                                            answers ? clock_.stamp_without_suffix(device.stamp) : "000000000000",
                                            code("24.2.1"), format.field.unit, value));
  } else if (answers) {
    shown = raw(code(belgian && gas ? "24.2.3" : "24.2.1"),
                fmt::format("({})({}*{})", stamp(device.stamp), value, format.field.unit));
  } else {
    raw(code(belgian && gas ? "24.2.3" : "24.2.1"),
        belgian ? "(632525252525S)(00000.000)" : "(700101010000W)(00000000)");
  }
  if (shown && answers)
    know(channel, format.quantity,
         static_cast<double>(mantissa * format.field.step) / static_cast<double>(format.per_unit), device.stamp);
  if ((old || dialect_.id == DialectId::lu) && gas && answers) state(code("24.4.0"), channel, "valve_state", 1);
}

}  // namespace mesura::dsmr_p1::twin
