// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/recovery.hpp"

#include <mesura/sink.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <system_error>

namespace mesura::sinks::sqlite {
namespace {

using database::Salvage;
using database::SalvageSource;

constexpr std::size_t kRowsAPortion = 2000;
// Times outside are damage: 1970 to 2200.
constexpr std::int64_t kLeastTime = 0;
constexpr std::int64_t kGreatestTime = 7'258'118'400'000'000;

constexpr std::array kOurTables{"meta",     "series",        "states",         "quality",        "devices",
                                "quarters", "rollup_tables", "rollup_columns", "rollup_pending", "zone_offsets"};

}  // namespace

bool looks_like_ours(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string start(1 << 18, '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(in.gcount()));
  if (start.size() > 72 && start.compare(68, 4, "Mesu") == 0) return true;  // application_id
  for (const char* text : {"what every column and every state means", "values whose quality is not their series"}) {
    if (start.find(text) != std::string::npos) return true;
  }
  std::ifstream wal{file.string() + "-wal", std::ios::binary};
  std::array<char, 3> magic{};
  return wal.read(magic.data(), magic.size()) && magic == std::array<char, 3>{'\x37', '\x7f', '\x06'};
}

Recovery::Recovery(std::filesystem::path damaged, Target target) : path_(std::move(damaged)), target_(target) {}

void Recovery::add(SalvageSource source, std::function<void(const Statement&)> copy, std::function<void()> finish) {
  jobs_.push_back({Salvage{*damaged_, std::move(source)}, std::move(copy), std::move(finish)});
}

void Recovery::read_all(SalvageSource source, const std::function<void(const Statement&)>& visit) {
  if (std::find(tables_.begin(), tables_.end(), source.table) == tables_.end()) return;
  Salvage salvage{*damaged_, std::move(source)};
  while (salvage.next(kRowsAPortion, visit)) {
  }
  holes_ += salvage.holes();
}

std::vector<std::string> Recovery::columns_of(const std::string& table) const {
  std::vector<std::string> out;
  Statement list = damaged_->prepare("SELECT name FROM pragma_table_info(?1)");
  list.bind(1, std::string_view{table});
  while (list.step()) out.push_back(list.text(0));
  return out;
}

// Reads what describes the tables and makes a list of what to copy.
void Recovery::plan() {
  planned_ = true;
  try {
    database::mend_header(path_);
    damaged_ = std::make_unique<Database>(path_);
    // A file that is shorter than it says is read as far as it goes.
    damaged_->execute("PRAGMA writable_schema = ON");
    Statement list = damaged_->prepare("SELECT name FROM sqlite_schema WHERE type = 'table'");
    while (list.step()) tables_.push_back(list.text(0));
  } catch (const database::Error& e) {
    if (!database::is_damage(e)) throw;
    ++holes_;
  } catch (const std::system_error& e) {
    throw SinkError(fmt::format("sink-corrupt: {}", e.what()));
  }
  read_devices();
  read_series();
  std::vector<std::string> rollups;
  read_all({"rollup_tables", "part", {}, {"name", "level"}}, [&](const Statement& row) {
    if (row.text(2) != "raw") rollups.push_back(row.text(1));
  });
  for (const std::string& table : tables_) {
    const bool other = table.starts_with("sqlite_") ||
                       std::find(rollups.begin(), rollups.end(), table) != rollups.end() ||
                       std::find(kOurTables.begin(), kOurTables.end(), table) != kOurTables.end();
    if (!other) plan_wide(table);
  }
  plan_states();
  plan_quality();
  plan_quarters();
}

void Recovery::read_devices() {
  read_all({"devices", "rowid", {}, {"name", "fleet"}}, [&](const Statement& row) {
    devices_[row.integer(0)] = {row.text(1), row.text(2)};
  });
}

void Recovery::read_series() {
  const bool fleets = [&] {
    const auto columns = columns_of("series");
    return std::find(columns.begin(), columns.end(), "fleet") != columns.end();
  }();
  std::vector<std::string> columns{"device", "channel", "quantity", "unit",       "kind",        "label",
                                   "role",   "source",  "decimals", "table_name", "column_name", "quality"};
  if (fleets) columns.emplace_back("fleet");
  read_all({"series", "rowid", {}, columns}, [&](const Statement& row) {
    Old old;
    SeriesInfo& info = old.info;
    info.device = row.text(1);
    info.channel = row.text(2);
    info.quantity = row.text(3);
    info.unit = row.text(4);
    const std::string kind = row.text(5);
    info.kind = kind == "register" ? Kind::reg : kind == "state" ? Kind::state : Kind::gauge;
    info.label = row.text(6);
    info.role = row.text(7);
    info.source = row.text(8);
    info.decimals = static_cast<int>(row.integer(9));
    old.table = row.text(10);
    old.column = row.text(11);
    old.usual = static_cast<std::uint8_t>(row.integer(12));
    if (fleets) info.fleet = row.text(13);
    info.flat_name = old.column;
    if (!info.device.empty() && !info.quantity.empty()) series_[row.integer(0)] = std::move(old);
  });
  for (auto& [id, old] : series_) {
    // Texts are known by their table only.
    if (old.table == "states" && old.info.kind != Kind::state) old.info.text = true;
    const Slot slot = target_.layout.resolve(old.info, old.usual, kLeastTime);
    if (slot.place != Slot::Place::refused) old.slot = slot;
  }
}

void Recovery::plan_wide(const std::string& table) {
  auto wide = std::make_unique<Wide>();
  wide->name = table;
  std::vector<std::string> columns = columns_of(table);
  wide->fleet = std::find(columns.begin(), columns.end(), "device_id") != columns.end();
  std::map<std::string, Slot> places;
  for (const auto& [id, old] : series_) {
    if (old.table == table && old.slot && old.slot->place == Slot::Place::wide) {
      places.try_emplace(old.column, *old.slot);
      if (!wide->fleet) continue;
      for (const auto& [device_id, device] : devices_) {
        if (device == std::pair{old.info.device, old.info.fleet}) wide->members[device_id] = old.slot->member;
      }
    }
  }
  // Where a description is lost, the program may still know the device.
  for (std::uint32_t id = 0; id < target_.series.size() && !wide->fleet; ++id) {
    const SeriesInfo& info = target_.series.at(id);
    if (info.device != table || !info.fleet.empty() || info.text || info.kind == Kind::state) continue;
    if (places.contains(info.flat_name) || std::find(columns.begin(), columns.end(), info.flat_name) == columns.end()) {
      continue;
    }
    const Slot slot = target_.layout.resolve(info, 0, kLeastTime);
    if (slot.place == Slot::Place::wide) places.emplace(info.flat_name, slot);
  }
  for (const auto& [name, slot] : places) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) continue;
    if (!wide->columns.empty() && slot.table != wide->table) continue;
    wide->table = slot.table;
    wide->columns.emplace_back(name, slot.column);
  }
  if (wide->columns.empty()) {
    // A person's own table, or one that nobody can explain any more.
    if (std::find(columns.begin(), columns.end(), "time") != columns.end()) ++holes_;
    return;
  }
  Wide& w = *wides_.emplace_back(std::move(wide));
  plan_rollups(w);

