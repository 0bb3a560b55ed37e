// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be set: stages and times of charging, equalisation, the battery's system, flags, lights, the clock; and what
// is done rather than set.
#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "codes.hpp"
#include "setter.hpp"
#include "token.hpp"

namespace mesura::axpert {
namespace {

constexpr Dialects kPlain = kPi30 & ~kRevo;
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
constexpr std::array kTestModes = {Code{"1", "on"}, Code{"0", "off"}};

// ---- flags

/// PI18 calls the flags by their place in FLAG.
constexpr std::string_view kInfiniOrder = "abkuvxyz";

void flag(Making& m) {
  const std::string wanted = fmt::format("{}_enabled", m.args.text(m.argument));
  const Letter* letter = nullptr;
  for (const Letter& l : codes::kFlags) {
    const bool known = m.infini() ? kInfiniOrder.find(l.letter) != std::string_view::npos
                                  : m.facts.find(fmt::format("total/{}", l.quantity)) != nullptr;
    if (!known) continue;
    if (!m.allowed.empty()) m.allowed += ", ";
    m.allowed += l.quantity.substr(0, l.quantity.size() - std::string_view{"_enabled"}.size());
    if (l.quantity == wanted) letter = &l;
  }
  if (letter == nullptr && !m.allowed.empty())
    return static_cast<void>(
        m.fail(fmt::format("{}: expected one of {}, got '{}'", m.argument, m.allowed, m.args.text(m.argument))));
  for (const Letter& l : codes::kFlags)
    if (l.quantity == wanted) letter = &l;
  if (letter == nullptr)
    return static_cast<void>(m.fail(fmt::format("{}: there is no flag '{}'", m.argument, m.args.text(m.argument))));
  const bool on = m.args.text("state") == "on";
  const char called = m.infini() ? static_cast<char>('A' + kInfiniOrder.find(letter->letter)) : letter->letter;
  m.key = fmt::format("total/{}", wanted);
  m.command = fmt::format("{}{}", on ? "PE" : "PD", called);
  m.expect(Value::of(on ? 1.0 : 0.0));
}

// ---- the clock

/// "2024-03-15 12:34:56", also with T, and with or without seconds.
std::optional<date::local_seconds> local_time(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool separator = (i == 4 || i == 7) ? c == '-'
                           : i == 10          ? c == ' ' || c == 'T'
                                              : (i == 13 || i == 16) && c == ':';
    if (!separator && (c < '0' || c > '9')) return std::nullopt;
    if (!separator) digits += c;
  }
  if (text.size() == 16) digits += "00";
  if ((text.size() != 16 && text.size() != 19) || !is_date_time(digits)) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t n) {
    int value = 0;
    std::from_chars(digits.data() + at, digits.data() + at + n, value);
    return value;
  };
  const date::year_month_day day{date::year{part(0, 4)}, date::month{static_cast<unsigned>(part(4, 2))},
                                 date::day{static_cast<unsigned>(part(6, 2))}};
  if (!day.ok()) return std::nullopt;
  return date::local_days{day} + std::chrono::hours{part(8, 2)} + std::chrono::minutes{part(10, 2)} +
         std::chrono::seconds{part(12, 2)};
}

void clock(Making& m) {
  constexpr double kClose = 5;  // s
  m.allowed = "now, or YYYY-MM-DD HH:MM:SS in the time of the inverter's zone, of 2000 to 2099";
  date::local_seconds local;
  std::chrono::seconds utc{};
  if (m.args.text(m.argument) == "now") {
    const date::sys_seconds now{std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds{m.now_ns})};
    utc = now.time_since_epoch();
    local = m.zone != nullptr ? m.zone->to_local(now) : date::local_seconds{utc};
  } else {
    const auto given = local_time(m.args.text(m.argument));
    if (!given)
      return static_cast<void>(
          m.fail(fmt::format("{}: expected {}, got '{}'", m.argument, m.allowed, m.args.text(m.argument))));
    local = *given;
    utc =
        m.zone != nullptr ? m.zone->to_sys(local, date::choose::earliest).time_since_epoch() : local.time_since_epoch();
  }
  const auto day = date::floor<date::days>(local);
  const date::year_month_day d{day};
  const date::hh_mm_ss<std::chrono::seconds> t{local - day};
  m.command = fmt::format("{}{:02}{:02}{:02}{:02}{:02}{:02}", m.wire, static_cast<int>(d.year()) % 100,
                          static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()), t.hours().count(),
                          t.minutes().count(), t.seconds().count());
  m.expected.push_back({m.key, Value::of(static_cast<double>(utc.count())), kClose, true});
}

// ---- done rather than set

