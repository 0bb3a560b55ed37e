// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/layout.hpp"

#include "sinks/mysql/layout_lock.hpp"
#include "sinks/mysql/reserved_words.hpp"
#include "sinks/mysql/schema.hpp"
#include "sinks/names.hpp"

#include <mesura/sink.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::Error;

// Room for the suffixes of our views and of tables that are derived from a device's.
constexpr NameLimits kTableName{58, false, 230};
constexpr NameLimits kColumnName{64, false, SIZE_MAX};

enum ServerError : std::uint16_t {
  kCannotCreate = 1005,
  kDuplicateColumn = 1060,
  kTooManyColumns = 1117,
  kRowTooLarge = 1118,
  kViewDenied = 1142,
  kColumnDenied = 1143,
};

// The storage engine's own limits come with its own numbers: "errno: 185 "Too many columns"", 139 a row too long.
bool is_too_many(const Error& e) {
  const std::string_view text = e.what();
  return e.number() == kTooManyColumns || e.number() == kRowTooLarge ||
         (e.number() == kCannotCreate &&
          (text.find("errno: 185") != std::string_view::npos || text.find("errno: 139") != std::string_view::npos));
}

// States stay the same series when their device joins a fleet; columns of another table do not.
std::string key_of(const SeriesInfo& info) {
  const bool state = info.text || info.kind == Kind::state;
  return meaning_of(info) + joined({info.device, state ? std::string_view{"s"} : std::string_view{"w"},
                                    state ? std::string_view{} : std::string_view{info.fleet}});
}

// Devices whose name means something else here get "device_" in front.
bool taken_by_us(const std::string& name) {
  constexpr std::array kSuffixes{"_utc", "_local", "_1m", "_15m", "_1h", "_1d"};
  if (name.empty() || is_reserved(name)) return true;
  return std::any_of(kSuffixes.begin(), kSuffixes.end(), [&](const char* suffix) { return name.ends_with(suffix); });
}

Kind kind_from(std::string_view text) {
  for (const Kind kind : {Kind::gauge, Kind::reg, Kind::state}) {
    if (to_string(kind) == text) return kind;
  }
  return Kind::gauge;
}

std::string cell(const Connection::Row& row, std::size_t column) { return row[column].value_or(""); }

std::int64_t number(const Connection::Row& row, std::size_t column) { return std::stoll(cell(row, column)); }

}  // namespace

std::string Layout::Owner::comment() const { return fmt::format("Mesura: {} {}", fleet ? "fleet" : "device", name); }

Layout::Layout(const Connection& db, const SeriesTable& series, std::string site_zone, bool arrays)
    : db_(db), series_(series), site_zone_(std::move(site_zone)), arrays_(arrays) {}

void Layout::open(std::int64_t now_us) {
  collation_ = collation_of(db_);
  max_columns_ = max_columns(db_);
  const bool complete = is_complete(db_);
  if (!complete) {
    const LayoutLock lock{db_};
    make_room(db_);
    create_tables(db_, collation_, site_zone_, now_us);
  }
  check_version(db_);
  const bool upgraded = [&] {
    if (meta_text(db_, "layout") != "1") return false;
    const LayoutLock lock{db_};
    return upgrade(db_);
  }();
  read();
  if (note_zone(db_, site_zone_) || upgraded) {
    for (const WideTable& table : tables_) make_view(table);
  }
}

void Layout::read() {
  tables_.clear();
  table_by_owner_.clear();
  unmade_.clear();
  members_.clear();
  names_.clear();
  columns_.clear();
  known_.clear();
  homeless_.clear();
  last_id_ = 0;
  last_member_ = 0;
  read_names();
  for (const auto& row : db_.query("SELECT id, fleet, name FROM devices")) {
    const auto id = static_cast<std::uint32_t>(number(row, 0));
    members_.emplace(joined({cell(row, 1), cell(row, 2)}), id);
    last_member_ = std::max(last_member_, id);
  }
  read_series();
}

void Layout::read_names() {
  for (const auto& row :
       db_.query("SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")) {
    names_.emplace(folded(cell(row, 0)), cell(row, 1));
  }
  for (const auto& row : db_.query("SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE "
                                   "TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION")) {
    columns_[cell(row, 0)].push_back({cell(row, 1), cell(row, 2) == "double"});
  }
}

// Some servers keep the names of tables in lower case.
const std::vector<Layout::Column>* Layout::columns_of(const std::string& table) const {
  auto found = columns_.find(table);
  if (found == columns_.end()) found = columns_.find(folded(table));
  return found != columns_.end() ? &found->second : nullptr;
}

