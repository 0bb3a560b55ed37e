// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/table_layout.hpp"

#include "config/reader.hpp"
#include "config/schema.hpp"
#include "mysql_table_layouts.hpp"

#include <stdexcept>
#include <utility>

namespace mesura::sinks::mysql {
namespace {

config::Schema at_least_one(config::Schema schema) {
  schema.min = 1;
  return schema;
}

config::Schema schema() {
  using namespace config;
  const Schema column = object({required("source", text("what the wire calls the value")),
                                required("type", text("of the column, in SQL")),
                                optional("absent", number("for rows that have no value; else NULL"))});
  const Schema meta_column = object({required("attribute", text("of the device"))});
  return object({required("layout", text("its name")), required("summary", text("one line")),
                 required("database", text("the device's attribute that names its database")),
                 required("table", text("one row a second")), required("time", text("the column of its time")),
                 required("means", object({required("minute", text("table")), required("hour", text("table")),
                                           required("day", text("table"))})),
                 required("columns", at_least_one(map(column, "in order"))),
                 optional("meta", object({required("table", text("one row about the device")),
                                          required("columns", at_least_one(map(meta_column, "in order")))}))});
}

}  // namespace

TableLayoutResult parse_table_layout(std::string_view yaml, const std::string& file) {
  config::Reading reading = config::read_text(yaml, schema(), {file, {}, {}});
  TableLayoutResult result;
  result.diagnostics = std::move(reading.diagnostics);
  if (result.diagnostics.has_errors()) return result;
  const config::Value& v = reading.value;
  auto layout = std::make_shared<TableLayout>();
  layout->name = v["layout"].text();
  layout->summary = v["summary"].text();
  layout->database = v["database"].text();
  layout->table = v["table"].text();
  layout->time = v["time"].text();
  layout->minute = v["means"]["minute"].text();
  layout->hour = v["means"]["hour"].text();
  layout->day = v["means"]["day"].text();
  for (const auto& [name, column] : v["columns"].map()) {
    TableLayout::Column c{name, column["source"].text(), column["type"].text(), {}};
    if (column["absent"]) c.absent = column["absent"].number();
    layout->by_source.emplace(c.source, static_cast<std::uint32_t>(layout->columns.size()));
    layout->columns.push_back(std::move(c));
  }
  if (const config::Value& meta = v["meta"]; meta) {
    layout->meta = meta["table"].text();
    for (const auto& [name, column] : meta["columns"].map())
      layout->meta_columns.push_back({name, column["attribute"].text()});
  }
  result.layout = std::move(layout);
  return result;
}

const std::vector<std::shared_ptr<const TableLayout>>& known_table_layouts() {
  static const auto all = [] {
    std::vector<std::shared_ptr<const TableLayout>> list;
    for (const auto& [file, yaml] : kTableLayouts) {
      auto parsed = parse_table_layout(yaml, file);
      if (!parsed.layout) throw std::logic_error(std::string{"a built-in layout of tables is wrong: "} + file);
      list.push_back(std::move(parsed.layout));
    }
    return list;
  }();
  return all;
}

}  // namespace mesura::sinks::mysql
