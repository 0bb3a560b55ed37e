// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include "codes.hpp"

namespace mesura::axpert {
namespace {

constexpr std::size_t kLongestWord = 40;  // reserved, so that a reply of usual length never allocates

}  // namespace

Plan::Plan(const Layout& l, Dialect d, int u) : layout(l), dialect(d), unit(u) {
  ops.reserve(Tokens::kMost);
  for (std::size_t i = 0; i < l.fields.size(); ++i) add(l.fields[i], i);
  if ((l.derived & kBattery) != 0) {
    direct_current = add_slot("battery", "direct_current", 0);
    battery_power = add_slot("battery", "active_power", 0);
  }
  if ((l.derived & (kPvTotal | kPvSingle)) != 0) pv_power = add_slot("pv", "active_power", 0);
  if ((l.derived & kChargeSource) != 0) charge_source = add_slot("battery", "charge_source", 0);
}

std::string Plan::channel_name(std::string_view channel, bool system) const {
  if (system) return "system_" + std::string{channel};
  if (unit < 0) return std::string{channel};
  return "unit" + std::to_string(unit) + "_" + std::string{channel};
}

std::uint32_t Plan::add_slot(std::string_view channel, std::string_view quantity, std::size_t token, bool system) {
  Slot& slot = slots.emplace_back();
  slot.channel = channel_name(channel, system);
  slot.quantity = quantity;
  if (token != 0) slot.source = std::string{layout.command} + "." + std::to_string(token);
  return static_cast<std::uint32_t>(slots.size() - 1);
}

void Plan::add(const Field& field, std::size_t i) {
  Op op;
  op.field = &field;
  op.form = has(field.dialects, dialect) ? field.form : Form::none;
  op.gate = field.gate;
  op.part = field.part;
  op.state = field.state;
  op.system = field.system;
  op.decimals = field.decimals;
  op.multiply = field.multiply;
  op.slot = static_cast<std::uint32_t>(slots.size());
  if (op.state) op.last.reserve(kLongestWord);
  ops.push_back(std::move(op));
  bit_ranges.emplace_back();
  switch (field.form) {
    case Form::none: return;
    case Form::extra: add_slot("extra" + std::to_string(layout.extra + i + 1), "raw_value", i + 1); return;
    case Form::bits: add_bits(field, i); return;
    case Form::pv_current:
      add_slot(field.channel, "current", i + 1);
      add_slot(field.channel, "charge_current", i + 1);
      return;
    case Form::warnings:
      add_slot(field.channel, "warnings", i + 1);
      add_slot(field.channel, "faults", i + 1);
      add_slot(field.channel, "fault_code", i + 1);
      return;
    case Form::letters:
      for (const Letter& letter : codes::kFlags) add_slot(field.channel, letter.quantity, i + 1);
      return;
    default:
      if (!field.channel.empty()) add_slot(field.channel, field.quantity, i + 1, field.system);
  }
}

void Plan::add_bits(const Field& field, std::size_t i) {
  if (!field.quantity.empty()) add_slot(field.channel, field.quantity, i + 1);
  bit_ranges[i].first = static_cast<std::uint32_t>(bit_slots.size());
  for (const Bit& bit : field.bits) {
    if (!has(bit.dialects, dialect)) continue;
    bit_slots.push_back({bit.index, add_slot(bit.channel, bit.quantity, i + 1)});
    ++bit_ranges[i].count;
    if ((layout.derived & kChargeSource) == 0 || bit.quantity != "charging") continue;
    if (bit.channel == "pv1") solar_bit = static_cast<std::int8_t>(bit.index);
    if (bit.channel == "grid") grid_bit = static_cast<std::int8_t>(bit.index);
  }
}

Plan::Op& Plan::undocumented(std::size_t i) {
  static constexpr Field kField = axpert::undocumented();
  while (ops.size() <= i) add(kField, ops.size());
  return ops[i];
}

void Plan::forget() {
  for (Op& op : ops) op.told = false;
}

}  // namespace mesura::axpert
