// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/layout.hpp"

#include "sinks/sqlite/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mesura::sinks::sqlite {
namespace {

constexpr char kStateTable[] = "states";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : parts) {
    key += part;
    key += '\0';
  }
  return key;
}

std::string folded(std::string_view name) {
  std::string out{name};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string meaning_of(const SeriesInfo& info) { return joined({info.channel, info.quantity, info.unit}); }

// States stay the same series when their device joins a fleet; columns of another table do not.
std::string key_of(const SeriesInfo& info, bool state) {
  return meaning_of(info) + joined({info.device, state ? std::string_view{"s"} : std::string_view{"w"},
                                    state ? std::string_view{} : std::string_view{info.fleet}});
}

// Names a person can type without surprise: no control characters, which SQLite would take and a shell would not show.
std::string printable(std::string_view name) {
  std::string out{name};
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '_';
  }
  return out;
}

// Devices whose name means something else here get "device_" in front. The suffixes are those of our views and of
// tables that are derived from a device's.
bool taken_by_us(const std::string& name) {
  constexpr std::array kSuffixes{"_utc", "_local", "_1m", "_15m", "_1h", "_1d"};
  if (name.empty() || name.starts_with("sqlite_") ||
      sqlite3_keyword_check(name.data(), static_cast<int>(name.size())) != 0) {
    return true;
  }
  return std::any_of(kSuffixes.begin(), kSuffixes.end(), [&](const char* suffix) { return name.ends_with(suffix); });
}

Kind kind_from(std::string_view text) {
  for (const Kind kind : {Kind::gauge, Kind::reg, Kind::state}) {
    if (to_string(kind) == text) return kind;
  }
  return Kind::gauge;
}

}  // namespace

void Layout::create(const Database& db, std::string_view site_zone, std::int64_t now_us) {
  create_schema(db, site_zone, now_us);
}

void Layout::upgrade(const Database& db) { upgrade_schema(db); }

void Layout::load() {
  Statement all = db_.prepare("SELECT name FROM sqlite_schema");
  while (all.step()) names_.insert(folded(all.text(0)));
  load_devices();

  Statement list = db_.prepare(
      "SELECT id, device, channel, quantity, unit, kind, label, role, source, decimals, quality, table_name, "
      "column_name, fleet FROM series ORDER BY id");
  while (list.step()) {
    SeriesInfo info;
    info.device = list.text(1);
    info.channel = list.text(2);
    info.quantity = list.text(3);
    info.unit = list.text(4);
    info.fleet = list.text(13);
    const std::string table = list.text(11);
    const bool state = table == kStateTable;
    Known known{{},
                info.fleet,
                list.text(6),
                list.text(7),
                list.text(8),
                static_cast<int>(list.integer(9)),
                kind_from(list.text(5))};
    known.slot.id = list.integer(0);
    known.slot.place = state ? Slot::Place::state : Slot::Place::wide;
    known.slot.usual = static_cast<std::uint8_t>(list.integer(10));
    if (state) {
      state_series_.push_back(known.slot.id);
    } else {
      // A person dropped the table or the column: the series starts anew with its next value.
      if (!names_.contains(folded(table))) continue;
      const Owner owner{!info.fleet.empty(), info.fleet.empty() ? info.device : info.fleet};
      const auto found = table_by_owner_.find(owner.key());
      known.slot.table = found != table_by_owner_.end() ? found->second : read_table(owner, table);
      WideTable& wide = tables_[known.slot.table];
      const std::string column = list.text(12);
      const std::string meaning = meaning_of(info);
      const auto shared = wide.by_meaning.find(meaning);
      if (shared == wide.by_meaning.end()) {
        const auto at = std::find(wide.columns.begin(), wide.columns.end(), column);
        if (at == wide.columns.end()) continue;
        known.slot.column = static_cast<std::uint32_t>(at - wide.columns.begin());
        if (owner.fleet) wide.by_meaning.emplace(meaning, known.slot.column);
      } else {
        known.slot.column = shared->second;
      }
      if (owner.fleet) {
        const auto member = members_.find(joined({info.fleet, info.device}));
        if (member == members_.end()) continue;
        known.slot.member = member->second;
      }
      info.kind = known.kind;
      info.role = known.role;
      describe_column(wide, known.slot, info);
    }
    series_.emplace(key_of(info, state), std::move(known));
  }
}

void Layout::load_devices() {
  Statement list = db_.prepare("SELECT id, fleet, name FROM devices");
  while (list.step()) {
    members_.emplace(joined({list.text(1), list.text(2)}), static_cast<std::uint32_t>(list.integer(0)));
  }
}

