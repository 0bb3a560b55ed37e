// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of SqlArchive that looks for the value next to a time.
#include "store/sql/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace mesura::store::sql {
namespace {

using sinks::rollup::kDayUs;
using sinks::rollup::kHourUs;
using sinks::rollup::kMinuteUs;

// What the database takes for times: the years 1000 to 9999.
constexpr std::int64_t kFarPast = -30'610'224'000'000'000;
constexpr std::int64_t kFarFuture = 253'402'300'799'000'000;
// Mostly the value is among the next few rows. All devices of a fleet lie between two rows of one.
constexpr std::int64_t kNear = 2 * kHourUs;
constexpr std::int64_t kNearInFleet = 2 * kMinuteUs;
constexpr std::int64_t kHours = 3 * kDayUs;
constexpr std::int64_t kLongestDay = 26 * kHourUs;

}  // namespace

std::optional<SqlArchive::Found> SqlArchive::find_raw(const Place& place, std::int64_t from_us, std::int64_t to_us,
                                                      Way way) {
  const Table& table = catalog_.table(*session_, place.table);
  from_us = std::max(from_us, kFarPast);
  to_us = std::min(to_us, kFarFuture);
  if (from_us >= to_us || !table.columns.contains(sinks::folded(place.column))) return std::nullopt;
  const std::string column = session_->quote(place.column);
  std::vector<Parameter> parameters{Time{from_us}, Time{to_us}};
  if (table.fleet) parameters.emplace_back(place.member);
  const auto rows = session_->select(
      fmt::format("SELECT time, {0} FROM {1} WHERE time >= ? AND time < ?{2} AND {0} IS NOT NULL ORDER BY time{3} "
                  "LIMIT 1",
                  column, session_->quote(table.name), table.fleet ? " AND device_id = ?" : "",
                  way == Way::back ? " DESC" : ""),
      parameters);
  if (!rows->next()) return std::nullopt;
  return Found{rows->time_us(0), rows->number(1)};
}

// The window that has the value; its last one.
std::optional<SqlArchive::Found> SqlArchive::find_rollup(const Place& place, Level level, std::int64_t from_us,
                                                         std::int64_t to_us, Way way) {
  const Table& table = catalog_.table(*session_, place.table);
  from_us = std::max(from_us, kFarPast);
  to_us = std::min(to_us, kFarFuture);
  const auto column = table.rollup_columns.find(place.column);
  if (from_us >= to_us || column == table.rollup_columns.end()) return std::nullopt;
  const auto& parts = table.levels[static_cast<std::size_t>(level)];
  const RollupColumn& c = column->second;
  const std::string plain = c.reg ? c.name : c.name + "_last";
  if (c.part >= parts.size() || !parts[c.part].columns.contains(sinks::folded(plain))) return std::nullopt;
  std::vector<Parameter> parameters{Time{from_us}, Time{to_us}};
  if (table.fleet) parameters.emplace_back(place.member);
  const auto rows = session_->select(
      fmt::format("SELECT time, {0} FROM {1} WHERE time >= ? AND time < ?{2} AND {0} IS NOT NULL ORDER BY time{3} "
                  "LIMIT 1",
                  session_->quote(plain), session_->quote(parts[c.part].name), table.fleet ? " AND device_id = ?" : "",
                  way == Way::back ? " DESC" : ""),
      parameters);
  if (!rows->next()) return std::nullopt;
  return Found{rows->time_us(0), rows->number(1)};
}

// Days lead to an hour, an hour to the row: within a stretch where nothing is pending.
std::optional<SqlArchive::Found> SqlArchive::find_by_rollups(const Place& place, const Standing& standing,
                                                             std::int64_t from_us, std::int64_t to_us, Way way) {
  if (from_us >= to_us) return std::nullopt;
  const auto within = [&](Level level, std::int64_t start) {
    const sinks::rollup::Span w = calendar_.window(level, start);
    return sinks::rollup::Span{std::max(w.start, from_us), std::min(w.end, to_us)};
  };
  // The end from which is searched lies within a window, whose value may be beyond it.
  const auto at_row = [&](Level level, std::int64_t start) -> std::optional<Found> {
    const sinks::rollup::Span w = within(level, start);
    if (const auto row = find_raw(place, w.start, w.end, way)) return row;
    if (standing.expired_us[kLevels] < w.end) return std::nullopt;
    // The row has gone for its age: the finest window that is left and lies on this side.
    for (const Level finest : sinks::rollup::kLevels) {
      if (finest > level) break;
      const auto row = find_rollup(place, finest, w.start, w.end, way);
      if (!row) continue;
      auto window = calendar_.window(finest, row->time_us);
      if (way == Way::back && window.end > to_us) {
        const auto before = find_rollup(place, finest, w.start, row->time_us, way);
        if (!before) continue;
        window = calendar_.window(finest, before->time_us);
        return Found{window.end - 1, before->value};
      }
      return Found{way == Way::back ? window.end - 1 : window.start, row->value};
    }
    return std::nullopt;
  };
  const auto in_hours = [&](std::int64_t from, std::int64_t to) -> std::optional<Found> {
    // Twice: the first window may have its values beyond the end.
    for (int tries = 0; tries < 3 && from < to; ++tries) {
      const auto hour = find_rollup(place, Level::hour, calendar_.window(Level::hour, from).start, to, way);
      if (!hour) return std::nullopt;
      if (const auto row = at_row(Level::hour, hour->time_us)) return row;
      if (way == Way::back)
        to = hour->time_us;
      else
        from = hour->time_us + kHourUs;
    }
    return std::nullopt;
  };
  const std::int64_t hours_from = way == Way::back ? std::max(from_us, to_us - kHours) : from_us;
  const std::int64_t hours_to = way == Way::back ? to_us : std::min(to_us, from_us + kHours);
  if (const auto found = in_hours(hours_from, hours_to)) return found;
  std::int64_t from = (way == Way::back ? from_us : hours_to) - kLongestDay;
  std::int64_t to = way == Way::back ? hours_from : to_us;
  // The first days may have their values beyond the ends.
  for (int tries = 0; tries < 4 && from < to; ++tries) {
    const auto day = find_rollup(place, Level::day, from, to, way);
    if (!day) break;
    const sinks::rollup::Span w = within(Level::day, day->time_us);
    if (const auto found = in_hours(w.start, w.end)) return found;
    if (const auto found = at_row(Level::day, day->time_us)) return found;
    if (way == Way::back)
      to = day->time_us;
    else
      from = day->time_us + 1;
  }
  return std::nullopt;
}

