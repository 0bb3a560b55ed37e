// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "composite.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::int64_t kFactoryDuration = 2'147'483'647;  // s; what the failure log holds from the factory
constexpr std::size_t kPeaksHead = 3;                     // count and twice the code of the value
constexpr std::size_t kLogHead = 2;                       // count and the code of the duration

/// A count of entries: nothing when it is missing or no number.
std::optional<std::size_t> entry_count(std::string_view text) {
  const auto count = parse_decimal(trim(text));
  if (!count || count->exponent != 0 || count->mantissa < 0) return std::nullopt;
  return static_cast<std::size_t>(count->mantissa);
}

}  // namespace

void CompositeReader::tell_new(std::vector<Reading>& current, std::vector<Told>& known, std::vector<Reading>& events) {
  told_scratch_.clear();
  for (const Reading& r : current) {
    const Told told{r.field, r.time_ns, r.value()};
    told_scratch_.push_back(told);
    if (std::find(known.begin(), known.end(), told) == known.end()) events.push_back(r);
  }
  known.swap(told_scratch_);
}

std::string CompositeReader::failure_log(const Line& line, const StampClock& clock, std::vector<Reading>& events) {
  current_.clear();
  std::string error;
  const FieldId field = ObisTable::instance().special().power_failure_duration;
  const std::size_t present = line.group_count > kLogHead ? (line.group_count - kLogHead) / 2 : 0;
  const auto said = entry_count(line.group(0));
  if (said && *said > present) error = fmt::format("expected {} entries, got {}", *said, present);
  if (!said && line.group_count > 1 && !line.group(0).empty())
    error = fmt::format("expected a count, got '{}'", line.group(0));
  const std::size_t count = said ? std::min(*said, present) : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto stamp = parse_stamp(trim(line.group(kLogHead + 2 * i)));
    std::string why;
    const auto seconds = parse_value_in(line.group(kLogHead + 2 * i + 1), Unit::second, why);
    if (!stamp || !why.empty()) {
      error = fmt::format("entry {}: {}", i + 1,
                          stamp ? why : fmt::format("expected a time stamp, got '{}'", line.group(kLogHead + 2 * i)));
      continue;
    }
    const std::int64_t time_ns = clock.utc(*stamp, kNoTime, 0);
    if (time_ns == kNoTime || !seconds) continue;
    const bool factory = to_double(*seconds) >= static_cast<double>(kFactoryDuration);
    current_.push_back(number_reading(field, *seconds, time_ns, factory ? MESURA_SUSPECT : MESURA_GOOD));
  }
  tell_new(current_, known_failures_, events);
  return error;
}

void CompositeReader::event(const Reading& reading, std::vector<Reading>& events) {
  const Told told{reading.field, reading.time_ns, reading.value()};
  for (Told& known : known_single_) {
    if (known.field != reading.field) continue;
    if (known == told) return;
    known = told;
    events.push_back(reading);
    return;
  }
  known_single_.push_back(told);
  events.push_back(reading);
}

std::string CompositeReader::month_max(const Line& line, FieldId field, const StampClock& clock,
                                       std::int64_t received_ns, std::vector<Reading>& events) {
  std::optional<Stamp> stamp;
  std::string_view value_text;
  for (std::size_t i = 0; i < line.group_count; ++i) {
    if (const auto found = parse_stamp(trim(line.group(i))); found && !stamp) {
      stamp = found;
    } else {
      value_text = line.group(i);
    }
  }
  std::string error;
  const auto watts = parse_value_in(value_text, Unit::watt, error);
  if (!error.empty()) return error;
  if (line.group_count > 1 && !stamp) return "expected a time stamp beside the value";
  if (!watts || !stamp) return {};
  // A month that has no peak yet sends a null stamp and zero.
  const std::int64_t time_ns = clock.utc(*stamp, kNoTime, received_ns);
  if (time_ns != kNoTime) event(number_reading(field, *watts, floor_quarter(time_ns)), events);
  return {};
}