void factory_defaults(Making& m) {
  m.command = m.wire;
  constexpr std::string_view kDefault = "/default_";
  for (const auto& [key, value] : m.facts.all()) {
    const std::size_t at = key.find(kDefault);
    if (at == std::string::npos) continue;
    std::string quantity = key.substr(at + kDefault.size());
    if (quantity == "voltage" || quantity == "frequency") quantity.insert(0, "rated_");
    std::string shown = fmt::format("{}/{}", key.substr(0, at), quantity);
    if (m.facts.find(shown) != nullptr) m.expected.push_back({std::move(shown), value});
  }
}

void erase_energy(Making& m) {
  constexpr double kSinceThen = 1000;  // Wh that may have come while it was erased
  m.command = m.wire;
  for (const std::string_view key : {"pv/active_energy_export", "ac_output/active_energy_import"})
    if (m.facts.find(key) != nullptr) m.expected.push_back({std::string{key}, Value::of(0.0), kSinceThen, false, true});
}

void calibrate(Making& m) {
  const int steps = m.args.integer(m.argument);
  m.allowed = "-9 to 9 steps of 0.05 V, without 0";
  if (steps == 0 || steps < -9 || steps > 9)
    static_cast<void>(m.fail(fmt::format("{}: expected {}, got {}", m.argument, m.allowed, steps)));
  m.command = fmt::format("{}{}{:02}", m.wire, steps < 0 ? '-' : '+', std::abs(steps));
}

// ---- the battery's own system, the lights

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

constexpr std::size_t kColor = 9;  // RRRGGGBBB

void led_colors(Making& m) {
  // How many there are is told by how many colours are.
  m.number(2, 3, 1, 1);
}

void led_color(Making& m) {
  static constexpr std::array kPlaces = {Code{"1", "line"}, Code{"2", "avr"}, Code{"3", "battery"}};
  m.word(kPlaces, 1);
  if (m.command.empty()) return;
  m.expected.clear();
  const auto place = static_cast<std::size_t>(m.command.back() - '1');
  const std::string color =
      fmt::format("{:03}{:03}{:03}", m.args.integer("red"), m.args.integer("green"), m.args.integer("blue"));
  m.command += color;
  // Shown are the colours of all places together.
  std::string all{m.facts.text(m.key)};
  if (all.size() < (place + 1) * kColor) return m.key.clear();
  m.expect(Value::of(std::string_view{all.replace(place * kColor, kColor, color)}));
}

void bare(Making& m) { m.command = m.wire; }

constexpr auto kAsRead = Shown::as_read;

