// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The InfiniSolar V's language: the same machine, other words and whole numbers without points.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "virtual_calendar.hpp"
#include "virtual_machine.hpp"

namespace mesura::axpert::twin {
namespace {

using Reply = std::optional<Answer>;
using Arg = std::string_view;

Answer words(std::string text) { return {std::move(text), {}, false}; }
Answer done(FieldWriter& w) { return {w.take_text(), w.take_truth(), false}; }

/// 0 fault, 1 idle, 2 charging.
int tracker_status(const Live& l, const Tracker& t) { return l.solar_charging && t.w > 0 ? 2 : 1; }
std::string_view tracker_word(int status) { return status == 2 ? "charging" : "idle"; }

struct Directions {
  int battery;   ///< 0 idle, 1 charge, 2 discharge
  int inverter;  ///< 1 AC to DC, 2 DC to AC
  int line;      ///< 1 in, 2 out
};

Directions directions(const Live& l) {
  Directions d{};
  d.battery = l.charge_a > 0 ? 1 : l.discharge_a > 0 ? 2 : 0;
  d.inverter = l.ac_charge_a > 0 ? 1 : l.dc_load_w > 0 ? 2 : 0;
  d.line = l.feed_w > 0 ? 2 : l.mode == 'L' || l.ac_charge_a > 0 ? 1 : 0;
  return d;
}

Reply status(Machine& m, Arg) {
  if (m.plant.counting()) m.plant.count(m.count);
  ++m.count;
  const Live& l = m.live();
  static constexpr std::array<Arg, 3> kBattery{"idle", "charge", "discharge"};
  static constexpr std::array<Arg, 3> kInverter{"idle", "ac_to_dc", "dc_to_ac"};
  static constexpr std::array<Arg, 3> kLine{"idle", "in", "out"};
  FieldWriter w{','};
  // Tenths without their point: the truth is a tenth of the number.
  w.fixed(l.grid_dv, 4, 0, {"grid", "voltage"}, 10).fixed(l.grid_chz / 10, 3, 0, {"grid", "frequency"}, 10);
  w.fixed(l.out_dv, 4, 0, {"ac_output", "voltage"}, 10).fixed(l.out_chz / 10, 3, 0, {"ac_output", "frequency"}, 10);
  w.fixed(l.va, 4, 0, {"ac_output", "apparent_power"}).fixed(l.w, 4, 0, {"ac_output", "active_power"});
  w.fixed(l.load_percent, 3, 0, {"ac_output", "load_level"}).fixed(l.battery_cv / 10, 3, 0, {"battery", "voltage"}, 10);
  w.fixed(l.pv[0].scc_cv / 10, 3, 0, {"scc1", "voltage"}, 10).fixed(l.pv[1].scc_cv / 10, 3, 0, {"scc2", "voltage"}, 10);
  w.fixed(l.discharge_a, 3, 0, {"battery", "discharge_current"}).fixed(l.charge_a, 3, 0, {"battery", "charge_current"});
  w.fixed(l.soc, 3, 0, {"battery", "state_of_charge"}).fixed(l.heatsink_c, 3, 0, {"heatsink", "temperature"});
  w.fixed(0, 3, 0, {"pv1", "temperature"}).fixed(0, 3, 0, {"pv2", "temperature"});
  w.fixed(l.pv[0].w, 4, 0, {"pv1", "active_power"}).fixed(l.pv[1].w, 4, 0, {"pv2", "active_power"});
  w.fixed(l.pv[0].dv, 4, 0, {"pv1", "voltage"}, 10).fixed(l.pv[1].dv, 4, 0, {"pv2", "voltage"}, 10);
  w.fixed(m.configuration_changed ? 1 : 0, 1, 0, {"total", "configuration_changed"});
  for (std::size_t i = 0; i < 2; ++i) {
    const int state = tracker_status(l, l.pv[i]);
    w.code(state, 1, {i == 0 ? "pv1" : "pv2", "charger_status"}, tracker_word(state));
  }
  const Directions d = directions(l);
  w.fixed(l.load_on ? 1 : 0, 1, 0, {"ac_output", "load_on"});
  w.code(d.battery, 1, {"battery", "power_direction"}, kBattery[static_cast<std::size_t>(d.battery)]);
  w.code(d.inverter, 1, {"inverter", "power_direction"}, kInverter[static_cast<std::size_t>(d.inverter)]);
  w.code(d.line, 1, {"grid", "power_direction"}, kLine[static_cast<std::size_t>(d.line)]);
  w.fixed(0, 1, 0, {"total", "parallel_id"});
  return done(w);
}

int charger_code(const Machine& m, std::size_t unit) {
  return std::max(m.settings.units[unit].charger_priority - 1, 0);
}
/// 0 solar, utility, battery; 1 solar, battery, utility.
int output_code(const Settings& s) { return s.output_priority == 2 ? 1 : 0; }

Reply rated(Machine& m, Arg) {
  m.configuration_changed = false;
  const ModelInfo& i = *m.model;
  const Settings& s = m.settings;
  FieldWriter w{','};
  w.fixed(i.rated_dv, 4).fixed(i.rated_da, 3).fixed(s.output_dv, 4).fixed(s.output_dhz, 3).fixed(i.rated_da, 3);
  w.fixed(i.rated_va, 4).fixed(i.rated_w, 4).fixed(m.battery_volts * 10, 3);
  w.fixed(s.recharge_dv, 3).fixed(s.redischarge_dv, 3).fixed(s.under_dv, 3).fixed(s.bulk_dv, 3).fixed(s.float_dv, 3);
  w.fixed(s.battery_type, 1).fixed(s.own().max_ac_charge_a, 3).fixed(s.own().max_charge_a, 3);
  w.fixed(s.input_range, 1).fixed(output_code(s), 1).fixed(charger_code(m, 0), 1).fixed(i.parallel_max, 1);
  w.fixed(s.grid_tie ? 1 : 0, 1).fixed(0, 1).fixed(s.output_mode, 1).fixed(s.solar_priority, 1).fixed(i.trackers, 1);
  return done(w);
}

Reply mode(Machine& m, Arg) {
  struct Code {
    char letter;
    int code;
    Arg meaning;
  };
  static constexpr std::array kCodes{Code{'P', 0, "power_on"}, Code{'S', 1, "standby"}, Code{'Y', 2, "bypass"},
                                     Code{'B', 3, "battery"},  Code{'F', 4, "fault"},   Code{'L', 5, "hybrid"}};
  const auto found =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const Code& c) { return c.letter == m.live().mode; });
  const Code& code = found == kCodes.end() ? kCodes[1] : *found;
  FieldWriter w{','};
  w.code(code.code, 2, {"total", "operating_mode"}, code.meaning);
  return done(w);
}

