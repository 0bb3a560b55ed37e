// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of `mesura import` share: a house with its configuration and a database, and old systems' files made
// as their sheets describe them.
#pragma once

#include "house.hpp"

#include <string>
#include <vector>

namespace mesura::test {

/// Makes an SQLite file of another program. Throws with SQLite's message.
void make_database(const std::filesystem::path& file, const std::vector<std::string>& statements);

/// A configuration with a sqlite sink `local`, and the import into it.
class ImportHouse {
 public:
  explicit ImportHouse(const std::string& devices, const std::string& zone = "Europe/Brussels");

  /// `mesura import ARGUMENTS... --to local`.
  Outcome import(std::vector<std::string> arguments) const;
  /// The same as JSON on stdout, with the exit code expected.
  std::string import_json(std::vector<std::string> arguments, int code = 0) const;

  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return dir_ / name; }
  [[nodiscard]] std::filesystem::path database() const { return dir_ / "mesura.db"; }
  [[nodiscard]] std::vector<std::vector<std::string>> rows(const std::string& sql) const {
    return query(database(), sql);
  }
  /// One value.
  [[nodiscard]] std::string value(const std::string& sql) const { return rows(sql).at(0).at(0); }
  /// All raw rows, states and marks, to compare before and after a second import.
  [[nodiscard]] std::vector<std::vector<std::string>> everything() const;

 private:
  TempDir dir_;
};

/// ct6_app's file, schema as in the ct6 sheet, section 7; rows are (TIMESTAMP, 28 values).
void make_ct6_app(const std::filesystem::path& file, const std::vector<std::string>& rows);
/// The columns of CT6_SENSOR, without types.
[[nodiscard]] std::vector<std::string> ct6_sensor_columns();
/// What the vendor's collector stores of the sheet's answer (section 2.3), as SQL values.
inline constexpr const char* kCt6Values =
    "-1843.3, 2210.5, -412.6, 0.0, -3640.9, 0.0, -462.0, 221.9, -163.1, 0.0, -700.3, 0.0, 1900.3, 2221.6, 443.7, 0.0, "
    "3707.7, 0.0, -0.970, 0.995, -0.930, 0.000, -0.982, 0.000, 242.3, 50.0, 24.8, -51.4";

/// godenerg's file, schema as in the axpert sheet, section 15.2: rows of stats, and of last_stats.
void make_godenerg(const std::filesystem::path& file, const std::vector<std::string>& rows,
                   const std::vector<std::string>& last_rows = {});

/// The number behind the first `"key":` of a JSON text.
[[nodiscard]] std::string number_after(const std::string& json, const std::string& key);

}  // namespace mesura::test
