// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura import godenerg, p1-monitor and csv.
#include "board.hpp"
#include "import_support.hpp"

#include <sqlite3.h>
#include <support/catch.hpp>

#include <algorithm>
#include <memory>

using namespace mesura::test;

namespace {

using Rows = std::vector<std::vector<std::string>>;

const std::string kInverter = "  inverter: {plugin: axpert, transport: {tcp: {host: 127.0.0.1, port: 9}}}\n";
const std::string kGrid = "  grid: {plugin: dsmr_p1, transport: {tcp: {host: 127.0.0.1, port: 9}}}\n";

const std::string kQuarter1630 =
    R"({"quarter_id":386662722,"consumed_power_avg":331,"interval_secs":5,"consumed_power_interval_avgs":[652,null,10],"produced_power_interval_avgs":[0,null,-300]})";
const std::string kOctoberS =
    R"({"quarter_id":420092555,"consumed_power_avg":150,"interval_secs":5,"consumed_power_interval_avgs":[150],"produced_power_interval_avgs":[0]})";
const std::string kOctoberW =
    R"({"quarter_id":420092424,"consumed_power_avg":300,"interval_secs":5,"consumed_power_interval_avgs":[300],"produced_power_interval_avgs":[0]})";
const std::string kMarchW =
    R"({"quarter_id":436411655,"consumed_power_avg":7,"interval_secs":5,"consumed_power_interval_avgs":[null,7],"produced_power_interval_avgs":[null,0]})";
const std::string kMarchS =
    R"({"quarter_id":436411788,"consumed_power_avg":8,"interval_secs":5,"consumed_power_interval_avgs":[8],"produced_power_interval_avgs":[-1]})";

void make_quarters(const std::filesystem::path& root) {
  const std::vector<std::pair<std::string, std::string>> files = {{"2023/12/01/1630W.json", kQuarter1630},
                                                                  {"2025/10/26/0245S.json", kOctoberS},
                                                                  {"2025/10/26/0200W.json", kOctoberW},
                                                                  {"2026/03/29/0145W.json", kMarchW},
                                                                  {"2026/03/29/0300S.json", kMarchS}};
  for (const auto& [path, text] : files) {
    std::filesystem::create_directories((root / path).parent_path());
    write_file(root / path, text);
  }
  // As the board leaves it from its write test.
  std::filesystem::create_directories(root / "2022/01/01");
  write_file(root / "2022/01/01/hello.txt", "hello");
}

const Rows kPowers = {
    {"2023-12-01T15:30:00.000Z", "652.0", "0.0", "652.0"}, {"2023-12-01T15:30:10.000Z", "10.0", "300.0", "-290.0"},
    {"2025-10-26T00:45:00.000Z", "150.0", "0.0", "150.0"}, {"2025-10-26T01:00:00.000Z", "300.0", "0.0", "300.0"},
    {"2026-03-29T00:45:05.000Z", "7.0", "0.0", "7.0"},     {"2026-03-29T01:00:00.000Z", "8.0", "1.0", "7.0"}};
const std::string kPowersOfGrid =
    "SELECT utc, total_active_power_import_w, total_active_power_export_w, total_active_power_w FROM grid_utc ORDER BY "
    "time";

}  // namespace

