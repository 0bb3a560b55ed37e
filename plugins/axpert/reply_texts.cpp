// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of ReplyDecoder that reads what is no number: words, flags, warnings, clocks, facts.
#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "codes.hpp"
#include "reply_decoder.hpp"
#include "warnings.hpp"

namespace mesura::axpert {
namespace {

constexpr std::size_t kFaultBit = 1;  // position of "inverter fault" in QPIWS
constexpr double kLowVoltage = 30;    // V: below it a battery is of 12 or 24 V
constexpr std::size_t kFlagsOfClassic = 32;

void append(std::string& list, std::string_view name) {
  if (!list.empty()) list += ',';
  list += name;
}

int digits_at(std::string_view s, std::size_t at, std::size_t count) {
  int n = 0;
  for (const char c : s.substr(at, count)) n = n * 10 + (c - '0');
  return n;
}

/// Where the two digits of the fault code stand; the size of the word if nowhere.
std::size_t code_digits(Dialect d, bool low_voltage, std::size_t size) {
  if (size <= kFlagsOfClassic) return size;
  for (const CodeDigits& row : kCodeDigits)
    if (has(row.dialects, d) && row.low_voltage == low_voltage) return row.index;
  return size;
}

}  // namespace

void ReplyDecoder::textual(Plan& plan, Plan::Op& op, const Token& t, std::size_t i, const Tokens& all) {
  switch (op.form) {
    case Form::code: code(plan, op, t); return;
    case Form::bits: flags(plan, op, t, i); return;
    case Form::warnings: warnings(plan, op, all); return;
    case Form::letters: letters(plan, op, t); return;
    case Form::date_time: date_time(plan, op, t); return;
    case Form::extra:
      if (i >= plan.layout.fields.size()) remark_field(MESURA_FAULT_NOTE, "extra_field", plan, i, t.text());
      [[fallthrough]];
    case Form::raw: add_text(plan, op.slot, t.text()); return;
    case Form::rest:
    case Form::first24:
      if (op.field->channel.empty()) {
        has_model_ = true;
        sink_.on_attribute(op.field->quantity, op.last);
      } else {
        add_text(plan, op.slot, op.last);
      }
      return;
    default: fact(plan, op, t, i, all);
  }
}

void ReplyDecoder::code(Plan& plan, const Plan::Op& op, const Token& t) {
  const std::string_view token = t.significant();
  if (op.part != Part::none) keep(op.part, static_cast<double>(t.mantissa));
  for (const Code& c : op.field->codes)
    if (c.token == token && has(c.dialects, plan.dialect)) return add_text(plan, op.slot, c.name);
  sink_.on_remark(MESURA_FAULT_NOTE, "unknown_value",
                  fmt::format("{}/{}: got '{}', for which there is no word", plan.slots[op.slot].channel,
                              plan.slots[op.slot].quantity, t.text()));
  if (unknown_count_ == unknown_.size()) return;
  std::string& word = unknown_[unknown_count_++];
  word.assign("unknown_").append(token);
  add_text(plan, op.slot, word);
}

void ReplyDecoder::flags(Plan& plan, Plan::Op& op, const Token& t, std::size_t i) {
  const std::string_view word = t.text();
  if (!op.field->quantity.empty()) add_text(plan, op.slot, word);
  const auto set = [&](std::size_t index) { return index < word.size() && word[index] == '1'; };
  const Plan::Range range = plan.bit_ranges[i];
  for (std::uint32_t b = range.first; b < range.first + range.count; ++b) {
    const Plan::BitSlot& bit = plan.bit_slots[b];
    if (bit.index < word.size()) add(plan, bit.slot, set(bit.index) ? 1 : 0);
  }
  if (plan.solar_bit == Plan::kNoBit || word.size() != 8) return;
  const bool solar = set(static_cast<std::size_t>(plan.solar_bit));
  const bool grid = set(static_cast<std::size_t>(plan.grid_bit));
  const char* source = solar ? (grid ? "solar+utility" : "solar") : grid ? "utility" : "none";
  add_text(plan, plan.charge_source, source);
}

void ReplyDecoder::warnings(Plan& plan, const Plan::Op& op, const Tokens& all) {
  warnings_.clear();
  faults_.clear();
  const bool infini = plan.dialect == Dialect::pi18;
  const std::string_view word = all[0].text();
  const std::size_t flags = infini ? all.size() : word.size();
  const bool low_voltage = rated_voltage_ > 0 && rated_voltage_ < kLowVoltage;
  const std::size_t code = infini ? 0 : code_digits(plan.dialect, low_voltage, flags);
  const std::size_t code_end = infini ? 1 : code + 2;
  const auto set = [&](std::size_t i) { return infini ? all[i].mantissa != 0 : word[i] != '0'; };
  const bool fault = infini ? all[0].mantissa != 0 : flags > kFaultBit && set(kFaultBit);
  const std::span<const Warning> rows =
      infini ? std::span<const Warning>{kWarningsInfini} : std::span<const Warning>{kWarnings};
  for (std::size_t i = 0; i < flags; ++i) {
    if ((i >= code && i < code_end) || !set(i)) continue;
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const Warning& w) { return w.index == i && has(w.dialects, plan.dialect); });
    if (row == rows.end()) {
      append(warnings_, fmt::format("unknown_{}", i));
      sink_.on_remark(MESURA_FAULT_NOTE, "unknown_value",
                      fmt::format("{}: got bit {}, which has no name", plan.layout.command, i));
      continue;
    }
    const bool grave = row->severity == Severity::fault || (row->severity == Severity::either && fault);
    append(grave ? faults_ : warnings_, row->name);
  }
  add_text(plan, op.slot, warnings_);
  add_text(plan, op.slot + 1, faults_);
  if (infini) {
    add(plan, op.slot + 2, static_cast<double>(all[0].mantissa));
  } else if (code_end <= flags) {
    add(plan, op.slot + 2, digits_at(word, code, 2));
  }
}

