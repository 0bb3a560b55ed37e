// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/vocabulary.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

/// What a call throws, or "nothing thrown".
template <class F>
std::string refusal(F call) {
  try {
    call();
  } catch (const VocabularyError& e) {
    return e.what();
  }
  return "nothing thrown";
}

const Quantity& standard(std::string_view name) {
  const auto* q = Vocabulary::standard().find(name);
  INFO(name);
  REQUIRE(q != nullptr);
  return *q;
}

bool is_called(const Quantity& q, std::string_view sheet, std::string_view channel, std::string_view name) {
  for (const auto& n : q.names)
    if (n.sheet == sheet && n.channel == channel && n.name == name) return true;
  return false;
}

TEST_CASE("the terms that everything else is built on") {
  struct Row {
    std::string_view name, unit;
    Kind kind;
    bool is_signed, text;
    std::string_view opposite;
  };
  const Row rows[] = {
      {"active_power", "W", Kind::gauge, true, false, ""},
      {"active_power_import", "W", Kind::gauge, false, false, "active_power_export"},
      {"active_power_export", "W", Kind::gauge, false, false, "active_power_import"},
      {"reactive_power", "var", Kind::gauge, true, false, ""},
      {"reactive_power_q1", "var", Kind::gauge, false, false, "reactive_power_q3"},
      {"reactive_power_q4", "var", Kind::gauge, false, false, "reactive_power_q2"},
      {"apparent_power", "VA", Kind::gauge, false, false, ""},
      {"power_factor", "1", Kind::gauge, true, false, ""},
      {"voltage", "V", Kind::gauge, false, false, ""},
      {"current", "A", Kind::gauge, false, false, ""},
      {"frequency", "Hz", Kind::gauge, false, false, ""},
      {"temperature", "Cel", Kind::gauge, false, false, ""},
      {"active_energy_import", "Wh", Kind::reg, false, false, "active_energy_export"},
      {"reactive_energy_export", "varh", Kind::reg, false, false, "reactive_energy_import"},
      {"gas_volume", "m3", Kind::reg, false, false, ""},
      {"thermal_energy_heat", "GJ", Kind::reg, false, false, ""},
      {"active_demand_import", "W", Kind::gauge, false, false, "active_demand_export"},
      {"active_demand_import_last", "W", Kind::gauge, false, false, "active_demand_export_last"},
      {"active_demand_import_month_max", "W", Kind::gauge, false, false, "active_demand_export_month_max"},
      {"power_failure_duration", "s", Kind::gauge, false, false, ""},
      {"power_failures", "1", Kind::reg, false, false, ""},
      {"voltage_sags", "1", Kind::reg, false, false, ""},
      {"tariff_indicator", "1", Kind::state, false, false, ""},
      {"relay_state", "1", Kind::state, false, false, ""},
      {"message_text", "1", Kind::state, false, true, ""},
      {"signal_strength", "dBm", Kind::gauge, false, false, ""},
      {"state_of_charge", "%", Kind::gauge, false, false, ""},
      {"phase_angle", "deg", Kind::gauge, false, false, ""},
      {"operating_mode", "1", Kind::state, false, true, ""},
      {"raw_telegram", "1", Kind::state, false, true, ""},
  };
  for (const auto& row : rows) {
    const auto& q = standard(row.name);
    INFO(row.name);
    CHECK(q.unit == row.unit);
    CHECK(q.kind == row.kind);
    CHECK(q.is_signed == row.is_signed);
    CHECK(q.text == row.text);
    CHECK(q.opposite == row.opposite);
  }
  CHECK(Vocabulary::standard().find("active_power_total") == nullptr);
  CHECK(Vocabulary::standard().find("") == nullptr);
}

