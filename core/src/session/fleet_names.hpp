// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace mesura::session {

/// A name that needs no quoting anywhere: "Zähler 3" -> "z_hler_3". Empty if nothing of it is left.
[[nodiscard]] std::string snake_case(std::string_view text);

/// The names of a fleet's devices: made by rule when a unit turns up first, kept ever after.
///
/// What tells the units apart (their key) comes from the wire; a unit that its user renames keeps its device, so that
/// its past and its future stay one. The names are kept in a small text file, a line "NAME<TAB>KEY" each.
class FleetNames {
 public:
  struct Name {
    std::string device;
    std::string warning;  ///< not empty once, when the name had to differ from what the rule gives
  };

  /// `rule`: text with {unit_name} and {key}. `file`: where the names are kept; empty: nowhere. `taken`: names that
  /// other devices have. Throws std::runtime_error if the file is there and can't be read.
  FleetNames(std::string rule, std::string file, std::set<std::string> taken = {});

  /// The device of the unit with `key`, which calls itself `unit_name` (maybe nothing). Throws std::runtime_error if a
  /// new name can't be kept.
  Name device(std::string_view key, std::string_view unit_name);

 private:
  void read();
  void append(const std::string& device, std::string_view key) const;

  std::string rule_;
  std::string file_;
  std::set<std::string> taken_;
  std::map<std::string, std::string, std::less<>> by_key_;
};

}  // namespace mesura::session