TEST_CASE("godenerg's rows become what the plugin makes of the inverter's replies") {
  const ImportHouse house{kInverter};
  make_godenerg(house.file("inverter.db"),
                {// Vector A9 of the sheet in godenerg's columns, in battery mode, and the same a quarter of a minute
                 // later on the grid.
                 "1509798413, 230.1, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, 100.6, 52.78, 0, "
                 "'01110110', '00', '00', 844, '010', 'BT'",
                 "1509798428, 230.1, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 0, 99, 40, 16, 100.6, 52.78, 7, "
                 "'00010000', '00', '00', 844, '010', 'LN'"});
  const auto first = house.import_json({"godenerg", house.file("inverter.db").string(), "--device", "inverter"});
  CHECK(number_after(first, "records") == "2");
  CHECK(house.rows(
            "SELECT utc, grid_voltage_v, ac_output_active_power_w, ac_output_load_level_pct, battery_voltage_v, "
            "battery_charge_current_a, battery_discharge_current_a, battery_direct_current_a, battery_active_power_w, "
            "pv1_charge_current_a, pv1_voltage_v, pv1_active_power_w, scc1_voltage_v, heatsink_temperature_celsius "
            "FROM inverter_utc ORDER BY time") ==
        Rows{{"2017-11-04T12:26:53.000Z", "230.1", "221.0", "6.0", "52.8", "11.0", "0.0", "11.0", "580.8", "16.0",
              "100.6", "844.0", "52.78", "40.0"},
             {"2017-11-04T12:27:08.000Z", "230.1", "221.0", "6.0", "52.8", "0.0", "7.0", "-7.0", "-369.6", "16.0",
              "100.6", "844.0", "52.78", "40.0"}});
  const auto states = [&](const std::string& channel, const std::string& quantity) {
    return house.rows(
        "SELECT coalesce(text, CAST(number AS INTEGER)) FROM states JOIN series ON series.id = states.series WHERE "
        "channel = '" +
        channel + "' AND quantity = '" + quantity + "' ORDER BY time");
  };
  CHECK(states("total", "operating_mode") == Rows{{"battery"}, {"line"}});
  CHECK(states("total", "device_status") == Rows{{"01110110"}, {"00010000"}});
  CHECK(states("battery", "charge_source") == Rows{{"solar"}, {"none"}});
  CHECK(states("pv1", "charging") == Rows{{"1"}, {"0"}});
  CHECK(states("ac_output", "load_on") == Rows{{"1"}});
  CHECK(states("total", "switched_on") == Rows{{"1"}});

  // The same reply read live: the same series and nothing else.
  write_file(house.file("reply"),
             "(000.0 00.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 "
             "010\x98\xea\r"
             "(B\xe7\xc9\r");
  const auto live = run_mesura({"decode", "axpert", house.file("reply").string(), "--format", "csv"});
  INFO(live.out << live.err);
  REQUIRE(live.code == 0);
  for (const auto& series : house.rows("SELECT channel, quantity, unit FROM series"))
    CHECK_THAT(live.out, contains("axpert," + series[0] + "," + series[1] + "," + series[2] + ","));
  const auto lines = static_cast<std::size_t>(std::count(live.out.begin(), live.out.end(), '\n'));
  CHECK(house.value("SELECT count(*) FROM series") == std::to_string(lines - 1));

  const auto once = house.everything();
  house.import_json({"godenerg", house.file("inverter.db").string(), "--device", "inverter"});
  CHECK(house.everything() == once);
}

TEST_CASE("godenerg's odd rows, numeric masks and last_stats") {
  const ImportHouse house{kInverter};
  make_godenerg(house.file("inverter.db"),
                {"1509798413, 230.1, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, 100.6, 52.78, 0, "
                 "1110110, 0, 0, 844, 10, 'BT'",
                 "1509798428, NULL, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, 100.6, 52.78, 0, "
                 "'01110110', '00', '00', 844, '010', 'BT'",
                 "'noon', 230.1, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, 100.6, 52.78, 0, "
                 "'01110110', '00', '00', 844, '010', 'BT'",
                 "1509798443, 999.0, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, 100.6, 52.78, 0, "
                 "'01110110', '00', '00', 844, '010', 'XX'",
                 "1509798458, 230.1, 50.0, 230.0, 50.0, 322, 221, 6, 425, 52.8, 11, 100, 40, 16, 100.6, 52.78, 0, "
                 "'01110110', '00', '00', 844, '010', '00'"},
                {"1509798460, 52.9, 12, 17, 850"});
  const auto json = house.import_json({"godenerg", house.file("inverter.db").string(), "--device", "inverter"}, 3);
  CHECK(number_after(json, "records") == "6");
  CHECK_THAT(json, contains(R"("code":"gdn-value","count":1,"left_out":true)"));
  CHECK_THAT(json, contains(R"("code":"gdn-time","count":1,"left_out":true)"));
  CHECK_THAT(json, contains(R"("code":"gdn-mode","count":2)"));
  CHECK_THAT(json, contains(R"("code":"axpert-implausible","count":1,"left_out":true)"));
  CHECK(house.rows("SELECT utc, battery_voltage_v, battery_charge_current_a, pv1_charge_current_a, pv1_active_power_w, "
                   "bus_voltage_v FROM inverter_utc ORDER BY time") ==
        Rows{{"2017-11-04T12:26:53.000Z", "52.8", "11.0", "16.0", "844.0", "425.0"},
             {"2017-11-04T12:27:38.000Z", "52.8", "11.0", "16.0", "844.0", "425.0"},
             {"2017-11-04T12:27:40.000Z", "52.9", "12.0", "17.0", "850.0", "NULL"}});
  make_database(house.file("other.db"), {"CREATE TABLE stats (datetime INTEGER, volts REAL)"});
  const auto other = house.import({"godenerg", house.file("other.db").string(), "--device", "inverter"});
  CHECK(other.code == 1);
  CHECK_THAT(other.err, contains("error[gdn-schema]"));
}

