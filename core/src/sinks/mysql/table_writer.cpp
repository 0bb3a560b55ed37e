// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/table_writer.hpp"

#include "sinks/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::Connection;
using database::mariadb::datetime_text;
using database::mariadb::quote_name;
using database::mariadb::Statement;

constexpr std::int64_t kNs = 1'000'000'000;
constexpr std::int64_t kUs = 1'000'000;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
constexpr std::size_t kLongestMeta = 64;
constexpr NameLimits kDatabaseName{64, false, 230};
// A value stands for the time since the one before it, but not for that of a gap.
constexpr int kLongestWeight_s = 60;
constexpr std::uint64_t kExpireRows = 5000;
constexpr auto kExpireTime = std::chrono::milliseconds{1000};

std::int64_t floor_to(std::int64_t value, std::int64_t unit) {
  const std::int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

std::string time_text(std::int64_t stored_s) { return "'" + datetime_text(stored_s * kUs) + "'"; }

model::Zone zone_named(const std::string& name) { return model::Zone::find(name).value_or(model::Zone::utc()); }

// The first characters of a text, whole ones.
std::string first_characters(const std::string& text, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t n = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80 && ++n > count) break;
  }
  return text.substr(0, at);
}

}  // namespace

TableWriter::TableWriter(const Connection& db, const SeriesTable& series, std::shared_ptr<const TableLayout> layout,
                         const std::string& site_zone, bool arrays)
    : db_(db), series_(series), layout_(std::move(layout)), zone_(zone_named(site_zone)), upserts_(db, arrays) {
  for (const char* name : {"mysql", "information_schema", "performance_schema", "sys"}) databases_.insert(name);
  find_zone();
}

// Readers of such tables ask in the server's zone and expect the time on the wall. Where the server's zone is that of
// the installation, instants are stored as such, and the hour that a clock change repeats is two hours; else the
// reading of the wall clock is stored as if it were of the server's zone.
void TableWriter::find_zone() {
  constexpr std::array<std::int64_t, 4> kInstants{1'768'478'400, 1'776'254'400, 1'784'116'800, 1'792'065'600};
  wall_ = std::any_of(kInstants.begin(), kInstants.end(), [&](std::int64_t t) {
    const std::string there = db_.text(
        fmt::format("SELECT TIMESTAMPDIFF(SECOND, {0}, CONVERT_TZ({0}, '+00:00', @@global.time_zone))", time_text(t)));
    return there != std::to_string(zone_.to_local(t * kNs).offset_s);
  });
  if (wall_) db_.execute("SET SESSION time_zone = @@global.time_zone");
}

std::int64_t TableWriter::stored(std::int64_t utc_s) const {
  return wall_ ? utc_s + zone_.to_local(utc_s * kNs).offset_s : utc_s;
}

std::int64_t TableWriter::from_stored(std::int64_t stored_s) const {
  if (!wall_) return stored_s;
  // The offset a day around is right but at a clock change, and there the reading itself is in doubt.
  const std::int64_t guess = stored_s - zone_.to_local(stored_s * kNs).offset_s;
  return stored_s - zone_.to_local(guess * kNs).offset_s;
}

std::int64_t TableWriter::hour_of(std::int64_t utc_s) const {
  const std::int64_t offset = zone_.to_local(utc_s * kNs).offset_s;
  return floor_to(utc_s + offset, kHour) - offset;
}

std::int64_t TableWriter::day_of(std::int64_t utc_s) const { return zone_.day(utc_s * kNs).start_ns / kNs; }

std::string TableWriter::name(const Unit& unit, const std::string& table) const {
  return unit.database + "." + quote_name(table);
}

