// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/rollup_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::datetime_text;
using database::mariadb::to_datetime;
using rollup::ColumnKind;
using Type = database::mariadb::Parameters::Type;

// A server holds 16 382 prepared statements for all its sessions.
constexpr std::size_t kManyStatements = 400;
constexpr std::size_t kManySources = 100;
// Rows of a level that are written at once.
constexpr std::size_t kManyRows = 1000;
constexpr std::size_t kManyQuarters = 200;
// 1000 to 9999: what a DATETIME holds.
constexpr std::int64_t kFirst = -30'610'224'000'000'000;
constexpr std::int64_t kLast = 253'402'300'799'000'000;

std::int64_t within(std::int64_t time) { return std::clamp(time, kFirst, kLast); }
std::string sql_time(std::int64_t time) { return "'" + datetime_text(within(time)) + "'"; }
std::size_t width(ColumnKind kind) { return kind == ColumnKind::reg ? 3 : 5; }

std::string key(bool fleet) { return fleet ? "time, device_id" : "time"; }

}  // namespace

RollupStore::RollupStore(const Connection& db, const Layout& layout, bool arrays)
    : db_(db),
      layout_(layout),
      arrays_(arrays),
      layout_of_rollups_(db, layout),
      writer_(db.integer("SELECT CONNECTION_ID()")),
      quarter_parameters_(
          {Type::text, Type::time, Type::integer, Type::integer, Type::integer, Type::text, Type::text}) {
  // Others see by it that this one is alive; it goes with the connection.
  (void)db_.integer(fmt::format("SELECT GET_LOCK('mesura writer {}', 0)", writer_));
  // The server then soon knows of a client that has lost its power.
  db_.execute("SET SESSION wait_timeout = LEAST(@@SESSION.wait_timeout, 1800)");
}

std::shared_ptr<RollupStore::Statement> RollupStore::statement(const std::string& sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
  if (statements_.size() >= kManyStatements) statements_.clear();
  return statements_.emplace(sql, std::make_shared<Statement>(db_, sql)).first->second;
}

std::vector<std::uint32_t> RollupStore::ready() const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t t = 0; t < layout_of_rollups_.size(); ++t) {
    if (layout_of_rollups_.is_ready(t)) out.push_back(t);
  }
  return out;
}

std::vector<std::uint32_t> RollupStore::waiting(std::size_t most) {
  std::vector<std::uint32_t> out;
  std::unordered_map<std::string, std::uint32_t> by_name;
  for (std::uint32_t t = 0; t < layout_.tables().size(); ++t) {
    if (!layout_of_rollups_.is_ready(t)) by_name.emplace(layout_.tables()[t].name, t);
  }
  if (by_name.empty()) return out;
  for (const auto& row : db_.query("SELECT DISTINCT source FROM rollup_pending")) {
    const auto found = by_name.find(row[0].value_or(""));
    if (found != by_name.end() && out.size() < most) out.push_back(found->second);
  }
  return out;
}

// The row lock comes before the transaction's first look, which then sees all that the other program has committed.
void RollupStore::lock(std::span<const std::uint32_t> tables) {
  std::string names;
  for (const std::uint32_t t : tables) {
    if (!layout_of_rollups_.is_ready(t) || !source(t).fleet) continue;
    names += (names.empty() ? "" : ", ") + db_.quote(source(t).parts[0].tables[0]);
  }
  if (names.empty()) return;
  (void)db_.query(fmt::format("SELECT name FROM rollup_tables WHERE name IN ({}) ORDER BY name FOR UPDATE", names));
}

std::span<const ColumnKind> RollupStore::columns(std::uint32_t table) { return source(table).kinds; }

std::int64_t RollupStore::newest_at_open(std::uint32_t table) { return source(table).newest; }

