// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/rollup_layout.hpp"

#include "sinks/mysql/layout_lock.hpp"
#include "sinks/mysql/schema.hpp"
#include "sinks/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace mesura::sinks::mysql {
namespace {

using rollup::ColumnKind;
using rollup::Level;

constexpr std::size_t kLongestName = 64;
// "_delta" and "_count" are put behind it, and "_2" where it is taken.
constexpr NameLimits kColumnName{54, false, SIZE_MAX};
constexpr std::array<std::string_view, 5> kGauge{"", "_min", "_max", "_last", "_count"};
constexpr std::array<std::string_view, 3> kRegister{"", "_delta", "_count"};
constexpr std::array<std::string_view, 5> kGaugeWords{"mean", "least", "greatest", "last",
                                                      "values; NULL: as many as rows"};
constexpr std::array<std::string_view, 3> kRegisterWords{"last value", "growth", "values; NULL: as many as rows"};
// A table's definition has at most 64 KiB: for each column its name, its comment and some 20 bytes.
constexpr std::size_t kMaxDefinition = 60'000;
constexpr std::size_t kOfColumn = 20;

std::span<const std::string_view> suffixes(ColumnKind kind) {
  if (kind == ColumnKind::reg) return kRegister;
  return kGauge;
}

std::span<const std::string_view> comments(ColumnKind kind) {
  if (kind == ColumnKind::reg) return kRegisterWords;
  return kGaugeWords;
}

std::size_t definition_bytes(const std::string& name, ColumnKind kind) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < suffixes(kind).size(); ++i) {
    bytes += kOfColumn + name.size() + suffixes(kind)[i].size() + comments(kind)[i].size();
  }
  return bytes;
}

std::string_view words(Level level) {
  switch (level) {
    case Level::minute: return "minute (UTC)";
    case Level::quarter_hour: return "15 minutes (UTC)";
    case Level::hour: return "hour (UTC)";
    case Level::day: return "day of the site's zone";
  }
  return "";
}

std::string cell(const Connection::Row& row, std::size_t column) { return row[column].value_or(""); }

}  // namespace

RollupLayout::RollupLayout(const Connection& db, const Layout& layout) : db_(db), layout_(layout) {
  // The row also has a count and the completeness.
  max_columns_ = max_columns(db) - 4;
}

std::vector<std::string> RollupLayout::sql_columns(const Source& s, std::uint32_t column) {
  std::vector<std::string> out;
  for (const std::string_view suffix : suffixes(s.kinds[column])) {
    out.push_back(s.columns[column].name + std::string{suffix});
  }
  return out;
}

bool RollupLayout::is_complete(std::uint32_t table) const {
  return is_ready(table) && sources_[table].columns.size() == layout_.tables()[table].columns.size();
}

bool RollupLayout::prepare(std::span<const std::uint32_t> tables, std::vector<std::uint32_t>& lost) {
  std::vector<std::uint32_t> incomplete;
  for (const std::uint32_t t : tables) {
    if (!is_complete(t)) incomplete.push_back(t);
  }
  if (incomplete.empty()) return false;
  sources_.resize(std::max(sources_.size(), layout_.tables().size()));
  bool fresh = false;
  // First without the lock: mostly everything is there.
  const auto is_there = [&](std::uint32_t t) {
    Source& s = sources_[t];
    const WideTable& wide = layout_.tables()[t];
    if (s.ready) return false;
    fresh = true;
    const Known known = load(s, wide);
    if (known.columns.size() < wide.columns.size()) return false;
    for (const std::string& column : wide.columns) {
      const auto stored = known.columns.find(column);
      if (stored == known.columns.end()) return false;
      append(s, stored->second);
    }
    return s.ready = is_made(s, known);
  };
  std::erase_if(incomplete, is_there);
  if (incomplete.empty()) return fresh;
  const LayoutLock lock{db_};
  for (const std::uint32_t t : incomplete) {
    Source& s = sources_[t];
    const WideTable& wide = layout_.tables()[t];
    Made made;
    do {
      Known known = load(s, wide);
      place(s, known, wide);
      made = make(s, known);
      if (made.lost) lost.push_back(t);
      s.ready = true;
    } while (made.found);
  }
  return fresh;
}

