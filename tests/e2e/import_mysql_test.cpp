// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura import ct6-mysql, from a real server with the databases of ct6_db_store; and the commands of
// docs/migration.md.
#include "board.hpp"
#include "import_support.hpp"

#include "database/mariadb.hpp"

#include <support/catch.hpp>
#include <support/mariadb.hpp>

#include <sstream>

using namespace mesura::test;
using mesura::database::mariadb::Connection;
using mesura::database::mariadb::Login;

namespace {

using Rows = std::vector<std::vector<std::string>>;

const std::string kUnits =
    "  cupboard: {plugin: ct6, transport: {udp: {host: 127.0.0.1}}, channels: {ct2: {role: solar}}}\n"
    "  garage: {plugin: ct6, transport: {udp: {host: 127.0.0.2}}}\n";

/// As the vendor's collector makes them (ct6 sheet, section 7): no key, everything nullable.
void make_unit(const Connection& db, const std::string& name, const std::vector<std::string>& rows, bool meta) {
  db.execute("CREATE DATABASE `" + name + "`");
  db.execute("USE `" + name + "`");
  std::string columns = "TIMESTAMP TIMESTAMP NULL";
  for (const auto& column : ct6_sensor_columns()) {
    const char* type = column.ends_with("_WATTS")                      ? "FLOAT(6,1)"
                       : column.ends_with("_PF")                       ? "FLOAT(4,3)"
                       : column == "FREQUENCY" || column == "RSSI_DBM" ? "FLOAT(3,1)"
                                                                       : "FLOAT(4,1)";
    columns += ", " + column + " " + type;
  }
  db.execute(
      "CREATE TABLE CT6_META (HW_ASSY VARCHAR(64), CT1_NAME VARCHAR(64), CT2_NAME VARCHAR(64), CT3_NAME VARCHAR(64), "
      "CT4_NAME "
      "VARCHAR(64), CT5_NAME VARCHAR(64), CT6_NAME VARCHAR(64))");
  if (meta)
    db.execute(
        "INSERT INTO CT6_META VALUES ('ASY0398_V003.300_SN00001846', 'Grid', 'Solar', 'Battery', '', 'House', '')");
  db.execute("CREATE TABLE CT6_SENSOR (" + columns + ")");
  db.execute("CREATE INDEX CT6_SENSOR_INDEX ON CT6_SENSOR (TIMESTAMP)");
  for (const auto& row : rows) db.execute("INSERT INTO CT6_SENSOR VALUES (" + row + ")");
}

std::string power(const std::string& time, const std::string& watts) {
  std::string text = time + ", " + watts;
  for (int i = 1; i < 28; ++i) text += ", NULL";
  return text;
}

Login root_of(const MariaDb& server) {
  Login login;
  login.socket = server.socket();
  login.user = "root";
  return login;
}

}  // namespace