void RollupStore::read_raw(std::uint32_t table, Span span, std::span<const std::uint32_t> columns,
                           const RawVisitor& visit) {
  const WideTable& wide = layout_.tables()[table];
  std::string names = key(wide.fleet);
  const auto add = [&](std::size_t c) {
    names += ", " + (wide.doubles[c] ? quote_name(wide.columns[c]) : "NULL + 0e0");
  };
  const std::size_t known = source(table).columns.size();
  for (std::size_t c = 0; columns.empty() && c < known; ++c) add(c);
  for (const std::uint32_t c : columns) add(c);
  const auto read = statement(fmt::format("SELECT {} FROM {} WHERE time >= ? AND time < ? ORDER BY {}", names,
                                          quote_name(wide.name), key(wide.fleet)));
  values_.resize(columns.empty() ? known : columns.size());
  const std::size_t first = wide.fleet ? 2 : 1;
  // All rows of an answer are held on this side: those of a fleet come by the minute.
  const std::int64_t step = wide.fleet ? rollup::kMinuteUs : span.end - span.start;
  for (std::int64_t at = span.start; at < span.end; at += step) {
    read->bind_time(0, within(at));
    read->bind_time(1, within(std::min(span.end, at + step)));
    read->execute();
    while (read->fetch()) {
      for (std::size_t i = 0; i < values_.size(); ++i) {
        values_[i] = read->is_null(first + i) ? std::numeric_limits<double>::quiet_NaN() : read->number(first + i);
      }
      visit(read->time_us(0), wide.fleet ? static_cast<std::uint32_t>(read->integer(1)) : 0, values_);
    }
  }
}

std::optional<std::int64_t> RollupStore::next_raw(std::uint32_t table, std::int64_t from) {
  const auto next = statement(
      fmt::format("SELECT time FROM {} WHERE time >= ? ORDER BY time LIMIT 1", quote_name(source(table).name)));
  next->bind_time(0, within(from));
  next->execute();
  std::optional<std::int64_t> out;
  while (next->fetch()) out = next->time_us(0);
  return out;
}

void RollupStore::read(std::uint32_t table, Level level, Span span, const RowVisitor& visit) {
  flush(table, level);
  for (std::size_t part = 0; part < source(table).parts.size(); ++part) read_part(table, part, level, span, visit);
}

void RollupStore::read_part(std::uint32_t table, std::size_t part, Level level, Span span, const RowVisitor& visit) {
  const Source& s = source(table);
  const auto& columns = s.parts[part].columns;
  std::string names = key(s.fleet) + ", `count`" + (part == 0 ? ", completeness" : "");
  for (const std::uint32_t c : columns) {
    for (const std::string& name : RollupLayout::sql_columns(s, c)) names += ", " + quote_name(name);
  }
  const auto rows = statement(fmt::format("SELECT {} FROM {} WHERE time >= ? AND time < ? ORDER BY {}", names,
                                          quote_name(s.parts[part].tables[index_of(level)]), key(s.fleet)));
  rows->bind_time(0, within(span.start));
  rows->bind_time(1, within(span.end));
  rows->execute();
  row_.columns.assign(s.columns.size(), {});
  while (rows->fetch()) {
    std::size_t at = 0;
    row_.time = rows->time_us(at++);
    row_.member = s.fleet ? static_cast<std::uint32_t>(rows->integer(at++)) : 0;
    row_.count = static_cast<std::uint64_t>(rows->integer(at++));
    row_.completeness = part == 0 ? rows->number(at++) : 0;
    for (const std::uint32_t c : columns) {
      rollup::Stats& stats = row_.columns[c];
      const std::size_t counted = at + width(s.kinds[c]) - 1;
      stats.count = 0;
      if (!rows->is_null(at)) {
        if (s.kinds[c] == ColumnKind::reg) {
          stats.last = rows->number(at);
          stats.delta = rows->number(at + 1);
        } else {
          stats.mean = rows->number(at);
          stats.min = rows->number(at + 1);
          stats.max = rows->number(at + 2);
          stats.last = rows->number(at + 3);
        }
        stats.count = rows->is_null(counted) ? row_.count : static_cast<std::uint64_t>(rows->integer(counted));
      }
      at = counted + 1;
    }
    visit(row_, part == 0);
  }
}

RollupStore::Buffer& RollupStore::buffer(std::uint32_t table, Level level) {
  if (table >= buffers_.size()) buffers_.resize(table + 1);
  return buffers_[table][index_of(level)];
}

