// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::session {

/// A name that needs no quoting anywhere: "Zähler 3" -> "z_hler_3". Empty if nothing of it is left.
[[nodiscard]] std::string snake_case(std::string_view text);

/// The names of a fleet's devices: made by rule when a unit turns up first, kept ever after.
///
/// The names that are taken: those of configured devices, and those of all fleets together.
struct TakenNames {
  std::set<std::string> configured;
  std::multiset<std::string> given;

  [[nodiscard]] bool has(const std::string& name) const { return configured.contains(name) || given.contains(name); }
};

/// What tells the units apart (their key) comes from the wire; a unit that its user renames keeps its device, so that
/// its past and its future stay one. The names are kept in a small text file, a line "NAME<TAB>KEY" each.
class FleetNames {
 public:
  struct Name {
    std::string device;
    std::string warning;  ///< not empty once, when the name had to differ from what the rule gives
  };

  /// `rule`: text with {unit_name} and {key}. `file`: where the names are kept; empty: nowhere. `taken` is shared with
  /// whoever else gives names; this one takes its own back at its end. Throws std::runtime_error if the file is there
  /// and can't be read.
  FleetNames(std::string rule, std::string file, std::shared_ptr<TakenNames> taken = std::make_shared<TakenNames>());
  ~FleetNames();
  FleetNames(const FleetNames&) = delete;
  FleetNames& operator=(const FleetNames&) = delete;

  /// The device of the unit with `key`, which calls itself `unit_name` (maybe nothing). A name that can't be written
  /// down holds until the program's end, with a warning.
  Name device(std::string_view key, std::string_view unit_name);
  /// What was wrong with the kept names: devices that were given another one, because somebody else has theirs now.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  void read();
  /// What went wrong, or nothing.
  [[nodiscard]] std::string append(const std::string& device, std::string_view key) const;
  [[nodiscard]] std::string free_name(const std::string& wanted) const;

  std::string rule_;
  std::string file_;
  std::shared_ptr<TakenNames> taken_;
  std::map<std::string, std::string, std::less<>> by_key_;
  std::vector<std::string> warnings_;
};

}  // namespace mesura::session
