// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/calendar.hpp"

#include <algorithm>
#include <charconv>

namespace mesura::http::compat::p1_monitor {
namespace {

// A quarter hour's number has a signed byte for its year.
constexpr int kFirstYear = 2000;
constexpr int kLastYear = 2127;

std::optional<int> digits(std::string_view text, std::size_t count) {
  return text.size() == count ? small_number(text) : std::nullopt;
}

std::optional<std::int64_t> midnight(int year, int month, int day, const model::Zone& zone) {
  model::LocalTime local;
  local.year = year;
  local.month = month;
  local.day = day;
  return zone.to_utc(local);
}

}  // namespace

std::optional<int> small_number(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), digit)) return std::nullopt;
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::int64_t> quarter_at(std::string_view year, std::string_view month, std::string_view day,
                                       std::string_view file, const model::Zone& zone) {
  constexpr std::string_view kEnd = ".json";
  if (file.size() != 5 + kEnd.size() || !file.ends_with(kEnd)) return std::nullopt;
  const char season = file[4];
  const auto y = digits(year, 4), mo = digits(month, 2), d = digits(day, 2);
  const auto h = digits(file.substr(0, 2), 2), mi = digits(file.substr(2, 2), 2);
  if (!y || !mo || !d || !h || !mi || *mi % 15 != 0 || (season != 'S' && season != 'W')) return std::nullopt;
  if (*y < kFirstYear || *y > kLastYear) return std::nullopt;
  model::LocalTime local;
  local.year = *y;
  local.month = *mo;
  local.day = *d;
  local.hour = *h;
  local.minute = *mi;
  for (const auto choice : {model::Repeated::first, model::Repeated::second}) {
    const auto time = zone.to_utc(local, choice);
    if (!time) return std::nullopt;
    const model::LocalTime back = zone.to_local(*time);
    // A reading that the clock skips comes back as another one.
    if (back.hour == local.hour && back.minute == local.minute && back.summer == (season == 'S')) return time;
  }
  return std::nullopt;
}

std::optional<store::TimeRange> local_range(int year, int month, int day, const model::Zone& zone) {
  if (year < kFirstYear || year > kLastYear || month > 12) return std::nullopt;
  const auto from = midnight(year, std::max(month, 1), std::max(day, 1), zone);
  if (!from) return std::nullopt;
  if (day > 0) return store::TimeRange{*from, zone.day(*from).end_ns};
  if (month > 0) return store::TimeRange{*from, zone.month(*from).end_ns};
  return store::TimeRange{*from, *midnight(year + 1, 1, 1, zone)};
}

}  // namespace mesura::http::compat::p1_monitor