TEST_CASE("units of ct6_db_store, each to its device, and a second time changes nothing") {
  const MariaDb server;
  const Connection db{root_of(server)};
  make_unit(db, "Meter_Cupboard", {std::string{"'2026-06-14 14:45:01', "} + kCt6Values}, true);
  make_unit(db, "it's a garage", {power("'2026-06-14 14:45:02'", "-7.5"), power("NULL", "-8")}, false);
  db.execute("CREATE DATABASE other");
  const ImportHouse house{kUnits};
  const auto arguments = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"ct6-mysql", "mysql://root@127.0.0.1:" + std::to_string(server.port())};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const auto json =
      house.import_json(arguments({"--unit", "Meter_Cupboard=cupboard", "--unit", "it's a garage=garage"}), 3);
  CHECK(number_after(json, "records") == "3");
  CHECK_THAT(json,
             contains(R"("code":"ct6-time","count":1,"left_out":true,"samples":[{"where":"it's a garage row 2")"));
  CHECK(house.rows("SELECT utc, ct1_active_power_w, ct2_active_power_w, ct5_active_power_w, ct1_reactive_power_var, "
                   "ct1_apparent_power_va, "
                   "ct1_power_factor, ct1_voltage_v, ct1_frequency_hz, board_temperature_celsius, "
                   "total_signal_strength_dbm FROM cupboard_utc") ==
        Rows{{"2026-06-14T12:45:01.000Z", "1843.3", "2210.5", "3640.9", "462.0", "1900.3", "0.97", "242.3", "50.0",
              "24.8", "-51.4"}});
  CHECK(house.rows("SELECT utc, ct1_active_power_w FROM garage_utc") == Rows{{"2026-06-14T12:45:02.000Z", "7.5"}});
  CHECK(house.value(
            "SELECT label FROM series WHERE device = 'cupboard' AND channel = 'ct5' AND quantity = 'active_power'") ==
        "House");
  const auto once = house.everything();
  house.import_json(arguments({"--unit", "Meter_Cupboard=cupboard", "--unit", "it's a garage=garage"}), 3);
  CHECK(house.everything() == once);

  const auto several = house.import(arguments({"--device", "cupboard"}));
  CHECK(several.code == 2);
  CHECK_THAT(several.err, contains("Meter_Cupboard, it's a garage"));
  const auto none = house.import(arguments({"--unit", "Attic=cupboard"}));
  CHECK(none.code == 1);
  CHECK_THAT(none.err, contains("no database 'Attic'"));
  const auto secret = house.import({"ct6-mysql", "mysql://root:hush@127.0.0.1", "--device", "cupboard"});
  CHECK(secret.code == 2);
  CHECK_THAT(secret.err, !contains("hush"));
}

TEST_CASE("the autumn hour of a server, as its rows were written") {
  // MET has the clock changes of central Europe.
  const std::string zone = GENERATE(std::string{"MET"}, std::string{"+00:00"});
  const MariaDb server{{"--default-time-zone=" + zone}};
  const Connection db{root_of(server)};
  make_unit(db, "Unit",
            {power("'2026-10-25 01:59:59'", "-1"), power("'2026-10-25 02:00:00'", "-2"),
             power("'2026-10-25 02:59:59'", "-3"), power("'2026-10-25 02:00:00'", "-4"),
             power("'2026-10-25 02:59:59'", "-5"), power("'2026-10-25 03:00:00'", "-6")},
            true);
  const ImportHouse house{kUnits};
  house.import_json({"ct6-mysql", "--socket", server.socket(), "--user", "root", "--device", "cupboard"});
  CHECK(house.rows("SELECT utc, ct1_active_power_w FROM cupboard_utc ORDER BY time") ==
        Rows{{"2026-10-24T23:59:59.000Z", "1.0"},
             {"2026-10-25T00:00:00.000Z", "2.0"},
             {"2026-10-25T00:59:59.000Z", "3.0"},
             {"2026-10-25T01:00:00.000Z", "4.0"},
             {"2026-10-25T01:59:59.000Z", "5.0"},
             {"2026-10-25T02:00:00.000Z", "6.0"}});
}

TEST_CASE("an account with a password from file or environment, and none that fits") {
  const MariaDb server;
  const Connection db{root_of(server)};
  make_unit(db, "Unit", {power("'2026-06-14 14:45:01'", "-1"), power("'2026-06-14 14:45:02'", "-99999.9")}, false);
  db.execute("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'hush'");
  db.execute("GRANT SELECT ON Unit.* TO reader@'127.0.0.1'");
  const ImportHouse house{kUnits};
  const std::string url = "mysql://reader@127.0.0.1:" + std::to_string(server.port()) + "/Unit";
  const auto refused = house.import({"ct6-mysql", url, "--device", "cupboard"});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, contains("error[imp-open]"));
  write_file(house.file("pw"), "hush\n");
  // What a column could not hold was cut off there: it is no measurement.
  const auto json =
      house.import_json({"ct6-mysql", url, "--device", "cupboard", "--password-file", house.file("pw").string()}, 3);
  CHECK_THAT(json, contains(R"("code":"ct6-value","count":1,"left_out":true)"));
  CHECK(house.rows("SELECT utc, ct1_active_power_w FROM cupboard_utc") == Rows{{"2026-06-14T12:45:01.000Z", "1.0"}});
  CHECK(house.import({"ct6-mysql", url, "--device", "cupboard", "--password-env", "NO_SUCH_VARIABLE"}).code == 2);
}