TEST_CASE("the P1 monitor's quarters from a directory, in both clock changes, and a second time changes nothing") {
  const ImportHouse house{kGrid};
  make_quarters(house.file("card/meter"));
  const std::string where = GENERATE(std::string{"card"}, std::string{"card/meter"});
  const auto json = house.import_json({"p1-monitor", house.file(where).string(), "--device", "grid"});
  CHECK(number_after(json, "records") == "5");
  CHECK(house.rows(kPowersOfGrid) == kPowers);
  CHECK(house.rows("SELECT quantity, role, source, quality FROM series ORDER BY quantity") ==
        Rows{{"active_power", "grid", "1-0:1.7.0 - 1-0:2.7.0", "4"},
             {"active_power_export", "grid", "1-0:2.7.0", "0"},
             {"active_power_import", "grid", "1-0:1.7.0", "0"}});
  // The slots come back as they were: what compatible routes serve of them.
  CHECK(house.rows("SELECT quarter_id, import_w, export_w FROM quarters ORDER BY time LIMIT 1") ==
        Rows{{"386662722", "[652,null,10]", "[0,null,300]"}});
  const auto once = house.everything();
  house.import_json({"p1-monitor", house.file(where).string(), "--device", "grid"});
  CHECK(house.everything() == once);
}

TEST_CASE("odd quarter files cost themselves") {
  const ImportHouse house{kGrid};
  make_quarters(house.file("card"));
  write_file(house.file("card/2023/12/01/1645W.json"), kQuarter1630.substr(0, 90));  // torn
  write_file(house.file("card/2023/12/01/1700W.json"), kQuarter1630);                // another quarter's
  write_file(house.file("card/2023/12/01/1715W.json"), "");
  write_file(house.file("card/2023/12/01/1720W.json"), kQuarter1630);
  write_file(house.file("card/2023/12/01/1730W.json"), "{}");
  const auto json = house.import_json({"p1-monitor", house.file("card").string(), "--device", "grid"}, 3);
  CHECK_THAT(json, contains(R"("code":"p1-json","count":2,"left_out":true)"));
  CHECK_THAT(json, contains(R"("code":"p1-quarter","count":1,"left_out":true)"));
  CHECK_THAT(json, contains(R"("code":"p1-name","count":1,"left_out":true)"));
  CHECK(house.rows(kPowersOfGrid) == kPowers);
  std::filesystem::create_directory(house.file("nothing"));
  CHECK(house.import({"p1-monitor", house.file("nothing").string(), "--device", "grid"}).code == 1);
  CHECK(house.import({"p1-monitor", house.file("nowhere").string(), "--device", "grid"}).code == 1);
}

