// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "obis_table.hpp"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <stdexcept>
#include <utility>

namespace mesura::dsmr_p1 {
namespace {}  // namespace

/// One line of the table. In `code`
///   x   group B of 0 or 1: Swiss meters send their registers with B = 1
///   y   group A of 0 or 1: Luxembourg's table has A = 0 where others have 1
///   +   behind C: C, C + 20 and C + 40 are phases l1, l2 and l3
///   t   E = 1..15 is a tariff, channel t1..t15
///   n   group B = 1..4, a number of the channel
struct ObisTable::Spec {
  std::string_view code;
  std::string_view channel;
  std::string_view quantity;
  Shape shape;
  Unit unit = Unit::none;
  Kind kind = Kind::gauge;
};

constexpr ObisTable::Spec ObisTable::kTable[] = {
    // ---- time and state
    {"0-0:1.0.0", "", "", Shape::meter_time},
    {"0-0:1.1.0", "", "", Shape::meter_time},  // thermal converters
    {"0-0:96.14.0", "total", "tariff_indicator", Shape::tariff, Unit::none, Kind::state},
    {"0-0:96.14.1", "total", "tariff_indicator", Shape::tariff, Unit::none, Kind::state},  // Israel
    {"0-0:96.3.10", "total", "breaker_state", Shape::on_off, Unit::none, Kind::state},
    {"0-0:96.50.68", "total", "breaker_state", Shape::on_off, Unit::none, Kind::state},  // one Hungarian vendor
    {"0-0:24.4.0", "total", "breaker_state", Shape::on_off, Unit::none, Kind::state},    // DSMR 2.2, paper
    {"0-n:96.3.10", "relayn", "relay_state", Shape::on_off, Unit::none,
     Kind::state},  // in Luxembourg these are not M-Bus objects
    {"0-0:17.0.0", "", "", Shape::limiter, Unit::none, Kind::state},
    {"1-0:31+.4.0", "l", "fuse_threshold", Shape::limit, Unit::ampere, Kind::state},
    {"1-1:31.4.0", "", "", Shape::limit_pair, Unit::ampere, Kind::state},
    {"1-1:34.4.0", "", "", Shape::limit_pair, Unit::ampere, Kind::state},  // as printed in Luxembourg's table
    {"0-0:96.13.0", "total", "message_text", Shape::message, Unit::none, Kind::state},
    {"0-0:96.13.1", "total", "message_code", Shape::message, Unit::none, Kind::state},
    {"0-0:96.13.2", "message2", "message_text", Shape::message, Unit::none, Kind::state},
    {"0-0:96.13.3", "message3", "message_text", Shape::message, Unit::none, Kind::state},
    {"0-0:96.13.4", "message4", "message_text", Shape::message, Unit::none, Kind::state},
    {"0-0:96.13.5", "message5", "message_text", Shape::message, Unit::none, Kind::state},
    {"1-0:96.5.5", "total", "device_status", Shape::text, Unit::none, Kind::state},
    {"1-0:94.32.1", "total", "grid_configuration", Shape::count, Unit::none, Kind::state},
    {"1-0:0.4.2", "total", "ct_ratio", Shape::count, Unit::none, Kind::state},
    {"1-0:0.4.3", "total", "vt_ratio", Shape::count, Unit::none, Kind::state},
    {"1-0:0.8.2", "total", "demand_period", Shape::number, Unit::second, Kind::state},

    // ---- energy registers
    {"1-x:1.8.0", "total", "active_energy_import", Shape::number, Unit::watt_hour, Kind::counter},
    {"1-x:1.8.t", "t", "active_energy_import", Shape::number, Unit::watt_hour, Kind::counter},
    {"1-x:2.8.0", "total", "active_energy_export", Shape::number, Unit::watt_hour, Kind::counter},
    {"1-x:2.8.t", "t", "active_energy_export", Shape::number, Unit::watt_hour, Kind::counter},
    {"1-0:3.8.0", "total", "reactive_energy_import", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:3.8.t", "t", "reactive_energy_import", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:4.8.0", "total", "reactive_energy_export", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:4.8.t", "t", "reactive_energy_export", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:5.8.0", "total", "reactive_energy_q1", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:6.8.0", "total", "reactive_energy_q2", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:7.8.0", "total", "reactive_energy_q3", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:8.8.0", "total", "reactive_energy_q4", Shape::number, Unit::var_hour, Kind::counter},
    {"1-0:15.8.0", "total", "active_energy_combined", Shape::number, Unit::watt_hour, Kind::counter},

    // ---- instantaneous values
    {"1-0:1.7.0", "total", "active_power_import", Shape::number, Unit::watt},
    {"1-0:2.7.0", "total", "active_power_export", Shape::number, Unit::watt},
    {"1-0:21+.7.0", "l", "active_power_import", Shape::number, Unit::watt},
    {"1-0:22+.7.0", "l", "active_power_export", Shape::number, Unit::watt},
    {"1-0:15.7.0", "total", "active_power_combined", Shape::number, Unit::watt},
    {"1-0:3.7.0", "total", "reactive_power_import", Shape::number, Unit::var},
    {"1-0:4.7.0", "total", "reactive_power_export", Shape::number, Unit::var},
    {"1-0:23+.7.0", "l", "reactive_power_import", Shape::number, Unit::var},
    {"1-0:24+.7.0", "l", "reactive_power_export", Shape::number, Unit::var},
    {"1-0:5.7.0", "total", "reactive_power_q1", Shape::number, Unit::var},
    {"1-0:6.7.0", "total", "reactive_power_q2", Shape::number, Unit::var},
    {"1-0:7.7.0", "total", "reactive_power_q3", Shape::number, Unit::var},
    {"1-0:8.7.0", "total", "reactive_power_q4", Shape::number, Unit::var},
    {"1-0:9.7.0", "total", "apparent_power_import", Shape::number, Unit::volt_ampere},
    {"1-0:10.7.0", "total", "apparent_power_export", Shape::number, Unit::volt_ampere},
    {"1-0:29+.7.0", "l", "apparent_power_import", Shape::number, Unit::volt_ampere},
    {"1-0:30+.7.0", "l", "apparent_power_export", Shape::number, Unit::volt_ampere},
    {"1-0:32+.7.0", "l", "voltage", Shape::number, Unit::volt},
    {"1-0:32+.24.0", "l", "voltage_avg", Shape::number, Unit::volt},
    {"1-0:12.7.0", "total", "voltage", Shape::number, Unit::volt},
    {"1-0:31+.7.0", "l", "current", Shape::number, Unit::ampere},
    {"1-0:11.7.0", "total", "current", Shape::number, Unit::ampere},
    {"1-0:90.7.0", "total", "current_sum", Shape::number, Unit::ampere},
    {"1-0:91.7.0", "n", "current", Shape::number, Unit::ampere},
    {"1-0:14.7.0", "total", "frequency", Shape::number, Unit::hertz},
    {"1-0:13.7.0", "total", "power_factor", Shape::count},
    {"1-0:33+.7.0", "l", "power_factor", Shape::count},
    {"1-0:13.3.0", "total", "power_factor_min", Shape::count},
    {"1-0:1.24.0", "total", "active_power_import_avg", Shape::number, Unit::watt},
    {"1-0:2.24.0", "total", "active_power_export_avg", Shape::number, Unit::watt},
    {"1-0:16.24.0", "total", "active_power_avg", Shape::number, Unit::watt},
    {"1-0:15.24.0", "total", "active_power_combined_avg", Shape::number, Unit::watt},

    // ---- demand
    {"1-0:1.4.0", "total", "active_demand_import", Shape::number, Unit::watt},
    {"1-0:2.4.0", "total", "active_demand_export", Shape::number, Unit::watt},
    {"1-0:3.4.0", "total", "reactive_demand_import", Shape::number, Unit::var},
    {"1-0:4.4.0", "total", "reactive_demand_export", Shape::number, Unit::var},
    {"1-0:9.4.0", "total", "apparent_demand_import", Shape::number, Unit::volt_ampere},
    {"1-0:10.4.0", "total", "apparent_demand_export", Shape::number, Unit::volt_ampere},
    {"1-0:1.5.0", "total", "active_demand_import_last", Shape::number, Unit::watt},
    {"1-0:2.5.0", "total", "active_demand_export_last", Shape::number, Unit::watt},
    {"1-0:3.5.0", "total", "reactive_demand_import_last", Shape::number, Unit::var},
    {"1-0:4.5.0", "total", "reactive_demand_export_last", Shape::number, Unit::var},
    {"1-0:9.5.0", "total", "apparent_demand_import_last", Shape::number, Unit::volt_ampere},
    {"1-0:10.5.0", "total", "apparent_demand_export_last", Shape::number, Unit::volt_ampere},
    {"1-0:1.6.0", "total", "active_demand_import_month_max", Shape::month_max, Unit::watt},
    {"1-0:2.6.0", "total", "active_demand_export_month_max", Shape::month_max, Unit::watt},
    {"0-0:98.1.0", "", "", Shape::history},
    {"1-0:99.1.0", "", "", Shape::profile_row, Unit::watt_hour},

    // ---- power quality
    {"0-0:96.7.21", "total", "power_failures", Shape::count, Unit::none, Kind::counter},
    {"0-0:96.7.9", "total", "long_power_failures", Shape::count, Unit::none, Kind::counter},
    {"1-0:99.97.0", "", "", Shape::failure_log},
    {"y-0:32+.32.0", "l", "voltage_sags", Shape::count, Unit::none, Kind::counter},
    {"y-0:32+.36.0", "l", "voltage_swells", Shape::count, Unit::none, Kind::counter},
    {"1-0:32+.33.0", "l", "voltage_sag_duration", Shape::number, Unit::second},
    {"1-0:32+.34.0", "l", "voltage_sag_magnitude", Shape::number, Unit::volt},
    {"1-0:32+.37.0", "l", "voltage_swell_duration", Shape::number, Unit::second},
    {"1-0:32+.38.0", "l", "voltage_swell_magnitude", Shape::number, Unit::volt},

    // ---- objects of the DSMR 2.2 paper; fielded meters use 0-n:24.3.0
    {"7-0:23.1.0", "total", "gas_volume", Shape::paper_reading, Unit::cubic_metre, Kind::counter},
    {"7-0:23.2.0", "total", "gas_volume", Shape::paper_reading, Unit::cubic_metre, Kind::counter},
    {"7-0:24.4.0", "total", "valve_state", Shape::on_off, Unit::none, Kind::state},
    {"5-0:1.0.0", "total", "thermal_energy_heat", Shape::paper_reading, Unit::gigajoule, Kind::counter},
    {"6-0:1.0.0", "total", "thermal_energy_cold", Shape::paper_reading, Unit::gigajoule, Kind::counter},
    {"8-0:1.0.0", "total", "water_volume", Shape::paper_reading, Unit::cubic_metre, Kind::counter},
};

namespace {

struct AttributeSpec {
  ObisCode code;
  Attribute attribute;
  std::uint8_t rank;  // of several codes for one fact in one telegram, the lowest wins
};

constexpr AttributeSpec kAttributeTable[] = {
    {{0, 0, 96, 1, 1}, Attribute::serial, 0},
    {{0, 0, 96, 1, 0}, Attribute::serial, 1},
    {{0, 0, 96, 1, 255}, Attribute::serial, 2},
    {{1, 0, 0, 0, 0}, Attribute::serial, 3},
    {{0, 0, 96, 1, 2}, Attribute::ean, 0},
    {{0, 0, 42, 0, 0}, Attribute::logical_device_name, 0},
    {{1, 3, 0, 2, 8}, Attribute::protocol_version, 0},
    {{0, 0, 96, 1, 4}, Attribute::protocol_version, 1},
    {{1, 0, 0, 2, 0}, Attribute::firmware_version, 0},
    {{1, 0, 0, 2, 8}, Attribute::firmware_signature, 0},
    {{1, 1, 0, 2, 0}, Attribute::firmware_module_version, 0},
    {{1, 1, 0, 2, 8}, Attribute::firmware_module_signature, 0},
    {{7, 0, 0, 0, 0}, Attribute::gas_serial, 0},    // DSMR 2.2, paper
    {{8, 0, 0, 0, 0}, Attribute::water_serial, 0},  // idem
};

struct MbusSpec {
  std::uint8_t c, d, e;
  Shape shape;
};

constexpr MbusSpec kMbusTable[] = {
    {24, 1, 0, Shape::mbus_type},    {96, 1, 0, Shape::mbus_serial},  {96, 1, 1, Shape::mbus_serial},
    {96, 1, 2, Shape::mbus_ean},     {24, 4, 0, Shape::mbus_valve},   {24, 2, 1, Shape::mbus_reading},
    {24, 2, 3, Shape::mbus_reading}, {24, 3, 0, Shape::mbus_profile}, {24, 3, 1, Shape::mbus_profile},
};

constexpr std::string_view kMediaQuantities[kMedia] = {
    "gas_volume", "water_volume", "volume", "thermal_energy_heat", "thermal_energy_cold", "active_energy_import"};

constexpr int kTariffs = 15;
constexpr std::size_t kHashSize = 2048;  // a power of two, far above the number of rows

constexpr std::size_t hash(std::uint64_t packed) {
  return static_cast<std::size_t>((packed * 0x9E3779B97F4A7C15ULL) >> 50U) & (kHashSize - 1);
}

bool take_group(std::string_view& text, std::uint8_t& out) {
  unsigned value = 0;
  std::size_t n = 0;
  for (; n < text.size() && n < 4 && text[n] >= '0' && text[n] <= '9'; ++n)
    value = value * 10 + static_cast<unsigned>(text[n] - '0');
  if (n == 0 || n > 3 || value > 255) return false;
  out = static_cast<std::uint8_t>(value);
  text.remove_prefix(n);
  return true;
}

bool take_char(std::string_view& text, std::string_view allowed) {
  if (text.empty() || allowed.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string_view name(Attribute attribute) {
  constexpr std::array<std::string_view, kAttributes> names = {"serial",
                                                               "ean",
                                                               "logical_device_name",
                                                               "protocol_version",
                                                               "firmware_version",
                                                               "firmware_signature",
                                                               "firmware_module_version",
                                                               "firmware_module_signature",
                                                               "gas_serial",
                                                               "water_serial"};
  return names[static_cast<std::size_t>(attribute)];
}

std::optional<ObisCode> take_obis(std::string_view& text) {
  ObisCode code;
  std::string_view rest = text;
  const bool read = take_group(rest, code.a) && take_char(rest, "-") && take_group(rest, code.b) &&
                    take_char(rest, ":") && take_group(rest, code.c) && take_char(rest, ".:") &&
                    take_group(rest, code.d) && take_char(rest, ".") && take_group(rest, code.e);
  if (!read) return std::nullopt;
  std::uint8_t ignored = 0;
  if (take_char(rest, ".*") && !take_group(rest, ignored)) return std::nullopt;
  text = rest;
  return code;
}

namespace {

/// The code that a pattern stands for.
ObisCode fill_in(std::string_view pattern, int a, int b, int phase, int tariff) {
  std::string text;
  for (const char c : pattern) {
    switch (c) {
      case 'y': text += fmt::to_string(1 - a); break;
      case 'x': text += fmt::to_string(b); break;
      case 'n': text += fmt::to_string(b + 1); break;
      case 't': text += fmt::to_string(tariff); break;
      case '+': break;
      default: text += c;
    }
  }
  std::string_view rest = text;
  auto code = take_obis(rest);
  if (!code || !rest.empty()) throw std::logic_error(fmt::format("obis table: bad code '{}'", pattern));
  code->c = static_cast<std::uint8_t>(code->c + 20 * phase);
  return *code;
}

}  // namespace

const ObisTable& ObisTable::instance() {
  static const ObisTable table;
  return table;
}

ObisTable::ObisTable() : hash_(kHashSize, kNoRow) {
  for (const Spec& spec : kTable) expand(spec);
  for (const AttributeSpec& spec : kAttributeTable)
    add_row({spec.code, Shape::attribute, Unit::none, 0, spec.rank, spec.attribute});
  add_mbus();
  link();
}

FieldId ObisTable::add_field(std::string channel, std::string_view quantity, std::string code, Kind kind) {
  fields_.push_back({std::move(channel), quantity, std::move(code), kind});
  return static_cast<FieldId>(fields_.size() - 1);
}

std::optional<FieldId> ObisTable::find_field(std::string_view channel, std::string_view quantity) const {
  for (std::size_t i = 0; i < fields_.size(); ++i)
    if (fields_[i].channel == channel && fields_[i].quantity == quantity) return static_cast<FieldId>(i);
  return std::nullopt;
}

void ObisTable::add_row(const Row& row) {
  std::size_t at = hash(row.code.packed());
  while (hash_[at] != kNoRow) at = (at + 1) & (kHashSize - 1);
  hash_[at] = static_cast<RowId>(rows_.size());
  rows_.push_back(row);
}

/// Makes the rows of one line of the table.
void ObisTable::expand(const Spec& spec) {
  const auto has = [&](char c) { return spec.code.find(c) != std::string_view::npos; };
  const int groups_a = has('y') ? 2 : 1;
  const int groups_b = has('x') ? 2 : has('n') ? static_cast<int>(kMbusChannels) : 1;
  const int phases = has('+') ? 3 : 1;
  const int tariffs = has('t') ? kTariffs : 1;
  for (int a = 0; a < groups_a; ++a)
    for (int b = 0; b < groups_b; ++b)
      for (int phase = 0; phase < phases; ++phase)
        for (int tariff = 1; tariff <= tariffs; ++tariff) {
          std::string channel{spec.channel};
          if (has('+')) channel += fmt::to_string(phase + 1);
          if (has('t')) channel += fmt::to_string(tariff);
          if (has('n')) channel.back() = static_cast<char>('1' + b);
          add_spec(spec, fill_in(spec.code, a, b, phase, tariff), std::move(channel));
        }
}

/// Makes the row of one code and the fields that it lacks.
void ObisTable::add_spec(const Spec& spec, const ObisCode& code, std::string channel) {
  const std::string source = fmt::format("{}-{}:{}.{}.{}", code.a, code.b, code.c, code.d, code.e);
  const bool swiss = spec.code.find('x') != std::string_view::npos && code.b == 1;
  Row row{code, spec.shape, spec.unit, 0, 0, {}};
  const auto several = [&](std::initializer_list<std::string_view> quantities) {
    if (const auto known = find_field("total", *quantities.begin())) return *known;
    const auto first = static_cast<FieldId>(fields_.size());
    for (const auto quantity : quantities) add_field("total", quantity, source, spec.kind);
    return first;
  };
  if (spec.shape == Shape::limiter) {
    row.field = several({"limiter_threshold", "limiter_threshold_apparent", "limiter_threshold_current"});
  } else if (spec.shape == Shape::limit_pair) {
    row.field = several({"current_threshold_import", "current_threshold_export"});
  } else if (spec.shape == Shape::profile_row) {
    row.field = several({"active_energy_import_interval", "active_energy_export_interval"});
  } else if (swiss) {
    // These stand for the registers with B = 0, unless a meter sends both.
    const bool import = spec.quantity == "active_energy_import";
    row.field = add_field(std::move(channel), import ? "active_energy_import_b1" : "active_energy_export_b1", source,
                          spec.kind);
  } else if (!spec.quantity.empty()) {
    const auto known = find_field(channel, spec.quantity);
    row.field = known ? *known : add_field(std::move(channel), spec.quantity, source, spec.kind);
  }
  add_row(row);
}

void ObisTable::add_mbus() {
  for (std::size_t n = 1; n <= kMbusChannels; ++n) {
    const std::string channel = fmt::format("mbus{}", n);
    special_.mbus_type[n - 1] = add_field(channel, "device_type", fmt::format("0-{}:24.1.0", n), Kind::state);
    special_.mbus_valve[n - 1] = add_field(channel, "valve_state", fmt::format("0-{}:24.4.0", n), Kind::state);
    special_.mbus_medium[n - 1] = static_cast<FieldId>(fields_.size());
    for (const auto quantity : kMediaQuantities)
      add_field(channel, quantity, fmt::format("0-{}:24.2.1", n), Kind::counter);
    for (const MbusSpec& spec : kMbusTable) {
      const ObisCode code{0, static_cast<std::uint8_t>(n), spec.c, spec.d, spec.e};
      add_row({code, spec.shape, Unit::none, 0, static_cast<std::uint8_t>(n), {}});
    }
  }
}

RowId ObisTable::must_find(const ObisCode& code) const {
  const RowId id = find(code, false);
  if (id == kNoRow) throw std::logic_error("obis table: a row that others build on is missing");
  return id;
}

/// Import and export rows of one kind of power, and a field for their difference.
void ObisTable::link_powers(bool reactive, std::string_view quantity, FieldId (&net)[4]) {
  for (std::uint8_t phase = 0; phase < 4; ++phase) {
    const auto row_of = [&](int out) {
      const int c = 20 * phase + (reactive ? 3 : 1) + out;  // 1.7.0, 21.7.0, 41.7.0, 61.7.0 and so on
      return must_find({1, 0, static_cast<std::uint8_t>(c), 7, 0});
    };
    const RowId import = row_of(0), exported = row_of(1);
    power_rows_[reactive ? 1 : 0][0][phase] = import;
    power_rows_[reactive ? 1 : 0][1][phase] = exported;
    const Field taken = fields_[rows_[import].field];
    net[phase] =
        add_field(taken.channel, quantity, taken.code + " - " + fields_[rows_[exported].field].code, Kind::gauge);
  }
}

void ObisTable::link() {
  link_powers(false, "active_power", special_.active_power);
  link_powers(true, "reactive_power", special_.reactive_power);

  for (std::uint8_t out = 0; out < 2; ++out) {
    const auto c = static_cast<std::uint8_t>(1 + out);
    tariffs_[out] = {must_find({1, 0, c, 8, 0}), must_find({1, 0, c, 8, 1}), must_find({1, 0, c, 8, kTariffs})};
  }
  special_.active_energy_import = rows_[tariffs_[0].total].field;
  special_.active_energy_export = rows_[tariffs_[1].total].field;
  special_.active_demand_import_month_max = rows_[must_find({1, 0, 1, 6, 0})].field;
  special_.power_failure_duration = add_field("total", "power_failure_duration", "1-0:99.97.0", Kind::gauge);
  special_.month_end_registers = add_field("total", "month_end_registers", "0-0:98.1.0", Kind::state);
  special_.raw_telegram = add_field("total", "raw_telegram", "", Kind::state);

  twins_.assign(rows_.size(), kNoRow);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    ObisCode code = rows_[i].code;
    if (code.a != 1 || code.b != 1 || code.d != 8 || (code.c != 1 && code.c != 2)) continue;
    code.b = 0;
    twins_[i] = must_find(code);
  }
}

RowId ObisTable::find(const ObisCode& wanted, bool israeli) const {
  ObisCode code = wanted;
  if (israeli && code.a == 1 && code.b == 0 && code.d == 8 && code.e >= 11 && code.e <= 13)
    code.e = static_cast<std::uint8_t>(code.e - 10);
  for (std::size_t at = hash(code.packed()); hash_[at] != kNoRow; at = (at + 1) & (kHashSize - 1))
    if (rows_[hash_[at]].code == code) return hash_[at];
  return kNoRow;
}

}  // namespace mesura::dsmr_p1