std::vector<Rejected> TableWriter::write(std::span<const BatchPtr> batches) {
  std::vector<Rejected> rejected;
  Rejections rejections{batches, series_};
  collect(batches, rejected, rejections);
  for (Unit& unit : units_) {
    if (!unit.minutes.empty() && !unit.made) make(unit);
  }
  db_.execute("START TRANSACTION");
  clear_seconds();
  upserts_.write(
      rows_, [this](std::uint32_t unit) { return target(unit); }, rejections);
  for (Unit& unit : units_) {
    if (unit.minutes.empty()) continue;
    put_meta(unit);
    put_means(unit);
  }
  db_.execute("COMMIT");
  rejected.insert(rejected.end(), rejections.list().begin(), rejections.list().end());
  return rejected;
}

void TableWriter::collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected, Rejections& rejections) {
  rows_.clear();
  turned_.clear();
  for (Unit& unit : units_) unit.minutes.clear();
  slots_.resize(std::max<std::size_t>(slots_.size(), series_.size()));
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Batch& batch = *batches[b];
    for (std::size_t i = 0; i < batch.items.size(); ++i) {
      const Measurement& item = batch.items[i];
      if (slots_[item.series].place == Slot::Place::unknown) resolve(item.series);
      const Slot& slot = slots_[item.series];
      if (slot.place == Slot::Place::none || item.type == MESURA_TEXT) continue;
      if (!std::isfinite(item.number)) {
        rejected.push_back(
            {b, i, fmt::format("sink-value: {} is not a finite number", series_.at(item.series).name())});
        continue;
      }
      const Measurement* value = &item;
      if (slot.negated && item.number != 0) {
        turned_.push_back(item);
        turned_.back().number = -item.number;
        value = &turned_.back();
        rejections.alias(*value, item);
      }
      const std::int64_t second = floor_to(item.time_ns, kNs) / kNs;
      rows_.add(slot.unit, slot.column, stored(second) * kUs, *value, batch);
      units_[slot.unit].minutes.insert(floor_to(second, kMinute));
    }
  }
  rows_.finish();
}

void TableWriter::resolve(std::uint32_t series) {
  const SeriesInfo& info = series_.at(series);
  Slot& slot = slots_[series];
  const auto column = layout_->by_source.find(info.source);
  slot.place = Slot::Place::none;
  if (info.source.empty() || info.text || column == layout_->by_source.end()) return;
  slot = {Slot::Place::column, info.negated, unit_of(info.device), column->second};
}

std::uint32_t TableWriter::unit_of(const std::string& device) {
  const auto [found, fresh] = unit_by_device_.try_emplace(device, static_cast<std::uint32_t>(units_.size()));
  if (!fresh) return found->second;
  // Two units may bear one name, or none.
  std::string name = identifier(series_.attribute(device, layout_->database), kDatabaseName);
  if (name.empty() || databases_.contains(folded(name))) name = identifier(device, kDatabaseName);
  const std::string base = name;
  for (int n = 2; databases_.contains(folded(name)); ++n) name = fmt::format("{}_{}", base, n);
  databases_.insert(folded(name));
  Unit& unit = units_.emplace_back();
  unit.device = device;
  unit.database = quote_name(name);
  return found->second;
}

// Tables that are there already may be the vendor's own: they stay as they are.
void TableWriter::make(Unit& unit) {
  db_.execute("CREATE DATABASE IF NOT EXISTS " + unit.database);
  for (const std::string& table : {layout_->table, layout_->minute, layout_->hour, layout_->day})
    make_table(unit, table);
  if (!layout_->meta.empty()) {
    std::string columns;
    for (const auto& column : layout_->meta_columns)
      columns += fmt::format("{}{} VARCHAR({})", columns.empty() ? "" : ", ", quote_name(column.name), kLongestMeta);
    db_.execute(
        fmt::format("CREATE TABLE IF NOT EXISTS {} ({}) DEFAULT CHARSET=utf8mb4", name(unit, layout_->meta), columns));
  }
  Statement unique{db_,
                   "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE CONCAT('`', REPLACE(TABLE_SCHEMA, '`', "
                   "'``'), '`') = ? AND TABLE_NAME = ? AND COLUMN_NAME = ? AND NON_UNIQUE = 0"};
  unique.bind(0, std::string_view{unit.database});
  unique.bind(1, std::string_view{layout_->table});
  unique.bind(2, std::string_view{layout_->time});
  unique.execute();
  while (unique.fetch()) unit.unique = unique.integer(0) > 0;
  Statement newest{db_, fmt::format("SELECT MAX({}) FROM {}", quote_name(layout_->time), name(unit, layout_->table))};
  newest.execute();
  while (newest.fetch()) {
    if (!newest.is_null(0)) unit.open = from_stored(newest.time_us(0) / kUs);
  }
  unit.made = true;
}

