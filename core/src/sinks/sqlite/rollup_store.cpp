// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/rollup_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mesura::sinks::sqlite {
namespace {

using rollup::ColumnKind;

// Statements of many tables would take more memory than preparing them again takes time.
constexpr std::size_t kManySources = 64;

constexpr std::size_t kManyColumns = 64;
constexpr std::size_t kGaugeColumns = 5;
constexpr std::size_t kRegisterColumns = 3;

std::size_t width(ColumnKind kind) { return kind == ColumnKind::reg ? kRegisterColumns : kGaugeColumns; }
std::size_t index_of(rollup::Level level) { return static_cast<std::size_t>(level); }

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view words(rollup::Level level) {
  switch (level) {
    case rollup::Level::minute: return "minute (UTC)";
    case rollup::Level::quarter_hour: return "15 minutes (UTC)";
    case rollup::Level::hour: return "hour (UTC)";
    case rollup::Level::day: return "day of the site's zone";
  }
  return "";
}

// Runs to the end whatever happens in between, so that the statement holds no lock.
struct Resetting {
  Statement& statement;
  explicit Resetting(Statement& s) : statement(s) { s.reset(); }
  Resetting(const Resetting&) = delete;
  Resetting& operator=(const Resetting&) = delete;
  ~Resetting() { statement.reset(); }
};

}  // namespace

RollupStore::RollupStore(const Database& db, Layout& layout) : db_(db), layout_(layout) {
  // Two for the key, three for what views add, two of our own.
  max_columns_ = static_cast<std::size_t>(sqlite3_limit(db.handle(), SQLITE_LIMIT_COLUMN, -1)) - 8;
  put_pending_ = db_.prepare(
      "INSERT INTO rollup_pending (source, days, start, \"end\") VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT DO UPDATE SET \"end\" = max(\"end\", excluded.\"end\")",
      true);
  drop_pending_ = db_.prepare("DELETE FROM rollup_pending WHERE source = ?1 AND days = ?2 AND start = ?3", true);
}

RollupStore::Source& RollupStore::source(std::uint32_t table) {
  if (table >= sources_.size()) sources_.resize(table + 1);
  Source& s = sources_[table];
  const WideTable& wide = layout_.tables()[table];
  if (!s.loaded) load(s, wide);
  // SQLite reads the whole schema again for each column that is added to a table: many new ones get a table of their
  // own.
  if (!s.columns.empty() && wide.columns.size() > s.columns.size() + kManyColumns) s.parts.emplace_back();
  for (std::size_t c = s.columns.size(); c < wide.columns.size(); ++c) place(s, wide.columns[c], wide.kinds[c]);
  return s;
}

void RollupStore::load(Source& s, const WideTable& table) {
  s.loaded = true;
  s.name = table.name;
  s.fleet = table.fleet;
  s.taken = {"time", "rowid", "device_id", "device", "utc", "local", "count", "completeness"};
  s.horizons.fill(INT64_MIN);
  load_columns(s, table);
  Statement list = db_.prepare("SELECT name, level, part, expired FROM rollup_tables WHERE source = ?1");
  list.bind(1, std::string_view{s.name});
  while (list.step()) {
    const std::string level = list.text(1);
    std::size_t at = rollup::kLevels.size();
    for (const Level l : rollup::kLevels) {
      if (suffix(l) == level) at = index_of(l);
    }
    if (!list.is_null(3)) s.horizons[at] = std::max(s.horizons[at], list.integer(3));
    const auto part = static_cast<std::size_t>(list.integer(2)) - 1;
    if (at == rollup::kLevels.size() || part >= s.parts.size()) continue;
    LevelTable& t = s.parts[part].levels[at];
    t.name = list.text(0);
    Statement has = db_.prepare("SELECT name FROM pragma_table_info(?1)");
    has.bind(1, std::string_view{t.name});
    std::set<std::string> found;
    while (has.step()) found.insert(lower(has.text(0)));
    t.exists = !found.empty();
    for (const std::uint32_t c : s.parts[part].columns) {
      if (!found.contains(lower(sql_columns(s, c).back()))) break;
      ++t.columns;
    }
  }
}

