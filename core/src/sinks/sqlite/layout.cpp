// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mesura::sinks::sqlite {
namespace {

constexpr char kStateTable[] = "states";

// Read by people with `.schema`; /* */ because ALTER TABLE ADD COLUMN edits these texts.
constexpr char kCreate[] = R"sql(
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE series ( /* what every column and every state means */
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  channel TEXT NOT NULL,
  quantity TEXT NOT NULL,
  unit TEXT NOT NULL, /* base unit: W, Wh, V, A, Cel, 1 ... */
  kind TEXT NOT NULL, /* gauge, register (only grows), state */
  label TEXT NOT NULL, /* the user's name for the channel */
  role TEXT NOT NULL, /* grid, solar, battery, load; + is import, production, charging, consumption */
  source TEXT NOT NULL, /* what the wire calls it */
  decimals INTEGER NOT NULL, /* decimals that mean something */
  quality INTEGER NOT NULL, /* flags of all its values that are not in table quality */
  table_name TEXT NOT NULL, /* the device's table, or states */
  column_name TEXT NOT NULL, /* its column there; for states: its flat name */
  first_seen INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  UNIQUE (device, channel, quantity, unit, table_name)
);

CREATE TABLE states ( /* texts and enumerations; a row holds until the next one of its series */
  series INTEGER NOT NULL REFERENCES series (id),
  time INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  number REAL,
  text TEXT,
  PRIMARY KEY (series, time)
) WITHOUT ROWID;

CREATE TABLE quality ( /* values whose quality is not their series' usual one */
  time INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  series INTEGER NOT NULL REFERENCES series (id),
  flags INTEGER NOT NULL, /* 0 good, 1 clock suspect, 2 clock unsynced, 4 derived, 8 suspect, 16 stale, 32 estimated */
  PRIMARY KEY (time, series)
) WITHOUT ROWID;

CREATE VIEW states_utc AS
  SELECT strftime('%Y-%m-%dT%H:%M:%S', st.time / 1000000, 'unixepoch') ||
         printf('.%03dZ', st.time / 1000 % 1000) AS utc,
         se.device, se.channel, se.quantity, coalesce(st.text, st.number) AS value
  FROM states AS st JOIN series AS se ON se.id = st.series;
)sql";

std::string folded(std::string_view name) {
  std::string out{name};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string key_of(std::string_view device, std::string_view channel, std::string_view quantity, std::string_view unit,
                   bool state) {
  std::string key;
  for (const std::string_view part : {device, channel, quantity, unit}) {
    key += part;
    key += '\0';
  }
  return key + (state ? 's' : 'w');
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
  db.execute(kCreate);
  db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kLayoutVersion));
  Statement add = db.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)");
  const auto put = [&](std::string_view key, std::string_view value) {
    add.bind(1, key);
    add.bind(2, value);
    add.run();
  };
  put("about", "Measurements by Mesura. One table per device; table series explains every column.");
  put("time", "Unix time in microseconds, UTC; the views ending in _utc have it as text");
  put("site_zone", site_zone);
  put("created", std::to_string(now_us));
}

void Layout::load() {
  Statement all = db_.prepare("SELECT name FROM sqlite_schema");
  while (all.step()) names_.insert(folded(all.text(0)));

  Statement list = db_.prepare(
      "SELECT id, device, channel, quantity, unit, kind, label, role, source, decimals, quality, table_name, "
      "column_name "
      "FROM series ORDER BY id");
  while (list.step()) {
    Known known;
    const std::string device = list.text(1);
    const std::string table = list.text(11);
    const bool state = table == kStateTable;
    known.slot.id = list.integer(0);
    known.slot.place = state ? Slot::Place::state : Slot::Place::wide;
    known.slot.usual = static_cast<std::uint8_t>(list.integer(10));
    known.kind = kind_from(list.text(5));
    known.label = list.text(6);
    known.role = list.text(7);
    known.source = list.text(8);
    known.decimals = static_cast<int>(list.integer(9));
    if (state) {
      state_series_.push_back(known.slot.id);
    } else {
      // A person dropped the table or the column: the series starts anew with its next value.
      if (!names_.contains(folded(table))) continue;
      const auto found = table_by_device_.find(device);
      known.slot.table = found != table_by_device_.end() ? found->second : read_table(device, table);
      const auto& columns = tables_[known.slot.table].columns;
      const auto at = std::find(columns.begin(), columns.end(), list.text(12));
      if (at == columns.end()) continue;
      known.slot.column = static_cast<std::uint32_t>(at - columns.begin());
    }
    series_.emplace(key_of(device, list.text(2), list.text(3), list.text(4), state), std::move(known));
  }
}

std::uint32_t Layout::read_table(const std::string& device, std::string name) {
  WideTable table;
  table.name = std::move(name);
  table.folded.insert("time");
  Statement columns = db_.prepare("SELECT name FROM pragma_table_info(?1) WHERE name <> 'time'");
  columns.bind(1, std::string_view{table.name});
  while (columns.step()) {
    table.columns.push_back(columns.text(0));
    table.folded.insert(folded(table.columns.back()));
  }
  Statement newest = db_.prepare(fmt::format("SELECT max(time) FROM {}", quote_name(table.name)));
  if (newest.step() && !newest.is_null(0)) {
    table.newest = newest.integer(0);
    table.empty = false;
  }
  tables_.push_back(std::move(table));
  const auto index = static_cast<std::uint32_t>(tables_.size() - 1);
  table_by_device_.emplace(device, index);
  return index;
}

