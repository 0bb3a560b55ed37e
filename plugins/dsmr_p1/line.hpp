// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "obis_table.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::dsmr_p1 {

/// One logical line of a telegram: a code and the contents of its parentheses.
struct Line {
  static constexpr std::size_t kMaxGroups = 64;  // the longest object has 3 + 13 * 3

  enum class Problem : std::uint8_t {
    none,
    no_code,     ///< does not begin with an OBIS code
    no_value,    ///< no parentheses
    unbalanced,  ///< a parenthesis is missing or something stands outside of them
    too_many     ///< more groups than any object has
  };

  ObisCode code;
  Problem problem = Problem::none;
  bool nested = false;  ///< parentheses inside parentheses
  std::size_t group_count = 0;
  std::array<std::string_view, kMaxGroups> groups;
  std::string_view text;         ///< as received, from the code to the last line end that belongs to it
  std::string_view whole_value;  ///< from behind the first '(' to the last ')', line ends removed

  [[nodiscard]] std::string_view group(std::size_t i) const { return i < group_count ? groups[i] : std::string_view{}; }
};

/// Splits a telegram's body into logical lines: a physical line that begins with '(' continues the one before (gas of
/// DSMR 2.2), and so does what follows a line end inside parentheses (long texts of DSMR 3), unless it is plainly the
/// next object: then the line before it is broken and costs only itself.
class LineReader {
 public:
  /// Reads the line at `at` of `body` and moves `at` behind it. False at the end. The line's views are valid until the
  /// next call or the end of `body`, whichever comes first.
  bool next(std::string_view body, std::size_t& at, Line& line);

 private:
  void split(std::string_view logical, Line& line);

  std::string joined_;
};

}  // namespace mesura::dsmr_p1
