// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "reply_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace mesura::axpert {
namespace {

constexpr std::array<double, 16> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
constexpr std::int64_t kPvFresh = 30'000'000'000;  // how long pv1 of QPIGS counts for the total in QPIGS2
constexpr double kSmallUnit = 3000;                // VA: up to here old firmware sends raw counts as temperature
constexpr double kParallelUnits = 9;
constexpr double kHeadroom = 1.5;         // of the rating
constexpr std::size_t kSerialDigits = 5;  // a serial is longer than a field that merely stands in its place

/// The field's value in its base unit, rounded once.
double value_of(const Token& t, std::uint32_t multiply, std::uint8_t decimals) {
  const auto whole = static_cast<double>(t.mantissa * multiply);
  const std::size_t places = std::min<std::size_t>(static_cast<std::size_t>(t.decimals) + decimals, kPowers.size() - 1);
  return places == 0 ? whole : whole / kPowers[places];
}

bool is_textual(Form form) {
  return form == Form::rest || form == Form::first24 || form == Form::raw || form == Form::extra ||
         form == Form::letters || form == Form::warnings || form == Form::bits || form == Form::code ||
         form >= Form::date_time;
}

}  // namespace

ReplyDecoder::ReplyDecoder(DecodeSink& sink, const date::time_zone* zone) : sink_(sink), zone_(zone) { set_limits(); }

void ReplyDecoder::forget() {
  parts_ = {};
  rated_power_ = rated_voltage_ = 0;
  set_limits();
  date_.clear();
  has_model_ = false;
}

void ReplyDecoder::keep(Part p, double value) {
  if (p == Part::none) return;
  parts_[static_cast<std::size_t>(p)] = {value, context_.received_ns, reply_};
  if (p == Part::rated_power) {
    rated_power_ = value;
    set_limits();
  }
  if (p == Part::rated_voltage) rated_voltage_ = value;
}

const ReplyDecoder::PartValue* ReplyDecoder::part(Part p) const {
  const PartValue& v = parts_[static_cast<std::size_t>(p)];
  return v.reply == reply_ ? &v : nullptr;
}

void ReplyDecoder::add(Plan& plan, std::uint32_t slot, double value, std::uint8_t quality) {
  const SeriesId id = series(plan.slots[slot]);
  if (id == MESURA_NO_SERIES) return;
  if (count_ < kMost) set(batch_[count_++], id, value, quality);
}

void ReplyDecoder::add_text(Plan& plan, std::uint32_t slot, std::string_view value) {
  const SeriesId id = series(plan.slots[slot]);
  if (id != MESURA_NO_SERIES && count_ < kMost) batch_[count_++] = text(id, value);
}

void ReplyDecoder::remark_field(mesura_fault_kind kind, std::string_view code, const Plan& plan, std::size_t i,
                                std::string_view got) {
  sink_.on_remark(kind, code, fmt::format("{}.{}: got '{}'", plan.layout.command, i + 1, got));
}

ReplyDecoder::Result ReplyDecoder::decode(Plan& plan, const Tokens& tokens, const Context& context) {
  context_.single_tracker = context.single_tracker;
  context_.tells_system = context.tells_system;
  context_.received_ns = context.received_ns;
  count_ = 0;
  unknown_count_ = 0;
  ++reply_;
  mesura_measurement* next = batch_.data();
  const mesura_measurement* const end = next + kMost;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Plan::Op& op = plan.op(i);
    const Token& t = tokens[i];
    if (op.fast && t.is_number()) {
      const double value = value_of(t, op.multiply, op.decimals);
      if (value <= limits_[static_cast<std::size_t>(op.gate)]) {
        if (op.part != Part::none) parts_[static_cast<std::size_t>(op.part)] = {value, context_.received_ns, reply_};
        if (next == end) break;
        set(*next++, op.id, value, MESURA_GOOD);
        continue;
      }
    }
    if (op.form == Form::none) continue;
    count_ = static_cast<std::size_t>(next - batch_.data());
    if (op.form == Form::present && plan.unit >= 0 && t.mantissa == 0) {
      // The first unit of a lonely inverter says 0 as well, and all the rest of it is true.
      const bool lonely = plan.unit == 0 && tokens.size() > 1 && tokens[1].size > kSerialDigits;
      if (!lonely) {
        const bool known = unchanged(op, t, i, tokens);
        if (!op.field->quantity.empty() && !known) add(plan, op.slot, 0);
        plan.forget();
        op.told = true;
        return Result::absent;
      }
    }
    if (!token(plan, op, t, i, tokens)) {
      count_ = 0;
      plan.forget();
      return Result::implausible;
    }
    next = batch_.data() + count_;
    if (op.form == Form::rest || op.form == Form::warnings) break;
  }
  count_ = static_cast<std::size_t>(next - batch_.data());
  derive(plan);
  return Result::decoded;
}