// Readers of such tables take rows as they come, without ORDER BY: as a unique index over what is never NULL the time's
// is the one by which rows lie in the file. Without a default, servers make one up that moves with each update.
void TableWriter::make_table(const Unit& unit, const std::string& table) const {
  const std::string time = quote_name(layout_->time);
  const std::string index = quote_name(table + "_INDEX");
  std::string sql = fmt::format("CREATE TABLE IF NOT EXISTS {} ({} TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00'",
                                name(unit, table), time);
  for (const auto& column : layout_->columns) sql += fmt::format(", {} {} NULL", quote_name(column.name), column.type);
  db_.execute(fmt::format("{}, UNIQUE INDEX {} ({}))", sql, index, time));
  // The vendor's collector leaves its tables of means without.
  if (db_.query(fmt::format("SHOW INDEX FROM {} WHERE Column_name = {}", name(unit, table), db_.quote(layout_->time)))
          .empty()) {
    db_.execute(fmt::format("CREATE INDEX {} ON {} ({})", index, name(unit, table), time));
  }
}

Target TableWriter::target(std::uint32_t index) const {
  const Unit& unit = units_[index];
  Target target{name(unit, layout_->table), quote_name(layout_->time), {}, {}, {}};
  for (std::uint32_t c = 0; c < layout_->columns.size(); ++c) {
    const TableLayout::Column& column = layout_->columns[c];
    target.columns.push_back(quote_name(column.name));
    if (column.absent) target.defaults.emplace_back(c, *column.absent);
  }
  return target;
}

// Where the table itself allows two rows of one second (the vendor's does), a repeat replaces what is there.
void TableWriter::clear_seconds() const {
  const std::span<const Rows::Row> rows = rows_.rows();
  for (std::size_t at = 0; at < rows.size();) {
    const Unit& unit = units_[rows[at].table];
    std::string times;
    const std::uint32_t index = rows[at].table;
    for (; at < rows.size() && rows[at].table == index; ++at)
      times += (times.empty() ? "" : ", ") + time_text(rows[at].time / kUs);
    if (unit.unique) continue;
    db_.execute(
        fmt::format("DELETE FROM {} WHERE {} IN ({})", name(unit, layout_->table), quote_name(layout_->time), times));
  }
}

void TableWriter::put_meta(Unit& unit) {
  if (layout_->meta.empty()) return;
  std::vector<std::string> meta;
  for (const auto& column : layout_->meta_columns)
    meta.push_back(first_characters(series_.attribute(unit.device, column.attribute), kLongestMeta));
  if (meta == unit.meta) return;
  std::string names;
  std::string values;
  for (std::size_t i = 0; i < meta.size(); ++i) {
    names += (i == 0 ? "" : ", ") + quote_name(layout_->meta_columns[i].name);
    values += (i == 0 ? "" : ", ") + db_.quote(meta[i]);
  }
  db_.execute("DELETE FROM " + name(unit, layout_->meta));
  db_.execute(fmt::format("INSERT INTO {} ({}) VALUES ({})", name(unit, layout_->meta), names, values));
  unit.meta = std::move(meta);
}