std::uint32_t Layout::read_table(const Owner& owner, std::string name) {
  WideTable table;
  table.name = std::move(name);
  table.fleet = owner.fleet;
  if (!owner.fleet) table.device = owner.name;
  table.folded = {"time", "rowid"};
  if (owner.fleet) table.folded.insert({"device_id", "device", "utc", "local"});
  Statement columns = db_.prepare("SELECT name FROM pragma_table_info(?1) WHERE name NOT IN ('time', ?2)");
  columns.bind(1, std::string_view{table.name});
  columns.bind(2, std::string_view{owner.fleet ? "device_id" : "time"});
  while (columns.step()) {
    table.columns.push_back(columns.text(0));
    table.folded.insert(folded(table.columns.back()));
  }
  table.kinds.resize(table.columns.size(), rollup::ColumnKind::gauge);
  Statement newest = db_.prepare(fmt::format("SELECT max(time) FROM {}", quote_name(table.name)));
  if (newest.step() && !newest.is_null(0)) table.newest_read = newest.integer(0);
  tables_.push_back(std::move(table));
  const auto index = static_cast<std::uint32_t>(tables_.size() - 1);
  table_by_owner_.emplace(owner.key(), index);
  return index;
}

std::uint32_t Layout::add_table(const Owner& owner) {
  const std::string plain = printable(owner.name);
  const bool taken = taken_by_us(folded(plain)) || names_.contains(folded(plain));
  const std::string base = !taken ? plain : (owner.fleet ? "fleet_" : "device_") + plain;
  std::string name = base;
  // Views of a table that a person dropped.
  for (const char* suffix : {"_utc", "_local"}) {
    if (names_.contains(folded(base)) || !names_.contains(folded(base) + suffix)) continue;
    Statement type = db_.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ?1");
    const std::string view = base + suffix;
    type.bind(1, std::string_view{view});
    if (!type.step()) continue;
    type.reset();
    db_.execute("DROP VIEW " + quote_name(view));
    names_.erase(folded(view));
  }
  const auto used = [&](const std::string& n) {
    return names_.contains(n) || names_.contains(n + "_utc") || names_.contains(n + "_local");
  };
  for (int n = 2; used(folded(name)); ++n) name = fmt::format("{}_{}", base, n);
  const std::string table = quote_name(name);
  if (owner.fleet) {
    db_.execute(
        fmt::format("CREATE TABLE {} (\n  time INTEGER NOT NULL /* Unix time in microseconds, UTC */,\n"
                    "  device_id INTEGER NOT NULL REFERENCES devices (id),\n  PRIMARY KEY (time, device_id)\n)",
                    table));
  } else {
    db_.execute(
        fmt::format("CREATE TABLE {} (\n  time INTEGER PRIMARY KEY /* Unix time in microseconds, UTC */\n)", table));
  }
  for (const char* suffix : {"", "_utc", "_local"}) names_.insert(folded(name) + suffix);
  create_views(db_, name, owner.fleet, Views::both);
  return read_table(owner, std::move(name));
}

std::uint32_t Layout::table_of(const Owner& owner) {
  const auto found = table_by_owner_.find(owner.key());
  return found != table_by_owner_.end() ? found->second : add_table(owner);
}

std::uint32_t Layout::member_of(const std::string& fleet, const std::string& device, std::int64_t now_us) {
  const std::string key = joined({fleet, device});
  if (const auto found = members_.find(key); found != members_.end()) return found->second;
  Statement s = db_.prepare("INSERT INTO devices (name, fleet, first_seen) VALUES (?1, ?2, ?3) RETURNING id");
  s.bind(1, std::string_view{device});
  s.bind(2, std::string_view{fleet});
  s.bind(3, now_us);
  std::uint32_t id = 0;
  while (s.step()) id = static_cast<std::uint32_t>(s.integer(0));
  members_.emplace(key, id);
  return id;
}

std::string Layout::take_name(const std::string& wish) {
  std::string name = wish;
  for (int n = 2; !names_.insert(folded(name)).second; ++n) name = fmt::format("{}_{}", wish, n);
  return name;
}

// What rollups have to know of a column.
void Layout::describe_column(WideTable& table, const Slot& slot, const SeriesInfo& info) {
  if (info.kind == Kind::reg) table.kinds[slot.column] = rollup::ColumnKind::reg;
  if (info.channel != "total" || info.unit != "W") return;
  const bool net = info.quantity == "active_power" && info.role == "grid";
  if (!net && info.quantity != "active_power_import" && info.quantity != "active_power_export") return;
  rollup::Backend::Demand& power = table.powers[slot.member];
  power.member = slot.member;
  (net ? power.net : info.quantity == "active_power_import" ? power.imported : power.exported) = slot.column;
  table.demands.clear();
  for (auto [member, demand] : table.powers) {
    if (demand.imported || demand.exported) demand.net.reset();
    table.demands.push_back(demand);
  }
}