TEST_CASE("the commands of docs/migration.md do what it says") {
  const MariaDb server;
  const Connection db{root_of(server)};
  make_unit(db, "Kitchen", {std::string{"'2026-06-14 14:45:01', "} + kCt6Values}, true);
  make_unit(db, "Garage", {std::string{"'2026-06-14 14:45:01', "} + kCt6Values}, true);
  db.execute("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'hush'");
  db.execute("GRANT SELECT ON *.* TO reader@'127.0.0.1'");
  const std::string quarter =
      R"({"quarter_id":386662722,"consumed_power_avg":331,"interval_secs":5,"consumed_power_interval_avgs":[652,null,10],"produced_power_interval_avgs":[0,null,-300]})";
  const Board board{
      {{"/historic/years", R"({"years":[2023]})"},
       {"/historic/months?year=2023", R"({"year":2023,"months":[12]})"},
       {"/historic/days?year=2023&month=12", R"({"year":2023,"month":12,"days":[1]})"},
       {"/historic/quarters?year=2023&month=12&day=1", R"({"year":2023,"month":12,"day":1,"quarters":[386662722]})"},
       {"/meter/2023/12/01/1630W.json", quarter}}};
  const TempDir dir;
  write_file(dir / "password", "hush\n");
  make_ct6_app(dir / "ASY0398_V003.300_SN00001846.db", {std::string{"'2026-06-14 14:45:01.000000', "} + kCt6Values});
  make_godenerg(dir / "inverter.db", {"1509798413, 230.1, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, "
                                      "100.6, 52.78, 0, '01110110', '00', '00', 844, '010', 'BT'"});
  std::filesystem::create_directories(dir / "card/meter/2023/12/01");
  write_file(dir / "card/meter/2023/12/01/1630W.json", quarter);
  write_file(dir / "old.csv", "Date;Power (kW);Energy (kWh)\n14.06.2026 14:45:00;1,5;100\n");
  write_file(dir / "grid-20260614-120000.csv", "time,quality,l1_voltage_v\n2026-06-14T12:45:01.000Z,,230.2\n");

  // The page's own configuration, then each command line in its order.
  std::istringstream page{read_file(std::string{MESURA_SOURCE} + "/docs/migration.md")};
  std::string line, yaml, block;
  std::vector<std::string> commands;
  while (std::getline(page, line)) {
    if (line.starts_with("```")) {
      block = block.empty() ? line : std::string{};
    } else if (block == "```yaml") {
      yaml += line + "\n";
    } else if (line.starts_with("    mesura import ")) {
      commands.push_back(line.substr(4));
    }
  }
  REQUIRE(commands.size() >= 9);
  write_file(dir / "mesura.yaml", yaml);
  for (std::string text : commands) {
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{"db.local", "127.0.0.1:" + std::to_string(server.port())},
          {"http://digimon.local", board.url()}})
      if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
    INFO(text);
    auto command = program({});
    command.argv = {"/bin/sh", "-c", std::string{"exec "} + MESURA_PROGRAM + text.substr(6)};
    command.directory = dir.path();
    const auto end = mesura::test::run(std::move(command));
    INFO(end.out << end.err);
    CHECK(end.exit == Exit{0, 0});
    CHECK_THAT(end.out,
               contains(text.find("--dry-run") != std::string::npos ? "nothing was written" : ", 0 refused by it"));
  }
  const auto rows = query(dir / "mesura.db", "SELECT device, count(*) FROM series GROUP BY device ORDER BY device");
  CHECK(rows == Rows{{"cupboard", "26"}, {"garage", "26"}, {"grid", "4"}, {"inverter", "34"}, {"shed", "2"}});
}
