// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "virtual_calendar.hpp"
#include "virtual_house/parse.hpp"

namespace mesura::axpert::twin {
namespace {

/// Members of a JSON object, one after another.
class Object {
 public:
  Object& raw(std::string_view name, std::string_view json) {
    text_ += text_.empty() ? "{" : ",";
    text_ += quoted(name);
    text_ += ':';
    text_ += json;
    return *this;
  }
  Object& text(std::string_view name, std::string_view value) { return raw(name, quoted(value)); }
  Object& number(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
  Object& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  /// value / 10^decimals.
  Object& scaled(std::string_view name, std::int64_t value, int decimals) {
    return raw(name, fixed(value, 1, decimals));
  }
  [[nodiscard]] std::string take() { return text_.empty() ? "{}" : std::move(text_) + "}"; }

 private:
  std::string text_;
};

std::string flag_letters(const Settings& s) {
  std::string letters;
  for (char c = 'a'; c <= 'z'; ++c)
    if (s.flag(c)) letters += c;
  return letters;
}

std::string warning_list(std::uint64_t bits) {
  std::string list;
  for (int i = 0; i < kWarningBits; ++i) {
    if ((bits >> static_cast<unsigned>(i) & 1U) == 0) continue;
    if (!list.empty()) list += ',';
    list += warning_name(i);
  }
  return list;
}

/// A setting that is one number: its name, where it is, how many decimals people see.
struct NumberSetting {
  std::string_view name;
  int Settings::*where;
  int decimals;
};
constexpr std::array kNumbers{
    NumberSetting{"output_voltage", &Settings::output_dv, 1},
    NumberSetting{"output_frequency", &Settings::output_dhz, 1},
    NumberSetting{"recharge_voltage", &Settings::recharge_dv, 1},
    NumberSetting{"under_voltage", &Settings::under_dv, 1},
    NumberSetting{"bulk_voltage", &Settings::bulk_dv, 1},
    NumberSetting{"float_voltage", &Settings::float_dv, 1},
    NumberSetting{"redischarge_voltage", &Settings::redischarge_dv, 1},
    NumberSetting{"battery_type", &Settings::battery_type, 0},
    NumberSetting{"input_voltage_range", &Settings::input_range, 0},
    NumberSetting{"output_source_priority", &Settings::output_priority, 0},
    NumberSetting{"output_mode", &Settings::output_mode, 0},
    NumberSetting{"pv_ok_condition", &Settings::pv_ok_condition, 0},
    NumberSetting{"pv_power_balance", &Settings::pv_power_balance, 0},
    NumberSetting{"max_cv_charge_time", &Settings::cv_minutes, 0},
    NumberSetting{"operation_logic", &Settings::operation_logic, 0},
    NumberSetting{"max_discharge_current", &Settings::max_discharge_a, 0},
    NumberSetting{"max_solar_charge_current", &Settings::max_solar_a, 0},
    NumberSetting{"charge_stage", &Settings::charge_stage, 0},
    NumberSetting{"solar_priority", &Settings::solar_priority, 0},
};
struct UnitNumber {
  std::string_view name;
  int UnitSettings::*where;
};
constexpr std::array kUnitNumbers{
    UnitNumber{"charger_source_priority", &UnitSettings::charger_priority},
    UnitNumber{"max_charge_current", &UnitSettings::max_charge_a},
    UnitNumber{"max_ac_charge_current", &UnitSettings::max_ac_charge_a},
};
/// Something measured that can be held at a value.
struct Held {
  std::string_view name;
  std::optional<int> Overrides::*where;
  int decimals;
};
constexpr std::array kHeld{
    Held{"grid_voltage", &Overrides::grid_dv, 1},
    Held{"grid_frequency", &Overrides::grid_chz, 2},
    Held{"load", &Overrides::load_w, 0},
    Held{"load_va", &Overrides::load_va, 0},
    Held{"pv", &Overrides::pv_w, 0},
    Held{"battery_voltage", &Overrides::battery_cv, 2},
    Held{"temperature", &Overrides::heatsink_c, 0},
    Held{"feed", &Overrides::feed_w, 0},
};

std::string settings_json(const Settings& s) {
  Object o;
  for (const NumberSetting& n : kNumbers) o.scaled(n.name, s.*n.where, n.decimals);
  for (const UnitNumber& n : kUnitNumbers) o.number(n.name, s.own().*n.where);
  o.text("flags", flag_letters(s)).text("discharge_control", s.discharge_control).text("bms", s.bms);
  const Equalisation& e = s.equalisation;
  Object eq;
  eq.flag("enabled", e.enabled)
      .flag("active", e.active)
      .number("minutes", e.minutes)
      .number("period_days", e.period_days);
  eq.number("max_current", e.max_a).scaled("voltage", e.centivolts, 2).number("timeout_minutes", e.timeout_minutes);
  return o.raw("equalisation", eq.take()).take();
}

std::string live_json(const Live& l) {
  Object o;
  o.scaled("grid_voltage", l.grid_dv, 1).scaled("grid_frequency", l.grid_chz, 2);
  o.scaled("output_voltage", l.out_dv, 1).scaled("output_frequency", l.out_chz, 2);
  o.number("load", l.load_w()).number("load_va", l.va + l.va_l2).number("load_percent", l.load_percent);
  o.scaled("battery_voltage", l.battery_cv, 2).number("charge_current", l.charge_a);
  o.number("discharge_current", l.discharge_a).number("soc", l.soc).number("pv", l.pv_w());
  o.number("ac_charge", l.ac_charge_w).number("temperature", l.heatsink_c).number("dc_load", l.dc_load_w);
  return o.flag("load_on", l.load_on).flag("float", l.float_stage).take();
}

std::string counters_json(const Counters& c) {
  const auto n = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  Object o;
  o.number("requests", n(c.requests)).number("replies", n(c.replies)).number("naks", n(c.naks));
  o.number("bad_crc", n(c.bad_crc)).number("unknown", n(c.unknown)).number("setters", n(c.setters));
  o.number("overflows", n(c.overflows)).number("faults", n(c.faults)).number("lost_input", n(c.lost_input));
  return o.number("refused_by_host", n(c.refused_by_host)).take();
}

bool gives_back(std::string_view value) { return value.empty() || value == "auto" || value == "none"; }

std::optional<int> read_number(std::string_view value, int decimals) {
  const auto number = virtual_house::parse_decimal(value, decimals);
  if (!number || *number < 0 || *number > 1'000'000) return std::nullopt;
  return static_cast<int>(*number);
}

std::string expected(std::string_view name, std::string_view what, std::string_view got) {
  return fmt::format("{}: expected {}, got '{}'", name, what, got);
}

std::string set_warnings(Machine& m, std::string_view value) {
  m.automatic_warnings = value != "none";
  m.warnings = 0;
  if (gives_back(value)) return {};
  for (const std::string_view word : virtual_house::split(value, ',')) {
    const auto digits = read_digits(word);
    const int bit = digits ? *digits : warning_bit(word);
    if (bit < 0 || bit >= kWarningBits)
      return expected("warnings", "names or numbers 0 to 37, separated by commas", word);
    m.warnings |= std::uint64_t{1} << static_cast<unsigned>(bit);
  }
  return {};
}

std::string set_mode(Machine& m, std::string_view value) {
  if (gives_back(value)) {
    m.plant.overrides.mode.reset();
  } else if (value.size() == 1 && !mode_name(value.front()).empty()) {
    m.plant.overrides.mode = value.front();
  } else {
    return expected("mode", "P S L B F H D C Y E or auto", value);
  }
  return {};
}

std::string set_switch(std::string_view name, std::string_view value, bool& where) {
  if (value != "on" && value != "off") return expected(name, "on or off", value);
  where = value == "on";
  return {};
}

std::string set_grid(Machine& m, std::string_view value) {
  if (gives_back(value)) {
    m.plant.overrides.grid.reset();
    return {};
  }
  bool on = true;
  std::string error = set_switch("grid", value, on);
  if (error.empty()) m.plant.overrides.grid = on;
  return error;
}

std::string set_flags(Machine& m, std::string_view letters) {
  for (const char c : letters)
    if (c < 'a' || c > 'z') return expected("flags", "small letters, the enabled ones", letters);
  m.settings.flags = 0;
  for (const char c : letters) m.settings.set_flag(c, true);
  return {};
}

std::string set_clock(Machine& m, std::string_view value) {
  const auto seconds = read_clock(value);
  if (!seconds) return expected("clock", "YYYYMMDDHHMMSS", value);
  m.clock_offset += *seconds - m.clock_seconds();
  return {};
}

/// The settings and measured values of the tables; nothing: no such name.
std::optional<std::string> set_by_table(Machine& m, std::string_view name, std::string_view value) {
  for (const Held& h : kHeld) {
    if (h.name != name) continue;
    if (gives_back(value)) {
      m.plant.overrides.*h.where = std::nullopt;
      return std::string{};
    }
    const auto number = read_number(value, h.decimals);
    if (!number) return expected(name, "a number or auto", value);
    m.plant.overrides.*h.where = *number;
    return std::string{};
  }
  for (const NumberSetting& n : kNumbers) {
    if (n.name != name) continue;
    const auto number = read_number(value, n.decimals);
    if (!number) return expected(name, "a number", value);
    m.settings.*n.where = *number;
    return std::string{};
  }
  for (const UnitNumber& n : kUnitNumbers) {
    if (n.name != name) continue;
    const auto number = read_number(value, 0);
    if (!number) return expected(name, "a whole number", value);
    m.settings.own().*n.where = *number;
    return std::string{};
  }
  return std::nullopt;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7E) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string state_json(const Machine& m, const Counters& counters) {
  std::string serials;
  for (const std::string& serial : m.serials) serials += (serials.empty() ? "" : ",") + quoted(serial);
  const EnergyLog& log = m.plant.energy();
  Object energy;
  energy.number("pv_wh", log.total_wh(EnergyLog::Of::pv)).number("load_wh", log.total_wh(EnergyLog::Of::load));
  Object o;
  o.text("model", m.model->name).raw("serials", "[" + serials + "]").number("battery_volts", m.battery_volts);
  o.text("mode", std::string_view{&m.live().mode, 1}).text("warnings", warning_list(m.warning_bits()));
  o.number("fault_code", m.fault_code).flag("configuration_changed", m.configuration_changed);
  o.flag("test_mode", m.test_mode).flag("switch", m.plant.overrides.switched_on);
  o.text("clock", write_clock(m.clock_seconds())).raw("settings", settings_json(m.settings));
  o.raw("live", live_json(m.live())).raw("energy", energy.take()).raw("counters", counters_json(counters));
  return o.text("last_request", counters.last_request).text("last_reply", counters.last_reply).take();
}

std::string set_state(Machine& m, std::string_view name, std::string_view value) {
  constexpr std::string_view kReply = "reply:";
  if (name == "mode") return set_mode(m, value);
  if (name == "warnings") return set_warnings(m, value);
  if (name == "grid") return set_grid(m, value);
  if (name == "switch") return set_switch(name, value, m.plant.overrides.switched_on);
  if (name == "flags") return set_flags(m, value);
  if (name == "clock") return set_clock(m, value);
  if (name == "fault_code" || name == "soc") {
    const auto number = read_number(value, 0);
    if (!number || *number > (name == "soc" ? 100 : 99))
      return expected(name, "a whole number up to 99, of soc 100", value);
    if (name == "soc")
      m.plant.set_soc(*number * 10);
    else
      m.fault_code = *number;
    return {};
  }
  if (name.starts_with(kReply)) {
    const std::string command{name.substr(kReply.size())};
    if (gives_back(value))
      m.canned.erase(command);
    else
      m.canned[command] = value;
    return {};
  }
  if (auto done = set_by_table(m, name, value)) return *done;
  return fmt::format("no such name '{}': expected one of the names that get shows, or reply:COMMAND", name);
}

}  // namespace mesura::axpert::twin
