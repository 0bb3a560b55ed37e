// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura import ct6-sqlite: ct6_app's files, made as the ct6 sheet (section 7) describes them.
#include "import_support.hpp"

#include <support/catch.hpp>

#include <set>

using namespace mesura::test;

namespace {

using Rows = std::vector<std::vector<std::string>>;

const std::string kCupboard =
    "  cupboard: {plugin: ct6, transport: {udp: {host: 127.0.0.1}}, channels: {ct1: {role: grid}, ct2: {label: Panels, "
    "role: solar}, "
    "ct5: {invert: true}}}\n";

std::string row(const std::string& time) { return "'" + time + "', " + kCt6Values; }
/// A row of nothing but a power at CT1.
std::string power(const std::string& time, const std::string& watts) {
  std::string text = "'" + time + "', " + watts;
  for (int i = 1; i < 28; ++i) text += ", NULL";
  return text;
}

}  // namespace

TEST_CASE(
    "a CT6 row becomes the plugin's series, with its signs, roles and labels, and a second time changes nothing") {
  const ImportHouse house{kCupboard};
  make_ct6_app(house.file("unit.db"), {row("2026-06-14 14:45:01.250000"), row("2026-06-14 14:45:02.250000")});
  const std::string before = read_file(house.file("unit.db"));
  const auto first = house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard"});
  CHECK(number_after(first, "records") == "2");
  CHECK(number_after(first, "committed") == "52");
  CHECK(house.rows(
            "SELECT utc, ct1_active_power_w, ct2_active_power_w, ct3_active_power_w, ct4_active_power_w, "
            "ct5_active_power_w, "
            "ct1_reactive_power_var, ct1_apparent_power_va, ct1_power_factor, ct2_power_factor, ct5_power_factor, "
            "ct1_voltage_v, ct1_frequency_hz, board_temperature_celsius, total_signal_strength_dbm FROM cupboard_utc "
            "ORDER BY time") == Rows{{"2026-06-14T12:45:01.250Z", "1843.3", "2210.5", "412.6", "0.0", "-3640.9",
                                      "462.0", "1900.3", "0.97", "0.995", "-0.982", "242.3", "50.0", "24.8", "-51.4"},
                                     {"2026-06-14T12:45:02.250Z", "1843.3", "2210.5", "412.6", "0.0", "-3640.9",
                                      "462.0", "1900.3", "0.97", "0.995", "-0.982", "242.3", "50.0", "24.8", "-51.4"}});
  // No power factor where the unit puts 0 for none.
  CHECK(house.value("SELECT count(*) FROM series WHERE quantity = 'power_factor' AND channel IN ('ct4', 'ct6')") ==
        "0");
  CHECK(house.rows("SELECT channel, label, role, source FROM series WHERE quantity = 'active_power' AND channel < "
                   "'ct4' ORDER BY channel") == Rows{{"ct1", "Grid", "grid", "CT1.PRMS"},
                                                     {"ct2", "Panels", "solar", "CT2.PRMS"},
                                                     {"ct3", "Battery", "", "CT3.PRMS"}});

  const auto once = house.everything();
  const auto second = house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard"});
  CHECK(number_after(second, "committed") == "52");
  CHECK(house.everything() == once);
  CHECK(read_file(house.file("unit.db")) == before);
}

TEST_CASE("an imported CT6 row and the plugin's reading of the same answer are the same series") {
  const ImportHouse house{"  ct6: {plugin: ct6, transport: {udp: {host: 127.0.0.1}}}\n"};
  make_ct6_app(house.file("unit.db"), {row("2026-06-14 14:45:01.250000")});
  house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "ct6"});
  // The sheet's answer (section 2.3), which kCt6Values are of.
  std::string answer = R"({"UNIT_NAME": "Meter_Cupboard", "PRODUCT_ID": "CT6", )";
  const std::vector<std::vector<std::string>> ports = {
      {"Grid", "-1843.27", "-461.967", "1900.278", "-0.97", "242.316"},
      {"Solar", "2210.54", "221.8869", "2221.648", "0.995", "242.316"},
      {"Battery", "-412.61", "-163.0739", "443.6667", "-0.93", "242.316"},
      {"", "0.0", "0.0", "0.0", "0.0", "242.198"},
      {"House", "-3640.918", "-700.3054", "3707.656", "-0.982", "242.198"},
      {"", "0.0", "0.0", "0.0", "0.0", "242.198"}};
  for (std::size_t i = 0; i < ports.size(); ++i)
    answer += "\"CT" + std::to_string(i + 1) + "\": {\"TYPE\": \"SCT013_100A\", \"NAME\": \"" + ports[i][0] +
              "\", \"PRMS\": " + ports[i][1] + ", \"PREACT\": " + ports[i][2] + ", \"PAPPARENT\": " + ports[i][3] +
              ", \"PF\": " + ports[i][4] + ", \"VRMS\": " + ports[i][5] + ", \"FREQ\": 50.01}, ";
  answer +=
      R"("RSSI": -51.4, "BOARD_TEMPERATURE": 24.81, "ASSY": "ASY0398_V003.300_SN00001846", "ACTIVE": 1.0, "PF_WATTS_THRESHOLD": 5})";
  const auto live = run_mesura({"decode", "ct6", "-", "--format", "csv"}, answer);
  INFO(live.out << live.err);
  REQUIRE(live.code == 0);
  std::map<std::string, double> values;  // "channel,quantity,unit"
  std::size_t at = live.out.find('\n') + 1;
  for (std::size_t end = live.out.find('\n', at); end != std::string::npos;
       at = end + 1, end = live.out.find('\n', at)) {
    std::vector<std::string> cells;
    std::string line = live.out.substr(at, end - at) + ",";
    for (std::size_t comma = line.find(','), start = 0; comma != std::string::npos;
         start = comma + 1, comma = line.find(',', start))
      cells.push_back(line.substr(start, comma - start));
    values[cells.at(1) + "," + cells.at(2) + "," + cells.at(3)] = std::stod(cells.at(6));
  }
  std::size_t compared = 0;
  for (const auto& series : house.rows("SELECT channel, quantity, unit, column_name FROM series")) {
    const std::string name = series[0] + "," + series[1] + "," + series[2];
    INFO(name);
    REQUIRE(values.contains(name));
    CHECK(std::stod(house.value("SELECT \"" + series[3] + "\" FROM ct6")) == Approx(values[name]).margin(0.051));
    ++compared;
  }
  CHECK(compared == 26);
}