TEST_CASE("the P1 monitor's quarters from the running board") {
  const ImportHouse house{kGrid};
  const Board board{
      {{"/historic/years", R"({"years":[2025,2023,2022,2026]})"},
       {"/historic/months?year=2022", R"({"year":2022,"months":[1]})"},
       {"/historic/months?year=2023", R"({"year":2023,"months":[12]})"},
       {"/historic/months?year=2025", R"({"year":2025,"months":[10]})"},
       {"/historic/months?year=2026", R"({"year":2026,"months":[3]})"},
       {"/historic/days?year=2022&month=1", R"({"year":2022,"month":1,"days":[1]})"},
       {"/historic/days?year=2023&month=12", R"({"year":2023,"month":12,"days":[1]})"},
       {"/historic/days?year=2025&month=10", R"({"year":2025,"month":10,"days":[26]})"},
       {"/historic/days?year=2026&month=3", R"({"year":2026,"month":3,"days":[29]})"},
       {"/historic/quarters?year=2022&month=1&day=1", R"({"year":2022,"month":1,"day":1,"quarters":[]})"},
       {"/historic/quarters?year=2023&month=12&day=1", R"({"year":2023,"month":12,"day":1,"quarters":[386662722]})"},
       {"/historic/quarters?year=2025&month=10&day=26",
        R"({"year":2025,"month":10,"day":26,"quarters":[420092424,420092555]})"},
       {"/historic/quarters?year=2026&month=3&day=29",
        R"({"year":2026,"month":3,"day":29,"quarters":[436411788,436411655,436411789]})"},
       {"/meter/2023/12/01/1630W.json", kQuarter1630},
       {"/meter/2025/10/26/0245S.json", kOctoberS},
       {"/meter/2025/10/26/0200W.json", kOctoberW},
       {"/meter/2026/03/29/0145W.json", kMarchW},
       {"/meter/2026/03/29/0300S.json", kMarchS}}};
  const auto json = house.import_json({"p1-monitor", board.url(), "--device", "grid"}, 3);
  // One of the quarters that it lists is not there.
  CHECK_THAT(json, contains(R"("code":"p1-file","count":1,"left_out":true)"));
  CHECK_THAT(json, contains("status 404"));
  CHECK(house.rows(kPowersOfGrid) == kPowers);
  const Board other{{{"/historic/years", "hello"}}};
  const auto wrong = house.import({"p1-monitor", other.url(), "--device", "grid"});
  CHECK(wrong.code == 1);
  CHECK_THAT(wrong.err, contains("is that a P1 monitor?"));
  CHECK(house.import({"p1-monitor", "https://127.0.0.1", "--device", "grid"}).code == 1);
}

TEST_CASE("what the csv sink writes comes back as it was") {
  const ImportHouse house{kGrid};
  write_file(house.file("grid-20260614-120000.csv"),
             "time,quality,l1_active_power_w,l1_voltage_v,total_message_text\n"
             "2026-06-14T12:45:01.000Z,,1843,230.2,\"say \"\"hi\"\"\"\n"
             "2026-06-14T12:45:02.000Z,l1_voltage_v=suspect,1839,23.1,\n"
             "2026-06-14T12:45:03.000Z,clock_suspect,1840,,\"\"\n");
  write_file(house.file("long.csv"),
             "time,device,channel,quantity,unit,value,quality\n"
             "2026-06-14T12:45:04.000Z,grid,l1,active_power,W,1844,\n"
             "2026-06-14T12:45:04.000Z,grid,l1,voltage,V,230.4,estimated\n"
             "2026-06-14T12:45:04.000Z,grid,total,active_power,W,1844,derived\n");
  const std::vector<std::string> arguments{"csv", house.file("grid-20260614-120000.csv").string(),
                                           house.file("long.csv").string()};
  const auto json = house.import_json(arguments);
  CHECK(number_after(json, "records") == "6");
  CHECK(house.rows("SELECT utc, l1_active_power_w, l1_voltage_v, total_active_power_w FROM grid_utc ORDER BY time") ==
        Rows{{"2026-06-14T12:45:01.000Z", "1843.0", "230.2", "NULL"},
             {"2026-06-14T12:45:02.000Z", "1839.0", "23.1", "NULL"},
             {"2026-06-14T12:45:03.000Z", "1840.0", "NULL", "NULL"},
             {"2026-06-14T12:45:04.000Z", "1844.0", "230.4", "1844.0"}});
  CHECK(house.rows("SELECT text FROM states ORDER BY time") == Rows{{"say \"hi\""}, {""}});
  CHECK(house.rows("SELECT s.quantity, q.flags FROM quality q JOIN series s ON s.id = q.series ORDER BY q.time, 1") ==
        Rows{{"voltage", "8"}, {"active_power", "1"}, {"message_text", "1"}, {"voltage", "32"}});
  CHECK(house.value("SELECT group_concat(DISTINCT role) FROM series WHERE channel IN ('l1', 'total')") == "grid");
  const auto once = house.everything();
  house.import_json(arguments);
  CHECK(house.everything() == once);
}

