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
  table_name TEXT NOT NULL, /* the device's or its fleet's table, or states */
  column_name TEXT NOT NULL, /* its column there; for states: its flat name */
  first_seen INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  fleet TEXT NOT NULL DEFAULT '', /* the fleet that the device belongs to */
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

// The devices of fleets, which share one table a fleet.
constexpr const char* kCreateDevices = R"sql(
CREATE TABLE devices ( /* who is who in the tables of fleets */
  id INTEGER PRIMARY KEY, /* device_id there */
  name TEXT NOT NULL,
  fleet TEXT NOT NULL,
  first_seen INTEGER NOT NULL, /* Unix time in microseconds, UTC */
  UNIQUE (name, fleet)
);
)sql";

// The time as text, as the first column of our views.
constexpr std::string_view kUtc =
    "strftime('%Y-%m-%dT%H:%M:%S', t.time / 1000000, 'unixepoch') || printf('.%03dZ', t.time / 1000 % 1000) AS utc";

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
  db.execute(kCreate);
  db.execute(kCreateDevices);
  db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kLayoutVersion));
  Statement add = db.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)");
  const auto put = [&](std::string_view key, std::string_view value) {
    add.bind(1, key);
    add.bind(2, value);
    add.run();
  };
  put("about", "Measurements by Mesura. One table per device or fleet; table series explains every column.");
  put("time", "Unix time in microseconds, UTC; the views ending in _utc have it as text");
  put("site_zone", site_zone);
  put("created", std::to_string(now_us));
}

void Layout::upgrade(const Database& db) {
  if (db.integer("SELECT count(*) FROM sqlite_schema WHERE lower(name) = 'devices'") != 0) {
    db.execute(
        "ALTER TABLE devices RENAME TO device_devices;"
        "UPDATE series SET table_name = 'device_devices' WHERE lower(table_name) = 'devices'");
  }
  db.execute("ALTER TABLE series ADD COLUMN fleet TEXT NOT NULL DEFAULT ''");
  db.execute(kCreateDevices);
  db.execute(fmt::format("PRAGMA user_version = {}", kLayoutVersion));
}

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
  table.folded = {"time", "rowid"};
  if (owner.fleet) table.folded.insert({"device_id", "device", "utc"});
  Statement columns = db_.prepare("SELECT name FROM pragma_table_info(?1) WHERE name NOT IN ('time', ?2)");
  columns.bind(1, std::string_view{table.name});
  columns.bind(2, std::string_view{owner.fleet ? "device_id" : "time"});
  while (columns.step()) {
    table.columns.push_back(columns.text(0));
    table.folded.insert(folded(table.columns.back()));
  }
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
  for (int n = 2; names_.contains(folded(name)) || names_.contains(folded(name) + "_utc"); ++n) {
    name = fmt::format("{}_{}", base, n);
  }
  const std::string table = quote_name(name);
  const std::string view = quote_name(name + "_utc");
  // `*` is worked out at each query: the views follow their table's columns by themselves.
  if (owner.fleet) {
    db_.execute(
        fmt::format("CREATE TABLE {} (\n  time INTEGER NOT NULL /* Unix time in microseconds, UTC */,\n"
                    "  device_id INTEGER NOT NULL REFERENCES devices (id),\n  PRIMARY KEY (time, device_id)\n)",
                    table));
    db_.execute(
        fmt::format("CREATE VIEW {} AS SELECT {}, d.name AS device, t.* FROM {} AS t JOIN devices AS d "
                    "ON d.id = t.device_id",
                    view, kUtc, table));
  } else {
    db_.execute(
        fmt::format("CREATE TABLE {} (\n  time INTEGER PRIMARY KEY /* Unix time in microseconds, UTC */\n)", table));
    db_.execute(fmt::format("CREATE VIEW {} AS SELECT {}, t.* FROM {} AS t", view, kUtc, table));
  }
  names_.insert(folded(name));
  names_.insert(folded(name) + "_utc");
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
    slot.column = add_column(table, info.flat_name);
    if (owner.fleet) table.by_meaning.emplace(meaning_of(info), slot.column);
  }
  if (owner.fleet) slot.member = member_of(info.fleet, info.device, now_us);
  return true;
}

Slot Layout::resolve(const SeriesInfo& info, std::uint8_t quality, std::int64_t now_us) {
  const bool state = info.text || info.kind == Kind::state;
  const std::string key = key_of(info, state);
  if (const auto found = series_.find(key); found != series_.end()) {
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