// Columns are placed in the order in which the source got them, so that positions stay what they were.
void RollupStore::load_columns(Source& s, const WideTable& table) {
  Statement find = db_.prepare("SELECT name, kind, part FROM rollup_columns WHERE source = ?1 AND column_name = ?2");
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    find.reset();
    find.bind(1, std::string_view{table.name});
    find.bind(2, std::string_view{table.columns[c]});
    if (!find.step()) break;
    const ColumnKind kind = find.text(1) == "register" ? ColumnKind::reg : ColumnKind::gauge;
    append(s, {find.text(0), static_cast<std::size_t>(find.integer(2)) - 1, 0}, kind);
  }
}

void RollupStore::append(Source& s, Column column, ColumnKind kind) {
  while (column.part >= s.parts.size()) s.parts.emplace_back();
  Part& part = s.parts[column.part];
  column.position = part.columns.size();
  part.columns.push_back(static_cast<std::uint32_t>(s.columns.size()));
  part.width += width(kind);
  s.columns.push_back(std::move(column));
  s.kinds.push_back(kind);
  for (const std::string& name : sql_columns(s, static_cast<std::uint32_t>(s.columns.size() - 1))) {
    s.taken.insert(lower(name));
  }
}

std::string RollupStore::free_name(const Source& s, const std::string& wish) const {
  const auto free = [&](const std::string& name) {
    for (const char* suffix : {"", "_min", "_max", "_last", "_count", "_delta"}) {
      if (s.taken.contains(lower(name) + suffix)) return false;
    }
    return true;
  };
  std::string name = wish;
  for (int n = 2; !free(name); ++n) name = fmt::format("{}_{}", wish, n);
  return name;
}

