// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_telegram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "virtual_lines.hpp"

namespace mesura::dsmr_p1::twin {
namespace {

constexpr Field kWattHours{6, 3, 1, "kWh"};
constexpr Field kWatts{2, 3, 1, "kW"};
constexpr Field kAmperes{3, 0, 1000, "A"};

constexpr std::array<Dialect, 9> kDialects{{
    {DialectId::nl2,
     "nl2",
     "Europe/Amsterdam",
     10,
     R"(/TST3\V22-SIM)",
     "",
     "TEST000000001",
     2,
     1,
     false,
     3600,
     {5, 3, 1, "kWh"},
     {4, 2, 10, "kW"},
     kAmperes,
     "kvar"},
    {DialectId::nl4, "nl4", "Europe/Amsterdam", 10, "/TST5SIM-42", "42", "TEST000000002", 2, 1, true, 3600, kWattHours,
     kWatts, kAmperes, "kvar"},
    {DialectId::nl5, "nl5", "Europe/Amsterdam", 1, R"(/TST5\2SIM-50)", "50", "TEST000000003", 2, 1, true, 300,
     kWattHours, kWatts, kAmperes, "kvar"},
    {DialectId::be,
     "be",
     "Europe/Brussels",
     1,
     R"(/FLU5\253000000_A)",
     "50217",
     "1SAG0000000001",
     1,
     2,
     true,
     300,
     kWattHours,
     kWatts,
     {3, 2, 10, "A"},
     "kvar"},
    {DialectId::lu, "lu", "Europe/Luxembourg", 10, R"(/Lux5\253000000_D)", "42", "SAG1030000000001", 1, 2, true, 3600,
     kWattHours, kWatts, kAmperes, "kvar"},
    {DialectId::at,
     "at",
     "Europe/Vienna",
     5,
     R"(/EST5\253000000_A)",
     "50",
     "",
     1,
     2,
     true,
     3600,
     {9, 0, 1, "Wh"},
     {9, 0, 1, "W"},
     kAmperes,
     "var"},
    {DialectId::se,
     "se",
     "Etc/GMT-1",
     10,
     "/TST5SE-SIM",
     "",
     "",
     1,
     2,
     true,
     3600,
     {8, 3, 1, "kWh"},
     {4, 3, 1, "kW"},
     {3, 1, 100, "A"},
     "kVAr"},
    {DialectId::hu, "hu", "Europe/Budapest", 10, "/TST5HU-SIM", "", "0001", 1, 2, true, 3600, kWattHours, kWatts,
     kAmperes, "kvar"},
    {DialectId::lt, "lt", "Europe/Vilnius", 10, R"(/ESO5\VSIM-30)", "", "LGZ0000000001", 1, 2, true, 3600, kWattHours,
     kWatts, kAmperes, "kvar"},
}};

// Belgian versions: five digits, so that texts compare as numbers do.
constexpr std::string_view kBeWithEan = "50218";
constexpr std::string_view kBeWithRelays = "50221";
constexpr std::string_view kBeEan = "541448000000000001";

constexpr std::int64_t kLuLimiterVa = 27600;
constexpr std::int64_t kLuThresholdAmperes = 40;
constexpr std::int64_t kHuLimiterWatts = 90000;
constexpr std::int64_t kHuFuseMilliamperes = 200'000;

// DSMR 2.2 and 3.0: no time, no checksum.
void write_nl2(Lines& l) {
  l.octets("0-0:96.1.1", l.reading().serial);
  l.energy(false, 2);
  l.tariff();
  l.net_power();
  l.text("0-0:17.0.0", "0999.00*kW");
  l.breaker();
  l.octets("0-0:96.13.1", l.identity().message_code);
  l.octets("0-0:96.13.0", l.identity().message);
  l.mbus();
}

// DSMR 4.0 to 4.2.
void write_nl4(Lines& l) {
  l.version("1-3:0.2.8");
  l.time();
  l.octets("0-0:96.1.1", l.reading().serial);
  l.energy(false, 2);
  l.tariff();
  l.net_power();
  if (l.identity().version == "40") {
    l.text("0-0:17.0.0", "999.9*kW");
    l.breaker();
  }
  l.failure_counts();
  l.failure_log();
  l.sags_and_swells();
  l.octets("0-0:96.13.1", l.identity().message_code);
  l.octets("0-0:96.13.0", l.identity().message);
  l.currents();
  l.phase_powers(false);
  l.mbus();
}

// DSMR 5.0.
void write_nl5(Lines& l) {
  l.version("1-3:0.2.8");
  l.time();
  l.octets("0-0:96.1.1", l.reading().serial);
  l.energy(false, 2);
  l.tariff();
  l.net_power();
  l.failure_counts();
  l.failure_log();
  l.sags_and_swells();
  l.octets("0-0:96.13.0", l.identity().message);
  l.voltages();
  l.currents();
  l.phase_powers(false);
  l.mbus();
}

// Belgium, e-MUCS.
void write_be(Lines& l) {
  l.version("0-0:96.1.4");
  l.octets("0-0:96.1.1", l.reading().serial);
  if (l.identity().version >= kBeWithEan) l.octets("0-0:96.1.2", kBeEan);
  l.time();
  l.energy(false, 2);
  l.tariff();
  if (l.identity().version >= kBeWithRelays) l.state("1-0:94.32.1", "total", "grid_configuration", 400);
  l.belgian_peaks();
  l.net_power();
  l.phase_powers(false);
  l.voltages();
  l.currents();
  l.breaker();
  for (int relay = 1; relay <= 4 && l.identity().version >= kBeWithRelays; ++relay)
    l.state(fmt::format("0-{}:96.3.10", relay), fmt::format("relay{}", relay), "relay_state", 1);
  l.text("0-0:17.0.0", "999.9*kW");
  l.text("1-0:31.4.0", "999*A");
  l.octets("0-0:96.13.0", l.identity().message);
  l.mbus();
}

// Luxembourg.
void write_lu(Lines& l) {
  const Reading& r = l.reading();
  const std::int64_t va = apparent(r.power_w, r.reactive_var);
  l.version("1-3:0.2.8");
  l.time();
  l.octets("0-0:42.0.0", r.serial);
  l.energy(true, 0);
  l.reactive_energy();
  l.net_power();
  l.reactive_net_power();
  l.setting("0-0:17.0.0", "total", "limiter_threshold_apparent", kLuLimiterVa, {2, 3, 1, "kVA"});
  l.apparent_power("1-0:9.7.0", "total", "apparent_power_import", r.power_w >= 0 ? va : 0);
  l.apparent_power("1-0:10.7.0", "total", "apparent_power_export", r.power_w < 0 ? va : 0);
  l.current_thresholds(kLuThresholdAmperes);
  l.breaker();
  l.state("0-1:96.3.10", "relay1", "relay_state", 0);
  l.state("0-2:96.3.10", "relay2", "relay_state", 0);
  l.number("0-0:96.7.21", "total", "power_failures", r.failures, {5, 0, 1, ""});
  l.sags_and_swells();
  l.octets("0-0:96.13.0", l.identity().message);
  for (int channel = 2; channel <= 5; ++channel) l.text(fmt::format("0-0:96.13.{}", channel), "");
  l.voltages();
  l.currents();
  l.phase_powers(false);
  l.phase_reactive_powers(false);
  l.mbus();
}

// Austria: 18 lines in plain watts.
void write_at(Lines& l) {
  const Reading& r = l.reading();
  l.version("1-3:0.2.8");
  l.time();
  l.active_registers(1, "active_energy_import", r.import_total_wh, r.import_wh, true, 2);
  l.active_power("1-0:1.7.0", "total", "active_power_import", positive(r.power_w));
  l.active_registers(2, "active_energy_export", r.export_total_wh, r.export_wh, true, 2);
  l.active_power("1-0:2.7.0", "total", "active_power_export", positive(-r.power_w));
  l.reactive_registers(3, "reactive_energy_import", r.reactive_import_total_varh, r.reactive_import_varh, 2);
  l.reactive_power("1-0:3.7.0", "total", "reactive_power_import", positive(r.reactive_var));
  l.reactive_registers(4, "reactive_energy_export", r.reactive_export_total_varh, r.reactive_export_varh, 2);
  l.reactive_power("1-0:4.7.0", "total", "reactive_power_export", positive(-r.reactive_var));
}

// Sweden and Finland, H1-HAN.
void write_se(Lines& l) {
  l.time();
  l.energy(true, 0);
  l.reactive_energy();
  l.net_power();
  l.reactive_net_power();
  l.phase_powers(true);
  l.phase_reactive_powers(true);
  l.voltages();
  l.currents();
}

/// The quadrant that net power is in now: 0 for Q1 to 3 for Q4.
std::size_t quadrant(const Reading& r) {
  if (r.reactive_var >= 0) return r.power_w >= 0 ? 0 : 1;
  return r.power_w < 0 ? 2 : 3;
}

/// Thousandths.
std::int64_t power_factor(std::int64_t watts, std::int64_t vars) {
  const std::int64_t va = apparent(watts, vars);
  return va == 0 ? 1000 : (std::abs(watts) * 1000 + va / 2) / va;
}

constexpr Field kPowerFactor{1, 3, 1, ""};
constexpr Field kHertz{2, 2, 1, "Hz"};

void write_power_factors(Lines& l) {
  const Reading& r = l.reading();
  l.number("1-0:13.7.0", "total", "power_factor", power_factor(r.power_w, r.reactive_var), kPowerFactor, 1000);
  for (std::size_t p = 0; p < static_cast<std::size_t>(r.phases); ++p)
    l.number(phase_code(33, p, "7.0"), phase_name(p), "power_factor",
             power_factor(r.phase_power_w[p], r.phase_reactive_var[p]), kPowerFactor, 1000);
}

/// Registers of the last month's end: 6 of active energy, 6 reactive, the combined one, then six maxima of demand.
std::string month_end(const Lines& l) {
  const MonthSnapshot& s = l.reading().snapshot;
  const auto kwh = [](std::int64_t wh, std::string_view unit) {
    return fmt::format("({}*{})", print(wh, kWattHours), unit);
  };
  const auto kw = [](std::int64_t watts) { return fmt::format("({}*kW)", print(watts, kWatts)); };
  const std::int64_t import_wh = s.import_wh[0] + s.import_wh[1];
  const std::int64_t export_wh = s.export_wh[0] + s.export_wh[1];
  std::string text = fmt::format("({})", l.stamp(s.stamp));
  for (const std::int64_t wh : {import_wh, s.import_wh[0], s.import_wh[1], export_wh, s.export_wh[0], s.export_wh[1]})
    text += kwh(wh, "kWh");
  const PerQuadrant& q = s.reactive_varh;
  for (const std::int64_t varh : {q[0] + q[1], q[2] + q[3], q[0], q[1], q[2], q[3]}) text += kwh(varh, "kvarh");
  text += kwh(import_wh + export_wh, "kWh");
  for (const PerTariff& peaks : {s.import_peak_w, s.export_peak_w}) {
    text += kw(std::max(peaks[0], peaks[1]));
    text += kw(peaks[0]);
    text += kw(peaks[1]);
  }
  return text;
}

// Hungary.
void write_hu(Lines& l) {
  const Reading& r = l.reading();
  l.time();
  // A logical device name is the maker's three letters and the number.
  l.octets("0-0:42.0.0", fmt::format("{}0{}", l.identity().header.substr(1, 3), r.serial));
  l.octets("0-0:96.1.0", r.serial);
  l.tariff();
  l.breaker();
  l.setting("0-0:17.0.0", "total", "limiter_threshold", kHuLimiterWatts, kWatts);
  l.energy(true, 2);
  l.reactive_energy();
  constexpr std::array<std::string_view, kQuadrants> kEnergies{"reactive_energy_q1", "reactive_energy_q2",
                                                               "reactive_energy_q3", "reactive_energy_q4"};
  for (std::size_t q = 0; q < kQuadrants; ++q)
    l.reactive_registers(static_cast<int>(q) + 5, kEnergies[q], r.reactive_quadrant_varh[q], {}, 0);
  l.active_registers(15, "active_energy_combined", r.import_total_wh + r.export_total_wh, {}, true, 0);
  l.voltages();
  l.currents();
  write_power_factors(l);
  l.number("1-0:14.7.0", "total", "frequency", r.frequency_chz, kHertz, 100);
  l.net_power();
  constexpr std::array<std::string_view, kQuadrants> kPowers{"reactive_power_q1", "reactive_power_q2",
                                                             "reactive_power_q3", "reactive_power_q4"};
  for (std::size_t q = 0; q < kQuadrants; ++q)
    l.reactive_power(fmt::format("1-0:{}.7.0", q + 5), "total", kPowers[q],
                     q == quadrant(r) ? std::abs(r.reactive_var) : 0);
  for (std::size_t p = 0; p < static_cast<std::size_t>(r.phases); ++p)
    l.setting(phase_code(31, p, "4.0"), phase_name(p), "fuse_threshold", kHuFuseMilliamperes, {3, 2, 10, "A"}, 1000);
  l.raw("0-0:98.1.0", month_end(l));
  l.octets("0-0:96.13.0", l.identity().message);
}

/// Apparent power of the total and the phases, import and export.
void write_apparent_powers(Lines& l) {
  const Reading& r = l.reading();
  const auto pair = [&](std::string_view import, std::string_view exported, std::string_view channel, std::int64_t p,
                        std::int64_t q) {
    const std::int64_t va = apparent(p, q);
    l.apparent_power(import, channel, "apparent_power_import", p >= 0 ? va : 0);
    l.apparent_power(exported, channel, "apparent_power_export", p < 0 ? va : 0);
  };
  pair("1-0:9.7.0", "1-0:10.7.0", "total", r.power_w, r.reactive_var);
  for (std::size_t p = 0; p < static_cast<std::size_t>(r.phases); ++p)
    pair(phase_code(29, p, "7.0"), phase_code(30, p, "7.0"), phase_name(p), r.phase_power_w[p],
         r.phase_reactive_var[p]);
}

void write_lt_extended(Lines& l) {
  const Reading& r = l.reading();
  l.reactive_energy();
  l.reactive_net_power();
  l.phase_reactive_powers(false);
  write_apparent_powers(l);
  l.active_power("1-0:15.7.0", "total", "active_power_combined", std::abs(r.power_w));
  l.number("1-0:14.7.0", "total", "frequency", r.frequency_chz, kHertz, 100);
  write_power_factors(l);
  l.failure_counts();
  l.sags_and_swells();
}

/// The demands of group D (4: running, 5: last complete quarter).
void write_demands(Lines& l, int group, const Demand& demand, bool running) {
  const auto code = [&](int c) { return fmt::format("1-0:{}.{}.0", c, group); };
  l.active_power(code(1), "total", running ? "active_demand_import" : "active_demand_import_last", demand.import_w);
  l.active_power(code(2), "total", running ? "active_demand_export" : "active_demand_export_last", demand.export_w);
  l.reactive_power(code(3), "total", running ? "reactive_demand_import" : "reactive_demand_import_last",
                   demand.reactive_import_var);
  l.reactive_power(code(4), "total", running ? "reactive_demand_export" : "reactive_demand_export_last",
                   demand.reactive_export_var);
  l.apparent_power(code(9), "total", running ? "apparent_demand_import" : "apparent_demand_import_last",
                   demand.apparent_import_va);
  l.apparent_power(code(10), "total", running ? "apparent_demand_export" : "apparent_demand_export_last",
                   demand.apparent_export_va);
}

void write_lt_maximum(Lines& l) {
  const Reading& r = l.reading();
  l.active_power("1-0:1.24.0", "total", "active_power_import_avg", r.average.import_w);
  l.active_power("1-0:16.24.0", "total", "active_power_avg", r.average.import_w - r.average.export_w);
  l.active_power("1-0:15.24.0", "total", "active_power_combined_avg", r.average.import_w + r.average.export_w);
  l.setting("1-0:0.8.2", "total", "demand_period", kQuarterSeconds, {5, 0, 1, "s"});
  write_demands(l, 4, r.demand, true);
  write_demands(l, 5, r.last_demand, false);
  constexpr Field kSeconds{5, 0, 1, "s"};
  constexpr Field kVolts{3, 1, 1, "V"};
  for (std::size_t p = 0; p < static_cast<std::size_t>(r.phases); ++p) {
    l.number(phase_code(32, p, "24.0"), phase_name(p), "voltage_avg", r.voltage_average_dv[p], kVolts, 10);
    l.number(phase_code(32, p, "33.0"), phase_name(p), "voltage_sag_duration", r.sags[p].seconds, kSeconds);
    l.number(phase_code(32, p, "34.0"), phase_name(p), "voltage_sag_magnitude", r.sags[p].decivolts, kVolts, 10);
    l.number(phase_code(32, p, "37.0"), phase_name(p), "voltage_swell_duration", r.swells[p].seconds, kSeconds);
    l.number(phase_code(32, p, "38.0"), phase_name(p), "voltage_swell_magnitude", r.swells[p].decivolts, kVolts, 10);
  }
  l.text("1-0:0.2.0", "1.04");
  l.text("1-1:0.2.0", "2.11");
  l.octets("0-0:96.13.0", l.identity().message);
}

// Lithuania: three lists, each with the lines of the one before.
void write_lt(Lines& l) {
  using List = MeterIdentity::List;
  l.time();
  l.octets("0-0:96.1.1", l.reading().serial);
  l.energy(true, static_cast<int>(kTariffs));
  l.net_power();
  l.phase_powers(false);
  l.voltages();
  l.currents();
  if (l.identity().list != List::standard) write_lt_extended(l);
  if (l.identity().list == List::maximum) write_lt_maximum(l);
}

}  // namespace

const Dialect* find_dialect(std::string_view name) {
  const auto found = std::find_if(kDialects.begin(), kDialects.end(), [&](const Dialect& d) { return d.name == name; });
  return found == kDialects.end() ? nullptr : &*found;
}

Telegram write_telegram(const Dialect& dialect, const MeterClock& clock, const MeterIdentity& identity,
                        const Reading& reading) {
  Lines lines{dialect, clock, identity, reading};
  switch (dialect.id) {
    case DialectId::nl2: write_nl2(lines); break;
    case DialectId::nl4: write_nl4(lines); break;
    case DialectId::nl5: write_nl5(lines); break;
    case DialectId::be: write_be(lines); break;
    case DialectId::lu: write_lu(lines); break;
    case DialectId::at: write_at(lines); break;
    case DialectId::se: write_se(lines); break;
    case DialectId::hu: write_hu(lines); break;
    case DialectId::lt: write_lt(lines); break;
  }
  return lines.take();
}

}  // namespace mesura::dsmr_p1::twin