TEST_CASE("both clock changes in a CT6 file") {
  const ImportHouse house{kCupboard};
  make_ct6_app(house.file("unit.db"),
               {power("2026-03-29 01:59:59.000000", "-1"), power("2026-03-29 02:30:00.000000", "-2"),
                power("2026-03-29 03:00:00.000000", "-3"), power("2026-10-25 01:59:59.500000", "-4"),
                power("2026-10-25 02:00:00.500000", "-5"), power("2026-10-25 02:59:59.500000", "-6"),
                power("2026-10-25 02:00:00.500000", "-7"), power("2026-10-25 02:59:59.500000", "-8"),
                power("2026-10-25 03:00:00.500000", "-9")});
  const auto json = house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard"}, 3);
  CHECK_THAT(json, contains(R"("code":"time-skipped","count":1,"left_out":true)"));
  CHECK_THAT(json, contains("unit.db row 2"));
  CHECK(house.rows("SELECT utc, ct1_active_power_w FROM cupboard_utc ORDER BY time") ==
        Rows{{"2026-03-29T00:59:59.000Z", "1.0"},
             {"2026-03-29T01:00:00.000Z", "3.0"},
             {"2026-10-24T23:59:59.500Z", "4.0"},
             {"2026-10-25T00:00:00.500Z", "5.0"},
             {"2026-10-25T00:59:59.500Z", "6.0"},
             {"2026-10-25T01:00:00.500Z", "7.0"},
             {"2026-10-25T01:59:59.500Z", "8.0"},
             {"2026-10-25T02:00:00.500Z", "9.0"}});
  CHECK(house.value("SELECT count(*) FROM quality") == "0");
}

TEST_CASE("an hour that nothing tells apart is marked") {
  const ImportHouse house{kCupboard};
  make_ct6_app(house.file("unit.db"),
               {power("2026-10-24 12:00:00.000000", "-1"), power("2026-10-25 02:30:00.000000", "-2"),
                power("2026-10-25 12:00:00.000000", "-3")});
  const auto json = house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard"});
  CHECK_THAT(json, contains(R"("code":"time-repeated","count":1,"left_out":false)"));
  CHECK(house.rows("SELECT q.flags, u.utc FROM quality q JOIN cupboard_utc u ON u.time = q.time") ==
        Rows{{"1", "2026-10-25T00:30:00.000Z"}});
}

TEST_CASE("bad rows cost themselves and are told") {
  const ImportHouse house{kCupboard};
  make_ct6_app(house.file("unit.db"),
               {power("2026-06-14 14:45:01.000000", "-1"), power("yesterday", "-2"), power("", "-3"),
                power("2026-06-14 14:45:04.000000", "'much'"), power("2026-06-14 14:45:05.000000", "9e999"),
                power("2026-06-14 14:45:06.000000", "-6"), power("2026-06-14 14:45:06.000000", "-7")});
  const auto json = house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard"}, 3);
  CHECK(number_after(json, "records") == "7");
  CHECK_THAT(json, contains(R"("code":"ct6-time","count":2,"left_out":true)"));
  CHECK_THAT(json, contains("got 'yesterday'"));
  CHECK_THAT(json, contains(R"("code":"ct6-value","count":2,"left_out":true)"));
  CHECK_THAT(json, contains(R"("code":"ct6-same-time","count":1,"left_out":false)"));
  CHECK(house.rows("SELECT utc, ct1_active_power_w FROM cupboard_utc ORDER BY time") ==
        Rows{{"2026-06-14T12:45:01.000Z", "1.0"}, {"2026-06-14T12:45:06.000Z", "7.0"}});
}