void RollupStore::place(Source& s, const std::string& column_name, ColumnKind kind) {
  std::size_t part = s.parts.empty() ? 0 : s.parts.size() - 1;
  if (!s.parts.empty() && s.parts[part].width + width(kind) > max_columns_) ++part;
  append(s, {free_name(s, column_name), part, 0}, kind);
  const Column& column = s.columns.back();
  Statement put = db_.prepare(
      "INSERT OR REPLACE INTO rollup_columns (source, column_name, kind, part, name, position) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  put.bind(1, std::string_view{s.name});
  put.bind(2, std::string_view{column_name});
  put.bind(3, std::string_view{kind == ColumnKind::reg ? "register" : "gauge"});
  put.bind(4, static_cast<std::int64_t>(part + 1));
  put.bind(5, std::string_view{column.name});
  put.bind(6, static_cast<std::int64_t>(column.position));
  put.run();
}

std::vector<std::string> RollupStore::sql_columns(const Source& s, std::uint32_t column) const {
  const std::string& name = s.columns[column].name;
  if (s.kinds[column] == ColumnKind::reg) return {name, name + "_delta", name + "_count"};
  return {name, name + "_min", name + "_max", name + "_last", name + "_count"};
}

// The table of a level with all columns of its part.
RollupStore::LevelTable& RollupStore::ready(Source& s, std::size_t part_index, Level level) {
  Part& part = s.parts[part_index];
  LevelTable& t = part.levels[index_of(level)];
  if (!t.exists) create(s, part_index, level);
  if (t.columns < part.columns.size()) {
    for (std::size_t i = t.columns; i < part.columns.size(); ++i) {
      for (const std::string& name : sql_columns(s, part.columns[i])) {
        db_.execute(fmt::format("ALTER TABLE {} ADD COLUMN {} REAL", quote_name(t.name), quote_name(name)));
      }
    }
    t.columns = part.columns.size();
    t.read = {};
    t.write = {};
  }
  return t;
}

void RollupStore::create(Source& s, std::size_t part_index, Level level) {
  Part& part = s.parts[part_index];
  LevelTable& t = part.levels[index_of(level)];
  const std::string plain = s.name + "_" + std::string{suffix(level)};
  t.name = layout_.take_name(part_index == 0 ? plain : fmt::format("{}_part{}", plain, part_index + 1));
  std::string sql = fmt::format("CREATE TABLE {} ( /* {} by {}; rollup_columns explains the columns */\n",
                                quote_name(t.name), s.name.find("*/") == std::string::npos ? s.name : "", words(level));
  sql += s.fleet ? "  time INTEGER NOT NULL, /* start, Unix time in microseconds, UTC */\n  device_id INTEGER NOT NULL "
                   "REFERENCES devices (id),\n"
                 : "  time INTEGER PRIMARY KEY, /* start, Unix time in microseconds, UTC */\n";
  sql += "  count INTEGER NOT NULL, /* rows */\n";
  if (part_index == 0) sql += "  completeness REAL NOT NULL, /* 0..1: the part of the time that rows cover */\n";
  for (const std::uint32_t c : part.columns) {
    for (const std::string& name : sql_columns(s, c)) sql += fmt::format("  {} REAL,\n", quote_name(name));
  }
  if (s.fleet) sql += "  PRIMARY KEY (time, device_id),\n";
  sql.erase(sql.size() - 2);
  db_.execute(sql + "\n)");
  t.exists = true;
  t.columns = part.columns.size();
  Statement put =
      db_.prepare("INSERT OR REPLACE INTO rollup_tables (name, source, level, part) VALUES (?1, ?2, ?3, ?4)");
  put.bind(1, std::string_view{t.name});
  put.bind(2, std::string_view{s.name});
  put.bind(3, suffix(level));
  put.bind(4, static_cast<std::int64_t>(part_index + 1));
  put.run();
}

std::span<const ColumnKind> RollupStore::columns(std::uint32_t table) { return source(table).kinds; }

std::int64_t RollupStore::newest_at_open(std::uint32_t table) { return layout_.tables()[table].newest_read; }

void RollupStore::read_raw(std::uint32_t table, Span span, std::span<const std::uint32_t> columns,
                           const RawVisitor& visit) {
  Source& s = source(table);
  const WideTable& wide = layout_.tables()[table];
  const auto prepare = [&](std::span<const std::uint32_t> list) {
    std::string names;
    for (const std::uint32_t c : list) names += ", " + quote_name(wide.columns[c]);
    return db_.prepare(fmt::format("SELECT {}{} FROM {} WHERE time >= ?1 AND time < ?2 ORDER BY {}", key(s), names,
                                   quote_name(s.name), key(s)),
                       true);
  };
  if (columns.empty() && s.read_all_columns != wide.columns.size()) {
    std::vector<std::uint32_t> all(wide.columns.size());
    for (std::uint32_t c = 0; c < all.size(); ++c) all[c] = c;
    s.read_all = prepare(all);
    s.read_all_columns = all.size();
  }
  if (!columns.empty() &&
      !std::equal(columns.begin(), columns.end(), s.read_some_columns.begin(), s.read_some_columns.end())) {
    s.read_some = prepare(columns);
    s.read_some_columns.assign(columns.begin(), columns.end());
  }
  Statement& read = columns.empty() ? s.read_all : s.read_some;
  s.values.resize(columns.empty() ? wide.columns.size() : columns.size());
  const Resetting reset{read};
  read.bind(1, span.start);
  read.bind(2, span.end);
  const int first = s.fleet ? 2 : 1;
  while (read.step()) {
    for (std::size_t i = 0; i < s.values.size(); ++i) {
      const int at = first + static_cast<int>(i);
      s.values[i] = read.is_null(at) ? std::numeric_limits<double>::quiet_NaN() : read.number(at);
    }
    visit(read.integer(0), s.fleet ? static_cast<std::uint32_t>(read.integer(1)) : 0, s.values);
  }
}

std::optional<std::int64_t> RollupStore::next_raw(std::uint32_t table, std::int64_t from) {
  Statement next = db_.prepare(
      fmt::format("SELECT time FROM {} WHERE time >= ?1 ORDER BY time LIMIT 1", quote_name(source(table).name)));
  next.bind(1, from);
  return next.step() ? std::optional{next.integer(0)} : std::nullopt;
}

void RollupStore::prepare_read(Source& s, std::size_t part_index, LevelTable& t) const {
  std::string names = key(s) + ", count" + (part_index == 0 ? ", completeness" : "");
  for (std::size_t i = 0; i < t.columns; ++i) {
    for (const std::string& name : sql_columns(s, s.parts[part_index].columns[i])) names += ", " + quote_name(name);
  }
  t.read = db_.prepare(
      fmt::format("SELECT {} FROM {} WHERE time >= ?1 AND time < ?2 ORDER BY {}", names, quote_name(t.name), key(s)),
      true);
}

void RollupStore::read(std::uint32_t table, Level level, Span span, const RowVisitor& visit) {
  Source& s = source(table);
  for (std::size_t part = 0; part < s.parts.size(); ++part) {
    if (s.parts[part].levels[index_of(level)].exists) read_part(s, part, level, span, visit);
  }
}

void RollupStore::read_part(Source& s, std::size_t part_index, Level level, Span span, const RowVisitor& visit) {
  LevelTable& t = s.parts[part_index].levels[index_of(level)];
  if (!t.read) prepare_read(s, part_index, t);
  const Part& part = s.parts[part_index];
  Statement& read = t.read;
  const Resetting reset{read};
  read.bind(1, span.start);
  read.bind(2, span.end);
  row_.columns.assign(s.columns.size(), {});
  while (read.step()) {
    int at = 0;
    row_.time = read.integer(at++);
    row_.member = s.fleet ? static_cast<std::uint32_t>(read.integer(at++)) : 0;
    row_.count = static_cast<std::uint64_t>(read.integer(at++));
    row_.completeness = part_index == 0 ? read.number(at++) : 0;
    for (std::size_t i = 0; i < t.columns; ++i) {
      const std::uint32_t c = part.columns[i];
      rollup::Stats& stats = row_.columns[c];
      const int counted = at + static_cast<int>(width(s.kinds[c])) - 1;
      // Asking for types costs as much as reading; NULL reads as 0.
      const double first = read.number(at);
      if (first == 0 && read.is_null(at)) {
        stats.count = 0;
      } else {
        if (s.kinds[c] == ColumnKind::reg) {
          stats.last = first;
          stats.delta = read.number(at + 1);
        } else {
          stats.mean = first;
          stats.min = read.number(at + 1);
          stats.max = read.number(at + 2);
          stats.last = read.number(at + 3);
        }
        const auto count = static_cast<std::uint64_t>(read.integer(counted));
        stats.count = count != 0 ? count : row_.count;
      }
      at = counted + 1;
    }
    visit(row_, part_index == 0);
  }
  if (sources_.size() > kManySources) t.read = {};
}

void RollupStore::prepare_write(Source& s, std::size_t part_index, LevelTable& t) const {
  std::string names = key(s) + ", count" + (part_index == 0 ? ", completeness" : "");
  std::string marks = s.fleet ? "?, ?, ?" : "?, ?";
  if (part_index == 0) marks += ", ?";
  for (std::size_t i = 0; i < t.columns; ++i) {
    for (const std::string& name : sql_columns(s, s.parts[part_index].columns[i])) {
      names += ", " + quote_name(name);
      marks += ", ?";
    }
  }
  t.bound.assign(static_cast<std::size_t>(std::count(marks.begin(), marks.end(), '?')) + 1, false);
  t.write =
      db_.prepare(fmt::format("INSERT OR REPLACE INTO {} ({}) VALUES ({})", quote_name(t.name), names, marks), true);
}

void RollupStore::write(std::uint32_t table, Level level, const rollup::Row& row) {
  Source& s = source(table);
  for (std::size_t part = 0; part < s.parts.size(); ++part) {
    const auto& columns = s.parts[part].columns;
    const auto has = [&](std::uint32_t c) { return c < row.columns.size() && row.columns[c].count > 0; };
    if (part == 0 || std::any_of(columns.begin(), columns.end(), has)) write_part(s, part, level, row);
  }
}

void RollupStore::write_part(Source& s, std::size_t part_index, Level level, const rollup::Row& row) {
  LevelTable& t = ready(s, part_index, level);
  if (!t.write) prepare_write(s, part_index, t);
  Statement& put = t.write;
  int at = 0;
  const auto number = [&](auto value) {
    t.bound[static_cast<std::size_t>(++at)] = true;
    put.bind(at, value);
  };
  // Parameters stay what they were: mostly a NULL is there already.
  const auto null = [&] {
    if (t.bound[static_cast<std::size_t>(++at)]) put.bind_null(at);
    t.bound[static_cast<std::size_t>(at)] = false;
  };
  number(row.time);
  if (s.fleet) number(std::int64_t{row.member});
  number(static_cast<std::int64_t>(row.count));
  if (part_index == 0) number(row.completeness);
  for (const std::uint32_t c : s.parts[part_index].columns) {
    const int next = at + static_cast<int>(width(s.kinds[c]));
    if (c >= row.columns.size() || row.columns[c].count == 0) {
      while (at < next) null();
      continue;
    }
    const rollup::Stats& stats = row.columns[c];
    if (s.kinds[c] == ColumnKind::reg) {
      number(stats.last);
      number(stats.delta);
    } else {
      number(stats.mean);
      number(stats.min);
      number(stats.max);
      number(stats.last);
    }
    if (stats.count == row.count)
      null();
    else
      number(static_cast<std::int64_t>(stats.count));
  }
  put.run();
  if (sources_.size() > kManySources && level != Level::minute) t.write = {};
}

void RollupStore::erase(std::uint32_t table, Level level, Span span) {
  for (const std::string& name : names(table, level)) {
    Statement gone = db_.prepare(fmt::format("DELETE FROM {} WHERE time >= ?1 AND time < ?2", quote_name(name)));
    gone.bind(1, span.start);
    gone.bind(2, span.end);
    gone.run();
  }
}

std::optional<rollup::Backend::Found> RollupStore::find(std::uint32_t table, Level level, std::uint32_t member,
                                                        std::uint32_t column, Span span, bool newest) {
  Source& s = source(table);
  const Column& c = s.columns[column];
  const LevelTable& t = s.parts[c.part].levels[index_of(level)];
  if (!t.exists || t.columns <= c.position) return std::nullopt;
  const std::string name = quote_name(s.kinds[column] == ColumnKind::reg ? c.name : c.name + "_last");
  Statement find = db_.prepare(fmt::format(
      "SELECT time, {0} FROM {1} WHERE time >= ?1 AND time < ?2 AND {0} IS NOT NULL{2} ORDER BY time{3} "
      "LIMIT 1",
      name, quote_name(t.name), s.fleet ? fmt::format(" AND device_id = {}", member) : "", newest ? " DESC" : ""));
  find.bind(1, span.start);
  find.bind(2, span.end);
  if (!find.step()) return std::nullopt;
  return Found{find.integer(0), find.number(1)};
}

std::int64_t RollupStore::horizon(std::uint32_t table, std::optional<Level> level) {
  return source(table).horizons[level ? index_of(*level) : rollup::kLevels.size()];
}

void RollupStore::set_horizon(std::uint32_t table, std::optional<Level> level, std::int64_t time) {
  Source& s = source(table);
  std::int64_t& horizon = s.horizons[level ? index_of(*level) : rollup::kLevels.size()];
  if (time <= horizon) return;
  horizon = time;
  Statement put = db_.prepare(
      "INSERT INTO rollup_tables (name, source, level, part, expired) VALUES (?1, ?1, ?2, 1, ?3) "
      "ON CONFLICT DO UPDATE SET expired = excluded.expired");
  if (!level) {
    put.bind(1, std::string_view{s.name});
    put.bind(2, std::string_view{"raw"});
  } else {
    put = db_.prepare("UPDATE rollup_tables SET expired = ?3 WHERE source = ?1 AND level = ?2");
    put.bind(1, std::string_view{s.name});
    put.bind(2, suffix(*level));
  }
  put.bind(3, time);
  put.run();
}

std::vector<std::string> RollupStore::names(std::uint32_t table, Level level) {
  std::vector<std::string> out;
  for (const Part& part : source(table).parts) {
    if (const LevelTable& t = part.levels[index_of(level)]; t.exists) out.push_back(t.name);
  }
  return out;
}

}  // namespace mesura::sinks::sqlite