/// The fault code, then the sixteen warnings.
Reply faults(Machine& m, Arg) {
  static constexpr std::array kPlaces{5, 6, 9, 10, 11, 12, 14, 16, 17, 25, 26, 34, 28, 32, 29, 33};
  const std::uint64_t bits = m.warning_bits();
  FieldWriter w{','};
  w.fixed(m.fault_code, 2);
  for (const int place : kPlaces) w.fixed((bits >> static_cast<unsigned>(place) & 1U) != 0 ? 1 : 0, 1);
  return done(w);
}

constexpr Arg kFlagOrder = "abkuvxyz";

Reply flag_states(Machine& m, Arg) {
  FieldWriter w{','};
  for (const char letter : kFlagOrder) w.fixed(m.settings.flag(letter) ? 1 : 0, 1);
  return words(w.fixed(0, 1).take_text());
}

Reply defaults(Machine& m, Arg) {
  const Settings& f = m.factory;
  FieldWriter w{','};
  w.fixed(f.output_dv, 4).fixed(f.output_dhz, 3).fixed(f.input_range, 1).fixed(f.under_dv, 3).fixed(f.float_dv, 3);
  w.fixed(f.bulk_dv, 3).fixed(f.recharge_dv, 3).fixed(f.redischarge_dv, 3).fixed(f.own().max_charge_a, 3);
  w.fixed(f.own().max_ac_charge_a, 3).fixed(f.battery_type, 1).fixed(output_code(f), 1);
  w.fixed(f.own().charger_priority - 1, 1).fixed(f.solar_priority, 1).fixed(0, 1).fixed(f.output_mode, 1);
  for (const char letter : Arg{"auvxyzbk"}) w.fixed(f.flag(letter) ? 1 : 0, 1);
  return done(w);
}

Reply currents(std::span<const int> amperes) {
  FieldWriter w{','};
  for (const int a : amperes) w.fixed(a, 3);
  return done(w);
}

std::optional<std::size_t> existing_unit(const Machine& m, Arg digit) {
  const auto unit = read_digits(digit);
  if (!unit || *unit >= m.units()) return std::nullopt;
  return static_cast<std::size_t>(*unit);
}

Reply serial(const Machine& m, std::size_t unit) {
  std::string text = fmt::format("{:02}{}", m.serials[unit].size(), m.serials[unit]);
  text.resize(22, '0');
  return words(text);
}

Reply unit_rated(Machine& m, Arg digit) {
  const auto unit = existing_unit(m, digit);
  if (!unit) return std::nullopt;
  const UnitSettings& own = m.settings.units[*unit];
  FieldWriter w{','};
  const std::string& number = m.serials[*unit];
  std::string padded = number;
  padded.resize(20, '0');
  w.fixed(m.units() > 1 ? 1 : 0, 1).fixed(static_cast<std::int64_t>(number.size()), 2).word(padded);
  w.fixed(charger_code(m, *unit), 1);
  w.fixed(own.max_charge_a, 3).fixed(own.max_ac_charge_a, 3).fixed(m.settings.output_mode, 1);
  return done(w);
}