// Reads what the database says of a table's rollups. What was known of columns is forgotten, to be placed again.
RollupLayout::Known RollupLayout::load(Source& s, const WideTable& wide) const {
  Known known;
  if (!s.ready) {
    database::mariadb::Statement newest{db_, fmt::format("SELECT MAX(time) FROM {}", quote_name(wide.name))};
    newest.execute();
    while (newest.fetch()) s.newest = newest.is_null(0) ? INT64_MIN : newest.time_us(0);
  }
  s.name = wide.name;
  s.fleet = wide.fleet;
  s.kinds.clear();
  s.columns.clear();
  s.parts.clear();
  s.horizons.fill(INT64_MIN);
  for (const char* name : {"time", "device_id", "device", "local_time", "count", "completeness"}) {
    known.taken.insert(name);
  }
  const std::string source = db_.quote(s.name);
  for (const auto& row :
       db_.query("SELECT column_name, kind, part, name FROM rollup_columns WHERE source = " + source)) {
    const Stored stored{cell(row, 3), cell(row, 1) == "register" ? ColumnKind::reg : ColumnKind::gauge,
                        static_cast<std::size_t>(std::stoull(cell(row, 2))) - 1};
    take(known, stored);
    known.columns.emplace(cell(row, 0), stored);
  }
  std::string names;
  database::mariadb::Statement list{db_, "SELECT name, level, part, expired FROM rollup_tables WHERE source = ?"};
  list.bind(0, std::string_view{s.name});
  list.execute();
  while (list.fetch()) {
    std::size_t at = rollup::kLevels.size();
    for (const Level l : rollup::kLevels) {
      if (suffix(l) == list.text(1)) at = index_of(l);
    }
    if (!list.is_null(3)) s.horizons[at] = std::max(s.horizons[at], list.time_us(3));
    if (at == rollup::kLevels.size()) continue;
    const auto part = static_cast<std::size_t>(list.integer(2)) - 1;
    if (part >= s.parts.size()) s.parts.resize(part + 1);
    s.parts[part].tables[at] = list.text(0);
    names += (names.empty() ? "" : ", ") + db_.quote(list.text(0));
  }
  if (names.empty()) return known;
  for (const auto& row : db_.query(fmt::format("SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE "
                                               "TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({})",
                                               names))) {
    known.tables[folded(cell(row, 0))].insert(folded(cell(row, 1)));
  }
  return known;
}

void RollupLayout::read_horizons() {
  std::map<std::string, Source*> by_name;
  for (Source& s : sources_) {
    if (s.ready) by_name.emplace(s.name, &s);
  }
  database::mariadb::Statement list{db_, "SELECT source, level, expired FROM rollup_tables WHERE expired IS NOT NULL"};
  list.execute();
  while (list.fetch()) {
    const auto found = by_name.find(list.text(0));
    if (found == by_name.end()) continue;
    std::size_t at = rollup::kLevels.size();
    for (const Level l : rollup::kLevels) {
      if (suffix(l) == list.text(1)) at = index_of(l);
    }
    std::int64_t& horizon = found->second->horizons[at];
    horizon = std::max(horizon, list.time_us(2));
  }
}

// The server takes two names for the same that differ in case or accents only: the name as it sees it.
std::string RollupLayout::compared(const std::string& name) const {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(name.begin(), name.end(), ascii)) return folded(name);
  const std::string weights =
      db_.text(fmt::format("SELECT HEX(WEIGHT_STRING(CONVERT({} USING utf8)))", db_.quote(name)));
  std::string out;
  for (std::size_t at = 0; at + 4 <= weights.size(); at += 4) {
    unsigned unit = 0;
    std::from_chars(weights.data() + at, weights.data() + at + 4, unit, 16);
    out += unit < 0x80 ? std::string(1, static_cast<char>(unit)) : fmt::format("\\{:x}", unit);
  }
  return out.empty() ? folded(name) : folded(out);
}

void RollupLayout::take(Known& known, const Stored& stored) const {
  const std::string base = compared(stored.name);
  for (const std::string_view suffix : suffixes(stored.kind)) known.taken.insert(base + std::string{suffix});
  if (stored.part >= known.parts.size()) known.parts.resize(stored.part + 1);
  known.parts[stored.part].columns += suffixes(stored.kind).size();
  known.parts[stored.part].bytes += definition_bytes(stored.name, stored.kind);
}

std::string RollupLayout::free_name(const Known& known, const std::string& wish) const {
  const std::string base = identifier(wish, kColumnName);
  const auto free = [&](const std::string& name) {
    const std::string seen = compared(name);
    for (const char* suffix : {"", "_min", "_max", "_last", "_count", "_delta"}) {
      if (known.taken.contains(seen + suffix)) return false;
    }
    return true;
  };
  std::string name = base;
  for (int n = 2; !free(name); ++n) name = fmt::format("{}_{}", base, n);
  return name;
}

void RollupLayout::append(Source& s, const Stored& stored) {
  if (stored.part >= s.parts.size()) s.parts.resize(stored.part + 1);
  Part& part = s.parts[stored.part];
  part.columns.push_back(static_cast<std::uint32_t>(s.columns.size()));
  s.columns.push_back({stored.name, stored.part});
  s.kinds.push_back(stored.kind);
}

// Under the lock. What the database knows stays where it is.
void RollupLayout::place(Source& s, Known& known, const WideTable& wide) {
  std::string values;
  for (std::size_t c = 0; c < wide.columns.size(); ++c) {
    auto found = known.columns.find(wide.columns[c]);
    if (found == known.columns.end()) {
      const ColumnKind kind = wide.kinds[c];
      const std::string name = free_name(known, wide.columns[c]);
      std::size_t part = known.parts.empty() ? 0 : known.parts.size() - 1;
      if (!known.parts.empty() && (known.parts[part].columns + suffixes(kind).size() > max_columns_ ||
                                   known.parts[part].bytes + definition_bytes(name, kind) > kMaxDefinition)) {
        ++part;
      }
      const Stored stored{name, kind, part};
      take(known, stored);
      found = known.columns.emplace(wide.columns[c], stored).first;
      values += fmt::format("{}({}, {}, '{}', {}, {})", values.empty() ? "" : ", ", db_.quote(s.name),
                            db_.quote(wide.columns[c]), kind == ColumnKind::reg ? "register" : "gauge", part + 1,
                            db_.quote(stored.name));
    }
    append(s, found->second);
  }
  if (s.parts.empty()) s.parts.resize(1);
  if (values.empty()) return;
  db_.execute("INSERT INTO rollup_columns (source, column_name, kind, part, name) VALUES " + values);
}