void Layout::read_series() {
  for (const auto& row :
       db_.query("SELECT id, device, channel, quantity, unit, kind, label, role, source, decimals, quality, "
                 "table_name, column_name, fleet FROM series ORDER BY id")) {
    SeriesInfo info;
    info.device = cell(row, 1);
    info.channel = cell(row, 2);
    info.quantity = cell(row, 3);
    info.unit = cell(row, 4);
    info.fleet = cell(row, 13);
    const std::string table = cell(row, 11);
    info.kind = kind_from(cell(row, 5));
    const bool state = table == kStateTable;
    info.text = state;
    if (!state && info.kind == Kind::state) info.kind = Kind::gauge;
    const std::string key = key_of(info);
    Known known{{},
                info.fleet,
                cell(row, 6),
                cell(row, 7),
                cell(row, 8),
                static_cast<int>(number(row, 9)),
                kind_from(cell(row, 5))};
    known.slot.id = number(row, 0);
    known.slot.place = state ? Slot::Place::state : Slot::Place::wide;
    known.slot.usual = static_cast<std::uint8_t>(number(row, 10));
    last_id_ = std::max(last_id_, known.slot.id);
    if (!state) {
      // A person dropped the table or the column: the series starts anew with its next value.
      if (columns_of(table) == nullptr) {
        homeless_.emplace(key, known.slot.id);
        continue;
      }
      const Owner owner{!info.fleet.empty(), info.fleet.empty() ? info.device : info.fleet};
      const auto found = table_by_owner_.find(owner.key());
      known.slot.table = found != table_by_owner_.end() ? found->second : read_table(owner, table);
      WideTable& wide = tables_[known.slot.table];
      const auto at = std::find(wide.columns.begin(), wide.columns.end(), cell(row, 12));
      const auto member = members_.find(joined({info.fleet, info.device}));
      if (at == wide.columns.end() || (owner.fleet && member == members_.end())) {
        homeless_.emplace(key, known.slot.id);
        continue;
      }
      known.slot.column = static_cast<std::uint32_t>(at - wide.columns.begin());
      wide.unclaimed.erase(folded(*at));
      if (owner.fleet) {
        wide.by_meaning.emplace(meaning_of(info), known.slot.column);
        known.slot.member = member->second;
      }
      info.role = known.role;
      describe_column(wide, known.slot, info);
    }
    known_.emplace(key, std::move(known));
  }
}

std::uint32_t Layout::read_table(const Owner& owner, const std::string& name) {
  WideTable table;
  table.name = name;
  table.fleet = owner.fleet;
  table.folded = {"time", "local_time"};
  if (owner.fleet) table.folded.insert({"device_id", "device"});
  if (const auto* columns = columns_of(name); columns != nullptr) {
    for (const Column& column : *columns) {
      const std::string low = folded(column.name);
      if (low == "time" || (owner.fleet && low == "device_id")) continue;
      if (column.is_double) table.unclaimed.emplace(low, static_cast<std::uint32_t>(table.columns.size()));
      table.columns.push_back(column.name);
      table.doubles.push_back(column.is_double);
      table.folded.insert(low);
    }
  }
  table.kinds.resize(table.columns.size(), rollup::ColumnKind::gauge);
  if (!owner.fleet) table.device = owner.name;
  tables_.push_back(std::move(table));
  const auto index = static_cast<std::uint32_t>(tables_.size() - 1);
  table_by_owner_.emplace(owner.key(), index);
  return index;
}

bool Layout::place(std::span<const Wanted> wanted, std::vector<Slot>& slots) {
  bool reread = false;
  const auto is_known = [&](const Wanted& w) {
    return known_.contains(key_of(series_.at(w.series))) || names_too_long(series_.at(w.series));
  };
  if (!std::all_of(wanted.begin(), wanted.end(), is_known)) {
    const LayoutLock lock{db_};
    reread = others_came();
    if (reread) {
      read();
      std::fill(slots.begin(), slots.end(), Slot{});
    }
    make(wanted);
  }
  for (const Wanted& w : wanted) {
    const SeriesInfo& info = series_.at(w.series);
    const auto found = known_.find(key_of(info));
    Slot& slot = slots[w.series];
    if (found == known_.end()) {
      slot.place = Slot::Place::refused;
      continue;
    }
    update(found->second, info);
    if (found->second.slot.place == Slot::Place::wide) {
      describe_column(tables_[found->second.slot.table], found->second.slot, info);
    }
    slot = found->second.slot;
    slot.text = info.text;
  }
  return reread;
}

