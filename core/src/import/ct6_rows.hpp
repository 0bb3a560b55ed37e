// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The rows of the CT6 vendor's collectors (ct6_db_store on MySQL, ct6_app on SQLite) as batches.
#pragma once

#include "import/batches.hpp"
#include "import/importer.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"
#include "import/wall_clock.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::importing {

inline constexpr std::size_t kCt6Values = 28;
inline constexpr std::string_view kCt6Table = "CT6_SENSOR";
inline constexpr std::string_view kCt6Time = "TIMESTAMP";
/// The columns behind TIMESTAMP, in the order of the values.
[[nodiscard]] const std::array<std::string, kCt6Values>& ct6_columns();

/// What CT6_META says of the unit.
struct Ct6Names {
  std::string serial;     ///< HW_ASSY
  std::string unit_name;  ///< the database's name, or UNIT_NAME
  std::array<std::string, 6> ports;
};

struct Ct6Row {
  std::uint64_t number = 0;
  std::array<double, kCt6Values> values{};  ///< NaN: NULL
};

/// Turns the rows of one unit into batches. Values are as the wire had them (minus is import); the series are those of
/// the plugin. A power factor of 0 is what the unit puts where power is too low for one: none. Values at the end of
/// what a column of MySQL holds were cut off there, and are left out.
class Ct6Rows {
 public:
  /// `zone`: of the old collector. All references must outlive it.
  Ct6Rows(Target& target, const Ct6Names& names, model::Zone zone, bool cut_columns, std::string where,
          Problems& problems);

  /// `wall`: the text of TIMESTAMP; empty: NULL.
  void push(std::string_view wall, const Ct6Row& row, std::vector<BatchPtr>& out);
  void finish(std::vector<BatchPtr>& out);

 private:
  void drain(std::vector<BatchPtr>& out);
  [[nodiscard]] std::string place(std::uint64_t number) const;

  Target& target_;
  Problems& problems_;
  std::string where_;
  bool cut_columns_;
  std::array<std::string, 6> labels_;
  std::array<Target::Bound, kCt6Values> bound_{};
  std::array<bool, kCt6Values> resolved_{};
  std::array<bool, kCt6Values> refused_{};
  WallOrder<Ct6Row> order_;
  BatchMaker maker_;
  std::int64_t last_ns_ = INT64_MIN;
};

}  // namespace mesura::importing
