// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of Recovery for everything but raw rows: rollups, states, quality, quarter hours.
#include "sinks/sqlite/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace mesura::sinks::sqlite {
namespace {

constexpr std::int64_t kLeastTime = 0;
constexpr std::int64_t kGreatestTime = 7'258'118'400'000'000;

std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + '\'';
}

}  // namespace

// Where rollups of a table stand in several parts, they are made anew from what raw rows are left.
void Recovery::plan_rollups(Wide& wide) {
  std::map<std::string, std::pair<std::string, bool>> named;  // column -> name in rollups, register
  std::map<rollup::Level, std::string> tables;
  bool parts = false;
  read_all({"rollup_columns", "position", {}, {"source", "column_name", "name", "kind", "part"}},
           [&](const Statement& row) {
             if (row.text(1) != wide.name) return;
             named[row.text(2)] = {row.text(3), row.text(4) == "register"};
             parts = parts || row.integer(5) != 1;
           });
  read_all({"rollup_tables", "part", {}, {"name", "source", "level"}}, [&](const Statement& row) {
    if (row.text(2) != wide.name) return;
    for (const rollup::Level level : rollup::kLevels) {
      if (suffix(level) == row.text(3)) tables[level] = row.text(1);
    }
  });
  if (parts) return;
  const auto kinds = target_.store.columns(wide.table);
  for (const auto& [level, table] : tables) {
    const std::vector<std::string> have = columns_of(table);
    database::SalvageSource source{
        table, "rowid", {}, {"time", wide.fleet ? "device_id" : "time", "count", "completeness"}};
    if (!wide.fleet) {
      source.least = kLeastTime;
      source.greatest = kGreatestTime;
    }
    std::vector<std::pair<std::string, std::uint32_t>> names;
    std::vector<std::size_t> places;
    for (const auto& [column, to] : wide.columns) {
      const auto found = named.find(column);
      if (found == named.end()) continue;
      const auto& [name, reg] = found->second;
      if (reg != (kinds[to] == rollup::ColumnKind::reg)) continue;
      if (std::find(have.begin(), have.end(), name + "_count") == have.end()) continue;
      names.emplace_back(name, to);
      places.push_back(source.columns.size() + 1);
      if (reg)
        source.columns.insert(source.columns.end(), {name, name + "_delta", name + "_count"});
      else
        source.columns.insert(source.columns.end(),
                              {name, name + "_min", name + "_max", name + "_last", name + "_count"});
    }
    add(std::move(source), [this, &wide, level = level, names, places](const Statement& row) {
      copy_rollup(wide, level, names, places, row);
    });
  }
}

void Recovery::copy_rollup(const Wide& wide, rollup::Level level,
                           const std::vector<std::pair<std::string, std::uint32_t>>& names,
                           const std::vector<std::size_t>& places, const Statement& row) {
  rollup::Row out;
  out.time = row.integer(1);
  if (out.time < kLeastTime || out.time > kGreatestTime || row.integer(3) <= 0) return;
  if (wide.fleet) {
    const auto member = wide.members.find(row.integer(2));
    if (member == wide.members.end()) return;
    out.member = member->second;
  }
  out.count = static_cast<std::uint64_t>(row.integer(3));
  out.completeness = std::clamp(row.number(4), 0.0, 1.0);
  const auto kinds = target_.store.columns(wide.table);
  out.columns.resize(kinds.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    rollup::Stats& s = out.columns[names[i].second];
    int at = static_cast<int>(places[i]);
    if (!row.is_number(at)) continue;
    if (kinds[names[i].second] == rollup::ColumnKind::reg) {
      s.last = row.number(at);
      s.delta = row.number(at + 1);
      at += 2;
    } else {
      s.mean = row.number(at);
      s.min = row.number(at + 1);
      s.max = row.number(at + 2);
      s.last = row.number(at + 3);
      at += 4;
    }
    s.count = row.is_number(at) ? static_cast<std::uint64_t>(row.integer(at)) : out.count;
  }
  bool fuller = false;
  target_.store.read(wide.table, level, {out.time, out.time + 1}, [&](const rollup::Row& old, bool) {
    fuller = fuller || (old.member == out.member && old.count >= out.count);
  });
  if (!fuller) target_.store.write(wide.table, level, out);
}

void Recovery::plan_states() {
  if (std::find(tables_.begin(), tables_.end(), "states") == tables_.end()) return;
  auto put = std::make_shared<Statement>(
      target_.db.prepare("INSERT OR IGNORE INTO states (series, time, number, text) VALUES (?1, ?2, ?3, ?4)", true));
  for (const auto& [id, old] : series_) {
    if (!old.slot || old.slot->place != Slot::Place::state) continue;
    add({"states", "time", fmt::format("series = {}", id), {"number", "text"}, kLeastTime, kGreatestTime},
        [put, series = old.slot->id](const Statement& row) {
          const std::string text = row.text(2);
          put->bind(1, series);
          put->bind(2, row.integer(0));
          if (row.is_number(1))
            put->bind(3, row.number(1));
          else
            put->bind_null(3);
          if (row.is_null(2))
            put->bind_null(4);
          else
            put->bind(4, std::string_view{text});
          put->run();
        });
  }
}

void Recovery::plan_quality() {
  if (std::find(tables_.begin(), tables_.end(), "quality") == tables_.end()) return;
  auto put = std::make_shared<Statement>(
      target_.db.prepare("INSERT OR IGNORE INTO quality (time, series, flags) VALUES (?1, ?2, ?3)", true));
  add({"quality", "time", {}, {"series", "flags"}, kLeastTime, kGreatestTime}, [this, put](const Statement& row) {
    const auto found = series_.find(row.integer(1));
    if (found == series_.end() || !found->second.slot) return;
    put->bind(1, row.integer(0));
    put->bind(2, found->second.slot->id);
    put->bind(3, row.integer(2));
    put->run();
  });
}

void Recovery::plan_quarters() {
  if (std::find(tables_.begin(), tables_.end(), "quarters") == tables_.end()) return;
  std::set<std::string> devices;
  for (const auto& [id, old] : series_) devices.insert(old.info.device);
  auto put = std::make_shared<Statement>(target_.db.prepare(
      "INSERT INTO quarters (device, time, quarter_id, average_w, samples, import_w, export_w) VALUES (?1, ?2, ?3, ?4, "
      "?5, ?6, ?7) ON CONFLICT DO UPDATE SET quarter_id = excluded.quarter_id, average_w = excluded.average_w, samples "
      "= "
      "excluded.samples, import_w = excluded.import_w, export_w = excluded.export_w WHERE excluded.samples > samples",
      true));
  for (const std::string& device : devices) {
    add({"quarters",
         "time",
         "device = " + sql_text(device),
         {"quarter_id", "average_w", "samples", "import_w", "export_w"},
         kLeastTime,
         kGreatestTime},
        [put, device](const Statement& row) {
          const std::string imported = row.text(4);
          const std::string exported = row.text(5);
          put->bind(1, std::string_view{device});
          put->bind(2, row.integer(0));
          for (int i = 1; i <= 3; ++i) put->bind(2 + i, row.integer(i));
          put->bind(6, std::string_view{imported});
          put->bind(7, std::string_view{exported});
          put->run();
        });
  }
}

}  // namespace mesura::sinks::sqlite