bool RollupLayout::is_made(const Source& s, const Known& known) const {
  for (const Part& part : s.parts) {
    for (const std::string& name : part.tables) {
      const auto table = known.tables.find(folded(name));
      if (table == known.tables.end()) return false;
      for (const std::uint32_t c : part.columns) {
        for (const std::string& column : sql_columns(s, c)) {
          if (!table->second.contains(folded(column))) return false;
        }
      }
    }
  }
  return !s.parts.empty();
}

// Under the lock. What is noted is made after it is noted: what a crash leaves undone is seen by the next one.
RollupLayout::Made RollupLayout::make(Source& s, const Known& known) const {
  Made made;
  for (std::size_t p = 0; p < s.parts.size(); ++p) {
    for (const Level level : rollup::kLevels) {
      const std::string& name = s.parts[p].tables[index_of(level)];
      const auto table = known.tables.find(folded(name));
      if (name.empty() || table == known.tables.end()) {
        // Dropped by a person; or there are rows of a time when there were no rollups.
        const auto told = [&] {
          return db_.integer("SELECT COUNT(*) FROM rollup_pending WHERE days = 0 AND source = " + db_.quote(s.name)) >
                 0;
        };
        made.lost = made.lost || !name.empty() || (p == 0 && s.newest != INT64_MIN && !told());
        if (!make_table(s, p, level)) made.found = true;
        continue;
      }
      std::string missing;
      for (const std::uint32_t c : s.parts[p].columns) {
        const auto columns = sql_columns(s, c);
        for (std::size_t i = 0; i < columns.size(); ++i) {
          if (table->second.contains(folded(columns[i]))) continue;
          missing += (missing.empty() ? "ADD COLUMN " : ", ADD COLUMN ") + definition(s, c, i);
        }
      }
      if (!missing.empty()) db_.execute(fmt::format("ALTER TABLE {} {}", quote_name(name), missing));
    }
  }
  return made;
}

std::string RollupLayout::definition(const Source& s, std::uint32_t column, std::size_t which) const {
  const ColumnKind kind = s.kinds[column];
  const bool count = suffixes(kind)[which] == "_count";
  return fmt::format("{} {} NULL COMMENT {}", quote_name(sql_columns(s, column)[which]),
                     count ? "INT UNSIGNED" : "DOUBLE", db_.quote(comments(kind)[which]));
}

std::string RollupLayout::comment(const Source& s, std::size_t part, Level level) {
  return fmt::format("Mesura: {} by {}{}; rollup_columns explains the columns", s.name, words(level),
                     part == 0 ? "" : fmt::format(", part {}", part + 1));
}

std::string RollupLayout::free_table(const Source& s, std::size_t part, Level level, bool& found) const {
  const std::string plain = s.name + "_" + std::string{suffix(level)};
  const std::string wanted = comment(s, part, level);
  const std::string more = part == 0 ? "" : fmt::format("_part{}", part + 1);
  for (int n = 1;; ++n) {
    const std::string tail = n == 1 ? more : fmt::format("{}_{}", more, n);
    std::string name = identifier(plain, {kLongestName - tail.size(), false, SIZE_MAX}) + tail;
    const auto there =
        db_.query(fmt::format("SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
                              "LOWER(TABLE_NAME) = {}",
                              db_.quote(folded(name))));
    if (there.empty()) return name;
    // Ours, whose note a person has deleted.
    found = cell(there[0], 0) == wanted;
    if (found) return name;
  }
}

// False when it is there already.
bool RollupLayout::make_table(Source& s, std::size_t part, Level level) const {
  std::string& name = s.parts[part].tables[index_of(level)];
  bool found = false;
  if (name.empty()) {
    name = free_table(s, part, level, found);
    db_.execute(fmt::format("INSERT INTO rollup_tables (name, source, level, part) VALUES ({}, {}, '{}', {})",
                            db_.quote(name), db_.quote(s.name), suffix(level), part + 1));
    if (found) return false;
  }
  std::string columns;
  for (const std::uint32_t c : s.parts[part].columns) {
    for (std::size_t i = 0; i < suffixes(s.kinds[c]).size(); ++i) columns += "  " + definition(s, c, i) + ",\n";
  }
  db_.execute(rollup_table_sql(quote_name(name), {s.fleet, part == 0}, columns, layout_.collation(),
                               db_.quote(comment(s, part, level))));
  return true;
}

}  // namespace mesura::sinks::mysql