bool Layout::others_came() const {
  return db_.integer("SELECT COALESCE(MAX(id), 0) FROM series") != last_id_ ||
         db_.integer("SELECT COALESCE(MAX(id), 0) FROM devices") != last_member_;
}

// Columns first, then their series: what a crash leaves in between is a column that nobody has, and is used.
void Layout::make(std::span<const Wanted> wanted) {
  std::vector<Fresh> all;
  std::set<std::string> keys;
  for (const Wanted& w : wanted) {
    const SeriesInfo& info = series_.at(w.series);
    std::string key = key_of(info);
    if (names_too_long(info) || known_.contains(key) || !keys.insert(key).second) continue;
    Fresh fresh{
        &info, &w, std::move(key), {{}, info.fleet, info.label, info.role, info.source, info.decimals, info.kind}};
    const auto homeless = homeless_.find(fresh.key);
    fresh.known.slot.id = homeless != homeless_.end() ? homeless->second : ++last_id_;
    // How a value comes about belongs to the series; a clock's or a reading's trouble belongs to the value.
    fresh.known.slot.usual = w.quality & (MESURA_DERIVED | MESURA_ESTIMATED);
    const bool state = info.text || info.kind == Kind::state;
    fresh.known.slot.place = state ? Slot::Place::state : Slot::Place::refused;
    all.push_back(std::move(fresh));
  }
  std::map<std::uint32_t, std::vector<Plan>> plans;
  for (Fresh& fresh : all) {
    if (fresh.known.slot.place != Slot::Place::state) plan(plans, fresh);
  }
  for (auto& [table, list] : plans) carry_out(table, list);

  std::vector<Fresh*> placed;
  for (Fresh& fresh : all) {
    if (fresh.known.slot.place != Slot::Place::refused) placed.push_back(&fresh);
  }
  put_members(placed);
  put_series(placed);
  for (Fresh* fresh : placed) {
    homeless_.erase(fresh->key);
    known_.emplace(fresh->key, std::move(fresh->known));
  }
  // Ids of refused series are not used up: others compare the last one.
  last_id_ = db_.integer("SELECT COALESCE(MAX(id), 0) FROM series");
}

void Layout::plan(std::map<std::uint32_t, std::vector<Plan>>& plans, Fresh& fresh) {
  const SeriesInfo& info = *fresh.info;
  const Owner owner{!info.fleet.empty(), info.fleet.empty() ? info.device : info.fleet};
  auto found = table_by_owner_.find(owner.key());
  if (found == table_by_owner_.end()) {
    const std::string name = free_name(owner);
    const std::uint32_t index = read_table(owner, name);
    if (!names_.contains(folded(name))) unmade_.emplace(index, owner);
    names_.emplace(folded(name), owner.comment());
    found = table_by_owner_.find(owner.key());
  }
  const std::uint32_t table = found->second;
  fresh.known.slot.table = table;
  WideTable& wide = tables_[table];
  std::vector<Plan>& list = plans[table];
  if (owner.fleet) {
    if (const auto shared = wide.by_meaning.find(meaning_of(info)); shared != wide.by_meaning.end()) {
      fresh.known.slot.column = shared->second;
      fresh.known.slot.place = Slot::Place::wide;
      return;
    }
    const auto same =
        std::find_if(list.begin(), list.end(), [&](const Plan& p) { return meaning_of(*p.info) == meaning_of(info); });
    if (same != list.end()) {
      same->for_whom.push_back(&fresh);
      return;
    }
  }
  Plan column{{}, &info, {&fresh}};
  const auto unclaimed = wide.unclaimed.find(folded(identifier(info.flat_name, kColumnName)));
  if (unclaimed != wide.unclaimed.end()) {
    const std::uint32_t index = unclaimed->second;
    wide.unclaimed.erase(unclaimed);
    claim(table, column, index);
    return;
  }
  column.name = free_column(wide, info.flat_name);
  wide.folded.insert(folded(column.name));
  list.push_back(std::move(column));
}

void Layout::claim(std::uint32_t table, const Plan& plan, std::uint32_t column) {
  WideTable& wide = tables_[table];
  if (wide.fleet) wide.by_meaning.emplace(meaning_of(*plan.info), column);
  for (Fresh* fresh : plan.for_whom) {
    fresh->known.slot.column = column;
    fresh->known.slot.place = Slot::Place::wide;
  }
}