std::string CompositeReader::history(const Line& line, const StampClock& clock, std::int64_t received_ns,
                                     std::vector<Reading>& events) {
  if (line.nested) return {};  // one Hungarian firmware wraps whole lines: nothing that other lines don't say
  const auto stamp = parse_stamp(trim(line.group(0)));
  if (!stamp) return belgian_peaks(line, clock, events);
  return hungarian_registers(line, clock.utc(*stamp, kNoTime, received_ns), events);
}

std::string CompositeReader::belgian_peaks(const Line& line, const StampClock& clock, std::vector<Reading>& events) {
  const auto said = entry_count(line.group(0));
  if (!said)
    return line.group(0).empty() ? std::string{}
                                 : fmt::format("expected a count or a time stamp, got '{}'", line.group(0));
  current_.clear();
  std::string error;
  const FieldId field = ObisTable::instance().special().active_demand_import_month_max;
  const std::size_t present = line.group_count > kPeaksHead ? (line.group_count - kPeaksHead) / 3 : 0;
  if (*said > present) error = fmt::format("expected {} months, got {}", *said, present);
  for (std::size_t i = 0; i < std::min(*said, present); ++i) {
    const std::size_t at = kPeaksHead + 3 * i;
    const auto capture = parse_stamp(trim(line.group(at)));
    const auto occurred = parse_stamp(trim(line.group(at + 1)));
    std::string why;
    const auto watts = parse_value_in(line.group(at + 2), Unit::watt, why);
    if (!capture || !occurred || !why.empty()) {
      error = fmt::format("month {}: {}", i + 1, why.empty() ? "expected two time stamps" : why);
      continue;
    }
    const std::int64_t captured_ns = clock.utc(*capture, kNoTime, 0);
    const std::int64_t occurred_ns = clock.utc(*occurred, kNoTime, 0);
    if (occurred_ns != kNoTime && watts) {
      current_.push_back(number_reading(field, *watts, floor_quarter(occurred_ns)));
    } else if (captured_ns != kNoTime) {
      // Captured at 00:00:00 of the first day of the next month; a month without a peak has to stand somewhere in
      // itself.
      current_.push_back(number_reading(field, {0, 0}, captured_ns - kSecond));
    }
  }
  tell_new(current_, known_peaks_, events);
  return error;
}

std::string CompositeReader::hungarian_registers(const Line& line, std::int64_t time_ns, std::vector<Reading>& events) {
  if (time_ns == kNoTime) return {};
  std::string text;
  for (std::size_t i = 1; i < line.group_count; ++i) {
    if (i > 1) text += ' ';
    text += line.group(i);
  }
  if (time_ns == registers_time_ns_ && text == registers_) return {};
  registers_time_ns_ = time_ns;
  registers_ = std::move(text);
  events.push_back(text_reading(ObisTable::instance().special().month_end_registers, registers_, time_ns));
  return {};
}

std::string CompositeReader::profile_row(const Line& line, FieldId first_field, const StampClock& clock,
                                         std::int64_t received_ns, std::vector<Reading>& events) {
  constexpr std::size_t kStampAt = 4, kFirstValue = 6, kValues = 2;
  if (line.group_count < kFirstValue + kValues) return {};
  const auto stamp = parse_stamp(trim(line.group(kStampAt)));
  if (!stamp) return fmt::format("expected a time stamp, got '{}'", line.group(kStampAt));
  const std::int64_t time_ns = clock.utc(*stamp, kNoTime, received_ns);
  if (time_ns == kNoTime) return {};
  std::string error;
  for (std::size_t i = 0; i < kValues; ++i) {
    const auto energy = parse_value_in(line.group(kFirstValue + i), Unit::watt_hour, error);
    if (energy) event(number_reading(static_cast<FieldId>(first_field + i), *energy, time_ns), events);
  }
  return error;
}

}  // namespace mesura::dsmr_p1