// Near rows first; then what is pending row by row, and the rest by rollups.
std::optional<SqlArchive::Found> SqlArchive::find(const Place& place, std::int64_t time_us, Way way) {
  const bool back = way == Way::back;
  const bool fleet = catalog_.table(*session_, place.table).fleet;
  const std::int64_t near = fleet ? kNearInFleet : kNear;
  time_us = std::clamp(time_us, kFarPast, kFarFuture - 1);
  if (!catalog_.rolled_up())
    return back ? find_raw(place, kFarPast, time_us + 1, way) : find_raw(place, time_us, kFarFuture, way);
  std::int64_t edge = back ? time_us - near : time_us + near;
  if (const auto found = back ? find_raw(place, edge, time_us + 1, way) : find_raw(place, time_us, edge, way))
    return found;
  const Standing standing = catalog_.standing(*session_, place.table);
  // Near rows that have gone for their age were not seen.
  if (standing.expired_us[kLevels] > std::min(edge, time_us)) edge = back ? time_us + 1 : time_us;
  // Alternating stretches: pending ones (whole days, because those are behind with a part of them), and the others.
  std::vector<sinks::rollup::Span> pending;
  for (const Standing::Stretch& p : standing.pending) {
    if (p.days) continue;
    const sinks::rollup::Span span{calendar_.window(Level::hour, p.start_us).start,
                                   calendar_.window(Level::hour, p.end_us - 1).end};
    if (!pending.empty() && span.start <= pending.back().end)
      pending.back().end = std::max(pending.back().end, span.end);
    else
      pending.push_back(span);
  }
  std::vector<std::pair<sinks::rollup::Span, bool>> list;  // whether rollups hold it
  std::int64_t at = back ? kFarPast : edge;
  const std::int64_t end = back ? edge : kFarFuture;
  for (const auto& span : pending) {
    if (span.end <= at || span.start >= end) continue;
    if (span.start > at) list.push_back({{at, span.start}, true});
    list.push_back({{std::max(at, span.start), std::min(end, span.end)}, false});
    at = list.back().first.end;
  }
  if (at < end) list.push_back({{at, end}, true});
  if (back) std::reverse(list.begin(), list.end());
  for (const auto& [span, rolled_up] : list) {
    const auto found = rolled_up ? find_by_rollups(place, standing, span.start, span.end, way)
                                 : find_raw(place, span.start, span.end, way);
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<SqlArchive::Found> SqlArchive::best(std::uint32_t series, std::int64_t time_us, Way way) {
  std::optional<Found> best;
  for (const Place& place : catalog_.entry(series).places) {
    const auto found = find(place, time_us, way);
    if (!found) continue;
    if (!best || (way == Way::back ? found->time_us >= best->time_us : found->time_us <= best->time_us)) best = found;
  }
  return best;
}

std::optional<Sample> SqlArchive::at_or_before(std::uint32_t series, std::int64_t time_ns) {
  const Call call{*this};
  check_numbers(std::span{&series, 1});
  const auto found = best(series, floor_us(time_ns), Way::back);
  if (!found) return std::nullopt;
  return Sample{found->time_us * 1000, found->value};
}

std::optional<Sample> SqlArchive::at_or_after(std::uint32_t series, std::int64_t time_ns) {
  const Call call{*this};
  check_numbers(std::span{&series, 1});
  const auto found = best(series, ceil_us(time_ns), Way::on);
  if (!found) return std::nullopt;
  return Sample{found->time_us * 1000, found->value};
}

}  // namespace mesura::store::sql