void RollupStore::write(std::uint32_t table, Level level, const rollup::Row& row) {
  Buffer& b = buffer(table, level);
  if (b.used == 0) filled_.emplace_back(table, level);
  if (b.used == b.rows.size()) b.rows.emplace_back();
  b.rows[b.used++] = row;
  if (b.used == kManyRows) flush(table, level);
}

void RollupStore::flush() {
  while (!filled_.empty()) {
    const auto [table, level] = filled_.back();
    flush(table, level);
  }
  flush_quarters(quarters_, put_quarters_, false);
  flush_quarters(quarters_unless_fuller_, put_quarters_unless_fuller_, true);
}

void RollupStore::flush(std::uint32_t table, Level level) {
  Buffer& b = buffer(table, level);
  if (b.used == 0) return;
  std::erase(filled_, std::pair{table, level});
  for (std::size_t part = 0; part < source(table).parts.size(); ++part) write_part(table, part, level, b);
  b.used = 0;
  // Many tables: their statements and rows would take more memory than making them again takes time.
  if (layout_of_rollups_.size() > kManySources) b = {};
}

RollupStore::Writer RollupStore::make_writer(const Source& s, std::size_t part, const std::string& table) const {
  std::string names = key(s.fleet) + ", `count`" + (part == 0 ? ", completeness" : "");
  std::string marks = s.fleet ? "(?, ?, ?" : "(?, ?";
  std::string updates = "`count` = VALUES(`count`)";
  std::vector<Type> types{Type::time};
  if (s.fleet) types.push_back(Type::integer);
  types.push_back(Type::integer);
  if (part == 0) {
    types.push_back(Type::number);
    marks += ", ?";
    updates += ", completeness = VALUES(completeness)";
  }
  for (const std::uint32_t c : s.parts[part].columns) {
    for (const std::string& plain : RollupLayout::sql_columns(s, c)) {
      const std::string name = quote_name(plain);
      names += ", " + name;
      marks += ", ?";
      updates += fmt::format(", {0} = VALUES({0})", name);
      types.push_back(Type::number);
    }
    types.back() = Type::integer;
  }
  return {s.parts[part].columns.size(),
          std::make_unique<Bulk>(db_, fmt::format("INSERT INTO {} ({}) VALUES ", quote_name(table), names), marks + ")",
                                 " ON DUPLICATE KEY UPDATE " + updates, arrays_),
          std::make_unique<Parameters>(types)};
}

void RollupStore::write_part(std::uint32_t table, std::size_t part, Level level, Buffer& b) {
  const Source& s = source(table);
  const auto& columns = s.parts[part].columns;
  const auto has = [&](const rollup::Row& row) {
    return part == 0 || std::any_of(columns.begin(), columns.end(), [&](std::uint32_t c) {
             return c < row.columns.size() && row.columns[c].count > 0;
           });
  };
  const auto rows = std::span{b.rows}.first(b.used);
  const auto n = static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), has));
  if (n == 0) return;
  if (b.writers.size() < s.parts.size()) b.writers.resize(s.parts.size());
  Writer& w = b.writers[part];
  if (!w.bulk || w.columns != columns.size()) w = make_writer(s, part, s.parts[part].tables[index_of(level)]);
  Parameters& p = *w.parameters;
  p.resize(n);
  std::size_t r = 0;
  for (const rollup::Row& row : rows) {
    if (!has(row)) continue;
    std::size_t at = 0;
    p.set_time(r, at++, to_datetime(within(row.time)));
    if (s.fleet) p.set(r, at++, std::int64_t{row.member});
    p.set(r, at++, static_cast<std::int64_t>(row.count));
    if (part == 0) p.set(r, at++, row.completeness);
    for (const std::uint32_t c : columns) {
      const std::size_t next = at + width(s.kinds[c]);
      if (c >= row.columns.size() || row.columns[c].count == 0) {
        while (at < next) p.set_null(r, at++);
        continue;
      }
      const rollup::Stats& stats = row.columns[c];
      if (s.kinds[c] == ColumnKind::reg) {
        p.set(r, at++, stats.last);
        p.set(r, at++, stats.delta);
      } else {
        p.set(r, at++, stats.mean);
        p.set(r, at++, stats.min);
        p.set(r, at++, stats.max);
        p.set(r, at++, stats.last);
      }
      if (stats.count == row.count)
        p.set_null(r, at++);
      else
        p.set(r, at++, static_cast<std::int64_t>(stats.count));
    }
    ++r;
  }
  w.bulk->execute(p, 0, n);
}

