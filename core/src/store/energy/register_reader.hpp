// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The growth of stored registers: a few raw rows beside each border of a window, rollups for everything between.
#pragma once

#include "energy/power_energy.hpp"
#include "energy/register_growth.hpp"
#include "store/archive.hpp"
#include "store/energy/tiles.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mesura::store {

struct RegisterTrace {
  std::vector<Growth> windows;
  std::vector<bool> bounded;             ///< by window: both borders lie within the readings
  std::vector<bool> interpolated;        ///< by window: a border has no reading of its own
  std::optional<std::int64_t> first_ns;  ///< of the readings that were needed; nullopt: there are none
};

/// The windows of one call: how much of each is covered by rows.
class Coverage {
 public:
  /// A stretch of which so much is covered.
  void add(TimeRange stretch, double covered_ns);
  /// By window, of the time in [from, to).
  [[nodiscard]] std::vector<double> of(std::span<const TimeRange> windows, TimeRange present) const;

 private:
  struct Piece {
    TimeRange range;
    double covered_ns;
  };
  std::vector<Piece> pieces_;
};

/// Registers of one device over windows that follow one another without holes.
///
/// cost  a query of a few rows for each border, one for all rollups; raw rows only beside resets and where rollups are
///       behind
class RegisterReader {
 public:
  /// `ids`, `windows` must outlive the reader. What lies after `now_ns` is not missing.
  RegisterReader(Archive& archive, std::span<const std::uint32_t> ids, std::span<const TimeRange> windows,
                 Resolution coarsest, std::int64_t now_ns);
  /// By register.
  [[nodiscard]] std::vector<RegisterTrace> read();

 private:
  struct Register {
    std::uint32_t id = 0;
    energy::RegisterRules rules;
    std::vector<energy::Reading> readings;
    std::optional<Sample> before, first, last;  ///< beside and within the range
    std::uint64_t count = 0;
    double median = 0;  ///< of the growths of rows
  };
  /// A rollup's row that a register's growth does not explain.
  struct Doubt {
    Resolution resolution;
    TimeRange window;
    std::optional<double> before;  ///< the value before it
    Cell cell;
    bool too_much = false;
  };

  void find_ends(Register& r);
  void read_border(std::int64_t time_ns);
  void read_tiles();
  void read_raw(TimeRange range, std::vector<std::optional<double>>& before);
  void read_rows(const Tile& tile, std::vector<std::optional<double>>& before);
  [[nodiscard]] static bool explained(const Cell& cell, const std::optional<double>& before);
  void resolve(Register& r, const Doubt& doubt);
  void resolve_by_raw(Register& r, const Doubt& doubt);
  [[nodiscard]] bool gone(std::int64_t time_ns) const;

  Archive& archive_;
  std::span<const std::uint32_t> ids_;
  std::span<const TimeRange> windows_;
  Resolution coarsest_;
  TimeRange range_;
  std::vector<TimeRange> gone_;  ///< raw rows that have expired
  std::vector<Register> registers_;
  Coverage coverage_;
  double covered_ns_ = 0;
};

}  // namespace mesura::store
