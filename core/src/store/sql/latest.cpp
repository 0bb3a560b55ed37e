// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of SqlArchive that says what came last.
#include "store/sql/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

namespace mesura::store::sql {
namespace {

// Rows that are looked through for all columns together, before those that are missing are looked for one by one.
constexpr std::size_t kRows = 64;
constexpr std::size_t kRowsPerMember = 8;
// A join of more columns than a SELECT takes does not happen: a table has fewer.

}  // namespace

struct SqlArchive::Wanted {
  LatestValue value;
  const Place* place = nullptr;
  std::int64_t row_id = 0;  ///< of table `series`
  std::uint8_t usual = 0;
  bool found = false;
};

// From the newest row back.
void SqlArchive::latest_in_table(std::uint32_t index, std::vector<Wanted*>& wanted) {
  const Table& table = catalog_.table(*session_, index);
  std::map<std::string, std::size_t> columns;
  for (const Wanted* w : wanted)
    if (table.columns.contains(sinks::folded(w->place->column))) columns.emplace(w->place->column, columns.size());
  std::vector<std::string> names(columns.size());
  for (const auto& [name, at] : columns) names[at] = name;
  std::map<std::pair<std::int64_t, std::size_t>, std::vector<Wanted*>> missing;
  std::set<std::int64_t> members;
  for (Wanted* w : wanted) {
    const auto column = columns.find(w->place->column);
    if (column == columns.end()) continue;
    missing[{w->place->member, column->second}].push_back(w);
    members.insert(w->place->member);
  }
  if (missing.empty()) return;
  std::string sql = table.fleet ? "SELECT time, device_id" : "SELECT time, 0";
  for (const std::string& name : names) sql += ", " + session_->quote(name);
  // All devices of a fleet have rows between two of one, asked for or not.
  std::size_t devices = 1;
  if (table.fleet) devices = std::max<std::size_t>(members.size(), catalog_.members_of(index));
  const std::size_t most = table.fleet ? kRowsPerMember * devices + kRows : kRows;
  sql += fmt::format(" FROM {} ORDER BY time DESC LIMIT {}", session_->quote(table.name), most);
  const auto rows = session_->select(sql, {});
  std::vector<double> values(names.size());
  std::size_t left = missing.size();
  while (left > 0 && rows->next()) {
    const std::int64_t member = rows->integer(1);
    if (!members.contains(member)) continue;
    rows->numbers(2, values);
    for (std::size_t c = 0; c < values.size(); ++c) {
      if (std::isnan(values[c])) continue;
      const auto at = missing.find({member, c});
      if (at == missing.end() || at->second.front()->found) continue;
      --left;
      for (Wanted* w : at->second) {
        w->found = true;
        w->value.time_ns = rows->time_us(0) * 1000;
        w->value.number = values[c];
      }
    }
  }
}

// Values of other than their series' usual quality are noted by time and series.
void SqlArchive::put_quality(std::vector<Wanted>& wanted) {
  std::map<std::int64_t, std::vector<Wanted*>> by_time;
  for (Wanted& w : wanted) {
    if (!w.found) continue;
    w.value.quality = w.usual;
    by_time[floor_us(w.value.time_ns)].push_back(&w);
  }
  for (const auto& [time, list] : by_time) {
    const auto rows =
        session_->select("SELECT series, flags FROM quality WHERE time = ?", std::array<Parameter, 1>{Time{time}});
    std::unordered_map<std::int64_t, std::uint8_t> flags;
    while (rows->next()) flags[rows->integer(0)] = static_cast<std::uint8_t>(rows->integer(1));
    if (flags.empty()) continue;
    for (Wanted* w : list)
      if (const auto found = flags.find(w->row_id); found != flags.end()) w->value.quality = found->second;
  }
}

std::vector<LatestValue> SqlArchive::latest(std::span<const std::uint32_t> series) {
  const Call call{*this};
  // One for each place: the newest of them counts.
  std::vector<Wanted> wanted;
  for (const std::uint32_t id : series) {
    if (id >= catalog_.series().size())
      throw StoreError(StoreError::Cause::unknown, fmt::format("store-series: there is no series number {}", id));
    const Entry& entry = catalog_.entry(id);
    std::size_t place = 0;
    for (const SeriesRow& row : entry.rows) {
      Wanted w;
      w.value.series = id;
      w.row_id = row.id;
      w.usual = row.usual;
      if (row.state) {
        const auto rows =
            session_->select("SELECT time, number, text FROM states WHERE series = ? ORDER BY time DESC LIMIT 1",
                             std::array<Parameter, 1>{row.id});
        w.found = rows->next();
        if (w.found) {
          w.value.time_ns = rows->time_us(0) * 1000;
          w.value.number = rows->is_null(1) ? 0 : rows->number(1);
          w.value.text = rows->text(2);
        }
      } else {
        w.place = &entry.places.at(place++);
      }
      wanted.push_back(std::move(w));
    }
  }
  std::map<std::uint32_t, std::vector<Wanted*>> by_table;
  for (Wanted& w : wanted)
    if (w.place != nullptr) by_table[w.place->table].push_back(&w);
  for (auto& [table, list] : by_table) latest_in_table(table, list);
  for (Wanted& w : wanted) {
    if (w.found || w.place == nullptr) continue;
    if (const auto found = find(*w.place, INT64_MAX, Way::back)) {
      w.found = true;
      w.value.time_ns = found->time_us * 1000;
      w.value.number = found->value;
    }
  }
  put_quality(wanted);
  std::vector<LatestValue> out;
  for (Wanted& w : wanted) {
    if (!w.found) continue;
    if (!out.empty() && out.back().series == w.value.series) {
      if (out.back().time_ns < w.value.time_ns) out.back() = std::move(w.value);
      continue;
    }
    out.push_back(std::move(w.value));
  }
  return out;
}

}  // namespace mesura::store::sql
