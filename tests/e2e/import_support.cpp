// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import_support.hpp"

#include <sqlite3.h>
#include <support/catch.hpp>

#include <memory>
#include <stdexcept>

namespace mesura::test {

void make_database(const std::filesystem::path& file, const std::vector<std::string>& statements) {
  sqlite3* raw = nullptr;
  sqlite3_open(file.c_str(), &raw);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db{raw, &sqlite3_close};
  sqlite3_exec(raw, "BEGIN", nullptr, nullptr, nullptr);
  for (const auto& sql : statements)
    if (sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(raw));
  sqlite3_exec(raw, "COMMIT", nullptr, nullptr, nullptr);
}

ImportHouse::ImportHouse(const std::string& devices, const std::string& zone) {
  write_file(file("mesura.yaml"), "timezone: " + zone + "\nstate: " + (dir_ / "state").string() + "\ndevices:\n" +
                                      devices + "sinks:\n  local: {sqlite: {path: " + database().string() + "}}\n");
}

Outcome ImportHouse::import(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "import");
  arguments.insert(arguments.end(), {"--to", "local", "--config", file("mesura.yaml").string()});
  return run_mesura(std::move(arguments));
}

std::string ImportHouse::import_json(std::vector<std::string> arguments, int code) const {
  arguments.insert(arguments.end(), {"--format", "json"});
  const auto outcome = import(std::move(arguments));
  INFO(outcome.out << outcome.err);
  CHECK(outcome.code == code);
  return outcome.out;
}

std::vector<std::vector<std::string>> ImportHouse::everything() const {
  auto all = rows(
      "SELECT device, channel, quantity, unit, kind, label, role, source, decimals, quality FROM series ORDER BY 1, 2, "
      "3");
  for (const auto& table : rows("SELECT DISTINCT table_name FROM series WHERE table_name <> 'states' ORDER BY 1"))
    for (auto& row : rows("SELECT * FROM \"" + table[0] + "\" ORDER BY 1")) all.push_back(std::move(row));
  for (auto& row : rows("SELECT series, time, number, text FROM states ORDER BY 1, 2")) all.push_back(std::move(row));
  for (auto& row : rows("SELECT time, series, flags FROM quality ORDER BY 1, 2")) all.push_back(std::move(row));
  return all;
}

std::vector<std::string> ct6_sensor_columns() {
  std::vector<std::string> names;
  for (const char* suffix : {"_ACT_WATTS", "_REACT_WATTS", "_APP_WATTS", "_PF"})
    for (int port = 1; port <= 6; ++port) names.push_back("CT" + std::to_string(port) + suffix);
  for (const char* name : {"VOLTAGE", "FREQUENCY", "BOARD_TEMPERATURE", "RSSI_DBM"}) names.emplace_back(name);
  return names;
}

void make_ct6_app(const std::filesystem::path& file, const std::vector<std::string>& rows) {
  std::string columns = "TIMESTAMP TEXT";
  for (const auto& name : ct6_sensor_columns()) columns += ", " + name + " REAL";
  std::vector<std::string> sql{
      "CREATE TABLE CT6_META (ID INTEGER PRIMARY KEY, HW_ASSY TEXT, UNIT_NAME TEXT, CT1_NAME TEXT, CT2_NAME TEXT, "
      "CT3_NAME TEXT, "
      "CT4_NAME TEXT, CT5_NAME TEXT, CT6_NAME TEXT)",
      "INSERT INTO CT6_META VALUES (1, 'ASY0398_V003.300_SN00001846', 'Meter_Cupboard', 'Grid', 'Solar', 'Battery', "
      "'', 'House', '')"};
  for (const char* table : {"CT6_SENSOR", "CT6_SENSOR_MINUTE", "CT6_SENSOR_HOUR", "CT6_SENSOR_DAY"}) {
    sql.push_back(std::string{"CREATE TABLE "} + table + " (" + columns + ")");
    sql.push_back(std::string{"CREATE INDEX "} + table + "_INDEX ON " + table + " (TIMESTAMP)");
  }
  for (const auto& row : rows) sql.push_back("INSERT INTO CT6_SENSOR VALUES (" + row + ")");
  make_database(file, sql);
}

void make_godenerg(const std::filesystem::path& file, const std::vector<std::string>& rows,
                   const std::vector<std::string>& last_rows) {
  std::vector<std::string> sql{
      "CREATE TABLE stats (datetime INTEGER, grid_volt REAL, grid_freq REAL, ac_volt REAL, ac_freq REAL, ac_va "
      "INTEGER, ac_watt INTEGER, "
      "load_percent INTEGER, bus_volt INTEGER, batt_volt REAL, batt_charge_amps INTEGER, batt_capacity INTEGER, temp "
      "INTEGER, pv_amps "
      "INTEGER, pv_volts REAL, batt_volt_scc REAL, batt_discharge_amps INTEGER, raw_status TEXT, mask_b TEXT, mask_c "
      "TEXT, pv_watts "
      "INTEGER, mask_d TEXT, mode TEXT)"};
  for (const auto& row : rows) sql.push_back("INSERT INTO stats VALUES (" + row + ")");
  if (!last_rows.empty())
    sql.emplace_back(
        "CREATE TABLE last_stats (datetime INTEGER, batt_volt REAL, batt_charge_amps INTEGER, pv_amps INTEGER, "
        "pv_watts INTEGER)");
  for (const auto& row : last_rows) sql.push_back("INSERT INTO last_stats VALUES (" + row + ")");
  make_database(file, sql);
}

std::string number_after(const std::string& json, const std::string& key) {
  const auto at = json.find("\"" + key + "\":");
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 3;
  return json.substr(begin, json.find_first_of(",}]", begin) - begin);
}

}  // namespace mesura::test
