// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "line_decoder.hpp"

#include "text_value.hpp"
#include "value.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::dsmr_p1 {
namespace {

/// "999.9", "99.999", "0999.00", "999": a limit that is switched off.
bool is_all_nines(Decimal d) {
  std::int64_t m = d.mantissa;
  while (m != 0 && m % 10 == 0) m /= 10;
  int nines = 0;
  for (; m > 0; m /= 10, ++nines)
    if (m % 10 != 9) return false;
  return nines >= 3;
}

/// Only digits with at most one point in the number: its layout can be remembered.
bool is_simple_number(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && ((text[i] >= '0' && text[i] <= '9') || text[i] == '.')) ++i;
  return i > 0 && (i == text.size() || text[i] == '*');
}

}  // namespace

std::uint32_t features_of(const Line& line) {
  const ObisCode& c = line.code;
  if (line.problem != Line::Problem::none) return 0;
  std::uint32_t f = kHasData;
  const auto is = [&](ObisCode code) { return c == code; };
  if (is({0, 0, 1, 0, 0})) f |= kHasTime;
  if (is({0, 0, 96, 1, 4})) f |= kHasBelgianVersion;
  if (is({0, 0, 42, 0, 0})) f |= kHasDeviceName;
  if (is({1, 0, 1, 8, 11})) f |= kHasTariff11;
  if (is({1, 0, 15, 8, 0})) f |= kHasCombined;
  if (is({1, 0, 5, 8, 0})) f |= kHasQuadrant1;
  if (is({0, 0, 96, 1, 1})) f |= kHasSerial;
  if (is({1, 0, 0, 0, 0}))
    f |= kHasDeviceNumber | (line.text.find("*255(") != std::string_view::npos ? kHasStarredNumber : 0U);
  if (c.a == 1 && c.b == 0 && c.c == 1 && c.d == 8 && c.e != 0) f |= kHasTariffs;
  if (c.a == 1 && c.b == 1 && c.c == 1 && c.d == 8) f |= kHasSwissRegister;
  if (is({1, 3, 0, 2, 8})) {
    f |= kHasVersion;
    const auto version = parse_decimal(trim(line.group(0)));
    if (version && version->exponent == 0 && version->mantissa >= 40) f |= kVersion4;
    if (version && version->exponent == 0 && version->mantissa >= 50) f |= kVersion5;
  }
  return f;
}

void Contribution::clear() {
  row = kNoRow;
  features = 0;
  reading_count = 0;
  text.clear();
  mbus = {};
  stamp.reset();
  simple_number = false;
  error.clear();
}

void LineDecoder::decode(const Line& line, const Context& context, Contribution& out, std::vector<Reading>& events,
                         Attributes& attributes) {
  out.clear();
  switch (line.problem) {
    case Line::Problem::none: break;
    case Line::Problem::no_code: out.error = "expected an OBIS code such as 1-0:1.8.1"; return;
    case Line::Problem::no_value: out.error = "expected a value in parentheses behind the code"; return;
    case Line::Problem::too_many: out.error = fmt::format("more than {} values", Line::kMaxGroups); return;
    case Line::Problem::unbalanced: break;
  }
  out.row = table_.find(line.code, context.israeli);
  const Shape shape = out.row == kNoRow ? Shape::text : table_.row(out.row).shape;
  const bool takes_anything = shape == Shape::attribute || shape == Shape::message || shape == Shape::text;
  if (line.problem == Line::Problem::unbalanced && !takes_anything) {
    out.error = "a parenthesis is missing, or something stands outside of them";
    return;
  }
  out.features = features_of(line);
  if (out.row == kNoRow) return;

  const Row& row = table_.row(out.row);
  switch (row.shape) {
    case Shape::number:
    case Shape::count:
    case Shape::limit: number(line, row, out); break;
    case Shape::limiter: limiter(line, row, out); break;
    case Shape::limit_pair: limit_pair(line, row, out); break;
    case Shape::on_off: on_off(trim(line.group(0)), row.field, out); break;
    case Shape::tariff: tariff(line, row, out); break;
    case Shape::text:
    case Shape::message: text(line, row, out); break;
    case Shape::attribute: attribute(line, row, out, attributes); break;
    case Shape::meter_time: {
      const std::string_view value = trim(line.group(0));
      out.stamp = parse_stamp(value);
      if (!out.stamp && !value.empty()) out.error = fmt::format("expected a time stamp, got '{}'", value);
      break;
    }
    case Shape::month_max:
      out.error = composites_.month_max(line, row.field, context.clock, context.received_ns, events);
      break;
    case Shape::history: out.error = composites_.history(line, context.clock, context.received_ns, events); break;
    case Shape::failure_log: out.error = composites_.failure_log(line, context.clock, events); break;
    case Shape::profile_row:
      out.error = composites_.profile_row(line, row.field, context.clock, context.received_ns, events);
      break;
    case Shape::mbus_type: mbus_type(line, out); break;
    case Shape::mbus_serial:
    case Shape::mbus_ean: mbus_identity(line, row, attributes); break;
    case Shape::mbus_valve: {
      on_off(trim(line.group(0)), 0, out);
      if (out.reading_count == 0) break;
      out.reading_count = 0;
      out.mbus.what = MbusPart::What::valve;
      out.mbus.value = out.readings[0].number;
      break;
    }
    case Shape::mbus_reading: mbus_reading(line, out); break;
    case Shape::mbus_profile: profile_rows(line, out); break;
    case Shape::paper_reading: paper_reading(line, row, context, out, events); break;
  }
  if (row.channel != 0 && out.mbus.what != MbusPart::What::nothing) out.mbus.channel = row.channel;
}