TEST_CASE("other programs' CSV by mapping, with bad lines told by their numbers") {
  const ImportHouse house{
      "  shed: {plugin: ct6, transport: {udp: {host: 127.0.0.1}}, channels: {ct1: {label: Heater, invert: true}}}\n"};
  write_file(house.file("old.csv"),
             "\xef\xbb\xbf"
             "Datum;Leistung [kW];Spannung;Notiz\r\n"
             "24.10.2026 12:00:00;1,5;230,1;a\r\n"
             "25.10.2026 01:59:30;1;230;b\r\n"
             "25.10.2026 02:00:00;2;230;b\r\n"
             "25.10.2026 02:00:00;3;230;b\r\n"
             "heute;1,5;230,1;a\r\n"
             "25.10.2026 04:00:00;viel;230,1;a\r\n"
             "25.10.2026 05:00:00;1,5\r\n"
             "25.10.2026 06:00:00;;231;\r\n");
  const std::vector<std::string> arguments{"csv",           house.file("old.csv").string(),
                                           "--device",      "shed",
                                           "--map",         "Leistung [kW]=ct1/active_power:kW",
                                           "--map",         "Spannung=ct1/voltage",
                                           "--time-format", "%d.%m.%Y %H:%M:%S"};
  const auto json = house.import_json(arguments, 3);
  CHECK_THAT(json, contains(R"("code":"csv-time","count":1,"left_out":true,"samples":[{"where":"old.csv:6")"));
  CHECK_THAT(json, contains(R"("code":"csv-value","count":1,"left_out":true,"samples":[{"where":"old.csv:7")"));
  CHECK_THAT(json, contains(R"("code":"csv-cells","count":1,"left_out":true,"samples":[{"where":"old.csv:8")"));
  // Values stand as they are: nothing is turned by what the configuration says of the clamp.
  CHECK(house.rows("SELECT utc, ct1_active_power_w, ct1_voltage_v FROM shed_utc ORDER BY time") ==
        Rows{{"2026-10-24T10:00:00.000Z", "1500.0", "230.1"},
             {"2026-10-24T23:59:30.000Z", "1000.0", "230.0"},
             {"2026-10-25T00:00:00.000Z", "3000.0", "230.0"},
             {"2026-10-25T03:00:00.000Z", "NULL", "230.1"},
             {"2026-10-25T05:00:00.000Z", "NULL", "231.0"}});
  CHECK(house.rows("SELECT label FROM series WHERE quantity = 'active_power'") == Rows{{"Heater"}});
}

TEST_CASE("CSV files that can't be used") {
  const ImportHouse house{kGrid};
  const auto expect = [&](const std::string& name, const std::string& text, int code, const std::string& words) {
    write_file(house.file(name), text);
    const auto outcome = house.import({"csv", house.file(name).string(), "--device", "grid"});
    INFO(outcome.out << outcome.err);
    CHECK(outcome.code == code);
    CHECK_THAT(outcome.out + outcome.err, contains(words));
  };
  expect("empty.csv", "", 0, "csv-empty");
  expect("foreign.csv", "a,b\n1,2\n", 3, "no column is a series");
  expect("half.csv", "time,l1_voltage_v,colour\n2026-06-14T12:45:01Z,230,red\n", 3, "column 'colour' is no series");
  expect("a-20260614-120000.csv.part",
         "time,quality,l1_voltage_v\n2026-06-14T12:45:01.000Z,,230\n2026-06-14T12:45:02.000Z,,23", 3, "csv-torn");
  CHECK(house.value("SELECT group_concat(l1_voltage_v) FROM grid") == "230.0");
  CHECK(house.import({"csv", house.file("missing.csv").string(), "--device", "grid"}).code == 1);
  CHECK(house.import({"csv", house.file(".").string(), "--device", "grid"}).code == 1);
  CHECK(house.import({"csv"}).code == 2);
  const auto nobody = house.import({"csv", house.file("half.csv").string()});
  CHECK(nobody.code == 3);
  CHECK_THAT(nobody.out, contains("neither the file nor --device"));
}

