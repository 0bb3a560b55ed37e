// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which series are a device's power at the grid: those whose quarter hours the sinks keep, too
// (sinks/power_columns.hpp).
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/store.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::http::compat::p1_monitor {

class GridPower {
 public:
  enum class Part : std::uint8_t {
    imported,
    exported,
    net  ///< counts only where neither of the others exists
  };
  GridPower(const SeriesTable& table, std::string_view device);
  /// What a series says of it; nothing: something else.
  [[nodiscard]] std::optional<Part> part(std::uint32_t series) const {
    return series < parts_.size() ? parts_[series] : std::nullopt;
  }

 private:
  std::vector<std::optional<Part>> parts_;  ///< by series
};

/// The same in a database.
class StoredPower {
 public:
  StoredPower(const std::vector<store::StoredSeries>& stored, std::string_view device);
  /// To be asked for; empty: the device has none.
  [[nodiscard]] std::span<const std::uint32_t> series() const { return series_; }
  /// Import and export in W of a row with the values of series(); NaN: unknown.
  [[nodiscard]] std::pair<double, double> of(std::span<const double> values) const;

 private:
  std::vector<std::uint32_t> series_;
  std::vector<GridPower::Part> parts_;
};

}  // namespace mesura::http::compat::p1_monitor
