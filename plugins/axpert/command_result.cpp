// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The result of what changes a setting: before and after, in the words and units of the argument.
#include <date/tz.h>
#include <fmt/format.h>

#include <chrono>

#include "commands.hpp"

namespace mesura::axpert {
namespace {

constexpr double kMinute = 60;
constexpr double kDay = 86400;

std::string clock_text(double utc, const date::time_zone* zone) {
  const date::sys_seconds moment{std::chrono::seconds{static_cast<std::int64_t>(utc)}};
  const date::local_seconds local =
      zone != nullptr ? zone->to_local(moment) : date::local_seconds{moment.time_since_epoch()};
  const auto day = date::floor<date::days>(local);
  const date::year_month_day d{day};
  const date::hh_mm_ss<std::chrono::seconds> t{local - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(d.year()),
                     static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()), t.hours().count(),
                     t.minutes().count(), t.seconds().count());
}

void append_shown(std::string& out, const Value* value, Shown shown, const date::time_zone* zone) {
  if (value == nullptr || value->is_text) return append_value(out, value);
  Value converted = *value;
  switch (shown) {
    case Shown::minutes: converted.number /= kMinute; break;
    case Shown::days: converted.number /= kDay; break;
    case Shown::on_off: converted = Value::of(std::string_view{value->number != 0 ? "on" : "off"}); break;
    case Shown::clock: converted = Value::of(std::string_view{clock_text(value->number, zone)}); break;
    case Shown::as_read: break;
  }
  append_value(out, &converted);
}

std::string_view shown_unit(Shown shown, std::string_view key) {
  switch (shown) {
    case Shown::minutes: return "min";
    case Shown::days: return "d";
    case Shown::as_read: return unit_of(key);
    default: return {};
  }
}

/// Each of the values that were to change, as an object.
void append_all(std::string& out, const std::vector<Expected>& expected, const Facts* facts) {
  if (facts != nullptr && facts->empty()) {
    out += "null";
    return;
  }
  out += '{';
  bool first = true;
  for (const Expected& e : expected) {
    if (!first) out += ',';
    first = false;
    append_quoted(out, e.key);
    out += ':';
    append_value(out, facts != nullptr ? facts->find(e.key) : &e.value);
  }
  out += '}';
}

}  // namespace

std::string Commands::change_json(const Job& job, bool planned) const {
  std::string out = "{\"before\":";
  const Shown shown = job.setter != nullptr ? job.setter->shown : Shown::as_read;
  const bool whole = job.setter != nullptr && (job.setter->traits & kWhole) != 0;
  const auto put = [&](const Facts& facts) {
    if (whole) return append_all(out, job.expected, &facts);
    append_shown(out, job.key.empty() ? nullptr : facts.find(job.key), shown, zone_);
  };
  put(job.before);
  out += ",\"after\":";
  // What was in force already, or was never written, is what it was.
  put(job.sent ? job.after : planned ? Facts{} : job.before);
  if (planned) {
    out += ",\"planned\":";
    const Value* value = nullptr;
    for (const Expected& e : job.expected)
      if (e.key == job.key) value = &e.value;
    if (whole) {
      append_all(out, job.expected, nullptr);
    } else {
      append_shown(out, value, shown, zone_);
    }
  }
  const std::string_view unit = whole ? std::string_view{} : shown_unit(shown, job.key);
  if (!unit.empty() && !job.key.empty()) {
    out += ",\"unit\":";
    append_quoted(out, unit);
  }
  if (!job.key.empty() && !whole) {
    out += ",\"setting\":";
    append_quoted(out, job.key);
  }
  if (!job.transaction.command.empty()) {
    out += ",\"command\":";
    append_quoted(out, job.transaction.command);
  }
  return out + '}';
}

}  // namespace mesura::axpert