constexpr std::array kSetters = {
    Setter{"set_solar_charge_current",
           kDuo,
           "MSCHGC",
           {},
           "current",
           {},
           {},
           {},
           kSolarCurrents,
           kUsual,
           kAsRead,
           solar_charge_current},
    Setter{"set_charge_stages",
           kDuo,
           "PCST",
           {},
           "stages",
           "QCST",
           {},
           "battery/charge_stages",
           kNoNeed,
           kUsual,
           kAsRead,
           [](Making& m) { m.word(codes::kChargeStages, 2); }},
    Setter{"set_cv_time",
           kEqualising,
           "PCVT",
           {},
           "minutes",
           "QPIRI",
           {},
           "battery/max_cv_charge_time",
           kNoNeed,
           kUsual,
           Shown::minutes,
           cv_time},
    Setter{"set_cv_time",
           kDuo,
           "PCVT",
           {},
           "minutes",
           "QCVT",
           {},
           "battery/max_cv_charge_time",
           kNoNeed,
           kUsual,
           Shown::minutes,
           cv_time},
    Setter{"set_equalization",
           kEqualising,
           "PBEQE",
           {},
           "state",
           "QBEQI",
           {},
           "battery/equalisation_enabled",
           kNoNeed,
           kUsual,
           Shown::on_off,
           [](Making& m) { m.on_off(); }},
    Setter{"equalize_now",
           kEqualising,
           "PBEQA",
           {},
           "state",
           "QBEQI",
           {},
           "battery/equalisation_active",
           kNoNeed,
           kOnce,
           Shown::on_off,
           [](Making& m) { m.on_off(); }},
    Setter{"set_equalization_time",
           kEqualising,
           "PBEQT",
           {},
           "minutes",
           "QBEQI",
           {},
           "battery/equalisation_time",
           kNoNeed,
           kUsual,
           Shown::minutes,
           [](Making& m) { m.number(5, 900, 5, 3, kMinute); }},
    Setter{"set_equalization_timeout",
           kEqualising,
           "PBEQOT",
           {},
           "minutes",
           "QBEQI",
           {},
           "battery/equalisation_timeout",
           kNoNeed,
           kUsual,
           Shown::minutes,
           [](Making& m) { m.number(5, 900, 5, 3, kMinute); }},
    Setter{"set_equalization_period",
           kEqualising,
           "PBEQP",
           {},
           "days",
           "QBEQI",
           {},
           "battery/equalisation_period",
           kNoNeed,
           kUsual,
           Shown::days,
           [](Making& m) { m.number(0, 90, 1, 3, kDay); }},
    Setter{"set_equalization_voltage",
           kEqualising,
           "PBEQV",
           {},
           "voltage",
           "QBEQI",
           {},
           "battery/equalisation_voltage",
           kRatings,
           kUsual,
           kAsRead,
           equalization_voltage},
    Setter{"set_max_discharge_current",
           kMax,
           "PBATMAXDISC",
           {},
           "current",
           "QPIRI",
           {},
           "battery/max_discharge_current",
           kNoNeed,
           kUsual,
           kAsRead,
           max_discharge_current},
    Setter{"set_battery_control",
           kNewer,
           "PBATCD",
           {},
           "control",
           {},
           {},
           {},
           kNoNeed,
           kUsual,
           kAsRead,
           [](Making& m) { m.word(kControls, 3); }},
    Setter{"set_bms", kMax, "PBMS", {}, "connected", "QBMS", {}, "bms/present", kNoNeed, kWhole, kAsRead, bms},
    Setter{"set_flag", kPlain | kInfini, "PE", "PE", "flag", "QFLAG", "FLAG", "total/flag", kNoNeed, kUsual,
           Shown::on_off, flag},
    Setter{"set_time", kNewer | kInfini, "DAT", "DAT", "time", "QT", "T", "total/device_time", kNoNeed, kUsual,
           Shown::clock, clock},
    Setter{"set_led",
           kMax,
           "PLEDE",
           {},
           "state",
           "QLED",
           {},
           "led/led_enabled",
           kNoNeed,
           kUsual,
           Shown::on_off,
           [](Making& m) { m.on_off(); }},
    Setter{"set_led_speed",
           kMax,
           "PLEDS",
           {},
           "speed",
           "QLED",
           {},
           "led/led_speed",
           kNoNeed,
           kUsual,
           kAsRead,
           [](Making& m) { m.number(0, 2, 1, 1); }},
    Setter{"set_led_effect",
           kMax,
           "PLEDM",
           {},
           "effect",
           "QLED",
           {},
           "led/led_effect",
           kNoNeed,
           kUsual,
           kAsRead,
           [](Making& m) { m.word(codes::kLedEffect, 1); }},
    Setter{"set_led_brightness",
           kMax,
           "PLEDB",
           {},
           "brightness",
           "QLED",
           {},
           "led/led_brightness",
           kNoNeed,
           kUsual,
           kAsRead,
           [](Making& m) { m.number(1, 9, 1, 1); }},
    Setter{"set_led_colors",
           kMax,
           "PLEDT",
           {},
           "colors",
           "QLED",
           {},
           "led/color_count",
           kNoNeed,
           kUsual,
           kAsRead,
           led_colors},
    Setter{
        "set_led_color", kMax, "PLEDC", {}, "place", "QLED", {}, "led/led_colors", kNoNeed, kUsual, kAsRead, led_color},
    Setter{"set_load",
           kInfini,
           {},
           "LON",
           "state",
           {},
           "GS",
           "ac_output/load_on",
           kNoNeed,
           kUsual,
           Shown::on_off,
           [](Making& m) { m.on_off(); }},
    Setter{"erase_energy",
           kNewer | kInfini,
           "RTEY",
           "CLE",
           {},
           "QET",
           "ET",
           {},
           kLoad,
           kOnce | kAlways | kWhole,
           kAsRead,
           erase_energy},
    Setter{"erase_log", kNewer, "RTDL", {}, {}, {}, {}, {}, kNoNeed, kOnce | kAlways, kAsRead, bare},
    Setter{"factory_defaults",
           kPlain | kInfini,
           "PF",
           "PF",
           {},
           "QPIRI",
           "PIRI",
           {},
           kDefaults | kFlags,
           kOnce | kAlways | kWhole,
           kAsRead,
           factory_defaults},
    Setter{"calibrate_battery_voltage",
           kPlain,
           "BTA",
           {},
           "steps",
           "QPIGS",
           {},
           "battery/voltage",
           kNoNeed,
           kOnce | kAlways | kShow,
           kAsRead,
           calibrate},
    Setter{"save_settings", kPlain, "PSAVE", {}, {}, {}, {}, {}, kNoNeed, kAlways, kAsRead, bare},
    Setter{"test_mode",
           kPlain,
           "ATE",
           {},
           "state",
           {},
           {},
           {},
           kNoNeed,
           kAlways,
           kAsRead,
           [](Making& m) { m.word(kTestModes, 1); }},
};

}  // namespace

std::span<const Setter> more_setters() { return kSetters; }

}  // namespace mesura::axpert