void ReplyDecoder::letters(Plan& plan, const Plan::Op& op, const Token& t) {
  bool enabled = false;
  for (const char c : t.text()) {
    if (c == 'E' || c == 'D') {
      enabled = c == 'E';
      continue;
    }
    // Documents print capitals where inverters send small letters.
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto* row =
        std::find_if(codes::kFlags.begin(), codes::kFlags.end(), [&](const Letter& l) { return l.letter == small; });
    if (row != codes::kFlags.end()) {
      add(plan, op.slot + static_cast<std::uint32_t>(row - codes::kFlags.begin()), enabled ? 1 : 0);
    } else {
      sink_.on_remark(MESURA_FAULT_NOTE, "unknown_value",
                      fmt::format("{}: got letter '{}', which has no meaning", plan.layout.command, c));
    }
  }
}

void ReplyDecoder::date_time(Plan& plan, const Plan::Op& op, const Token& t) {
  const std::string_view s = t.text();
  if (!is_date_time(s)) {
    sink_.on_remark(MESURA_FAULT_OBJECT, "bad_field",
                    fmt::format("{}: expected YYYYMMDDHHMMSS, got '{}'", plan.layout.command, s));
    return;
  }
  const auto part_of = [&](std::size_t at, std::size_t n) { return digits_at(s, at, n); };
  const date::year_month_day day{date::year{part_of(0, 4)}, date::month{static_cast<unsigned>(part_of(4, 2))},
                                 date::day{static_cast<unsigned>(part_of(6, 2))}};
  if (!day.ok()) {
    sink_.on_remark(MESURA_FAULT_OBJECT, "bad_field", fmt::format("{}: there is no day '{}'", plan.layout.command, s));
    return;
  }
  const auto local = date::local_days{day} + std::chrono::hours{part_of(8, 2)} + std::chrono::minutes{part_of(10, 2)} +
                     std::chrono::seconds{part_of(12, 2)};
  const std::chrono::seconds utc =
      zone_ != nullptr ? zone_->to_sys(local, date::choose::earliest).time_since_epoch() : local.time_since_epoch();
  date_.assign(s.substr(0, 8));
  add(plan, op.slot, static_cast<double>(utc.count()));
}

void ReplyDecoder::fact(const Plan& plan, const Plan::Op& op, const Token& t, std::size_t i, const Tokens& all) {
  const std::string_view value = t.text();
  switch (op.form) {
    case Form::serial: sink_.on_serial(value, false); return;
    case Form::long_serial: long_serial(t); return;
    case Form::firmware: firmware(op, t, all); return;
    case Form::protocol:
      sink_.on_attribute(op.field->quantity, value.starts_with("PI") ? value : fmt::format("PI{}", value));
      return;
    default: break;
  }
  if (op.part == Part::model_code) {
    keep(op.part, static_cast<double>(t.mantissa));
    for (const Code& c : codes::kModels)
      if (!has_model_ && c.token == t.significant()) sink_.on_attribute("model", c.name);
  }
  if (plan.unit < 0) return sink_.on_attribute(op.field->quantity, value);
  static_cast<void>(i);
  sink_.on_attribute(fmt::format("unit{}_{}", plan.unit, op.field->quantity), value);
}

/// `VERFW:00072.70`, and sometimes with a space behind the colon.
void ReplyDecoder::firmware(const Plan::Op& op, const Token& t, const Tokens& all) {
  const std::string_view whole = t.text();
  std::string_view version = whole.substr(std::min(whole.find(':'), whole.size() - 1) + 1);
  if (version.empty() && all.size() > 1) version = all[1].text();
  const bool none = std::all_of(version.begin(), version.end(), [](char c) { return c == '0' || c == '.'; });
  if (!none) sink_.on_attribute(op.field->quantity, version);
}

/// Two digits say how many of those behind them count.
void ReplyDecoder::long_serial(const Token& t) {
  const std::string_view s = t.text();
  if (s.size() < 2) return;
  const auto length = static_cast<std::size_t>(std::max(digits_at(s, 0, 2), 0));
  sink_.on_serial(s.substr(2, length), true);
}

}  // namespace mesura::axpert
