// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/csv_header.hpp"

#include "import/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace mesura::importing {
namespace {

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(' ') - first + 1)};
}

/// Which series a column is by its own name.
bool take_series(CsvColumn& column, const model::Vocabulary& vocabulary) {
  std::string_view name = column.name;
  std::string_view unit;
  // "grid/l1/active_power (W)", as `mesura export` writes it.
  if (const std::size_t bracket = name.rfind(" ("); bracket != std::string_view::npos && name.ends_with(')')) {
    unit = name.substr(bracket + 2, name.size() - bracket - 3);
    name = name.substr(0, bracket);
  }
  const auto parts = parts_of(name, '/');
  if (parts.size() == 2 || parts.size() == 3) {
    const std::string& channel = parts[parts.size() - 2];
    const std::string& quantity = parts.back();
    const model::Quantity* q = vocabulary.find(quantity);
    if (q == nullptr || !model::Vocabulary::may_stand(*q, channel)) return false;
    if (!unit.empty() && unit != q->unit) return false;
    if (parts.size() == 3) column.device = parts[0];
    column.channel = channel;
    column.quantity = quantity;
    return true;
  }
  const auto flat = parse_flat_name(vocabulary, column.name);
  if (!flat) return false;
  column.channel = flat->channel;
  column.quantity = flat->quantity;
  return true;
}

}  // namespace

std::optional<double> unit_factor(std::string_view unit, std::string_view base) {
  if (unit.empty() || unit == base) return 1;
  struct Prefix {
    std::string_view text;
    double factor;
  };
  static constexpr std::array<Prefix, 4> kPrefixes = {{{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"m", 1e-3}}};
  for (const auto& [text, factor] : kPrefixes)
    if (unit.starts_with(text) && unit.substr(text.size()) == base && base != "1" && base != "%") return factor;
  static constexpr std::array<std::pair<std::string_view, std::pair<std::string_view, double>>, 6> kOthers = {
      {{"l", {"m3", 1e-3}},
       {"dm3", {"m3", 1e-3}},
       {"min", {"s", 60}},
       {"h", {"s", 3600}},
       {"C", {"Cel", 1}},
       {"MJ", {"GJ", 1e-3}}}};
  for (const auto& [name, to] : kOthers)
    if (unit == name && base == to.first) return to.second;
  return std::nullopt;
}

std::optional<CsvMapping> parse_mapping(std::string_view text, std::string& error) {
  CsvMapping mapping;
  // The column's name may hold '=' itself, a series' can't.
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) {
    error = "expected COLUMN=CHANNEL/QUANTITY[:UNIT][*FACTOR]";
    return std::nullopt;
  }
  mapping.column = trimmed(text.substr(0, equals));
  std::string_view series = text.substr(equals + 1);
  if (const std::size_t star = series.find('*'); star != std::string_view::npos) {
    const std::string_view factor = series.substr(star + 1);
    const auto [end, code] = std::from_chars(factor.data(), factor.data() + factor.size(), mapping.factor);
    if (code != std::errc{} || end != factor.data() + factor.size() || mapping.factor == 0) {
      error = fmt::format("expected a factor such as -1 or 0.5 behind '*', got '{}'", factor);
      return std::nullopt;
    }
    series = series.substr(0, star);
  }
  if (const std::size_t colon = series.find(':'); colon != std::string_view::npos) {
    mapping.unit = series.substr(colon + 1);
    series = series.substr(0, colon);
  }
  auto parts = parts_of(series, '/');
  if (parts.size() < 2 || parts.size() > 3 ||
      std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p.empty(); })) {
    error = fmt::format("expected CHANNEL/QUANTITY or DEVICE/CHANNEL/QUANTITY behind '=', got '{}'", series);
    return std::nullopt;
  }
  if (parts.size() == 3) mapping.device = parts[0];
  mapping.channel = parts[parts.size() - 2];
  mapping.quantity = parts.back();
  return mapping;
}

std::optional<CsvHeader> read_header(const std::vector<CsvCell>& cells, const model::Vocabulary& vocabulary,
                                     const std::vector<CsvMapping>& mappings, std::string_view time_column,
                                     std::string& error) {
  using Role = CsvColumn::Role;
  CsvHeader header;
  for (const auto& cell : cells) header.columns.push_back({Role::ignored, trimmed(cell.text), {}, {}, {}, 1});
  const auto find = [&](std::string_view name) -> CsvColumn* {
    const auto at =
        std::find_if(header.columns.begin(), header.columns.end(), [&](const auto& c) { return c.name == name; });
    return at == header.columns.end() ? nullptr : &*at;
  };
  CsvColumn* time = time_column.empty() ? find("time") : find(time_column);
  if (time == nullptr && !time_column.empty()) {
    error = fmt::format("there is no column '{}'", time_column);
    return std::nullopt;
  }
  if (time == nullptr) time = header.columns.data();
  time->role = Role::time;
  header.time = static_cast<std::size_t>(time - header.columns.data());

  CsvColumn* channel = find("channel");
  CsvColumn* quantity = find("quantity");
  CsvColumn* value = find("value");
  if (mappings.empty() && channel != nullptr && quantity != nullptr && value != nullptr) {
    header.is_long = true;
    channel->role = Role::channel;
    quantity->role = Role::quantity;
    value->role = Role::value;
    for (const auto& [name, role] :
         {std::pair{"device", Role::device}, {"unit", Role::unit}, {"quality", Role::quality}})
      if (CsvColumn* column = find(name); column != nullptr) column->role = role;
    return header;
  }
  bool any = false;
  for (const CsvMapping& mapping : mappings) {
    CsvColumn* column = find(mapping.column);
    if (column == nullptr) {
      error = fmt::format("there is no column '{}'", mapping.column);
      return std::nullopt;
    }
    const model::Quantity* q = vocabulary.find(mapping.quantity);
    if (q == nullptr || !model::Vocabulary::may_stand(*q, mapping.channel)) {
      error = fmt::format("--map {}: {}/{} is nothing that can be measured (docs: vocabulary)", mapping.column,
                          mapping.channel, mapping.quantity);
      return std::nullopt;
    }
    const auto factor = unit_factor(mapping.unit, q->unit);
    if (!factor) {
      error = fmt::format("--map {}: {} is stored in {}, which {} is not converted to", mapping.column,
                          mapping.quantity, q->unit, mapping.unit);
      return std::nullopt;
    }
    column->role = Role::series;
    column->device = mapping.device;
    column->channel = mapping.channel;
    column->quantity = mapping.quantity;
    column->factor = *factor * mapping.factor;
    any = true;
  }
  for (CsvColumn& column : header.columns) {
    if (column.role != Role::ignored || column.name.empty() || column.name == "received") continue;
    if (column.name == "quality") {
      column.role = Role::quality;
    } else if (!mappings.empty()) {
      continue;
    } else if (take_series(column, vocabulary)) {
      column.role = Role::series;
      any = true;
    } else {
      header.unknown.push_back(column.name);
    }
  }
  if (any) return header;
  error = fmt::format(
      "no column is a series\n  expected  names such as l1_active_power_w or grid/l1/active_power\n  got       {}\n  "
      "hint      --map COLUMN=CHANNEL/QUANTITY says what a column is",
      fmt::join(header.unknown, ", "));
  return std::nullopt;
}

}  // namespace mesura::importing
