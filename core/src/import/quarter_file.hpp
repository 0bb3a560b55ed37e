// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::importing {

/// A quarter hour of the reference P1 monitor by its name: local date, start, and whether summer time was in force.
struct QuarterName {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  bool summer = false;

  /// "2023/12/01/1615W.json"
  [[nodiscard]] std::string path() const;
  /// (YY << 24) | (MM << 16) | (DD << 8) | q, q + 80h in summer.
  [[nodiscard]] std::int64_t id() const;
  /// Its start: the clock of central Europe, whose S is UTC+2 and W UTC+1, so that no zone is needed.
  [[nodiscard]] std::int64_t start_ns() const;
  friend bool operator==(const QuarterName&, const QuarterName&) = default;
};
/// nullopt: no date, or no quarter.
[[nodiscard]] std::optional<QuarterName> quarter_of_id(std::int64_t id);
/// Of "2023", "12", "01", "1615W.json".
[[nodiscard]] std::optional<QuarterName> quarter_of_path(std::string_view year, std::string_view month,
                                                         std::string_view day, std::string_view file);

/// A slot's means, as the file has them: consumption >= 0, production <= 0, whole watts.
struct Slot {
  std::int64_t start_ns = 0;
  std::optional<double> consumed_w, produced_w;
};

/// What one file says.
struct QuarterContent {
  std::int64_t id = 0;
  std::vector<Slot> slots;              ///< those with a value
  std::vector<std::string> bad_values;  ///< what was left out of it
  std::string error;                    ///< nothing of it can be used
};

/// Reads quarter files; keeps its memory between them.
class QuarterReader {
 public:
  QuarterReader();
  ~QuarterReader();
  QuarterReader(const QuarterReader&) = delete;
  QuarterReader& operator=(const QuarterReader&) = delete;

  /// `name`: whose text it should be. The object {} is a quarter without anything.
  [[nodiscard]] QuarterContent read(std::string_view json, const QuarterName& name);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace mesura::importing
