// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/zones.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <stdexcept>

#include "model/text.hpp"

namespace mesura::model {

namespace {

using std::chrono::seconds;
using Seconds = date::sys_seconds;
using LocalSeconds = date::local_seconds;

constexpr std::int64_t kNs = 1'000'000'000;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// A month's window and every offset fit ns from here.
std::int64_t in_range(std::int64_t utc_ns) {
  constexpr std::int64_t kLimit = std::numeric_limits<std::int64_t>::max() - std::int64_t{40} * 86400 * kNs;
  return std::clamp(utc_ns, -kLimit, kLimit);
}

Seconds whole_seconds(std::int64_t utc_ns) { return Seconds{seconds{floor_div(in_range(utc_ns), kNs)}}; }

std::int64_t as_ns(Seconds t) { return t.time_since_epoch().count() * kNs; }

/// The first instant at which the clock shows midnight of this date or, where a clock change skips it, the change.
Seconds midnight(const date::time_zone& zone, date::local_days day) {
  return zone.to_sys(LocalSeconds{day}, date::choose::earliest);
}

}  // namespace

std::optional<Zone> Zone::find(std::string_view name, Problem* problem) {
  try {
    return Zone{date::locate_zone(name)};
  } catch (const std::exception&) {
    if (problem != nullptr)
      *problem = {fmt::format("unknown time zone '{}'", name), "an IANA zone name such as Europe/Brussels",
                  std::string{name}, "names are Area/City; `timedatectl list-timezones` lists them (package tzdata)"};
    return std::nullopt;
  }
}

Zone Zone::utc() {
  for (const auto* name : {"UTC", "Etc/UTC"})
    if (const auto zone = find(name)) return *zone;
  throw std::runtime_error{"no time zone database: neither UTC nor Etc/UTC is there; install the package tzdata"};
}

std::vector<std::string> Zone::names() {
  std::vector<std::string> out;
  for (const auto& zone : date::get_tzdb().zones) out.push_back(zone.name());
  return out;
}

const std::string& Zone::name() const { return zone_->name(); }

LocalTime Zone::to_local(std::int64_t utc_ns) const {
  const auto time = whole_seconds(utc_ns);
  const auto info = zone_->get_info(time);
  const auto local = time + info.offset;
  const auto day = date::floor<date::days>(local);
  const date::year_month_day date{day};
  const auto of_day = static_cast<int>((local - day).count());

  LocalTime out;
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month()));
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.hour = of_day / 3600;
  out.minute = of_day / 60 % 60;
  out.second = of_day % 60;
  out.nanosecond = static_cast<int>(in_range(utc_ns) - as_ns(time));
  out.offset_s = static_cast<int>(info.offset.count());
  out.summer = info.save != std::chrono::minutes{0};
  return out;
}

std::optional<std::int64_t> Zone::to_utc(const LocalTime& local, Repeated choice) const {
  const auto in = [](int value, int low, int high) { return value >= low && value <= high; };
  if (!in(local.year, 1678, 2261) || !in(local.month, 1, 12) || !in(local.day, 1, 31) || !in(local.hour, 0, 23) ||
      !in(local.minute, 0, 59) || !in(local.second, 0, 59) || !in(local.nanosecond, 0, 999'999'999))
    return std::nullopt;
  const auto date = date::year{local.year} / local.month / local.day;
  if (!date.ok()) return std::nullopt;
  const auto time =
      LocalSeconds{date::local_days{date}} + seconds{local.hour * 3600 + local.minute * 60 + local.second};
  const auto info = zone_->get_info(time);
  if (info.result == date::local_info::nonexistent) return as_ns(info.first.end);
  const auto& meant =
      info.result == date::local_info::ambiguous && choice == Repeated::second ? info.second : info.first;
  return as_ns(Seconds{time.time_since_epoch() - meant.offset}) + local.nanosecond;
}

Window Zone::quarter(std::int64_t utc_ns) const {
  // Zones change their offset at full quarters, so one offset holds for the whole window.
  const auto time = whole_seconds(utc_ns);
  const auto offset = zone_->get_info(time).offset.count();
  const auto start = floor_div(time.time_since_epoch().count() + offset, 900) * 900 - offset;
  return {start * kNs, (start + 900) * kNs};
}

Window Zone::day(std::int64_t utc_ns) const {
  const auto time = whole_seconds(utc_ns);
  const auto day = date::floor<date::days>(time.time_since_epoch() + zone_->get_info(time).offset);
  const date::local_days today{day};
  return {as_ns(midnight(*zone_, today)), as_ns(midnight(*zone_, today + date::days{1}))};
}

Window Zone::month(std::int64_t utc_ns) const {
  const auto local = to_local(utc_ns);
  const auto first = date::year{local.year} / local.month / 1;
  return {as_ns(midnight(*zone_, date::local_days{first})),
          as_ns(midnight(*zone_, date::local_days{first + date::months{1}}))};
}

std::string Zone::format(std::int64_t utc_ns, TimeStyle style) const {
  const auto offset = zone_->get_info(whole_seconds(utc_ns)).offset.count();
  std::string out;
  append_utc(out, in_range(utc_ns) + offset * kNs);
  out.pop_back();  // the Z, which is not true here
  if (style == TimeStyle::table) {
    out[10] = ' ';
  } else {
    // Historical offsets have seconds; RFC 3339 has none to show them.
    const auto minutes = (offset < 0 ? -offset : offset) / 60;
    out += fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  }
  return out;
}

}  // namespace mesura::model
