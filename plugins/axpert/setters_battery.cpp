// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be set: stages and times of charging, equalisation, what the battery's own system says.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "codes.hpp"
#include "setter.hpp"

namespace mesura::axpert {
namespace {

constexpr Dialects kNewer = kKing | kMax;
constexpr Dialects kEqualising = kNewer | kSplit;
constexpr double kMinute = 60;
constexpr double kDay = 86400;

void cv_time(Making& m) {
  static constexpr std::array kSteps = {0, 10, 20, 40, 60, 90, 120, 150, 180, 210, 240, 255};
  if (!m.is(kDuo)) return m.number(0, 900, 5, 3, kMinute);
  const int minutes = m.args.integer(m.argument);
  m.allowed = "0 (automatic), 10, 20, 40, 60, 90, 120, 150, 180, 210, 240";
  if (minutes == kSteps.back() || std::find(kSteps.begin(), kSteps.end(), minutes) == kSteps.end())
    return static_cast<void>(m.fail(fmt::format("{}: expected one of {}, got {}", m.argument, m.allowed, minutes)));
  // 255 is automatic here, and is read as 0 like everywhere.
  m.command = fmt::format("{}{:03}", m.wire, minutes == 0 ? kSteps.back() : minutes);
  m.expect(Value::of(minutes * kMinute));
}

void equalization_voltage(Making& m) {
  const int volts = m.battery_volts(), value = m.tenths(100);
  if (volts == 0 || value < 0) return;
  const int high = volts == 48 ? 6100 : 3150 * volts / 24;
  m.allowed = fmt::format("{:.2f} V to {:.2f} V", volts * 1.0, high / 100.0);
  if (value < volts * 100 || value > high)
    static_cast<void>(m.fail(fmt::format("{}: expected {}, got {:.2f} V", m.argument, m.allowed, value / 100.0)));
  m.command = fmt::format("{}{:02}.{:02}", m.wire, value / 100, value % 100);
  m.expect(Value::of(value / 100.0));
}

void max_discharge_current(Making& m) {
  m.number(0, 150, 1, 3);
  m.allowed = "0 (no limit), 30 to 150";
  const int value = m.args.integer(m.argument);
  if (value != 0 && (value < 30 || value > 150))
    m.problem = fmt::format("{}: expected {}, got {}", m.argument, m.allowed, value);
}

void solar_charge_current(Making& m) {
  const int value = m.args.integer(m.argument);
  const std::vector<int> currents = numbers_of(m.facts.text("pv/allowed_charge_currents"));
  m.allowed = fmt::format("{} A", fmt::join(currents, ", "));
  if (!currents.empty() && std::find(currents.begin(), currents.end(), value) == currents.end())
    static_cast<void>(m.fail(fmt::format("{}: expected one of {}, got {} A", m.argument, m.allowed, value)));
  m.command = fmt::format("{}{:03}", m.wire, value);
}

constexpr std::array kControls = {
    Code{"111", "normal"},    Code{"11", "no_discharge_shut_down"}, Code{"101", "no_discharge_standby"},
    Code{"110", "no_charge"}, Code{"10", "neither_shut_down"},      Code{"100", "neither_standby"},
    Code{"0", "clear"}};
void bms(Making& m) {
  m.allowed = "voltages in steps of 0.1 V up to 99 V";
  const auto add = [&](const char* quantity, double value) {
    m.expected.push_back({fmt::format("bms/{}", quantity), Value::of(value)});
  };
  const auto on = [&](std::string_view name) { return m.args.text(name) == "on" ? 1 : 0; };
  const auto tenths_of = [&](std::string_view name) {
    const double volts = m.args.number(name);
    const double scaled = std::round(volts * 10);
    if (volts < 0 || volts > 99 || std::abs(volts * 10 - scaled) > 1e-6)
      static_cast<void>(
          m.fail(fmt::format("{}: expected a voltage in steps of 0.1 V up to 99 V, got {}", name, volts)));
    return static_cast<int>(std::clamp(scaled, 0.0, 999.0));
  };
  const int soc = m.args.integer("state_of_charge"), charge = m.args.integer("max_charge_current"),
            discharge = m.args.integer("max_discharge_current");
  const int bulk = tenths_of("bulk_voltage"), floating = tenths_of("float_voltage"),
            cutoff = tenths_of("cutoff_voltage");
  m.command = fmt::format("{}{} {:03} {} {} {} {:03} {:03} {:03} {:04} {:04}", m.wire, 1 - on("connected"), soc,
                          on("force_charge"), on("stop_discharge"), on("stop_charge"), bulk, floating, cutoff, charge,
                          discharge);
  add("present", on("connected"));
  add("state_of_charge", soc);
  add("force_charge", on("force_charge"));
  add("discharge_stopped", on("stop_discharge"));
  add("charge_stopped", on("stop_charge"));
  add("bulk_voltage", bulk / 10.0);
  add("float_voltage", floating / 10.0);
  add("under_voltage", cutoff / 10.0);
  add("max_charge_current", charge);
  add("max_discharge_current", discharge);
}

void on_off(Making& m) { m.on_off(); }
void minutes(Making& m) { m.number(5, 900, 5, 3, kMinute); }
void days(Making& m) { m.number(0, 90, 1, 3, kDay); }
void stages(Making& m) { m.word(codes::kChargeStages, 2); }
void control(Making& m) { m.word(kControls, 3); }

constexpr auto kAsRead = Shown::as_read;
constexpr auto kMinutes = Shown::minutes;
constexpr auto kOnOff = Shown::on_off;

constexpr std::array kSetters = {
    Setter{"set_solar_charge_current", kDuo, "MSCHGC", kNone, "current", kNone, kNone, kNone, kSolarCurrents, kUsual,
           kAsRead, solar_charge_current},
    Setter{"set_charge_stages", kDuo, "PCST", kNone, "stages", "QCST", kNone, "battery/charge_stages", kNoNeed, kUsual,
           kAsRead, stages},
    Setter{"set_cv_time", kEqualising, "PCVT", kNone, "minutes", "QPIRI", kNone, "battery/max_cv_charge_time", kNoNeed,
           kUsual, kMinutes, cv_time},
    Setter{"set_cv_time", kDuo, "PCVT", kNone, "minutes", "QCVT", kNone, "battery/max_cv_charge_time", kNoNeed, kUsual,
           kMinutes, cv_time},
    Setter{"set_equalization", kEqualising, "PBEQE", kNone, "state", "QBEQI", kNone, "battery/equalisation_enabled",
           kNoNeed, kUsual, kOnOff, on_off},
    Setter{"equalize_now", kEqualising, "PBEQA", kNone, "state", "QBEQI", kNone, "battery/equalisation_active", kNoNeed,
           kOnce, kOnOff, on_off},
    Setter{"set_equalization_time", kEqualising, "PBEQT", kNone, "minutes", "QBEQI", kNone, "battery/equalisation_time",
           kNoNeed, kUsual, kMinutes, minutes},
    Setter{"set_equalization_timeout", kEqualising, "PBEQOT", kNone, "minutes", "QBEQI", kNone,
           "battery/equalisation_timeout", kNoNeed, kUsual, kMinutes, minutes},
    Setter{"set_equalization_period", kEqualising, "PBEQP", kNone, "days", "QBEQI", kNone,
           "battery/equalisation_period", kNoNeed, kUsual, Shown::days, days},
    Setter{"set_equalization_voltage", kEqualising, "PBEQV", kNone, "voltage", "QBEQI", kNone,
           "battery/equalisation_voltage", kRatings, kUsual, kAsRead, equalization_voltage},
    Setter{"set_max_discharge_current", kMax, "PBATMAXDISC", kNone, "current", "QPIRI", kNone,
           "battery/max_discharge_current", kNoNeed, kUsual, kAsRead, max_discharge_current},
    Setter{"set_battery_control", kNewer, "PBATCD", kNone, "control", kNone, kNone, kNone, kNoNeed, kUsual, kAsRead,
           control},
    Setter{"set_bms", kMax, "PBMS", kNone, "connected", "QBMS", kNone, "bms/present", kNoNeed, kWhole, kAsRead, bms},
};

}  // namespace

std::span<const Setter> battery_setters() { return kSetters; }

}  // namespace mesura::axpert
