// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Somebody else's tables, described as data: which value goes into which column.
#pragma once

#include "config/diagnostic.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::mysql {

/// A database per device, in it a table with a row per second, tables of its means, and one row about the device.
/// README.md of this folder shows how it is written.
struct TableLayout {
  struct Column {
    std::string name;
    std::string source;            ///< SeriesInfo::source: what the wire calls it
    std::string type;              ///< SQL
    std::optional<double> absent;  ///< what a row gets that has no value for it; else NULL
  };
  struct MetaColumn {
    std::string name;
    std::string attribute;  ///< of the device
  };
  std::string name;
  std::string summary;
  std::string database;  ///< attribute that names a device's database
  std::string table;
  std::string time;  ///< column of it and of the tables of means
  std::string minute, hour, day;
  std::vector<Column> columns;  ///< in the table's order
  std::string meta;             ///< table, or empty
  std::vector<MetaColumn> meta_columns;

  std::unordered_map<std::string, std::uint32_t> by_source;  ///< -> columns
};

struct TableLayoutResult {
  std::shared_ptr<const TableLayout> layout;  ///< null if there are errors
  config::Diagnostics diagnostics;
};

/// Reads one; `file` names it in messages.
[[nodiscard]] TableLayoutResult parse_table_layout(std::string_view yaml, const std::string& file);

/// Those that came with the plugins (plugins/*/mysql_layout.yaml) when this program was built.
[[nodiscard]] const std::vector<std::shared_ptr<const TableLayout>>& known_table_layouts();

}  // namespace mesura::sinks::mysql
