// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be set: flags, the clock, lights; and what is done rather than set.
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

// ---- lights

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
void on_off(Making& m) { m.on_off(); }
void speed(Making& m) { m.number(0, 2, 1, 1); }
void effect(Making& m) { m.word(codes::kLedEffect, 1); }
void brightness(Making& m) { m.number(1, 9, 1, 1); }

constexpr auto kAsRead = Shown::as_read;
constexpr auto kOnOff = Shown::on_off;
constexpr std::uint8_t kAct = kOnce | kAlways;

constexpr std::array kSetters = {
    Setter{"set_flag", kPlain | kInfini, "PE", "PE", "flag", "QFLAG", "FLAG", "total/flag", kNoNeed, kUsual, kOnOff,
           flag},
    Setter{"set_time", kNewer | kInfini, "DAT", "DAT", "time", "QT", "T", "total/device_time", kNoNeed, kOnce,
           Shown::clock, clock},
    Setter{"set_led", kMax, "PLEDE", kNone, "state", "QLED", kNone, "led/led_enabled", kNoNeed, kUsual, kOnOff, on_off},
    Setter{"set_led_speed", kMax, "PLEDS", kNone, "speed", "QLED", kNone, "led/led_speed", kNoNeed, kUsual, kAsRead,
           speed},
    Setter{"set_led_effect", kMax, "PLEDM", kNone, "effect", "QLED", kNone, "led/led_effect", kNoNeed, kUsual, kAsRead,
           effect},
    Setter{"set_led_brightness", kMax, "PLEDB", kNone, "brightness", "QLED", kNone, "led/led_brightness", kNoNeed,
           kUsual, kAsRead, brightness},
    Setter{"set_led_colors", kMax, "PLEDT", kNone, "colors", "QLED", kNone, "led/color_count", kNoNeed, kUsual, kAsRead,
           led_colors},
    Setter{"set_led_color", kMax, "PLEDC", kNone, "place", "QLED", kNone, "led/led_colors", kNoNeed, kUsual, kAsRead,
           led_color},
    Setter{"set_load", kInfini, kNone, "LON", "state", kNone, "GS", "ac_output/load_on", kNoNeed, kUsual, kOnOff,
           on_off},
    Setter{"erase_energy", kNewer | kInfini, "RTEY", "CLE", kNone, "QET", "ET", kNone, kLoad, kAct | kWhole, kAsRead,
           erase_energy},
    Setter{"erase_log", kNewer, "RTDL", kNone, kNone, kNone, kNone, kNone, kNoNeed, kAct, kAsRead, bare},
    Setter{"factory_defaults", kPlain | kInfini, "PF", "PF", kNone, "QPIRI", "PIRI", kNone, kDefaults | kFlags,
           kAct | kWhole, kAsRead, factory_defaults},
    Setter{"calibrate_battery_voltage", kPlain, "BTA", kNone, "steps", "QPIGS", kNone, "battery/voltage", kNoNeed,
           kAct | kShow, kAsRead, calibrate},
    Setter{"save_settings", kPlain, "PSAVE", kNone, kNone, kNone, kNone, kNone, kNoNeed, kAlways, kAsRead, bare},
    Setter{"test_mode", kPlain, "ATE", kNone, "state", kNone, kNone, kNone, kNoNeed, kAlways, kAsRead, on_off},
};

}  // namespace

std::span<const Setter> device_setters() { return kSetters; }

}  // namespace mesura::axpert