void RollupStore::erase(std::uint32_t table, Level level, Span span) {
  flush(table, level);
  for (const auto& part : source(table).parts) {
    db_.execute(fmt::format("DELETE FROM {} WHERE time >= {} AND time < {}", quote_name(part.tables[index_of(level)]),
                            sql_time(span.start), sql_time(span.end)));
  }
}

std::optional<rollup::Backend::Found> RollupStore::find(std::uint32_t table, Level level, std::uint32_t member,
                                                        std::uint32_t column, Span span, bool newest) {
  flush(table, level);
  const Source& s = source(table);
  const RollupLayout::Column& c = s.columns[column];
  const std::string name = quote_name(s.kinds[column] == ColumnKind::reg ? c.name : c.name + "_last");
  const auto find = statement(
      fmt::format("SELECT time, {0} FROM {1} WHERE time >= ? AND time < ? AND {0} IS NOT NULL{2} ORDER BY time{3} "
                  "LIMIT 1",
                  name, quote_name(s.parts[c.part].tables[index_of(level)]), s.fleet ? " AND device_id = ?" : "",
                  newest ? " DESC" : ""));
  find->bind_time(0, within(span.start));
  find->bind_time(1, within(span.end));
  if (s.fleet) find->bind(2, std::int64_t{member});
  find->execute();
  std::optional<Found> out;
  while (find->fetch()) out = Found{find->time_us(0), find->number(1)};
  return out;
}

std::int64_t RollupStore::horizon(std::uint32_t table, std::optional<Level> level) {
  return source(table).horizons[level ? index_of(*level) : rollup::kLevels.size()];
}

void RollupStore::set_horizon(const std::string& name, std::optional<Level> level, std::int64_t time) {
  const std::string at = sql_time(time);
  if (level) {
    db_.execute(
        fmt::format("UPDATE rollup_tables SET expired = GREATEST({0}, COALESCE(expired, {0})) WHERE source = "
                    "{1} AND level = '{2}'",
                    at, db_.quote(name), suffix(*level)));
  } else {
    db_.execute(
        fmt::format("INSERT INTO rollup_tables (name, source, level, part, expired) VALUES ({0}, {0}, 'raw', "
                    "1, {1}) ON DUPLICATE KEY UPDATE expired = GREATEST({1}, COALESCE(expired, {1}))",
                    db_.quote(name), at));
  }
  for (const std::uint32_t t : ready()) {
    std::int64_t& known = source(t).horizons[level ? index_of(*level) : rollup::kLevels.size()];
    if (source(t).name == name) known = std::max(known, time);
  }
}

// What a program has left that is gone. Once quarter hours of our own are noted, those of others with the same start
// would be taken for them: they are made longer. What a living program has noted is left to it: two that make the
// same minutes do not see what the other one changed.
void RollupStore::adopt() {
  for (const auto& row : db_.query(fmt::format("SELECT DISTINCT writer FROM rollup_pending WHERE writer <> {} AND "
                                               "IS_USED_LOCK(CONCAT('mesura writer ', writer)) IS NULL",
                                               writer_))) {
    const std::string which = "writer = " + row[0].value_or("0");
    db_.execute(fmt::format(
        "INSERT IGNORE INTO rollup_pending (writer, source, days, start, until) SELECT {}, source, days, start, {} "
        "FROM rollup_pending WHERE {}",
        writer_, adopted_ ? "IF(days, until, GREATEST(until, start + INTERVAL 30 MINUTE))" : "until", which));
    db_.execute("DELETE FROM rollup_pending WHERE " + which);
  }
  adopted_ = true;
}