// Of every minute that is over or that late rows have changed, then of its hour; of its day once the hour is over.
void TableWriter::put_means(Unit& unit) {
  const std::int64_t latest = *unit.minutes.rbegin();
  std::set<std::int64_t> minutes = unit.minutes;
  if (unit.open) minutes.insert(floor_to(*unit.open, kMinute));
  const std::int64_t open = *minutes.rbegin();
  minutes.erase(open);
  std::set<std::int64_t> hours;
  std::set<std::int64_t> days;
  for (const std::int64_t minute : minutes) {
    mean_of_minute(unit, minute);
    hours.insert(hour_of(minute));
    if (hour_of(minute) != hour_of(open)) days.insert(day_of(minute));
  }
  for (const std::int64_t hour : hours) mean_of_hour(unit, hour);
  for (const std::int64_t day : days) mean_of_day(unit, day);
  unit.open = std::max(latest, open);
  unit.behind = true;
  unit.written = true;
}

void TableWriter::mean_of_minute(const Unit& unit, std::int64_t minute) const {
  mean_of(unit, layout_->minute, {stored(minute), stored(minute) + kMinute});
}

void TableWriter::mean_of_hour(const Unit& unit, std::int64_t hour) const {
  mean_of(unit, layout_->hour, {stored(hour), stored(hour) + kHour});
}

void TableWriter::mean_of_day(const Unit& unit, std::int64_t day) const {
  mean_of(unit, layout_->day, {stored(day), stored(zone_.day(day * kNs).end_ns / kNs)});
}

// Weighted by time, from the rows of seconds: means of means would count a minute with one row like one with sixty.
void TableWriter::mean_of(const Unit& unit, const std::string& table, Span span) const {
  const std::string time = quote_name(layout_->time);
  std::string names;
  std::string means;
  std::string columns;
  for (const auto& column : layout_->columns) {
    const std::string quoted = quote_name(column.name);
    names += ", " + quoted;
    columns += ", " + quoted;
    means += fmt::format(", SUM({0} * w) / SUM(IF({0} IS NULL, 0, w))", quoted);
  }
  db_.execute(fmt::format("DELETE FROM {} WHERE {} >= {} AND {} < {}", name(unit, table), time, time_text(span.start),
                          time, time_text(span.end)));
  db_.execute(
      fmt::format("INSERT INTO {0} ({1}{2}) SELECT {3}{4} FROM (SELECT {1} AS at{5}, LEAST({6}, GREATEST(1, "
                  "COALESCE(TIMESTAMPDIFF(SECOND, LAG({1}) OVER (ORDER BY {1}), {1}), 1))) AS w FROM {7} WHERE {1} >= "
                  "{8} AND {1} < "
                  "{9}) AS rows_of_it WHERE at >= {3} HAVING COUNT(*) > 0",
                  name(unit, table), time, names, time_text(span.start), means, columns, kLongestWeight_s,
                  name(unit, layout_->table), time_text(span.start - kLongestWeight_s), time_text(span.end)));
}

void TableWriter::settle() {
  for (Unit& unit : units_) {
    const bool silent = !unit.written;
    unit.written = false;
    if (!silent || !unit.behind || !unit.open) continue;
    db_.execute("START TRANSACTION");
    mean_of_minute(unit, floor_to(*unit.open, kMinute));
    mean_of_hour(unit, hour_of(*unit.open));
    mean_of_day(unit, day_of(*unit.open));
    db_.execute("COMMIT");
    unit.behind = false;
  }
}

std::uint64_t TableWriter::expire(const Retention& keep, std::int64_t now_us) {
  if (!keep.raw) return 0;
  const std::int64_t before_us = now_us - keep.raw->count() / 1000;
  const auto deadline = std::chrono::steady_clock::now() + kExpireTime;
  std::uint64_t gone = 0;
  for (const Unit& unit : units_) {
    std::uint64_t changed = unit.made ? kExpireRows : 0;
    while (changed == kExpireRows && std::chrono::steady_clock::now() < deadline) {
      db_.execute(fmt::format("DELETE FROM {} WHERE {} < {} ORDER BY {} LIMIT {}", name(unit, layout_->table),
                              quote_name(layout_->time), time_text(stored(floor_to(before_us, kUs) / kUs)),
                              quote_name(layout_->time), kExpireRows));
      changed = db_.changes();
      gone += changed;
    }
  }
  return gone;
}

}  // namespace mesura::sinks::mysql
