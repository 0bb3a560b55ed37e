// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/sqlite/registers.hpp"

#include "database/sqlite.hpp"
#include "sinks/sqlite/layout.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <system_error>
#include <utility>

namespace mesura::sinks::sqlite {
namespace {

// A device that has been silent for so many rows of its table's others is left to what the state directory knows.
constexpr int kRows = 200'000;

struct Column {
  std::string name;
  std::map<std::string, model::RegisterValue> by_device;  ///< still to be found
};

struct Table {
  bool fleet = false;
  std::map<std::string, Column> columns;
  std::size_t missing = 0;
};

std::map<std::string, Table> wanted_of(const Database& db) {
  std::map<std::string, Table> tables;
  Statement s = db.prepare(
      "SELECT table_name, column_name, device, channel, quantity, fleet FROM series "
      "WHERE kind = 'register' AND source = ?1");
  s.bind(1, model::kIntegrated);
  while (s.step()) {
    Table& table = tables[s.text(0)];
    table.fleet = !s.text(5).empty();
    Column& column = table.columns[s.text(1)];
    column.name = s.text(1);
    column.by_device.emplace(s.text(2), model::RegisterValue{s.text(2), s.text(3), s.text(4), 0});
    ++table.missing;
  }
  return tables;
}

// From the newest row back, until every register has been met.
void find(const Database& db, const std::string& name, Table& table, std::vector<model::RegisterValue>& found) {
  std::string columns;
  for (const auto& [column, wanted] : table.columns) columns += ", t." + quote_name(column);
  Statement rows = db.prepare(
      table.fleet
          ? fmt::format("SELECT d.name{} FROM {} AS t JOIN devices AS d ON d.id = t.device_id ORDER BY t.time "
                        "DESC LIMIT {}",
                        columns, quote_name(name), kRows)
          : fmt::format("SELECT NULL{} FROM {} AS t ORDER BY t.time DESC LIMIT {}", columns, quote_name(name), kRows));
  while (table.missing > 0 && rows.step()) {
    int at = 0;
    for (auto& [column, wanted] : table.columns) {
      if (rows.is_null(++at) || wanted.by_device.empty()) continue;
      const auto device = table.fleet ? wanted.by_device.find(rows.text(0)) : wanted.by_device.begin();
      if (device == wanted.by_device.end()) continue;
      device->second.value = rows.number(at);
      found.push_back(std::move(device->second));
      wanted.by_device.erase(device);
      --table.missing;
    }
  }
}

}  // namespace

std::vector<model::RegisterValue> integrated_registers(const std::filesystem::path& path) {
  std::vector<model::RegisterValue> found;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return found;
  try {
    const Database db{path, Database::Open::existing};
    if (db.integer("PRAGMA application_id") != kApplicationId) return found;
    for (auto& [name, table] : wanted_of(db)) find(db, name, table, found);
  } catch (const database::Error&) {
    // Locked or damaged: the sink itself will say so; what was found counts.
  }
  return found;
}

}  // namespace mesura::sinks::sqlite