std::uint32_t Layout::add_table(const std::string& device) {
  const std::string plain = printable(device);
  const std::string base = taken_by_us(folded(plain)) || names_.contains(folded(plain)) ? "device_" + plain : plain;
  std::string name = base;
  for (int n = 2; names_.contains(folded(name)) || names_.contains(folded(name) + "_utc"); ++n) {
    name = fmt::format("{}_{}", base, n);
  }
  db_.execute(fmt::format("CREATE TABLE {} (\n  time INTEGER PRIMARY KEY /* Unix time in microseconds, UTC */\n)",
                          quote_name(name)));
  // `*` is worked out at each query: the view follows the table's columns by itself.
  db_.execute(
      fmt::format("CREATE VIEW {} AS SELECT strftime('%Y-%m-%dT%H:%M:%S', time / 1000000, 'unixepoch') || "
                  "printf('.%03dZ', time / 1000 % 1000) AS utc, * FROM {}",
                  quote_name(name + "_utc"), quote_name(name)));
  names_.insert(folded(name));
  names_.insert(folded(name) + "_utc");
  return read_table(device, std::move(name));
}

std::uint32_t Layout::table_of(const std::string& device) {
  const auto found = table_by_device_.find(device);
  return found != table_by_device_.end() ? found->second : add_table(device);
}

std::uint32_t Layout::add_column(WideTable& table, const std::string& flat_name) {
  const std::string base = printable(flat_name);
  std::string name = base;
  for (int n = 2; table.folded.contains(folded(name)); ++n) name = fmt::format("{}_{}", base, n);
  db_.execute(fmt::format("ALTER TABLE {} ADD COLUMN {} REAL", quote_name(table.name), quote_name(name)));
  table.folded.insert(folded(name));
  table.columns.push_back(std::move(name));
  return static_cast<std::uint32_t>(table.columns.size() - 1);
}

void Layout::update(Known& known, const SeriesInfo& info) {
  if (known.label == info.label && known.role == info.role && known.source == info.source &&
      known.decimals == info.decimals && known.kind == info.kind) {
    return;
  }
  Statement s =
      db_.prepare("UPDATE series SET label = ?2, role = ?3, source = ?4, decimals = ?5, kind = ?6 WHERE id = ?1");
  s.bind(1, known.slot.id);
  s.bind(2, std::string_view{info.label});
  s.bind(3, std::string_view{info.role});
  s.bind(4, std::string_view{info.source});
  s.bind(5, std::int64_t{info.decimals});
  s.bind(6, to_string(info.kind));
  s.run();
  known.label = info.label;
  known.role = info.role;
  known.source = info.source;
  known.decimals = info.decimals;
  known.kind = info.kind;
}

Slot Layout::resolve(const SeriesInfo& info, std::uint8_t quality, std::int64_t now_us) {
  const bool state = info.text || info.kind == Kind::state;
  const std::string key = key_of(info.device, info.channel, info.quantity, info.unit, state);
  if (const auto found = series_.find(key); found != series_.end()) {
    update(found->second, info);
    found->second.slot.text = info.text;
    return found->second.slot;
  }

  Known known{{}, info.label, info.role, info.source, info.decimals, info.kind};
  std::string table_name = kStateTable;
  std::string column_name = info.flat_name;
  if (state) {
    known.slot.place = Slot::Place::state;
  } else {
    known.slot.table = table_of(info.device);
    WideTable& table = tables_[known.slot.table];
    if (table.columns.size() >= kMaxSeriesColumns) {
      Slot refused;
      refused.place = Slot::Place::refused;
      return refused;
    }
    known.slot.column = add_column(table, info.flat_name);
    known.slot.place = Slot::Place::wide;
    table_name = table.name;
    column_name = table.columns[known.slot.column];
  }
  // How a value comes about belongs to the series; a clock's or a reading's trouble belongs to the value.
  known.slot.usual = quality & (MESURA_DERIVED | MESURA_ESTIMATED);
  known.slot.text = info.text;

  Statement s = db_.prepare(
      "INSERT INTO series (device, channel, quantity, unit, kind, label, role, source, decimals, quality, table_name, "
      "column_name, first_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
      // The row is there already when a person dropped the column or the table.
      "ON CONFLICT DO UPDATE SET column_name = excluded.column_name, quality = excluded.quality RETURNING id");
  int at = 0;
  for (const std::string_view part :
       {std::string_view{info.device}, std::string_view{info.channel}, std::string_view{info.quantity},
        std::string_view{info.unit}, to_string(info.kind), std::string_view{info.label}, std::string_view{info.role},
        std::string_view{info.source}}) {
    s.bind(++at, part);
  }
  s.bind(9, std::int64_t{info.decimals});
  s.bind(10, std::int64_t{known.slot.usual});
  s.bind(11, std::string_view{table_name});
  s.bind(12, std::string_view{column_name});
  s.bind(13, now_us);
  while (s.step()) known.slot.id = s.integer(0);
  if (state) state_series_.push_back(known.slot.id);
  const Slot slot = known.slot;
  series_.emplace(key, std::move(known));
  return slot;
}

}  // namespace mesura::sinks::sqlite
