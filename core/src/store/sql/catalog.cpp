// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/sql/catalog.hpp"

#include "model/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::store::sql {
namespace {

constexpr char kStates[] = "states";

Kind kind_from(std::string_view word) {
  for (const Kind kind : {Kind::gauge, Kind::reg, Kind::state})
    if (to_string(kind) == word) return kind;
  return Kind::gauge;
}

// Names of columns: databases take upper and lower case for the same.
std::set<std::string> folded_set(const std::vector<std::string>& names) {
  std::set<std::string> out;
  for (const std::string& name : names) out.insert(sinks::folded(name));
  return out;
}

}  // namespace

std::uint32_t Catalog::table_index(const std::string& name, bool fleet) {
  const auto [found, fresh] = table_by_name_.try_emplace(name, static_cast<std::uint32_t>(tables_.size()));
  if (fresh) {
    tables_.emplace_back();
    tables_.back().name = name;
    tables_.back().fleet = fleet;
  }
  return found->second;
}

std::int64_t Catalog::member(const std::string& fleet, const std::string& device) const {
  const auto found = members_.find({fleet, device});
  return found != members_.end() ? found->second : -1;
}

void Catalog::load(Session& session) {
  tables_.clear();
  table_by_name_.clear();
  members_.clear();
  for (Entry& entry : entries_) entry = {};

  const std::string zone = session.meta("site_zone");
  zone_ = model::Zone::find(zone.empty() ? configured_zone_ : zone).value_or(model::Zone::utc());
  rolled_up_ = session.layout() >= 3 && session.meta("rollups_off").empty();

  const bool fleets = session.layout() >= 2;
  if (fleets) {
    const auto devices = session.select("SELECT id, fleet, name FROM devices", {});
    while (devices->next()) members_[{devices->text(1), devices->text(2)}] = devices->integer(0);
  }
  const auto rows = session.select(
      fmt::format("SELECT id, device, channel, quantity, unit, kind, label, role, source, decimals, quality, "
                  "table_name, column_name, {} FROM series ORDER BY id",
                  fleets ? "fleet" : "''"),
      {});
  while (rows->next()) {
    SeriesInfo info;
    info.device = rows->text(1);
    info.channel = rows->text(2);
    info.quantity = rows->text(3);
    info.unit = rows->text(4);
    info.kind = kind_from(rows->text(5));
    info.label = rows->text(6);
    info.role = rows->text(7);
    info.source = rows->text(8);
    info.decimals = static_cast<int>(rows->integer(9));
    info.fleet = rows->text(13);
    info.flat_name = model::flat_name(info.channel, info.quantity, info.unit);
    const SeriesRow row{rows->integer(0), static_cast<std::uint8_t>(rows->integer(10)), rows->text(11) == kStates};
    // A device that joins a fleet goes on in the fleet's table, and is the same.
    const std::string key = sinks::joined({info.device, info.channel, info.quantity, info.unit, row.state ? "s" : "w"});
    const auto [found, fresh] = by_key_.try_emplace(key, static_cast<std::uint32_t>(series_.size()));
    info.id = found->second;
    if (fresh) {
      series_.emplace_back();
      entries_.emplace_back();
    }
    StoredSeries& stored = series_[info.id];
    Entry& entry = entries_[info.id];
    entry.rows.push_back(row);
    if (!row.state) {
      const bool fleet = !info.fleet.empty();
      const std::uint32_t table = table_index(rows->text(11), fleet);
      if (fleet) tables_[table].members.insert(member(info.fleet, info.device));
      entry.places.push_back({table, fleet ? member(info.fleet, info.device) : 0, rows->text(12)});
    }
    stored.stored_as_state = row.state;
    stored.info = std::move(info);
  }
  // Whether a state is a text stands nowhere but in its values.
  for (const StoredSeries& stored : series_) {
    if (!stored.stored_as_state || entries_[stored.info.id].rows.empty()) continue;
    const auto newest =
        session.select("SELECT text IS NOT NULL FROM states WHERE series = ? ORDER BY time DESC LIMIT 1",
                       std::array<Parameter, 1>{entries_[stored.info.id].rows.back().id});
    series_[stored.info.id].info.text = newest->next() ? newest->integer(0) != 0 : stored.info.kind != Kind::state;
  }
}

const Table& Catalog::table(Session& session, std::uint32_t index) {
  Table& table = tables_.at(index);
  if (table.ready) return table;
  table.columns = folded_set(session.columns(table.name));
  if (session.layout() >= 3) {
    const std::array<Parameter, 1> source{table.name};
    const auto columns =
        session.select("SELECT column_name, kind, part, name FROM rollup_columns WHERE source = ?", source);
    while (columns->next()) {
      table.rollup_columns[columns->text(0)] = {
          columns->text(3), columns->text(1) == "register",
          static_cast<std::size_t>(std::max<std::int64_t>(1, columns->integer(2)) - 1)};
    }
    const auto levels = session.select("SELECT name, level, part FROM rollup_tables WHERE source = ?", source);
    std::vector<std::pair<LevelTable*, std::string>> found;
    std::vector<std::tuple<std::size_t, std::size_t, std::string>> list;
    while (levels->next()) {
      const std::string word = levels->text(1);
      const auto part = static_cast<std::size_t>(std::clamp<std::int64_t>(levels->integer(2), 1, 1000)) - 1;
      for (const Level level : sinks::rollup::kLevels)
        if (suffix(level) == word) list.emplace_back(static_cast<std::size_t>(level), part, levels->text(0));
    }
    for (const auto& [level, part, name] : list) {
      auto& parts = table.levels.at(level);
      if (parts.size() <= part) parts.resize(part + 1);
      parts[part].columns = folded_set(session.columns(name));
      if (!parts[part].columns.empty()) parts[part].name = name;
    }
  }
  table.ready = true;
  return table;
}

Standing Catalog::standing(Session& session, std::uint32_t index) const {
  Standing out;
  out.expired_us.fill(INT64_MIN);
  if (session.layout() < 3) return out;
  const std::array<Parameter, 1> source{tables_.at(index).name};
  const auto pending = session.select(
      fmt::format("SELECT start, {}, days FROM rollup_pending WHERE source = ? ORDER BY start", session.pending_end()),
      source);
  while (pending->next()) out.pending.push_back({pending->time_us(0), pending->time_us(1), pending->integer(2) != 0});
  const auto expired =
      session.select("SELECT level, expired FROM rollup_tables WHERE source = ? AND expired IS NOT NULL", source);
  while (expired->next()) {
    const std::string word = expired->text(0);
    std::size_t at = kLevels;
    for (const Level level : sinks::rollup::kLevels)
      if (suffix(level) == word) at = static_cast<std::size_t>(level);
    out.expired_us.at(at) = std::max(out.expired_us.at(at), expired->time_us(1));
  }
  return out;
}

}  // namespace mesura::store::sql
