// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "virtual_calendar.hpp"
#include "virtual_machine.hpp"

namespace mesura::axpert::twin {
namespace {

using Reply = std::optional<Answer>;

Answer words(std::string text) { return {std::move(text), {}, false}; }

std::string currents(std::span<const int> amperes) {
  FieldWriter w;
  for (const int a : amperes) w.fixed(a, 3);
  return w.take_text();
}

/// Counters have steps of 100 Wh and begin again after 8 digits.
Reply counter(const Machine& m, EnergyLog::Of what, std::string_view date) {
  std::int64_t wh = 0;
  if (date.empty()) {
    wh = m.plant.energy().total_wh(what);
  } else {
    const auto range = day_range(date);
    if (!range) return std::nullopt;
    wh = m.plant.energy().wh(what, range->from, range->to);
  }
  const std::int64_t shown = wh / 100 * 100 % 100'000'000;
  FieldWriter w;
  const bool pv = what == EnergyLog::Of::pv;
  const std::string_view quantity =
      date.empty()       ? (pv ? "active_energy_export" : "active_energy_import")
      : date.size() == 4 ? (pv ? "active_energy_export_year" : "active_energy_import_year")
      : date.size() == 6 ? (pv ? "active_energy_export_month" : "active_energy_import_month")
                         : (pv ? "active_energy_export_day" : "active_energy_import_day");
  w.fixed(shown, 8, 0, {pv ? "pv" : "ac_output", quantity});
  return Answer{w.take_text(), w.take_truth(), false};
}

Reply equalisation(Machine& m, std::string_view) {
  const Equalisation& e = m.settings.equalisation;
  FieldWriter w;
  w.fixed(e.enabled ? 1 : 0, 1).fixed(e.minutes, 3).fixed(e.period_days, 3).fixed(e.max_a, 3).fixed(21, 3);
  w.fixed(e.centivolts, 2, 2).fixed(224, 3).fixed(e.timeout_minutes, 3).fixed(e.active ? 1 : 0, 1);
  return words(w.fixed(e.elapsed_hours, 4).take_text());
}

/// 24 hourly codes, the one in force, and the order of the three slots.
std::string schedule(int code) {
  FieldWriter w;
  for (int hour = 0; hour <= 24; ++hour) w.fixed(code, 1);
  return w.fixed(0, 1).fixed(1, 1).fixed(2, 1).take_text();
}

Reply light_bar(Machine& m, std::string_view) {
  const LightBar& led = m.settings.led;
  FieldWriter w;
  w.fixed(led.on ? 1 : 0, 1).fixed(led.speed, 1).fixed(led.effect, 1).fixed(led.brightness, 1).fixed(led.colors, 1);
  std::string rgb;
  for (int i = 0; i < led.colors; ++i) rgb += led.rgb[static_cast<std::size_t>(i)];
  return words(w.word(rgb).take_text());
}

Reply bms(Machine& m, std::string_view) {
  if (!m.settings.bms.empty()) return words(m.settings.bms);
  const bool full = m.live().soc >= 100;
  return words(fmt::format("0 {:03} 0 0 {} {:03} {:03} {:03} {:04} 0030", m.live().soc, full ? 1 : 0,
                           m.settings.bulk_dv, m.settings.float_dv, m.settings.under_dv,
                           full ? 0 : m.settings.own().max_charge_a));
}

/// 10 none, 11 bulk, 12 absorption, 13 float.
int charge_state(const Live& l) {
  if (!l.solar_charging && !l.ac_charging) return l.float_stage ? 13 : 10;
  return l.float_stage ? 13 : l.steady ? 12 : 11;
}

Reply internals(Machine& m, std::string_view) {
  const Live& l = m.live();
  const int scc_c = 54 + l.pv[0].w / 100;
  FieldWriter w;
  w.fixed(0, 5).fixed(0, 5).fixed(1, 2).fixed(1, 2).fixed(l.charge_a, 2);
  w.fixed(scc_c, 3).fixed(l.heatsink_c, 3).fixed(l.heatsink_c + 8, 3).fixed(l.heatsink_c + 23, 3);
  w.fixed(0, 2).fixed(0, 2).fixed(0, 3).fixed(std::min(20 + l.load_percent, 100), 4).fixed(l.pv[0].w, 4).fixed(0, 4);
  return words(w.fixed(l.out_chz, 2, 2).fixed(charge_state(l), 2).take_text());
}

Reply text_serial(Machine& m, std::string_view) {
  const std::string& serial = m.serials.front();
  std::string padded = fmt::format("{:02}{}", serial.size(), serial);
  constexpr std::string_view kFiller = "00553500000000000000";
  padded.append(kFiller.substr(0, 22 - std::min<std::size_t>(padded.size(), 22)));
  return words(padded);
}

Reply unit_query(Machine& m, std::string_view digit, Answer (*status)(const Machine&, int)) {
  const auto unit = read_digits(digit);
  if (!unit) return std::nullopt;
  return status(m, *unit);
}

Reply clock(Machine& m, std::string_view) {
  FieldWriter w;
  w.raw(write_clock(m.clock_seconds())).also({"total", "device_time"}, static_cast<double>(m.clock_seconds()));
  return Answer{w.take_text(), w.take_truth(), false};
}

struct Query {
  std::string_view name;
  std::size_t digits;  ///< that follow the name
  unsigned profiles;
  Reply (*answer)(Machine&, std::string_view digits);
};

constexpr unsigned kAll = kPi30;

constexpr std::array kQueries{
    Query{"QPI", 0, kAll | kRevo,
          [](Machine& m, std::string_view) -> Reply { return words(std::string{m.model->protocol}); }},
    Query{"QPIGS", 0, kAll | kRevo, [](Machine& m, std::string_view) -> Reply { return general_status(m); }},
    Query{"QPIRI", 0, kAll | kRevo, [](Machine& m, std::string_view) -> Reply { return ratings(m); }},
    Query{"QMOD", 0, kAll | kRevo, [](Machine& m, std::string_view) -> Reply { return working_mode(m); }},
    Query{"QALL", 0, kRevo, [](Machine& m, std::string_view) -> Reply { return revo_status(m); }},
    Query{"QPIGS2", 0, kDuo | kMax | kSplit, [](Machine& m, std::string_view) -> Reply { return general_status2(m); }},
    Query{"QPIWS", 0, kAll, [](Machine& m, std::string_view) -> Reply { return warning_status(m); }},
    Query{"QFLAG", 0, kAll, [](Machine& m, std::string_view) -> Reply { return flags(m); }},
    Query{"QDI", 0, kAll, [](Machine& m, std::string_view) -> Reply { return factory_defaults(m); }},
    Query{"QID", 0, kAll, [](Machine& m, std::string_view) -> Reply { return words(m.serials.front()); }},
    Query{"QSID", 0, kKing | kMax | kSplit, text_serial},
    Query{"QVFW", 0, kAll, [](Machine&, std::string_view) -> Reply { return words("VERFW:00072.70"); }},
    Query{"QVFW2", 0, kClassic | kDuo | kKing | kSplit,
          [](Machine&, std::string_view) -> Reply { return words("VERFW2:00000.31"); }},
    Query{"QVFW3", 0, kDuo | kKing | kMax,
          [](Machine&, std::string_view) -> Reply { return words("VERFW3:00002.61"); }},
    Query{"QVFW4", 0, kDuo, [](Machine&, std::string_view) -> Reply { return words("VERFW4:00000.00"); }},
    Query{"VERFW:", 0, kKing | kMax, [](Machine&, std::string_view) -> Reply { return words("VERFW:00001.08"); }},
    Query{"QMCHGCR", 0, kAll,
          [](Machine& m, std::string_view) -> Reply { return words(currents(m.model->charge_currents)); }},
    Query{"QMUCHGCR", 0, kAll,
          [](Machine& m, std::string_view) -> Reply { return words(currents(m.model->utility_currents)); }},
    Query{"QMSCHGCR", 0, kDuo,
          [](Machine& m, std::string_view) -> Reply { return words(currents(m.model->charge_currents)); }},
    Query{"QPGS", 1, kAll, [](Machine& m, std::string_view n) -> Reply { return unit_query(m, n, parallel_status); }},
    Query{"QP2GS", 1, kDuo | kSplit,
          [](Machine& m, std::string_view n) -> Reply { return unit_query(m, n, parallel_status2); }},
    Query{"QBOOT", 0, kClassic | kDuo, [](Machine&, std::string_view) -> Reply { return words("0"); }},
    Query{"QOPM", 0, kClassic | kDuo | kSplit,
          [](Machine& m, std::string_view) -> Reply { return words(fixed(m.settings.output_mode, 2)); }},
    Query{"QOPPT", 0, kKing | kMax,
          [](Machine& m, std::string_view) -> Reply { return words(schedule(m.settings.output_priority)); }},
    Query{"QCHPT", 0, kKing | kMax,
          [](Machine& m, std::string_view) -> Reply { return words(schedule(m.settings.own().charger_priority)); }},
    Query{"QT", 0, kKing | kMax, clock},
    Query{"QBEQI", 0, kKing | kMax | kSplit, equalisation},
    Query{"QMN", 0, kKing | kMax | kSplit,
          [](Machine& m, std::string_view) -> Reply { return words(std::string{m.model->title}); }},
    Query{"QGMN", 0, kKing | kMax | kSplit,
          [](Machine& m, std::string_view) -> Reply { return words(std::string{m.model->code}); }},
    Query{"QET", 0, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::pv, d); }},
    Query{"QEY", 4, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::pv, d); }},
    Query{"QEM", 6, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::pv, d); }},
    Query{"QED", 8, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::pv, d); }},
    Query{"QLT", 0, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::load, d); }},
    Query{"QLY", 4, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::load, d); }},
    Query{"QLM", 6, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::load, d); }},
    Query{"QLD", 8, kMax, [](Machine& m, std::string_view d) -> Reply { return counter(m, EnergyLog::Of::load, d); }},
    Query{"QBMS", 0, kMax, bms},
    Query{"QLED", 0, kMax, light_bar},
    Query{"QCST", 0, kDuo,
          [](Machine& m, std::string_view) -> Reply { return words(fixed(m.settings.charge_stage, 2)); }},
    Query{"QCVT", 0, kDuo,
          [](Machine& m, std::string_view) -> Reply { return words(fixed(m.settings.cv_minutes, 3)); }},
    Query{"Q1", 0, kClassic, internals},
};

}  // namespace

std::optional<Answer> answer_query(Machine& machine, std::string_view command) {
  if (const auto played = machine.canned.find(command); played != machine.canned.end()) return words(played->second);
  for (const Query& q : kQueries) {
    if (!machine.in(q.profiles) || command.size() != q.name.size() + q.digits || !command.starts_with(q.name)) continue;
    return q.answer(machine, command.substr(q.name.size()));
  }
  return std::nullopt;
}

}  // namespace mesura::axpert::twin
