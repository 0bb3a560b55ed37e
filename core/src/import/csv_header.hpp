// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/csv_reader.hpp"
#include "model/vocabulary.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::importing {

/// `column=channel/quantity[:unit][*factor]`, with `device/` in front if need be: what a column of a foreign file is.
struct CsvMapping {
  std::string column;
  std::string device, channel, quantity;
  std::string unit;   ///< that the file has, converted to the base unit; empty: the base unit
  double factor = 1;  ///< -1 turns the sign
};
/// nullopt, with the reason in `error`.
[[nodiscard]] std::optional<CsvMapping> parse_mapping(std::string_view text, std::string& error);

/// What to multiply values in `unit` with to get `base` ("kW" to "W": 1000); nullopt: they don't fit.
[[nodiscard]] std::optional<double> unit_factor(std::string_view unit, std::string_view base);

struct CsvColumn {
  enum class Role : std::uint8_t { ignored, time, device, channel, quantity, unit, value, quality, series };
  Role role = Role::ignored;
  std::string name;                       ///< as the header has it
  std::string device, channel, quantity;  ///< of a series; device empty: the file's
  double factor = 1;
};

struct CsvHeader {
  bool is_long = false;  ///< a line per value
  std::size_t time = 0;
  std::vector<CsvColumn> columns;
  std::vector<std::string> unknown;  ///< columns of which nothing is known
};

/// Reads a header: a line per value if it has `time`, `channel`, `quantity` and `value`; otherwise a line per instant,
/// where a column is a series by its name (`device/channel/quantity`, `channel/quantity`, `channel_quantity_suffix`, as
/// in the sink's files and those of `mesura export`) or by `mappings`. With mappings other columns are ignored.
/// `time_column` empty: `time`, else the first column. Null, with the reason in `error`.
[[nodiscard]] std::optional<CsvHeader> read_header(const std::vector<CsvCell>& cells,
                                                   const model::Vocabulary& vocabulary,
                                                   const std::vector<CsvMapping>& mappings,
                                                   std::string_view time_column, std::string& error);

}  // namespace mesura::importing