TEST_CASE("every quantity is explained, stands somewhere known, and needs no word twice") {
  const auto& v = Vocabulary::standard();
  REQUIRE(v.quantities().size() > 150);
  for (const auto* q : v.quantities()) {
    INFO(q->name);
    CHECK_FALSE(q->help.empty());
    CHECK(is_unit(q->unit));
    // A sign and an opposite are two ways to say the same thing.
    CHECK_FALSE((q->is_signed && !q->opposite.empty()));
    for (const auto& channel : q->channels) {
      INFO(channel);
      const bool known =
          std::any_of(v.channels().begin(), v.channels().end(), [&](const Channel& c) { return c.name == channel; });
      CHECK(known);
    }
    for (const auto& name : q->names) {
      INFO(name.sheet << " " << name.channel << " " << name.name);
      CHECK((name.sheet == "dsmr_p1" || name.sheet == "ct6" || name.sheet == "axpert" || name.sheet == "smartmeter"));
      CHECK_FALSE(name.name.empty());
      auto somewhere = name.channel;
      for (auto& c : somewhere)
        if (c == '*') c = '1';
      CHECK(Vocabulary::may_stand(*q, somewhere));
      CHECK(v.knows_channel(somewhere));
    }
  }
}

TEST_CASE("channel, quantity and unit make flat names that never meet") {
  std::set<std::string> names;
  for (const auto* q : Vocabulary::standard().quantities())
    for (const auto& channel : Vocabulary::standard().channels()) {
      auto one = channel.name;
      for (auto& c : one)
        if (c == '*') c = '1';
      INFO(one << " " << q->name);
      CHECK(names.insert(flat_name(one, q->name, q->unit)).second);
    }
}

TEST_CASE("what the sheets call things") {
  CHECK(is_called(standard("active_power_import"), "dsmr_p1", "l2", "1-0:41.7.0"));
  CHECK(is_called(standard("voltage_swells"), "dsmr_p1", "l3", "1-0:72.36.0"));
  CHECK(is_called(standard("active_energy_import"), "dsmr_p1", "t*", "1-0:1.8.*"));
  CHECK(is_called(standard("gas_volume"), "dsmr_p1", "mbus*", "0-n:24.2.3"));
  CHECK(is_called(standard("active_power"), "ct6", "ct*", "PRMS"));
  CHECK(is_called(standard("state_of_charge"), "axpert", "battery", "QPIGS.11"));
  CHECK(is_called(standard("reactive_power"), "smartmeter", "l*", "q"));
  const auto* serial = Vocabulary::standard().find_attribute("serial");
  REQUIRE(serial != nullptr);
  CHECK(serial->names.size() == 10);
  CHECK(Vocabulary::standard().find_attribute("colour") == nullptr);
}

TEST_CASE("channel patterns") {
  CHECK(channel_matches("total", "total"));
  CHECK(channel_matches("l*", "l1"));
  CHECK(channel_matches("ct*", "ct12"));
  CHECK(channel_matches("grid_l*", "grid_l2"));
  CHECK(channel_matches("ac_output", "unit3_ac_output"));
  CHECK(channel_matches("pv*", "unit12_pv2"));
  CHECK(channel_matches("ac_output", "system_ac_output"));
  CHECK(channel_matches("total", "unit0"));
  CHECK(channel_matches("total", "system"));

  CHECK_FALSE(channel_matches("t*", "total"));
  CHECK_FALSE(channel_matches("l*", "l"));
  CHECK_FALSE(channel_matches("l*", "l1x"));
  CHECK_FALSE(channel_matches("l*", "ll1"));
  CHECK_FALSE(channel_matches("l*", "l1234567890"));
  CHECK_FALSE(channel_matches("pv", "pv1"));
  CHECK_FALSE(channel_matches("total", ""));
  CHECK_FALSE(channel_matches("battery", "unit_battery"));
  CHECK_FALSE(channel_matches("battery", "unit1battery"));
  CHECK_FALSE(channel_matches("battery", "system_"));
  CHECK_FALSE(channel_matches("battery", "unit1"));
}

TEST_CASE("flat names") {
  CHECK(flat_name("l1", "active_power", "W") == "l1_active_power_w");
  CHECK(flat_name("total", "active_energy_import", "Wh") == "total_active_energy_import_wh");
  CHECK(flat_name("l2", "reactive_power", "var") == "l2_reactive_power_var");
  CHECK(flat_name("l2", "apparent_power", "VA") == "l2_apparent_power_va");
  CHECK(flat_name("battery", "state_of_charge", "%") == "battery_state_of_charge_pct");
  CHECK(flat_name("board", "temperature", "Cel") == "board_temperature_celsius");
  CHECK(flat_name("total", "frequency", "Hz") == "total_frequency_hz");
  CHECK(flat_name("mbus1", "gas_volume", "m3") == "mbus1_gas_volume_m3");
  CHECK(flat_name("total", "signal_strength", "dBm") == "total_signal_strength_dbm");
  CHECK(flat_name("total", "power_factor", "1") == "total_power_factor");
  CHECK(flat_name("total", "pulses", "") == "total_pulses");
}

