// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "sinks/rollup/backend.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace mesura::sinks {

/// Which columns of a table are the power at the grid, by member: those whose quarter hours are kept in detail.
class PowerColumns {
 public:
  /// A series of the table has this column.
  void note(std::uint32_t member, std::uint32_t column, const SeriesInfo& info);
  [[nodiscard]] std::span<const rollup::Backend::Demand> demands() const { return demands_; }

 private:
  std::map<std::uint32_t, rollup::Backend::Demand> by_member_;
  std::vector<rollup::Backend::Demand> demands_;
};

}  // namespace mesura::sinks