Reply unit_status(Machine& m, Arg digit) {
  const auto unit = existing_unit(m, digit);
  if (!unit) return std::nullopt;
  const Live& l = m.live();
  const Directions d = directions(l);
  const std::int64_t n = m.units();
  FieldWriter w{','};
  w.fixed(n > 1 ? 1 : 0, 1).word(mode(m, {})->text.substr(1)).fixed(m.fault_code, 2);
  w.fixed(l.grid_dv, 4).fixed(l.grid_chz / 10, 3).fixed(l.out_dv, 4).fixed(l.out_chz / 10, 3);
  w.fixed(l.va, 4).fixed(l.w, 4).fixed(l.va * n, 5).fixed(l.w * n, 5).fixed(l.load_percent, 3).fixed(l.load_percent, 3);
  w.fixed(l.battery_cv / 10, 3).fixed(l.discharge_a, 3).fixed(l.charge_a, 3).fixed(l.charge_a * n, 3).fixed(l.soc, 3);
  w.fixed(l.pv[0].w, 4).fixed(l.pv[1].w, 4).fixed(l.pv[0].dv, 4).fixed(l.pv[1].dv, 4);
  w.fixed(tracker_status(l, l.pv[0]), 1).fixed(tracker_status(l, l.pv[1]), 1).fixed(l.load_on ? 1 : 0, 1);
  w.fixed(d.battery, 1).fixed(d.inverter, 1).fixed(d.line, 1).fixed(l.heatsink_c, 3);
  return done(w);
}

/// Total, year and month in kWh, a day in Wh.
Reply energy(Machine& m, Arg date) {
  const EnergyLog& log = m.plant.energy();
  FieldWriter w{','};
  if (date.empty()) {
    const std::int64_t kwh = log.total_wh(EnergyLog::Of::pv) / 1000;
    w.fixed(kwh, 8).also({"pv", "active_energy_export"}, static_cast<double>(kwh * 1000));
    return done(w);
  }
  const auto range = day_range(date);
  if (!range) return std::nullopt;
  const std::int64_t wh = log.wh(EnergyLog::Of::pv, range->from, range->to);
  if (date.size() == 8) {
    w.fixed(wh, 6, 0, {"pv", "active_energy_export_day"});
  } else {
    w.fixed(wh / 1000, date.size() == 4 ? 8 : 7);
    w.also({"pv", date.size() == 4 ? "active_energy_export_year" : "active_energy_export_month"},
           static_cast<double>(wh / 1000 * 1000));
  }
  return done(w);
}

struct Query {
  Arg name;
  std::size_t digits;
  Reply (*answer)(Machine&, Arg);
};

constexpr std::array kQueries{
    Query{"PI", 0, [](Machine& m, Arg) -> Reply { return words(std::string{m.model->protocol}); }},
    Query{"T", 0, [](Machine& m, Arg) -> Reply { return words(write_clock(m.clock_seconds())); }},
    Query{"ET", 0, energy},
    Query{"EY", 4, energy},
    Query{"EM", 6, energy},
    Query{"ED", 8, energy},
    Query{"ID", 0, [](Machine& m, Arg) { return serial(m, 0); }},
    Query{"VFW", 0, [](Machine&, Arg) -> Reply { return words("05220,00000,00000"); }},
    Query{"PIRI", 0, rated},
    Query{"GS", 0, status},
    Query{"MOD", 0, mode},
    Query{"FWS", 0, faults},
    Query{"FLAG", 0, flag_states},
    Query{"DI", 0, defaults},
    Query{"MCHGCR", 0, [](Machine& m, Arg) { return currents(m.model->charge_currents); }},
    Query{"MUCHGCR", 0, [](Machine& m, Arg) { return currents(m.model->utility_currents); }},
    Query{"PRI", 1, unit_rated},
    Query{"PGS", 1, unit_status},
    Query{"ACCT", 0, [](Machine&, Arg) -> Reply { return words("0000,0000"); }},
    Query{"ACLT", 0, [](Machine&, Arg) -> Reply { return words("0000,0000"); }},
};

}  // namespace

std::optional<Answer> answer_pi18_query(Machine& machine, std::string_view command) {
  if (const auto played = machine.canned.find(command); played != machine.canned.end()) return words(played->second);
  for (const Query& q : kQueries)
    if (command.size() == q.name.size() + q.digits && command.starts_with(q.name))
      return q.answer(machine, command.substr(q.name.size()));
  return std::nullopt;
}

}  // namespace mesura::axpert::twin