std::vector<rollup::Backend::Pending> RollupStore::pending() {
  adopt();
  layout_of_rollups_.read_horizons();
  std::vector<Pending> out;
  std::unordered_map<std::string, std::uint32_t> by_name;
  for (const std::uint32_t t : ready()) by_name.emplace(source(t).name, t);
  Statement list{db_,
                 "SELECT source, days, start, until FROM rollup_pending WHERE writer = ? ORDER BY source, days, "
                 "start, until"};
  list.bind(0, writer_);
  list.execute();
  while (list.fetch()) {
    const auto found = by_name.find(list.text(0));
    if (found == by_name.end()) continue;
    out.push_back({found->second, {list.time_us(2), list.time_us(3)}, list.integer(1) != 0});
  }
  return out;
}

void RollupStore::put_pending(const Pending& pending) {
  db_.execute(
      fmt::format("INSERT IGNORE INTO rollup_pending (writer, source, days, start, until) VALUES ({}, {}, {}, "
                  "{}, {})",
                  writer_, db_.quote(layout_.tables()[pending.table].name), pending.days ? 1 : 0,
                  sql_time(pending.span.start), sql_time(pending.span.end)));
}

void RollupStore::drop_pending(const Pending& pending) {
  db_.execute(fmt::format(
      "DELETE FROM rollup_pending WHERE writer = {} AND source = {} AND days = {} AND start = {} AND until = {}",
      writer_, db_.quote(layout_.tables()[pending.table].name), pending.days ? 1 : 0, sql_time(pending.span.start),
      sql_time(pending.span.end)));
}

std::span<const rollup::Backend::Demand> RollupStore::demands(std::uint32_t table) {
  return layout_.tables()[table].powers.demands();
}

const std::string& RollupStore::device_of(std::uint32_t table, std::uint32_t member) {
  const WideTable& wide = layout_.tables()[table];
  if (!wide.fleet) return wide.device;
  std::string& name = devices_[member];
  if (name.empty()) name = db_.text(fmt::format("SELECT name FROM devices WHERE id = {}", member));
  return name;
}

void RollupStore::write_quarter(std::uint32_t table, std::uint32_t member, const rollup::Quarter& quarter,
                                bool unless_fuller) {
  auto& rows = unless_fuller ? quarters_unless_fuller_ : quarters_;
  rows.push_back({device_of(table, member), rollup::slots_as_json(quarter.imported),
                  rollup::slots_as_json(quarter.exported), quarter.start, quarter.id, quarter.average,
                  static_cast<std::int64_t>(quarter.samples)});
  // Both in the order in which they came.
  if (unless_fuller) flush_quarters(quarters_, put_quarters_, false);
  if (!unless_fuller) flush_quarters(quarters_unless_fuller_, put_quarters_unless_fuller_, true);
  if (rows.size() >= kManyQuarters)
    flush_quarters(rows, unless_fuller ? put_quarters_unless_fuller_ : put_quarters_, unless_fuller);
}

void RollupStore::flush_quarters(std::vector<QuarterRow>& rows, std::unique_ptr<Bulk>& bulk, bool unless_fuller) {
  if (rows.empty()) return;
  if (!bulk) {
    std::string updates;
    // Worked out from left to right: what decides comes last.
    for (const char* name : {"quarter_id", "average_w", "import_w", "export_w", "samples"}) {
      updates += updates.empty() ? " ON DUPLICATE KEY UPDATE " : ", ";
      updates += unless_fuller ? fmt::format("{0} = IF(samples > VALUES(samples), {0}, VALUES({0}))", name)
                               : fmt::format("{0} = VALUES({0})", name);
    }
    bulk = std::make_unique<Bulk>(
        db_, "INSERT INTO quarters (device, time, quarter_id, average_w, samples, import_w, export_w) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?)", updates, arrays_);
  }
  Parameters& p = quarter_parameters_;
  p.resize(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const QuarterRow& row = rows[r];
    p.set(r, 0, std::string_view{row.device});
    p.set_time(r, 1, to_datetime(within(row.time)));
    p.set(r, 2, row.id);
    p.set(r, 3, row.average);
    p.set(r, 4, row.samples);
    p.set(r, 5, std::string_view{row.imported});
    p.set(r, 6, std::string_view{row.exported});
  }
  bulk->execute(p, 0, rows.size());
  rows.clear();
}

}  // namespace mesura::sinks::mysql
