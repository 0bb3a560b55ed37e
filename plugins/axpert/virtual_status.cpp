// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "virtual_calendar.hpp"
#include "virtual_machine.hpp"

namespace mesura::axpert::twin {
namespace {

constexpr Where kNowhere{};

std::string bits_of(std::initializer_list<bool> flags) {
  std::string text;
  for (const bool flag : flags) text += flag ? '1' : '0';
  return text;
}

std::string_view charge_source(const Live& l) {
  if (l.solar_charging && l.ac_charging) return "solar+utility";
  if (l.solar_charging) return "solar";
  return l.ac_charging ? "utility" : "none";
}

/// QPIGS 17 of all but PI41.
void put_device_status(FieldWriter& w, const Machine& m) {
  const Live& l = m.live();
  const bool feeding = m.in(kKing) && l.load_on;  // King: panels or grid feed the load
  const bool charging = l.solar_charging || l.ac_charging;
  const bool scc_updated = !m.model->tracker_current;
  const bool steady = l.steady && !m.in(kKing);
  w.word(bits_of({feeding, m.configuration_changed, scc_updated, l.load_on, steady, charging, l.solar_charging,
                  l.ac_charging}),
         {"total", "device_status"});
  if (!m.in(kKing)) w.also({"total", "sbu_priority_version"}, feeding ? 1.0 : 0.0);
  w.also({"total", "configuration_changed"}, m.configuration_changed ? 1.0 : 0.0);
  w.also({"total", "scc_firmware_updated"}, scc_updated ? 1.0 : 0.0);
  w.also({"ac_output", "load_on"}, l.load_on ? 1.0 : 0.0);
  if (!m.in(kKing)) w.also({"battery", "battery_voltage_steady"}, steady ? 1.0 : 0.0);
  w.also({"battery", "charging"}, charging ? 1.0 : 0.0);
  w.also({"pv1", "charging"}, l.solar_charging ? 1.0 : 0.0);
  w.also({"grid", "charging"}, l.ac_charging ? 1.0 : 0.0);
  w.also({"battery", "charge_source"}, charge_source(l));
}

/// QPIGS 17 of PI41.
void put_split_status(FieldWriter& w, const Machine& m) {
  const Live& l = m.live();
  const bool open = (m.warning_bits() >> 22U & 1U) != 0;
  const bool under = (m.warning_bits() >> 14U & 1U) != 0 && !open;
  w.word(bits_of({true, l.ac_charging, l.solar_charging, open, under, l.line_lost, l.load_on, m.configuration_changed}),
         {"total", "device_status"});
  w.also({"scc1", "charger_ok"}, 1.0);
  w.also({"grid", "charging"}, l.ac_charging ? 1.0 : 0.0);
  w.also({"pv1", "charging"}, l.solar_charging ? 1.0 : 0.0);
  w.also({"grid", "line_lost"}, l.line_lost ? 1.0 : 0.0);
  w.also({"ac_output", "load_on"}, l.load_on ? 1.0 : 0.0);
  w.also({"total", "configuration_changed"}, m.configuration_changed ? 1.0 : 0.0);
}

void put_first_tracker(FieldWriter& w, const Machine& m) {
  const Tracker& t = m.live().pv[0];
  if (m.in(kRevo)) {
    w.fixed(t.w, 4, 0, {"pv1", "active_power"});
  } else if (m.model->tracker_current) {
    w.fixed(t.da, 2, 1, {"pv1", "current"});
  } else {
    w.fixed(t.battery_a, 4, 0, {"pv1", "charge_current"});
  }
  w.fixed(t.dv, 3, 1, {"pv1", "voltage"});
  w.fixed(t.scc_cv, 2, 2, {"scc1", "voltage"});
}

void put_tail(FieldWriter& w, const Machine& m) {
  const Live& l = m.live();
  if (m.qpigs_fields < 21) return;
  const bool kit = m.dust_proof_kit;
  w.fixed(0, 2, 0, {"fan", "fan_on_voltage_offset"}, 100);
  w.fixed(0, 2);
  w.fixed(l.pv[0].w, 5, 0, m.in(kRevo) ? kNowhere : Where{"pv1", "active_power"});
  w.word(bits_of({l.float_stage, m.plant.overrides.switched_on, kit}), {"total", "device_status2"});
  w.also({"battery", "float_stage"}, l.float_stage ? 1.0 : 0.0);
  w.also({"total", "switched_on"}, m.plant.overrides.switched_on ? 1.0 : 0.0);
  if (m.in(kKing | kMax)) w.also({"total", "dust_proof_kit"}, kit ? 1.0 : 0.0);
  if (m.qpigs_fields < 24) return;
  w.fixed(l.feed_w > 0 ? 1 : 0, 1, 0, {"grid", "feeding_grid"});
  w.fixed(0, 2, 0, {"total", "country_regulation"});
  w.fixed(l.feed_w, 4, 0, {"grid", "active_power_export"});
}

std::int64_t energy_today(const Machine& m) {
  const std::int64_t day = m.clock_seconds() / 86400;
  return m.plant.energy().wh(EnergyLog::Of::pv, day, day + 1);
}

Answer done(FieldWriter& w) { return {w.take_text(), w.take_truth(), false}; }

}  // namespace

Answer general_status(Machine& m) {
  if (m.plant.counting()) m.plant.count(m.count);
  ++m.count;
  const Live& l = m.live();
  FieldWriter w;
  w.fixed(l.grid_dv, 3, 1, {"grid", "voltage"}).fixed(l.grid_chz / 10, 2, 1, {"grid", "frequency"});
  w.fixed(l.out_dv, 3, 1, {"ac_output", "voltage"}).fixed(l.out_chz / 10, 2, 1, {"ac_output", "frequency"});
  w.fixed(l.va, 4, 0, {"ac_output", "apparent_power"}).fixed(l.w, 4, 0, {"ac_output", "active_power"});
  w.fixed(l.load_percent, 3, 0, {"ac_output", "load_level"}).fixed(l.bus_v, 3, 0, {"bus", "voltage"});
  w.fixed(l.battery_cv, 2, 2, {"battery", "voltage"}).fixed(l.charge_a, 3, 0, {"battery", "charge_current"});
  w.fixed(l.soc, 3, 0, {"battery", "state_of_charge"}).fixed(l.heatsink_c, 4, 0, {"heatsink", "temperature"});
  put_first_tracker(w, m);
  if (m.in(kRevo)) {
    const std::int64_t wh = m.plant.counting() ? (m.count - 1) % 100'000 : energy_today(m);
    w.fixed(wh, 5, 0, {"pv", "active_energy_export_day"});
  } else {
    w.fixed(l.discharge_a, 5, 0, {"battery", "discharge_current"});
    w.also({"battery", "direct_current"}, static_cast<double>(l.charge_a - l.discharge_a));
    w.also({"battery", "active_power"},
           static_cast<double>(l.battery_cv) / 100 * static_cast<double>(l.charge_a - l.discharge_a));
  }
  if (m.in(kSplit)) {
    put_split_status(w, m);
  } else {
    put_device_status(w, m);
  }
  put_tail(w, m);
  return done(w);
}

Answer general_status2(const Machine& m) {
  const Live& l = m.live();
  const Tracker& t2 = l.pv[1];
  const Tracker& t3 = l.pv[2];
  FieldWriter w;
  if (m.in(kMax)) {
    w.fixed(t2.da, 2, 1, {"pv2", "current"}).fixed(t2.dv, 3, 1, {"pv2", "voltage"});
    w.fixed(t2.w, 5, 0, {"pv2", "active_power"}).raw(" ");  // the real ones end with a space
  } else if (m.in(kDuo)) {
    w.fixed(t2.da, 2, 1, {"pv2", "current"}).fixed(t2.dv, 3, 1, {"pv2", "voltage"});
    w.fixed(t2.scc_cv, 2, 2, {"scc2", "voltage"}).fixed(t2.w, 5, 0, {"pv2", "active_power"});
    w.word(bits_of(
        {l.solar_charging && t2.w > 0, l.solar_charging && t3.w > 0, false, false, false, false, false, false}));
    w.fixed(l.ac_charge_a, 4, 0, {"ac_charger", "charge_current"});
    w.fixed(l.ac_charge_w, 4, 0, {"ac_charger", "active_power"});
    w.fixed(t3.da, 2, 1, {"pv3", "current"}).fixed(t3.dv, 3, 1, {"pv3", "voltage"});
    w.fixed(t3.scc_cv, 2, 2, {"scc3", "voltage"}).fixed(t3.w, 5, 0, {"pv3", "active_power"});
    w.fixed(l.pv_w(), 5, 0, {"pv", "active_power"});
  } else {
    w.fixed(l.grid_dv, 3, 1, {"grid_l2", "voltage"}).fixed(l.grid_chz / 10, 2, 1, {"grid_l2", "frequency"});
    w.fixed(l.out_dv, 3, 1, {"ac_output_l2", "voltage"}).fixed(l.out_chz / 10, 2, 1, {"ac_output_l2", "frequency"});
    w.fixed(l.va_l2, 4, 0, {"ac_output_l2", "apparent_power"}).fixed(l.w_l2, 4, 0, {"ac_output_l2", "active_power"});
    w.fixed(l.load_percent_l2, 3, 0, {"ac_output_l2", "load_level"});
    w.fixed(t2.battery_a, 4, 0, {"pv2", "charge_current"}).fixed(t2.dv, 3, 1, {"pv2", "voltage"});
    w.fixed(l.battery_cv, 2, 2, {"battery_l2", "voltage"});
    w.word(bits_of({true, false, l.solar_charging && t2.w > 0, false, false, l.line_lost, l.load_on, false}),
           {"ac_output_l2", "device_status"});
    w.also({"scc2", "charger_ok"}, 1.0).also({"grid_l2", "line_lost"}, l.line_lost ? 1.0 : 0.0);
    w.also({"ac_output_l2", "load_on"}, l.load_on ? 1.0 : 0.0);
  }
  return done(w);
}

Answer parallel_status(const Machine& m, int unit) {
  FieldWriter w;
  if (unit >= m.units()) {
    w.raw(
        "0 00000000000000 P 00 000.0 00.00 000.0 00.00 0000 0000 000 00.0 000 000 000.0 000 00000 00000 000 00000000 0 "
        "0 "
        "000 000 ");
    w.raw(m.in(kMax) ? "000 00 000 000.0 00" : "00 00 000");
    return done(w);
  }
  const Live& l = m.live();
  const UnitSettings& own = m.settings.units[static_cast<std::size_t>(unit)];
  const int n = m.units();
  const bool open = (m.warning_bits() >> 22U & 1U) != 0;
  const bool under = (m.warning_bits() >> 14U & 1U) != 0 && !open;
  w.prefix("unit" + std::to_string(unit) + "_");
  w.fixed(n > 1 ? 1 : 0, 1, 0, {"total", "present"}).word(m.serials[static_cast<std::size_t>(unit)]);
  w.word(std::string_view{&l.mode, 1}).also({"total", "operating_mode"}, mode_name(l.mode));
  w.fixed(m.fault_code, 2, 0, {"total", "fault_code"});
  w.fixed(l.grid_dv, 3, 1, {"grid", "voltage"}).fixed(l.grid_chz, 2, 2, {"grid", "frequency"});
  w.fixed(l.out_dv, 3, 1, {"ac_output", "voltage"}).fixed(l.out_chz, 2, 2, {"ac_output", "frequency"});
  w.fixed(l.va, 4, 0, {"ac_output", "apparent_power"}).fixed(l.w, 4, 0, {"ac_output", "active_power"});
  w.fixed(l.load_percent, 3, 0, {"ac_output", "load_level"}).fixed(l.battery_cv / 10, 2, 1, {"battery", "voltage"});
  w.fixed(l.charge_a, 3, 0, {"battery", "charge_current"}).fixed(l.soc, 3, 0, {"battery", "state_of_charge"});
  w.fixed(l.pv[0].dv, 3, 1, {"pv1", "voltage"});
  w.prefix("system_");
  w.fixed(static_cast<std::int64_t>(l.charge_a) * n, 3, 0, {"battery", "charge_current"});
  w.fixed(static_cast<std::int64_t>(l.va + l.va_l2) * n, 5, 0, {"ac_output", "apparent_power"});
  w.fixed(static_cast<std::int64_t>(l.load_w()) * n, 5, 0, {"ac_output", "active_power"});
  w.fixed(l.load_percent, 3, 0, {"ac_output", "load_level"});
  w.prefix("unit" + std::to_string(unit) + "_");
  w.word(bits_of({true, l.ac_charging, l.solar_charging, open, under, l.line_lost, l.load_on, m.configuration_changed}),
         {"total", "device_status"});
  w.code(m.settings.output_mode, 1, {"ac_output", "output_mode"}, output_mode_name(m.settings.output_mode));
  w.code(own.charger_priority, 1, {"battery", "charger_source_priority"}, charger_priority_name(own.charger_priority));
  w.fixed(own.max_charge_a, 3, 0, {"battery", "max_charge_current"});
  w.fixed(m.model->charge_currents.back(), 3, 0, {"battery", "max_charge_current_range"});
  w.fixed(own.max_ac_charge_a, m.model->ac_digits, 0, {"ac_charger", "max_charge_current"});
  w.fixed(l.pv[0].da / 10, 2, 0, {"pv1", "current"}).fixed(l.discharge_a, 3, 0, {"battery", "discharge_current"});
  if (m.in(kMax)) {
    w.fixed(l.pv[1].dv, 3, 1, {"pv2", "voltage"}).fixed(l.pv[1].da / 10, 2, 0, {"pv2", "current"});
  }
  return done(w);
}

Answer parallel_status2(const Machine& m, int unit) {
  const Live& l = m.live();
  const bool there = unit < m.units();
  FieldWriter w;
  if (m.in(kDuo)) {
    const Live none;
    const Live& x = there ? l : none;
    w.fixed(there && m.units() > 1 ? 1 : 0, 1).fixed(x.pv[0].w, 5);
    for (std::size_t i = 1; i < 3; ++i) w.fixed(x.pv[i].dv, 3, 1).fixed(x.pv[i].da / 10, 2).fixed(x.pv[i].w, 5);
    w.word(bits_of({there, x.solar_charging && x.pv[1].w > 0, there && m.model->trackers > 2,
                    x.solar_charging && x.pv[2].w > 0, false, false, false, false}));
    return done(w);
  }
  if (!there) {
    w.raw("00 00000000000000 P 00 000.0 00.00 000.0 00.00 0000 0000 000 00.0 000 000 000.0 00 00000000");
    return done(w);
  }
  w.word(m.units() > 1 ? "11" : "01").word(m.serials[static_cast<std::size_t>(unit)]);
  w.word(std::string_view{&l.mode, 1}).fixed(m.fault_code, 2);
  w.fixed(l.grid_dv, 3, 1).fixed(l.grid_chz, 2, 2).fixed(l.out_dv, 3, 1).fixed(l.out_chz, 2, 2);
  w.fixed(l.va_l2, 4).fixed(l.w_l2, 4).fixed(l.load_percent_l2, 3).fixed(l.battery_cv / 10, 2, 1);
  w.fixed(l.charge_a, 3).fixed(l.soc, 3).fixed(l.pv[1].dv, 3, 1).fixed(l.pv[1].battery_a, 2);
  w.word(bits_of({true, false, l.solar_charging && l.pv[1].w > 0, false, false, l.line_lost, l.load_on, false}));
  return done(w);
}

Answer working_mode(const Machine& m) {
  FieldWriter w;
  w.word(std::string_view{&m.live().mode, 1}).also({"total", "operating_mode"}, mode_name(m.live().mode));
  return done(w);
}

Answer warning_status(const Machine& m) {
  const std::uint64_t bits = m.warning_bits();
  std::string text;
  for (int i = 0; i < m.model->warning_bits; ++i) text += (bits >> static_cast<unsigned>(i) & 1U) != 0 ? '1' : '0';
  // The two places of the fault code hold digits, not flags.
  if (m.in(kKing | kMax)) {
    const std::size_t at = m.in(kKing) || m.battery_volts == 24 ? 31 : 32;
    text[at] = static_cast<char>('0' + m.fault_code / 10 % 10);
    text[at + 1] = static_cast<char>('0' + m.fault_code % 10);
  }
  return {std::move(text), {}, false};
}

Answer revo_status(Machine& m) {
  const Live& l = m.live();
  const EnergyLog& energy = m.plant.energy();
  FieldWriter w;
  w.fixed(l.grid_dv / 10, 3).fixed(l.grid_chz / 10, 2, 1).fixed(l.out_dv / 10, 3).fixed(l.out_chz / 10, 2, 1);
  w.fixed(l.w, 4).fixed(l.load_percent, 3).fixed(l.battery_cv / 10, 2, 1).fixed(l.soc, 3);
  w.fixed(l.charge_a, 3).fixed(l.discharge_a, 3).fixed(l.pv[0].dv / 10, 3).fixed(l.pv[0].da, 2, 1).fixed(l.pv[0].w, 4);
  w.fixed(energy_today(m), 6).fixed(energy.total_wh(EnergyLog::Of::pv) / 1000, 6);
  w.word(std::string_view{&l.mode, 1}).fixed(0, 2).fixed(m.fault_code, 2);
  Answer answer = done(w);
  answer.chk = true;
  return answer;
}

}  // namespace mesura::axpert::twin