TEST_CASE("a plugin adds words and places, never a second meaning") {
  Vocabulary v = Vocabulary::standard();
  const auto* power = v.find("active_power");

  Quantity pulses;
  pulses.name = "pulses";
  pulses.kind = Kind::reg;
  pulses.channels = {"input*"};
  v.add(pulses);
  REQUIRE(v.find("pulses") != nullptr);
  CHECK(v.find("pulses")->kind == Kind::reg);
  CHECK(Vocabulary::standard().find("pulses") == nullptr);

  Quantity wider = *power;
  wider.channels = {"input*"};
  v.add(wider);
  CHECK(v.find("active_power") == power);
  CHECK(Vocabulary::may_stand(*power, "input7"));
  CHECK(Vocabulary::may_stand(*power, "l1"));
  CHECK_FALSE(Vocabulary::may_stand(standard("active_power"), "input7"));

  Quantity other = wider;
  other.unit = "VA";
  CHECK(refusal([&] { v.add(other); }).find("'active_power' is known as gauge in W") != std::string::npos);
  other = pulses;
  other.unit = "kW";
  CHECK(refusal([&] { v.add(other); }).find("has unit 'kW', expected one of W var VA") != std::string::npos);
  other = pulses;
  other.name = "Pulses";
  CHECK_THROWS_AS(v.add(other), VocabularyError);
  other = pulses;
  other.channels.clear();
  CHECK_THROWS_AS(v.add(other), VocabularyError);
  other = pulses;
  other.channels = {"in/put"};
  CHECK_THROWS_AS(v.add(other), VocabularyError);
  other = pulses;
  other.text = true;
  CHECK(refusal([&] { v.add(other); }).find("must be state") != std::string::npos);
}

TEST_CASE("a vocabulary that breaks its rules is refused with the line") {
  const auto quantities = [](const std::string& text) { return "quantities:\n" + text; };
  CHECK_NOTHROW(Vocabulary{quantities("  a: {unit: W, channels: [total]}\n")});
  const std::pair<std::string, std::string> cases[] = {
      {quantities("  a: {unit: kW, channels: [total]}\n"), "vocabulary:2: quantity 'a' has unit 'kW'"},
      {quantities("  a: {unti: W, channels: [total]}\n"), "vocabulary:2: unknown key 'unti'"},
      {quantities("  a: {kind: counter, channels: [total]}\n"), "vocabulary:2: expected gauge, register or state"},
      {quantities("  a: {text: maybe, channels: [total]}\n"), "vocabulary:2: expected true or false"},
      {quantities("  a: {decimals: 12, channels: [total]}\n"), "vocabulary:2: expected 0..9 decimals"},
      {quantities("  a: {channels: [total]}\n  a: {channels: [total]}\n"), "vocabulary:3: 'a' stands twice"},
      {quantities("  a: {channels: [[x]]}\n"), "vocabulary:2: expected a word"},
      {quantities("  a: {opposite: b, channels: [total]}\n"), "'b' is no opposite of 'a'"},
      {quantities("  a: {opposite: b, channels: [l1]}\n  b: {channels: [l1]}\n"), "'b' is no opposite of 'a'"},
      {quantities("  A: {channels: [total]}\n"), "vocabulary:2: quantity 'A' is no snake_case name"},
      {"channels: {9l: x}\n", "vocabulary:1: '9l' is no channel name"},
      {"colours: {red: x}\n", "vocabulary:1: unknown section 'colours'"},
      {"channels: [a\n", "vocabulary:"},
      {"just text\n", "vocabulary:1: expected a map"},
  };
  for (const auto& test : cases) {
    const auto& text = test.first;
    const auto& message = test.second;
    INFO(text);
    CHECK(refusal([&] { Vocabulary{text}; }).find(message) != std::string::npos);
  }
}

}  // namespace
}  // namespace mesura::model