std::uint32_t Layout::add_column(WideTable& table, const SeriesInfo& info) {
  const std::string base = printable(info.flat_name);
  std::string name = base;
  for (int n = 2; table.folded.contains(folded(name)); ++n) name = fmt::format("{}_{}", base, n);
  db_.execute(fmt::format("ALTER TABLE {} ADD COLUMN {} REAL", quote_name(table.name), quote_name(name)));
  table.folded.insert(folded(name));
  table.columns.push_back(std::move(name));
  table.kinds.push_back(rollup::ColumnKind::gauge);
  return static_cast<std::uint32_t>(table.columns.size() - 1);
}

void Layout::update(Known& known, const SeriesInfo& info) {
  if (known.fleet == info.fleet && known.label == info.label && known.role == info.role &&
      known.source == info.source && known.decimals == info.decimals && known.kind == info.kind) {
    return;
  }
  Statement s = db_.prepare(
      "UPDATE series SET label = ?2, role = ?3, source = ?4, decimals = ?5, kind = ?6, fleet = ?7 WHERE id = ?1");
  s.bind(1, known.slot.id);
  s.bind(2, std::string_view{info.label});
  s.bind(3, std::string_view{info.role});
  s.bind(4, std::string_view{info.source});
  s.bind(5, std::int64_t{info.decimals});
  s.bind(6, to_string(info.kind));
  s.bind(7, std::string_view{info.fleet});
  s.run();
  known.fleet = info.fleet;
  known.label = info.label;
  known.role = info.role;
  known.source = info.source;
  known.decimals = info.decimals;
  known.kind = info.kind;
}

// Finds or makes table and column; false when the table takes no more.
bool Layout::place(Slot& slot, const SeriesInfo& info, std::int64_t now_us) {
  const Owner owner{!info.fleet.empty(), info.fleet.empty() ? info.device : info.fleet};
  slot.table = table_of(owner);
  WideTable& table = tables_[slot.table];
  const auto shared = table.by_meaning.find(meaning_of(info));
  if (shared != table.by_meaning.end()) {
    slot.column = shared->second;
  } else {
    if (table.columns.size() >= table.max_columns()) return false;
    slot.column = add_column(table, info);
    if (owner.fleet) table.by_meaning.emplace(meaning_of(info), slot.column);
  }
  if (owner.fleet) slot.member = member_of(info.fleet, info.device, now_us);
  describe_column(table, slot, info);
  return true;
}

Slot Layout::resolve(const SeriesInfo& info, std::uint8_t quality, std::int64_t now_us) {
  const bool state = info.text || info.kind == Kind::state;
  const std::string key = key_of(info, state);
  if (const auto found = series_.find(key); found != series_.end()) {
    if (!state && found->second.role != info.role) {
      describe_column(tables_[found->second.slot.table], found->second.slot, info);
    }
    update(found->second, info);
    found->second.slot.text = info.text;
    return found->second.slot;
  }

  Known known{{}, info.fleet, info.label, info.role, info.source, info.decimals, info.kind};
  known.slot.place = state ? Slot::Place::state : Slot::Place::wide;
  if (!state && !place(known.slot, info, now_us)) {
    Slot refused;
    refused.place = Slot::Place::refused;
    return refused;
  }
  // How a value comes about belongs to the series; a clock's or a reading's trouble belongs to the value.
  known.slot.usual = quality & (MESURA_DERIVED | MESURA_ESTIMATED);
  known.slot.text = info.text;
  if (state) {
    put_series(known, info, kStateTable, info.flat_name, now_us);
    state_series_.push_back(known.slot.id);
  } else {
    const WideTable& table = tables_[known.slot.table];
    put_series(known, info, table.name, table.columns[known.slot.column], now_us);
  }
  const Slot slot = known.slot;
  series_.emplace(key, std::move(known));
  return slot;
}

void Layout::put_series(Known& known, const SeriesInfo& info, std::string_view table, std::string_view column,
                        std::int64_t now_us) {
  Statement& s = put_series_;
  // Kept: a fleet of a thousand devices brings tens of thousands of series at once.
  if (!s) {
    s = db_.prepare(
        "INSERT INTO series (device, channel, quantity, unit, kind, label, role, source, fleet, decimals, quality, "
        "table_name, column_name, first_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
        // The row is there already when a person dropped the column or the table.
        "ON CONFLICT DO UPDATE SET column_name = excluded.column_name, quality = excluded.quality RETURNING id",
        true);
  }
  s.reset();
  int at = 0;
  for (const std::string_view part :
       {std::string_view{info.device}, std::string_view{info.channel}, std::string_view{info.quantity},
        std::string_view{info.unit}, to_string(info.kind), std::string_view{info.label}, std::string_view{info.role},
        std::string_view{info.source}, std::string_view{info.fleet}}) {
    s.bind(++at, part);
  }
  s.bind(10, std::int64_t{info.decimals});
  s.bind(11, std::int64_t{known.slot.usual});
  s.bind(12, table);
  s.bind(13, column);
  s.bind(14, now_us);
  while (s.step()) known.slot.id = s.integer(0);
  s.reset();
}

}  // namespace mesura::sinks::sqlite