void LineDecoder::number(const Line& line, const Row& row, Contribution& out) const {
  const auto value = parse_value_in(line.group(0), row.unit, out.error);
  if (!value || (row.shape == Shape::limit && is_all_nines(*value))) return;
  out.add(number_reading(row.field, *value));
  out.simple_number = row.shape != Shape::limit && line.group_count == 1 && is_simple_number(line.group(0));
}

void LineDecoder::limiter(const Line& line, const Row& row, Contribution& out) const {
  const auto value = parse_value(line.group(0), out.error);
  if (!value) return;
  Decimal number = value->number;
  if (!value->has_unit) number.exponent += usual_exponent(Unit::watt);
  int offset = 0;
  switch (value->has_unit ? value->unit : Unit::watt) {
    case Unit::watt: break;
    case Unit::volt_ampere: offset = 1; break;
    case Unit::ampere: offset = 2; break;
    default: out.error = fmt::format("expected a limit in kW, kVA, A or W, got '{}'", line.group(0)); return;
  }
  if (!is_all_nines(number)) out.add(number_reading(static_cast<FieldId>(row.field + offset), number));
}

void LineDecoder::limit_pair(const Line& line, const Row& row, Contribution& out) const {
  for (std::size_t i = 0; i < std::min<std::size_t>(line.group_count, 2); ++i) {
    auto value = parse_value_in(line.group(i), row.unit, out.error);
    if (!value) continue;
    value->mantissa = value->mantissa < 0 ? -value->mantissa : value->mantissa;  // the direction is in the name
    if (!is_all_nines(*value)) out.add(number_reading(static_cast<FieldId>(row.field + i), *value));
  }
}

void LineDecoder::on_off(std::string_view value, FieldId field, Contribution& out) const {
  if (value.empty()) return;
  if (value == "ON" || value == "OFF") {
    out.add(number_reading(field, {value == "ON" ? 1 : 0, 0}));
    return;
  }
  const auto number = parse_decimal(value);
  if (!number || number->exponent != 0) {
    out.error = fmt::format("expected a state number, ON or OFF, got '{}'", value);
    return;
  }
  out.add(number_reading(field, *number));
}

void LineDecoder::tariff(const Line& line, const Row& row, Contribution& out) {
  const std::string_view raw = trim(line.group(0));
  if (raw.empty()) return;
  // "0002", "TARIFF 1", or the hex text 5431, which is "T1"; four hex digits are too few for the rule of texts.
  std::string_view value = raw;
  if (raw.size() == 4 && raw.starts_with("54") && is_hex(raw)) {
    scratch_.assign({'T', static_cast<char>(hex_byte(raw[2], raw[3]))});
    value = scratch_;
  } else if (decode_text(raw, scratch_)) {
    value = scratch_;
  }
  std::size_t digits = value.size();
  while (digits > 0 && value[digits - 1] >= '0' && value[digits - 1] <= '9') --digits;
  const auto number = parse_decimal(value.substr(digits));
  if (!number) {
    out.error = fmt::format("expected a tariff that ends in a number, got '{}'", raw);
    return;
  }
  out.add(number_reading(row.field, *number));
}

void LineDecoder::text(const Line& line, const Row& row, Contribution& out) const {
  const std::string_view raw = line.whole_value;
  if (row.shape == Shape::message && is_no_message(raw)) {
    out.text.clear();
  } else {
    decode_text(raw, out.text);
  }
  out.add(text_reading(row.field, out.text));
}