TEST_CASE("an import into a database that another program has locked waits for it") {
  const ImportHouse house{kGrid};
  make_quarters(house.file("card"));
  house.import_json({"p1-monitor", house.file("card").string(), "--device", "grid", "--to-time", "2024-01-01"});
  CHECK(house.value("SELECT count(*) FROM grid") == "2");
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(house.database().c_str(), &raw) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> locker{raw, &sqlite3_close};
  REQUIRE(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  Process process{program({"import", "p1-monitor", house.file("card").string(), "--device", "grid", "--to", "local",
                           "--config", house.file("mesura.yaml").string()})};
  // Later than SQLite itself is patient.
  process.wait_for_line("waiting for sqlite");
  REQUIRE(sqlite3_exec(raw, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(process.wait(std::chrono::seconds{90}) == Exit{0, 0});
  CHECK(house.rows(kPowersOfGrid) == kPowers);
}

TEST_CASE("what is exported and imported elsewhere is the same") {
  const ImportHouse house{kGrid};
  make_quarters(house.file("card"));
  house.import_json({"p1-monitor", house.file("card").string(), "--device", "grid"});
  const auto exported =
      run_mesura({"export", "grid/total/*", "--from", "2023-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z",
                  "--config", house.file("mesura.yaml").string(), "--format", "csv"});
  INFO(exported.out << exported.err);
  REQUIRE(exported.code == 0);
  const ImportHouse other{kGrid};
  write_file(other.file("export.csv"), exported.out);
  other.import_json({"csv", other.file("export.csv").string()});
  CHECK(other.rows(kPowersOfGrid) == kPowers);
}

TEST_CASE("an import beside the running service: both write, and rollups of the time imported are made") {
  const Meter meter{{"--dialect", "be"}};
  const ImportHouse house{"  grid: {plugin: dsmr_p1, transport: {tcp: {host: " + meter.host() +
                          ", port: " + std::to_string(meter.port()) + "}}}\n"};
  make_quarters(house.file("card"));
  // Month peaks of the meter lie in the past as well: rows without a power.
  Process service{program({"run", house.file("mesura.yaml").string()})};
  const auto live = [](long more_than) {
    return [more_than](const Rows& rows) { return !rows.empty() && std::stol(rows[0][0]) > more_than; };
  };
  const std::string count = "SELECT count(*) FROM grid WHERE time > 1780000000000000";
  const auto before = wait_for_rows(house.database(), count, live(0));
  const auto progress =
      house.import({"p1-monitor", house.file("card").string(), "--device", "grid", "--progress", "json"});
  INFO(progress.out << progress.err);
  CHECK(progress.code == 0);
  CHECK_THAT(progress.err, contains(R"("unit":"days")"));
  CHECK(
      house.rows("SELECT utc, total_active_power_import_w, total_active_power_export_w, total_active_power_w FROM "
                 "grid_utc WHERE time < 1780000000000000 AND total_active_power_import_w IS NOT NULL ORDER BY time") ==
      kPowers);
  wait_for_rows(house.database(), count, live(std::stol(before[0][0])));
  wait_for_rows(
      house.database(),
      "SELECT count(*) FROM grid_15m WHERE time < 1780000000000000 AND total_active_power_import_w IS NOT NULL",
      [](const Rows& rows) { return !rows.empty() && rows[0][0] == "5"; });
  CHECK(house.rows("SELECT total_active_power_import_w, total_active_power_import_w_min, "
                   "total_active_power_import_w_max, count FROM grid_15m WHERE total_active_power_import_w IS NOT NULL "
                   "ORDER BY time LIMIT 1") == Rows{{"331.0", "10.0", "652.0", "2"}});
  CHECK(service.stop() == Exit{0, 0});
}

TEST_CASE("what the sink knows of a series stays, and what it would delete again is told") {
  const ImportHouse house{kInverter + kGrid};
  make_quarters(house.file("card"));
  house.import_json({"p1-monitor", house.file("card").string(), "--device", "grid"});
  write_file(house.file("grid-20260614-120000.csv"),
             "time,quality,total_active_power_w\n2026-06-14T12:45:01.000Z,,5\n");
  house.import_json({"csv", house.file("grid-20260614-120000.csv").string()});
  // The wire's name came with the first import; that the value is derived, too.
  CHECK(house.rows("SELECT source, role, quality FROM series WHERE quantity = 'active_power'") ==
        Rows{{"1-0:1.7.0 - 1-0:2.7.0", "grid", "4"}});
  CHECK(house.value("SELECT count(*) FROM quality") == "0");

  write_file(house.file("mesura.yaml"),
             "timezone: Europe/Brussels\ndevices:\n" + kGrid +
                 "sinks:\n  local: {sqlite: {path: " + house.database().string() +
                 ", retention: {raw: 90d}}}\n  broker: {mqtt: {url: \"mqtt://127.0.0.1:9\"}}\n");
  const auto warned = house.import({"p1-monitor", house.file("card").string(), "--device", "grid", "--dry-run"});
  CHECK(warned.code == 0);
  CHECK_THAT(warned.out, contains("retention.raw"));
  const auto broker = run_mesura({"import", "p1-monitor", house.file("card").string(), "--device", "grid", "--to",
                                  "broker", "--config", house.file("mesura.yaml").string()});
  CHECK(broker.code == 2);
  CHECK_THAT(broker.err, contains("takes no past"));
}