/// Whether the word is that of the reply before; remembers it.
inline bool ReplyDecoder::unchanged(Plan::Op& op, const Token& t, std::size_t i, const Tokens& all) const {
  const bool several = op.form == Form::rest || op.form == Form::warnings || op.form == Form::first24;
  if (t.size <= sizeof op.last_packed && !several) {
    const std::uint64_t packed = t.packed();
    if (op.told && op.last_packed == packed && op.last_size == t.size) return true;
    op.last_packed = packed;
    op.last_size = t.size;
    op.told = true;
    return false;
  }
  // Words that run to the end of the reply are compared whole.
  const std::size_t end = op.form == Form::first24 ? std::min<std::size_t>(i + 23, all.size() - 1) : all.size() - 1;
  const std::string_view word = several ? all.joined(i, end) : t.text();
  if (op.told && op.last_size == 0 && op.last == word) return true;
  op.last.assign(word);
  op.last_size = 0;
  op.told = true;
  return false;
}

/// False: the reply is impossible.
inline bool ReplyDecoder::token(Plan& plan, Plan::Op& op, const Token& t, std::size_t i, const Tokens& all) {
  if (op.system && !context_.tells_system) return true;
  if (op.state && unchanged(op, t, i, all)) return true;
  if (t.kind == Token::Kind::missing && op.form != Form::rest) return true;
  if (is_textual(op.form)) {
    textual(plan, op, t, i, all);
    return true;
  }
  if (!t.is_number()) {
    remark_field(MESURA_FAULT_OBJECT, "bad_field", plan, i, t.text());
    return true;
  }
  return number(plan, op, t);
}

inline bool ReplyDecoder::number(Plan& plan, Plan::Op& op, const Token& t) {
  double value = value_of(t, op.multiply, op.decimals);
  std::uint32_t slot = op.slot;
  switch (op.form) {
    case Form::pv_current:
      if (t.kind == Token::Kind::integer) ++slot;
      break;
    case Form::inverted: value = value == 0 ? 1 : 0; break;
    case Form::cv_minutes: value = value == 255 ? 0 : value * 60; break;
    default: break;
  }
  if (op.form == Form::present && op.field->quantity.empty()) return true;
  if (op.gate != Gate::none) {
    bool keep_value = true;
    if (!plausible(op, plan.slots[slot], t, value, keep_value)) return false;
    if (!keep_value) return true;
  }
  if (op.part != Part::none) keep(op.part, value);
  add(plan, slot, value);
  if (op.form == Form::number && !op.state && !op.system) {
    op.id = plan.slots[slot].id;
    op.fast = op.id != MESURA_NO_SERIES;
  }
  return true;
}

void ReplyDecoder::set_limits() {
  for (std::size_t g = 0; g < limits_.size(); ++g) limits_[g] = limit(static_cast<Gate>(g), false);
}

double ReplyDecoder::limit(Gate gate, bool system) const {
  switch (gate) {
    case Gate::volts: return 600;
    case Gate::hertz: return 70;
    case Gate::percent: return 100;
    case Gate::amps: return 1000;
    case Gate::celsius: return 150;
    case Gate::watts:
      if (rated_power_ > 0) return kHeadroom * rated_power_ * (system ? kParallelUnits : 1);
      [[fallthrough]];
    case Gate::none: break;
  }
  return std::numeric_limits<double>::infinity();
}

inline bool ReplyDecoder::plausible(const Plan::Op& op, const Plan::Slot& slot, const Token& t, double value,
                                    bool& keep_value) {
  const double most = limit(op.gate, op.system);
  if (value <= most) return true;
  if (op.gate == Gate::celsius && rated_power_ > 0 && rated_power_ <= kSmallUnit) {
    keep_value = false;
    return true;
  }
  sink_.on_remark(MESURA_FAULT_FRAME, "implausible",
                  fmt::format("{}/{}: expected at most {}, got '{}'; the reply is dropped", slot.channel, slot.quantity,
                              most, t.text()));
  return false;
}

void ReplyDecoder::derive(Plan& plan) {
  const std::uint8_t derived = plan.layout.derived;
  if ((derived & kBattery) != 0) {
    const auto* in = part(Part::charge);
    const auto* out = part(Part::discharge);
    const auto* volts = part(Part::battery_voltage);
    if (in != nullptr && out != nullptr) {
      const double current = in->value - out->value;
      add(plan, plan.direct_current, current, MESURA_DERIVED);
      if (volts != nullptr) add(plan, plan.battery_power, volts->value * current, MESURA_DERIVED);
    }
  }
  if ((derived & (kPvTotal | kPvSingle)) != 0) derive_pv(plan);
}

void ReplyDecoder::derive_pv(Plan& plan) {
  const auto* second = part(Part::pv2);
  if ((plan.layout.derived & kPvSingle) != 0) {
    const auto* first = part(Part::pv1);
    if (context_.single_tracker && first != nullptr) add(plan, plan.pv_power, first->value, MESURA_DERIVED);
    return;
  }
  // The other tracker's power came with the reply before, in the same cycle.
  const PartValue& first = parts_[static_cast<std::size_t>(Part::pv1)];
  const std::int64_t age = context_.received_ns - first.at_ns;
  if (second == nullptr || first.reply == 0 || age < 0 || age > kPvFresh) return;
  add(plan, plan.pv_power, first.value + second->value, MESURA_DERIVED);
}

}  // namespace mesura::axpert
