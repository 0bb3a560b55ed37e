// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_machine.hpp"

namespace mesura::axpert::twin {
namespace {

std::string_view either(int value, std::string_view zero, std::string_view one) { return value == 0 ? zero : one; }

void put_machine(FieldWriter& w, const Machine& m) {
  const ModelInfo& model = *m.model;
  w.fixed(model.rated_dv, 3, 1, {"grid", "rated_voltage"}).fixed(model.rated_da, 2, 1, {"grid", "rated_current"});
  w.fixed(m.settings.output_dv, 3, 1, {"ac_output", "rated_voltage"});
  w.fixed(m.settings.output_dhz, 2, 1, {"ac_output", "rated_frequency"});
  w.fixed(model.rated_da, 2, 1, {"ac_output", "rated_current"});
  w.fixed(model.rated_va, 4, 0, {"ac_output", "rated_apparent_power"});
  w.fixed(model.rated_w, 4, 0, {"ac_output", "rated_active_power"});
  w.fixed(m.battery_volts * 10, 2, 1, {"battery", "rated_voltage"});
}

void put_battery(FieldWriter& w, const Machine& m) {
  const Settings& s = m.settings;
  w.fixed(s.recharge_dv, 2, 1, {"battery", "recharge_voltage"}).fixed(s.under_dv, 2, 1, {"battery", "under_voltage"});
  w.fixed(s.bulk_dv, 2, 1, {"battery", "bulk_voltage"}).fixed(s.float_dv, 2, 1, {"battery", "float_voltage"});
  w.code(s.battery_type, 1, {"battery", "battery_type"}, battery_type_name(s.battery_type));
  w.fixed(s.own().max_ac_charge_a, m.model->ac_digits, 0, {"ac_charger", "max_charge_current"});
  w.fixed(s.own().max_charge_a, 3, 0, {"battery", "max_charge_current"});
}

void put_behaviour(FieldWriter& w, const Machine& m) {
  const Settings& s = m.settings;
  w.code(s.input_range, 1, {"grid", "input_voltage_range"}, either(s.input_range, "appliance", "ups"));
  w.code(s.output_priority, 1, {"ac_output", "output_source_priority"}, output_priority_name(s.output_priority));
  w.code(s.own().charger_priority, 1, {"battery", "charger_source_priority"},
         charger_priority_name(s.own().charger_priority));
  if (m.dash) {
    w.word("-");
  } else {
    w.fixed(m.model->parallel_max, 1, 0, {"total", "parallel_max_units"});
  }
  w.code(m.model->machine_type, 2, {"total", "machine_type"}, machine_type_name(m.model->machine_type));
  w.code(0, 1, {"total", "topology"}, "transformerless");
  w.code(s.output_mode, 1, {"ac_output", "output_mode"}, output_mode_name(s.output_mode));
  w.fixed(s.redischarge_dv, 2, 1, {"battery", "redischarge_voltage"});
  w.code(s.pv_ok_condition, 1, {"pv", "pv_ok_condition"}, either(s.pv_ok_condition, "any_unit", "all_units"));
  w.code(s.pv_power_balance, 1, {"pv", "pv_power_balance"},
         either(s.pv_power_balance, "charge_current", "charge_and_load"));
}

int bit(const Settings& s, char letter) { return s.flag(letter) ? 1 : 0; }

}  // namespace

Answer ratings(Machine& m) {
  m.configuration_changed = false;
  FieldWriter w;
  put_machine(w, m);
  put_battery(w, m);
  put_behaviour(w, m);
  const int fields = m.model->qpiri_fields;
  if (fields >= 26) {
    w.fixed(m.settings.cv_minutes, 3);
    w.also({"battery", "max_cv_charge_time"}, m.settings.cv_minutes * 60.0);
  }
  if (fields >= 27)
    w.code(m.settings.operation_logic, 1, {"total", "operation_logic"},
           operation_logic_name(m.settings.operation_logic));
  if (fields >= 28) w.fixed(m.settings.max_discharge_a, 3, 0, {"battery", "max_discharge_current"});
  return {w.take_text(), w.take_truth(), false};
}

Answer flags(const Machine& m) {
  std::string on = "E";
  std::string off = "D";
  for (const char letter : m.model->flags) (m.settings.flag(letter) ? on : off) += letter;
  if (m.odd_flags) {
    on += 'n';
    off += ';';
  }
  return {on + off, {}, false};
}

Answer factory_defaults(const Machine& m) {
  const Settings& f = m.factory;
  const bool duo = m.in(kDuo);
  FieldWriter w;
  w.fixed(f.output_dv, 3, 1).fixed(f.output_dhz, 2, 1);
  w.fixed(duo ? f.own().max_charge_a : f.own().max_ac_charge_a, 4);
  w.fixed(f.under_dv, 2, 1).fixed(f.float_dv, 2, 1).fixed(f.bulk_dv, 2, 1).fixed(f.recharge_dv, 2, 1);
  w.fixed(duo ? f.own().max_ac_charge_a : f.own().max_charge_a, 2);
  w.fixed(f.input_range, 1).fixed(f.output_priority, 1).fixed(f.own().charger_priority, 1).fixed(f.battery_type, 1);
  w.fixed(1 - bit(f, 'a'), 1);
  for (const char letter : std::string_view{"juvxyzbk"}) w.fixed(bit(f, letter), 1);
  w.fixed(f.output_mode, 1).fixed(f.redischarge_dv, 2, 1).fixed(f.pv_ok_condition, 1).fixed(f.pv_power_balance, 1);
  if (duo) w.fixed(f.charge_stage, 2).fixed(bit(f, 'l'), 1).fixed(f.max_solar_a, 3).fixed(255, 3);
  if (m.in(kKing | kMax | kSplit)) w.fixed(f.cv_minutes, 3);
  if (m.in(kKing)) w.fixed(f.operation_logic, 1);
  if (m.in(kMax)) w.fixed(f.max_discharge_a, 3);
  return {w.take_text(), {}, false};
}

}  // namespace mesura::axpert::twin