void LineDecoder::attribute(const Line& line, const Row& row, Contribution&, Attributes& attributes) {
  const std::string_view raw = trim(line.whole_value);
  if (raw.empty()) return;
  const bool decoded = decode_text(raw, scratch_);
  attributes.set(name(row.attribute), scratch_, row.channel);
  // The rule of texts can misread a plain number, so the serial is kept as sent, too.
  if (row.attribute == Attribute::serial && decoded) attributes.set("serial_raw", raw, row.channel);
}

void LineDecoder::mbus_identity(const Line& line, const Row& row, Attributes& attributes) {
  const std::string_view raw = trim(line.whole_value);
  if (raw.empty()) return;
  const bool decoded = decode_text(raw, scratch_);
  const bool serial = row.shape == Shape::mbus_serial;
  attributes.set(fmt::format("mbus{}_{}", row.channel, serial ? "serial" : "ean"), scratch_);
  if (serial && decoded) attributes.set(fmt::format("mbus{}_serial_raw", row.channel), raw);
}

void LineDecoder::mbus_type(const Line& line, Contribution& out) const {
  const std::string_view value = trim(line.group(0));
  out.mbus.what = MbusPart::What::type;
  if (value.empty()) return;  // no device
  const auto type = parse_decimal(value);
  if (!type || type->exponent != 0 || type->mantissa < 0 || type->mantissa > 255) {
    out.mbus.what = MbusPart::What::nothing;
    out.error = fmt::format("expected a device type, got '{}'", value);
    return;
  }
  out.mbus.type = static_cast<std::int16_t>(type->mantissa);
}

void LineDecoder::mbus_reading(const Line& line, Contribution& out) const {
  if (line.group_count < 2) {  // 24.2.1(0): an empty slot
    if (!line.group(0).empty() && !is_hex(line.group(0)))
      out.error = fmt::format("expected a time stamp and a value, got '{}'", line.group(0));
    return;
  }
  const auto stamp = parse_stamp(trim(line.group(0)));
  if (!stamp) {
    out.error = fmt::format("expected a time stamp, got '{}'", line.group(0));
    return;
  }
  const auto value = parse_value(line.group(1), out.error);
  if (!value) return;
  out.mbus.what = MbusPart::What::reading;
  out.mbus.object = line.code.e;
  out.mbus.unit = value->unit;
  out.mbus.value = value->number;
  out.mbus.stamp = *stamp;
}

/// (capture time of the oldest value)(status, hex)(period, min)(columns)(code)(unit)(value)...: the last value is the
/// newest.
void LineDecoder::profile_rows(const Line& line, Contribution& out) const {
  constexpr std::size_t kHead = 6;
  if (line.group_count <= kHead) {
    if (line.group_count > 1)
      out.error = fmt::format("expected {} values and a reading, got {} values", kHead, line.group_count);
    return;
  }
  const auto stamp = parse_stamp(trim(line.group(0)));
  const auto period_min = parse_decimal(trim(line.group(2)));
  const auto unit = parse_unit(trim(line.group(5)));
  const auto value = parse_value(line.group(line.group_count - 1), out.error);
  if (!stamp) out.error = fmt::format("expected a time stamp, got '{}'", line.group(0));
  if (!unit) out.error = fmt::format("expected a unit, got '{}'", line.group(5));
  if (!stamp || !unit || !value) return;

  out.mbus.what = MbusPart::What::reading;
  out.mbus.profile = true;
  out.mbus.object = line.code.e;
  out.mbus.unit = unit->unit;
  out.mbus.value = {value->number.mantissa, value->number.exponent + unit->exponent};
  out.mbus.stamp = *stamp;
  const auto rows_later = static_cast<std::int64_t>(line.group_count - kHead - 1);
  const bool minutes =
      period_min && period_min->exponent == 0 && period_min->mantissa > 0 && period_min->mantissa <= 1440 * 31;
  if (rows_later > 0 && minutes) out.mbus.stamp.wall_ns += rows_later * period_min->mantissa * 60 * kSecond;
}

void LineDecoder::paper_reading(const Line& line, const Row& row, const Context& context, Contribution& out,
                                std::vector<Reading>& events) {
  if (line.group_count > 2) {
    profile_rows(line, out);
  } else {
    mbus_reading(line, out);
  }
  if (out.mbus.what != MbusPart::What::reading) return;
  out.mbus.what = MbusPart::What::nothing;
  const std::int64_t time_ns = context.clock.utc(out.mbus.stamp, kNoTime, context.received_ns);
  if (time_ns == kNoTime) return;
  if (out.mbus.unit != Unit::none && out.mbus.unit != row.unit) {
    out.error = fmt::format("expected a value in {}, got one in {}", name(row.unit), name(out.mbus.unit));
    return;
  }
  composites_.event(number_reading(row.field, out.mbus.value, time_ns), events);
}

}  // namespace mesura::dsmr_p1
