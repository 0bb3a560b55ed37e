// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/upserts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::Bulk;
using database::mariadb::datetime_text;
using database::mariadb::Error;
using database::mariadb::Parameters;
using database::mariadb::to_datetime;

// A device sends few sets of columns (one a kind of telegram); more than this are leftovers.
constexpr std::size_t kMaxShapes = 32;

bool has_cell(std::span<const Rows::Cell> cells, std::uint32_t column) {
  return std::any_of(cells.begin(), cells.end(), [&](const Rows::Cell& c) { return c.column == column; });
}

// The names and the values of what a new row gets beside `cells`.
std::pair<std::string, std::string> defaults(const Target& target, std::span<const Rows::Cell> cells) {
  std::pair<std::string, std::string> out;
  for (const auto& [column, value] : target.defaults) {
    if (has_cell(cells, column)) continue;
    out.first += ", " + target.columns[column];
    out.second += fmt::format(", {}", value);
  }
  return out;
}

}  // namespace

void Upserts::write(const Rows& rows, const TargetOf& target, Rejections& rejections) {
  const std::span<const Rows::Row> all = rows.rows();
  for (std::size_t at = 0; at < all.size();) {
    const std::uint32_t table = all[at].table;
    if (table >= shapes_.size()) shapes_.resize(table + 1);
    const auto run_all = [&] {
      for (Shape& s : shapes_[table].list) run(rows, s, target, rejections);
    };
    for (; at < all.size() && all[at].table == table; ++at) {
      if (shapes_[table].list.size() > kMaxShapes) {
        run_all();
        shapes_[table] = {};
      }
      shape(table, rows.cells(all[at]), target).rows.push_back(&all[at]);
    }
    run_all();
  }
}

void Upserts::run(const Rows& rows, Shape& s, const TargetOf& target, Rejections& rejections) {
  Parameters& p = s.parameters;
  p.resize(s.rows.size());
  const std::size_t first = s.member ? 2 : 1;
  for (std::size_t r = 0; r < s.rows.size(); ++r) {
    const Rows::Row& row = *s.rows[r];
    p.set_time(r, 0, to_datetime(row.time));
    if (s.member) p.set(r, 1, std::int64_t{row.member});
    std::size_t column = first;
    for (const Rows::Cell& cell : rows.cells(row)) p.set(r, column++, cell.item->number);
  }
  execute_but(s.bulk, p, 0, s.rows.size(), [&](std::size_t row, const Error& why) {
    write_cells(rows, *s.rows[row], target(s.rows[row]->table), why, rejections);
  });
  s.rows.clear();
}

// The server refuses the row: those of its values that it refuses alone, too, are to blame.
void Upserts::write_cells(const Rows& rows, const Rows::Row& row, const Target& target, const Error& why,
                          Rejections& rejections) const {
  const std::span<const Rows::Cell> cells = rows.cells(row);
  if (cells.size() == 1) {
    rejections.add(*cells[0].item, *cells[0].batch, why);
    return;
  }
  const auto [more_names, more_values] = defaults(target, cells);
  for (const Rows::Cell& cell : cells) {
    const std::string& name = target.columns[cell.column];
    try {
      db_.execute(fmt::format(
          "INSERT INTO {} ({}, {}{}{}) VALUES ('{}', {}{}{}) ON DUPLICATE KEY UPDATE {} = VALUES({})", target.table,
          target.time, target.member.empty() ? "" : target.member + ", ", name, more_names, datetime_text(row.time),
          target.member.empty() ? "" : fmt::format("{}, ", row.member), cell.item->number, more_values, name, name));
    } catch (const Error& e) {
      if (!is_records_fault(e)) throw;
      rejections.add(*cell.item, *cell.batch, e);
    }
  }
}

Upserts::Shape& Upserts::shape(std::uint32_t table, std::span<const Rows::Cell> cells, const TargetOf& target) {
  Shapes& shapes = shapes_[table];
  const auto fits = [&](const Shape& s) {
    return std::equal(s.columns.begin(), s.columns.end(), cells.begin(), cells.end(),
                      [](std::uint32_t column, const Rows::Cell& cell) { return column == cell.column; });
  };
  auto& list = shapes.list;
  if (shapes.latest >= list.size() || !fits(list[shapes.latest])) {
    auto found = std::find_if(list.begin(), list.end(), fits);
    if (found == list.end()) {
      list.push_back(make_shape(target(table), cells));
      found = list.end() - 1;
    }
    shapes.latest = static_cast<std::size_t>(found - list.begin());
  }
  return list[shapes.latest];
}

// Only the columns at hand are updated: partial rows merge, and nothing is ever overwritten with NULL.
Upserts::Shape Upserts::make_shape(const Target& target, std::span<const Rows::Cell> cells) const {
  using Type = Parameters::Type;
  const bool member = !target.member.empty();
  std::string names = member ? target.time + ", " + target.member : target.time;
  std::string marks = member ? "?, ?" : "?";
  std::string updates;
  std::vector<Type> types{Type::time};
  if (member) types.push_back(Type::integer);
  std::vector<std::uint32_t> columns;
  for (const Rows::Cell& cell : cells) {
    columns.push_back(cell.column);
    const std::string& name = target.columns[cell.column];
    names += ", " + name;
    marks += ", ?";
    updates += fmt::format("{}{} = VALUES({})", updates.empty() ? "" : ", ", name, name);
    types.push_back(Type::number);
  }
  const auto [more_names, more_values] = defaults(target, cells);
  return {std::move(columns),
          member,
          Bulk{db_, fmt::format("INSERT INTO {} ({}{}) VALUES ", target.table, names, more_names),
               fmt::format("({}{})", marks, more_values), " ON DUPLICATE KEY UPDATE " + updates, arrays_},
          Parameters{types},
          {}};
}

}  // namespace mesura::sinks::mysql