  const WideTable& to = target_.layout.tables()[w.table];
  const std::string key = w.fleet ? "time, device_id" : "time";
  std::string names = key;
  std::string marks = w.fleet ? "?, ?" : "?";
  std::string updates;
  SalvageSource source{table, "rowid", {}, {}};
  // The rowid of a device's table is its time.
  if (!w.fleet) {
    source.least = kLeastTime;
    source.greatest = kGreatestTime;
  } else {
    source.columns = {"time", "device_id"};
  }
  for (const auto& [name, column] : w.columns) {
    source.columns.push_back(name);
    const std::string quoted = quote_name(to.columns[column]);
    names += ", " + quoted;
    marks += ", ?";
    updates += fmt::format("{}{} = coalesce({}, excluded.{})", updates.empty() ? "" : ", ", quoted, quoted, quoted);
  }
  auto put = std::make_shared<Statement>(
      target_.db.prepare(fmt::format("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
                                     quote_name(to.name), names, marks, key, updates),
                         true));
  add(
      std::move(source), [this, &w, put](const Statement& row) { copy_row(w, *put, row); },
      [this, &w] {
        if (w.newest == INT64_MIN || target_.rollup == nullptr) return;
        // Rollups that were made of rows which are lost now are better than new ones.
        target_.store.set_horizon(w.table, std::nullopt, w.newest + 1);
        target_.rollup->rebuild(w.table, {w.oldest, w.newest + 1});
      });
}

void Recovery::copy_row(Wide& wide, Statement& put, const Statement& row) {
  int at = 0;
  int column = 1;
  std::int64_t time = row.integer(0);
  if (wide.fleet) {
    time = row.integer(column++);
    const auto member = wide.members.find(row.integer(column++));
    if (member == wide.members.end() || time < kLeastTime || time > kGreatestTime) return;
    put.bind(2, std::int64_t{member->second});
    at = 1;
  }
  put.bind(1, time);
  ++at;
  bool any = false;
  for (std::size_t i = 0; i < wide.columns.size(); ++i, ++column) {
    ++at;
    if (row.is_number(column)) {
      put.bind(at, row.number(column));
      any = true;
    } else {
      put.bind_null(at);
    }
  }
  if (!any) return;
  put.run();
  wide.newest = std::max(wide.newest, time);
  wide.oldest = std::min(wide.oldest, time);
}

bool Recovery::portion() {
  if (!planned_) {
    plan();
    return !jobs_.empty();
  }
  if (jobs_.empty()) return false;
  Job& job = jobs_.front();
  if (job.salvage.next(kRowsAPortion, job.copy)) return true;
  rows_ += job.salvage.rows();
  holes_ += job.salvage.holes();
  if (job.finish) job.finish();
  jobs_.pop_front();
  if (jobs_.empty()) damaged_.reset();
  return !jobs_.empty();
}

}  // namespace mesura::sinks::sqlite
