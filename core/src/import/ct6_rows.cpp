// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/ct6_rows.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace mesura::importing {
namespace {

struct PortColumn {
  std::string_view suffix, quantity, wire;
  double most;  ///< what the column's FLOAT(m,d) holds
};
constexpr std::array<PortColumn, 4> kPortColumns = {{{"_ACT_WATTS", "active_power", "PRMS", 99999.9},
                                                     {"_REACT_WATTS", "reactive_power", "PREACT", 99999.9},
                                                     {"_APP_WATTS", "apparent_power", "PAPPARENT", 99999.9},
                                                     {"_PF", "power_factor", "PF", 9.999}}};
constexpr std::size_t kPorts = 6;
constexpr std::size_t kPowerFactor = 3;  // in kPortColumns

struct UnitColumn {
  std::string_view column, channel, quantity, source;
  double most;
};
// The collectors store voltage and frequency of the first port only.
constexpr std::array<UnitColumn, 4> kUnitColumns = {
    {{"VOLTAGE", "ct1", "voltage", "CT1.VRMS", 999.9},
     {"FREQUENCY", "ct1", "frequency", "CT1.FREQ", 99.9},
     {"BOARD_TEMPERATURE", "board", "temperature", "BOARD_TEMPERATURE", 999.9},
     {"RSSI_DBM", "total", "signal_strength", "RSSI", 99.9}}};

double most_of(std::size_t column) {
  constexpr std::size_t kFirstOfUnit = kPorts * kPortColumns.size();
  return column < kFirstOfUnit ? kPortColumns[column / kPorts].most : kUnitColumns[column - kFirstOfUnit].most;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Names as the unit stores them: blanks and more as %XX, unless that would make control characters.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    const int c = high * 16 + low;
    if (c < 0x20 || c >= 0x7f) return std::string{text};
    out += static_cast<char>(c);
    i += 2;
  }
  return out;
}

}  // namespace

const std::array<std::string, kCt6Values>& ct6_columns() {
  static const auto columns = [] {
    std::array<std::string, kCt6Values> names;
    std::size_t at = 0;
    for (const auto& column : kPortColumns)
      for (std::size_t port = 1; port <= kPorts; ++port) names[at++] = fmt::format("CT{}{}", port, column.suffix);
    for (const auto& column : kUnitColumns) names[at++] = column.column;
    return names;
  }();
  return columns;
}

Ct6Rows::Ct6Rows(Target& target, const Ct6Names& names, model::Zone zone, bool cut_columns, std::string where,
                 Problems& problems)
    : target_(target), problems_(problems), where_(std::move(where)), cut_columns_(cut_columns), order_(zone) {
  if (!names.serial.empty()) target_.set_attribute("serial", names.serial);
  if (!names.unit_name.empty()) target_.set_attribute("unit_name", decoded(names.unit_name));
  for (std::size_t port = 0; port < kPorts; ++port) {
    labels_[port] = decoded(names.ports[port]);
    if (!labels_[port].empty()) target_.set_attribute(fmt::format("ct{}_channel_name", port + 1), labels_[port]);
  }
}

std::string Ct6Rows::place(std::uint64_t number) const { return fmt::format("{} row {}", where_, number); }

void Ct6Rows::push(std::string_view wall, const Ct6Row& row, std::vector<BatchPtr>& out) {
  const auto wall_ns = parse_wall(wall);
  if (!wall_ns) {
    problems_.lost("ct6-time", place(row.number), fmt::format("expected YYYY-MM-DD HH:MM:SS, got '{}'", wall));
    return;
  }
  order_.push(*wall_ns, row);
  drain(out);
}

void Ct6Rows::finish(std::vector<BatchPtr>& out) {
  order_.finish();
  drain(out);
}

void Ct6Rows::drain(std::vector<BatchPtr>& out) {
  WallOrder<Ct6Row>::Out row;
  while (order_.take(row)) {
    const auto number = row.row.number;
    if (row.skipped) {
      problems_.lost("time-skipped", place(number),
                     "the clock change of spring skips that time in the collector's zone");
      continue;
    }
    if (row.guessed)
      problems_.note("time-repeated", place(number),
                     "that hour comes twice and nothing tells which: taken as the first, marked clock_suspect");
    if (row.time_ns == last_ns_)
      problems_.note("ct6-same-time", place(number),
                     "a second row of the same time: where they differ, the later counts");
    last_ns_ = row.time_ns;
    maker_.start(target_.device(), row.time_ns);
    const std::uint8_t quality = row.guessed ? MESURA_CLOCK_SUSPECT : MESURA_GOOD;
    for (std::size_t i = 0; i < kCt6Values; ++i) {
      const double value = row.row.values[i];
      if (std::isnan(value) || refused_[i]) continue;
      if (i / kPorts == kPowerFactor && value == 0) continue;
      if (!std::isfinite(value) || (cut_columns_ && std::fabs(value) >= most_of(i))) {
        problems_.lost("ct6-value", place(number),
                       fmt::format("{}: {} is as much as the column holds, or more", ct6_columns()[i], value));
        continue;
      }
      if (!resolved_[i]) {
        resolved_[i] = true;
        std::string error;
        std::optional<Target::Bound> bound;
        if (const std::size_t first = kPorts * kPortColumns.size(); i < first) {
          const auto& column = kPortColumns[i / kPorts];
          const std::size_t port = i % kPorts + 1;
          bound = target_.wire(fmt::format("ct{}", port), column.quantity, fmt::format("CT{}.{}", port, column.wire),
                               labels_[port - 1], &error);
        } else {
          const auto& column = kUnitColumns[i - first];
          bound = target_.wire(column.channel, column.quantity, column.source,
                               column.channel == "ct1" ? std::string_view{labels_[0]} : std::string_view{}, &error);
        }
        if (bound) {
          bound_[i] = *bound;
        } else {
          refused_[i] = true;
          problems_.lost("series", place(number), error);
          continue;
        }
      }
      maker_.add(bound_[i].id, bound_[i].identity ? value : bound_[i].factor * value + bound_[i].offset, quality);
    }
    maker_.finish(out);
  }
}

}  // namespace mesura::importing