// What rollups have to know of a column.
void Layout::describe_column(WideTable& table, const Slot& slot, const SeriesInfo& info) {
  if (info.kind == Kind::reg) table.kinds[slot.column] = rollup::ColumnKind::reg;
  table.powers.note(slot.member, slot.column, info);
}

std::string Layout::free_column(const WideTable& table, const std::string& flat_name) {
  const std::string base = identifier(flat_name, kColumnName);
  std::string name = base;
  for (int n = 2; table.folded.contains(folded(name)); ++n) {
    const std::string suffix = fmt::format("_{}", n);
    name = base.size() + suffix.size() <= kColumnName.characters
               ? base + suffix
               : identifier(flat_name, {kColumnName.characters - suffix.size(), false, SIZE_MAX}) + suffix;
  }
  return name;
}

std::string Layout::free_name(const Owner& owner) const {
  std::string plain = identifier(owner.name, kTableName);
  const auto free = [&](const std::string& name) {
    const auto found = names_.find(folded(name));
    // Made by one that was killed before it could tell in `series`.
    if (found != names_.end()) return found->second == owner.comment();
    return !names_.contains(folded(name) + "_local");
  };
  if (!taken_by_us(folded(plain)) && free(plain)) return plain;
  const std::string prefixed = (owner.fleet ? "fleet_" : "device_") + owner.name;
  std::string name = identifier(prefixed, kTableName);
  for (int n = 2; !free(name); ++n) {
    const std::string suffix = fmt::format("_{}", n);
    name = identifier(prefixed, {kTableName.characters - suffix.size(), false, kTableName.file_bytes}) + suffix;
  }
  return name;
}

std::string Layout::definitions(std::span<const Plan> plans) const {
  std::string sql;
  for (const Plan& plan : plans) {
    if (!sql.empty()) sql += ",\n  ";
    const std::string comment = fmt::format("{} {} in {}", plan.info->channel, plan.info->quantity, plan.info->unit);
    sql += fmt::format("ADD COLUMN {} DOUBLE NULL COMMENT {}", quote_name(plan.name), db_.quote(comment));
  }
  return sql;
}

void Layout::carry_out(std::uint32_t table, std::vector<Plan>& plans) {
  const auto unmade = unmade_.find(table);
  if (unmade == unmade_.end() && plans.empty()) return;
  WideTable& wide = tables_[table];
  if (unmade != unmade_.end()) {
    const Owner owner = unmade->second;
    unmade_.erase(unmade);
    db_.execute(wide_table_sql(quote_name(wide.name), owner.fleet, collation_, db_.quote(owner.comment())));
  }
  add_columns(table, plans);
  make_view(wide);
}

void Layout::add_columns(std::uint32_t table, std::span<Plan> plans) {
  WideTable& wide = tables_[table];
  // The server adds columns without a look at the length of rows, and refuses the rows then.
  plans = plans.first(std::min(plans.size(), max_columns_ - std::min(max_columns_, wide.columns.size())));
  if (plans.empty() || wide.full) return;
  try {
    db_.execute(fmt::format("ALTER TABLE {} {}", quote_name(wide.name), definitions(plans)));
  } catch (const Error& e) {
    const bool too_many = is_too_many(e);
    if (!too_many && e.number() != kDuplicateColumn) throw;
    if (plans.size() > 1) {
      // In halves: as many as there is room for, the first ones first.
      add_columns(table, plans.first(plans.size() / 2));
      add_columns(table, plans.subspan(plans.size() / 2));
    } else if (too_many) {
      wide.full = true;
    } else {
      // The server takes two letters for the same that we do not.
      plans[0].name = free_column(wide, plans[0].info->flat_name);
      wide.folded.insert(folded(plans[0].name));
      add_columns(table, plans);
    }
    return;
  }
  for (const Plan& plan : plans) {
    wide.columns.push_back(plan.name);
    wide.doubles.push_back(true);
    wide.kinds.push_back(rollup::ColumnKind::gauge);
    claim(table, plan, static_cast<std::uint32_t>(wide.columns.size() - 1));
  }
}

// `*` is worked out when the view is made: it is made again with each new column.
void Layout::make_view(const WideTable& table) const {
  try {
    db_.execute(view_sql(table.name, table.fleet, db_.quote(site_zone_), site_zone_));
  } catch (const Error& e) {
    // Views are for people: without the right to make them everything is stored all the same.
    if (e.number() != kViewDenied && e.number() != kColumnDenied) throw;
  }
}

}  // namespace mesura::sinks::mysql
