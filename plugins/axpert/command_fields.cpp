// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace mesura::axpert {
namespace {

/// The vocabulary names quantities so that their end tells the unit; the exceptions come first.
struct UnitRule {
  std::string_view end;
  std::string_view unit;
};
constexpr std::array kUnits = {
    UnitRule{"device_time", "s"},
    UnitRule{"scheduled_output_priority", ""},
    UnitRule{"apparent_power", "VA"},
    UnitRule{"power", "W"},
    UnitRule{"voltage", "V"},
    UnitRule{"voltage_offset", "V"},
    UnitRule{"current", "A"},
    UnitRule{"current_avg", "A"},
    UnitRule{"current_range", "A"},
    UnitRule{"frequency", "Hz"},
    UnitRule{"temperature", "Cel"},
    UnitRule{"load_level", "%"},
    UnitRule{"state_of_charge", "%"},
    UnitRule{"fan_speed", "%"},
    UnitRule{"_time", "s"},
    UnitRule{"_time_left", "s"},
    UnitRule{"_timeout", "s"},
    UnitRule{"_period", "s"},
    UnitRule{"_elapsed", "s"},
    UnitRule{"active_power_export", "W"},
    UnitRule{"energy_export", "Wh"},
    UnitRule{"energy_import", "Wh"},
    UnitRule{"energy_export_day", "Wh"},
    UnitRule{"energy_import_day", "Wh"},
    UnitRule{"energy_export_month", "Wh"},
    UnitRule{"energy_import_month", "Wh"},
    UnitRule{"energy_export_year", "Wh"},
    UnitRule{"energy_import_year", "Wh"},
};

}  // namespace

std::string_view unit_of(std::string_view quantity) {
  const auto found =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const UnitRule& r) { return quantity.ends_with(r.end); });
  return found == kUnits.end() ? std::string_view{} : found->unit;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7E) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_value(std::string& out, const Value* value) {
  if (value == nullptr) {
    out += "null";
  } else if (value->is_text) {
    append_quoted(out, value->text);
  } else {
    // Beyond what any inverter says, but never no JSON.
    fmt::format_to(std::back_inserter(out), "{}", std::isfinite(value->number) ? value->number : 0.0);
  }
}

void Facts::set(std::string key, Value value) {
  const auto known = std::find_if(facts_.begin(), facts_.end(), [&](const auto& f) { return f.first == key; });
  if (known != facts_.end()) {
    known->second = std::move(value);
  } else {
    facts_.emplace_back(std::move(key), std::move(value));
  }
}

void Facts::take(const Facts& others) {
  for (const auto& [key, value] : others.facts_) set(key, value);
}

const Value* Facts::find(std::string_view key) const {
  const auto known = std::find_if(facts_.begin(), facts_.end(), [&](const auto& f) { return f.first == key; });
  return known != facts_.end() ? &known->second : nullptr;
}

double Facts::number(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && !value->is_text ? value->number : std::numeric_limits<double>::quiet_NaN();
}

std::string_view Facts::text(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->is_text ? std::string_view{value->text} : std::string_view{};
}

std::string Facts::json() const {
  std::string out = "{";
  for (const auto& [key, value] : facts_) {
    if (out.size() > 1) out += ',';
    append_quoted(out, key);
    out += ':';
    const std::string_view unit = value.is_text ? std::string_view{} : unit_of(key);
    if (unit.empty()) {
      append_value(out, &value);
      continue;
    }
    out += "{\"value\":";
    append_value(out, &value);
    out += ",\"unit\":";
    append_quoted(out, unit);
    out += '}';
  }
  return out + '}';
}

Arguments::Arguments(const Options& options, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    const mesura_option* o = options.find(name);
    if (o == nullptr) continue;
    Value value = Value::of(static_cast<double>(o->integer));
    if (o->type == MESURA_OPTION_NUMBER) value = Value::of(o->number);
    if (o->type == MESURA_OPTION_TEXT) value = Value::of(abi::view(o->text));
    values_.insert_or_assign(std::string{name}, std::move(value));
  }
}

std::string_view Arguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found != values_.end() ? std::string_view{found->second.text} : std::string_view{};
}

double Arguments::number(std::string_view name, double fallback) const {
  const auto found = values_.find(name);
  return found != values_.end() && !found->second.is_text ? found->second.number : fallback;
}

int Arguments::integer(std::string_view name, int fallback) const {
  return static_cast<int>(std::lround(std::clamp(number(name, fallback), -1e9, 1e9)));
}

}  // namespace mesura::axpert