TEST_CASE("a dry run writes nothing, a range takes its part") {
  const ImportHouse house{kCupboard};
  make_ct6_app(house.file("unit.db"),
               {power("2026-06-14 14:45:01.000000", "-1"), power("2026-06-14 14:45:02.000000", "-2"),
                power("2026-06-14 14:45:03.000000", "-3")});
  const auto dry = house.import({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard", "--dry-run"});
  CHECK(dry.code == 0);
  CHECK_THAT(dry.out, contains("dry run: 3 records"));
  CHECK_THAT(dry.out, contains("cupboard/ct1/active_power"));
  CHECK_FALSE(std::filesystem::exists(house.database()));

  house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard", "--from",
                     "2026-06-14T12:45:02Z", "--to-time", "2026-06-14 14:45:03"});
  CHECK(house.rows("SELECT utc FROM cupboard_utc") == Rows{{"2026-06-14T12:45:02.000Z"}});
  const std::string file = read_file(house.database());
  house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard", "--dry-run"});
  CHECK(read_file(house.database()) == file);
}

TEST_CASE("files that are no CT6 databases, and arguments that make no sense") {
  const ImportHouse house{kCupboard + "  grid: {plugin: dsmr_p1, transport: {tcp: {host: 127.0.0.1, port: 9}}}\n"};
  write_file(house.file("text.db"), std::string(5000, 'x'));
  write_file(house.file("empty.db"), "");
  make_database(house.file("other.db"), {"CREATE TABLE t (a)"});
  make_database(house.file("columns.db"), {"CREATE TABLE CT6_SENSOR (TIMESTAMP TEXT, WATTS REAL)"});
  make_ct6_app(house.file("none.db"), {});
  const auto expect = [&](std::vector<std::string> arguments, int code, const std::string& words) {
    const auto outcome = house.import(std::move(arguments));
    INFO(outcome.out << outcome.err);
    CHECK(outcome.code == code);
    CHECK_THAT(outcome.err + outcome.out, contains(words));
  };
  const auto file = [&](const char* name) { return house.file(name).string(); };
  expect({"ct6-sqlite", file("missing.db"), "--device", "cupboard"}, 1, "error[imp-open]");
  CHECK_FALSE(std::filesystem::exists(house.file("missing.db")));
  expect({"ct6-sqlite", file("text.db"), "--device", "cupboard"}, 1, "error[imp-open]");
  expect({"ct6-sqlite", file("empty.db"), "--device", "cupboard"}, 1, "error[ct6-schema]");
  expect({"ct6-sqlite", file("other.db"), "--device", "cupboard"}, 1, "no such table");
  expect({"ct6-sqlite", file("columns.db"), "--device", "cupboard"}, 1, "a table with other columns");
  expect({"ct6-sqlite", file("none.db"), "--device", "cupboard"}, 0, "0 records");
  expect({"ct6-sqlite", file("none.db")}, 2, "needs --device");
  expect({"ct6-sqlite", "--device", "cupboard"}, 2, "takes one source");
  expect({"ct6-sqlite", file("none.db"), "--device", "grid"}, 2, "expected one of ct6");
  expect({"ct6-sqlite", file("none.db"), "--device", "cupboard", "--from", "noon"}, 2, "--from");
  expect({"ct6-sqlite", file("none.db"), "--device", "cupboard", "--zone", "Europe/Nowhere"}, 2, "Europe/Nowhere");
  expect({"ct6-sqlite", file("none.db"), "--device", "cupboard", "--map", "a=b/c"}, 2, "--map is for csv");
  expect({"ct6-sqlite", file("none.db"), "--device", "shed"}, 0, "there is no device 'shed'");
  expect({"nonsense", file("none.db"), "--device", "shed"}, 2, "nonsense");
}

TEST_CASE("a damaged CT6 file gives what lies before the damage") {
  const ImportHouse house{kCupboard};
  std::vector<std::string> rows;
  for (int i = 0; i < 9000; ++i) {
    char time[40];
    std::snprintf(time, sizeof time, "2026-06-14 %02d:%02d:%02d.000000", 2 + i / 3600, i / 60 % 60, i % 60);
    rows.push_back(row(time));
  }
  make_ct6_app(house.file("unit.db"), rows);
  const auto size = std::filesystem::file_size(house.file("unit.db"));
  std::string bytes = read_file(house.file("unit.db"));
  for (std::size_t i = size / 2; i < size / 2 + 40960; ++i) bytes[i] = '\xff';
  write_file(house.file("unit.db"), bytes);
  const auto json = house.import_json({"ct6-sqlite", house.file("unit.db").string(), "--device", "cupboard"}, 3);
  CHECK_THAT(json, contains(R"("code":"imp-damaged","count":1,"left_out":true)"));
  const int there = std::stoi(house.value("SELECT count(*) FROM cupboard"));
  CHECK(there > 1000);
  CHECK(there < 9000);
}
