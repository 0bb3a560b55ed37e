// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// From the unit's answer to the row that the vendor's collector would have written, on a real server, whatever roles
// and clamps the configuration turns.
#include <mesura/measurement.hpp>
#include <mesura/plugin.hpp>

#include "ct6_schema.hpp"
#include "database/mariadb.hpp"
#include "session/series_binder.hpp"
#include "sinks/mysql/mysql_sink.hpp"
#include "sinks/mysql/table_layout.hpp"
#include "support/catch.hpp"
#include "support/mariadb.hpp"
#include "support/plugin_harness.hpp"
#include "support/plugin_schema.hpp"
#include "vectors.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

using namespace mesura;
using namespace mesura::ct6::test;
using database::mariadb::Connection;
using mesura::test::MariaDb;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using EventKind = PluginHarness::Kind;
namespace mysql = mesura::sinks::mysql;

namespace {

// Columns and types in the order of the sheet, section 7.
constexpr const char* kSensor =
    "TIMESTAMP timestamp, CT1_ACT_WATTS float(6,1), CT2_ACT_WATTS float(6,1), CT3_ACT_WATTS float(6,1), CT4_ACT_WATTS "
    "float(6,1), CT5_ACT_WATTS float(6,1), CT6_ACT_WATTS float(6,1), CT1_REACT_WATTS float(6,1), CT2_REACT_WATTS "
    "float(6,1), CT3_REACT_WATTS float(6,1), CT4_REACT_WATTS float(6,1), CT5_REACT_WATTS float(6,1), CT6_REACT_WATTS "
    "float(6,1), CT1_APP_WATTS float(6,1), CT2_APP_WATTS float(6,1), CT3_APP_WATTS float(6,1), CT4_APP_WATTS "
    "float(6,1), CT5_APP_WATTS float(6,1), CT6_APP_WATTS float(6,1), CT1_PF float(4,3), CT2_PF float(4,3), CT3_PF "
    "float(4,3), CT4_PF float(4,3), CT5_PF float(4,3), CT6_PF float(4,3), VOLTAGE float(4,1), FREQUENCY float(3,1), "
    "BOARD_TEMPERATURE float(4,1), RSSI_DBM float(3,1)";

// Of the sheet's answer, section 2.3.
constexpr const char* kRow =
    " -1843.3 2210.5 -412.6 0.0 -3640.9 0.0 -462.0 221.9 -163.1 0.0 -700.3 0.0 1900.3 2221.6 443.7 0.0 3707.7 0.0 "
    "-0.970 0.995 -0.930 0.000 -0.982 0.000 242.3 50.0 24.8 -51.4";

// Plugin, binder and sink as the collector joins them.
struct House {
  MariaDb server;
  SeriesTable series;
  config::PluginSchema schema = mesura::test::accepted_schema(mesura_schema);
  session::SeriesBinder::ChannelRules rules;
  mysql::Options options;

  explicit House(std::vector<std::string> arguments = {}) : server(std::move(arguments)) {
    options.login.socket = server.socket();
    options.login.user = "root";
    options.site_zone = "MET";
    for (const auto& layout : mysql::known_table_layouts()) {
      if (layout->name == "ct6") options.tables = layout;
    }
    REQUIRE(options.tables != nullptr);
  }
  BatchPtr batch(std::string_view answer, std::int64_t received_ns, const std::string& device) {
    PluginHarness::Config config;
    config.now_ns = received_ns;
    PluginHarness h(*mesura_plugin_query(nullptr, nullptr), PluginOptions{}, config);
    h.open();
    h.bytes(answer);
    h.close(true);
    session::SeriesBinder binder{series, schema, rules};
    auto out = std::make_shared<Batch>();
    out->device = device;
    for (const auto& e : h.events(EventKind::attribute)) series.set_attribute(device, e.key, e.text);
    for (const auto& e : h.events(EventKind::measurement)) {
      mesura_series_info info{};
      info.struct_size = sizeof info;
      info.channel = abi::str(e.channel);
      info.quantity = abi::str(e.quantity);
      info.label = abi::str(e.label);
      info.source = abi::str(e.source);
      info.decimals = -1;
      const auto bound = binder.bind(device, info);
      INFO(bound.error);
      REQUIRE(bound);
      Measurement m{};
      m.time_ns = received_ns;
      m.series = bound.series.id;
      m.number = bound.series.factor * e.value + bound.series.offset;
      m.type = MESURA_NUMBER;
      out->items.push_back(m);
    }
    return out;
  }
  void write(const std::vector<BatchPtr>& batches) {
    mysql::MysqlSink sink{options, series, {}};
    sink.open();
    const WriteResult result = sink.write(batches);
    INFO(result.reason);
    REQUIRE(result.outcome == WriteResult::Outcome::committed);
    CHECK(result.rejected.empty());
  }
  // As the vendor's dashboard connects: in the server's own zone.
  [[nodiscard]] Connection dashboard() const { return Connection{options.login}; }
  [[nodiscard]] std::vector<std::string> rows(const std::string& sql) const {
    std::vector<std::string> out;
    for (const auto& row : dashboard().query(sql)) {
      std::string& line = out.emplace_back();
      for (const auto& cell : row) line += (line.empty() ? "" : " ") + cell.value_or("NULL");
    }
    return out;
  }
};

}  // namespace

TEST_CASE("the sheet's answer becomes the vendor's exact row, whatever roles and clamps say") {
  House house;
  SECTION("as it comes") {}
  SECTION("a role and a turned clamp") {
    house.rules["ct1"].role = model::Role::grid;
    house.rules["ct2"].role = model::Role::solar;
    house.rules["ct2"].invert = true;
    house.rules["ct3"].role = model::Role::battery;
    house.rules["ct5"].invert = true;
  }
  SECTION("solar") { house.rules["ct2"].role = model::Role::solar; }
  house.write({house.batch(kAnswer, kAnswerTime_ns, "cupboard")});
  CHECK(house.rows("SELECT * FROM Meter_Cupboard.CT6_SENSOR") ==
        std::vector<std::string>{"2026-06-14 14:45:01" + std::string{kRow}});
  CHECK(house.rows("SELECT * FROM Meter_Cupboard.CT6_META") ==
        std::vector<std::string>{"ASY0398_V003.300_SN00001846 Grid Solar Battery  House "});
  for (const char* table : {"CT6_SENSOR", "CT6_SENSOR_MINUTE", "CT6_SENSOR_HOUR", "CT6_SENSOR_DAY"}) {
    INFO(table);
    CHECK(house.rows("SELECT GROUP_CONCAT(COLUMN_NAME, ' ', COLUMN_TYPE ORDER BY ORDINAL_POSITION SEPARATOR ', ') FROM "
                     "information_schema.COLUMNS WHERE TABLE_SCHEMA = 'Meter_Cupboard' AND TABLE_NAME = '" +
                     std::string{table} + "'") == std::vector<std::string>{kSensor});
    CHECK(house.rows("SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "
                     "'Meter_Cupboard' AND TABLE_NAME = '" +
                     std::string{table} + "'") == std::vector<std::string>{std::string{table} + "_INDEX TIMESTAMP"});
  }
}

TEST_CASE("the stored time is that of the wall, on servers of any zone") {
  std::vector<std::string> arguments;
  std::vector<std::string> autumn;
  SECTION("the server has the zone of the house: the hour that comes twice is there twice") {
    arguments = {"--default-time-zone=MET"};
    autumn = {"2026-10-25 02:30:00", "2026-10-25 02:30:00"};
  }
  SECTION("the server has another") { autumn = {"2026-10-25 02:30:00"}; }
  House house{arguments};
  constexpr std::int64_t kSummerHour = 1'792'888'200'000'000'000;  // 2026-10-25T00:30:00Z
  house.write({house.batch(kAnswer, kAnswerTime_ns, "cupboard"), house.batch(kAnswer, kSummerHour, "cupboard"),
               house.batch(kAnswer, kSummerHour + 3'600'000'000'000, "cupboard")});
  std::vector<std::string> expected{"2026-06-14 14:45:01"};
  expected.insert(expected.end(), autumn.begin(), autumn.end());
  CHECK(house.rows("SELECT TIMESTAMP FROM Meter_Cupboard.CT6_SENSOR ORDER BY TIMESTAMP") == expected);
  // Days are local ones, and there as soon as one of their hours is over.
  CHECK(house.rows("SELECT TIMESTAMP, CT2_ACT_WATTS, CT4_PF FROM Meter_Cupboard.CT6_SENSOR_DAY") ==
        std::vector<std::string>{"2026-06-14 00:00:00 2210.5 0.000", "2026-10-25 00:00:00 2210.5 0.000"});
}

TEST_CASE("metadata for every unit, of any name") {
  House house;
  const std::vector<std::string> names{"Kitchen", "Kitchen", "it's `one` of; many", "mysql", "42.5", ""};
  std::vector<BatchPtr> batches;
  for (std::size_t i = 0; i < names.size(); ++i)
    batches.push_back(house.batch(answer_of(static_cast<int>(i), names[i]), kAnswerTime_ns, "dev" + std::to_string(i)));
  house.write(batches);
  house.write(batches);
  for (const char* database : {"Kitchen", "dev1", "it's ``one`` of; many", "dev3", "42.5", "dev5"}) {
    INFO(database);
    CHECK(house.rows("SELECT COUNT(*) FROM `" + std::string{database} + "`.CT6_META") == std::vector<std::string>{"1"});
    CHECK(house.rows("SELECT COUNT(*) FROM `" + std::string{database} + "`.CT6_SENSOR") ==
          std::vector<std::string>{"1"});
  }
  CHECK(house.rows("SELECT HW_ASSY FROM dev1.CT6_META") == std::vector<std::string>{"ASY0398_V003.300_SN00000001"});
}

TEST_CASE("a database that the vendor's collector has made goes on, its rows untouched") {
  House house;
  const Connection db = house.dashboard();
  db.execute("CREATE DATABASE Meter_Cupboard");
  for (const char* table : {"CT6_SENSOR", "CT6_SENSOR_MINUTE", "CT6_SENSOR_HOUR", "CT6_SENSOR_DAY"})
    db.execute("CREATE TABLE Meter_Cupboard." + std::string{table} + " (" + kSensor + ")");
  db.execute("CREATE INDEX CT6_SENSOR_INDEX ON Meter_Cupboard.CT6_SENSOR (TIMESTAMP)");
  // Twice the same second: the vendor's tables have no key.
  for (int i = 0; i < 2; ++i)
    db.execute("INSERT INTO Meter_Cupboard.CT6_SENSOR (TIMESTAMP, VOLTAGE) VALUES ('2026-06-14 14:45:00', 240)");
  const auto batch = house.batch(kAnswer, kAnswerTime_ns, "cupboard");
  house.write({batch});
  house.write({batch, batch});
  CHECK(
      house.rows("SELECT TIMESTAMP, VOLTAGE FROM Meter_Cupboard.CT6_SENSOR ORDER BY TIMESTAMP") ==
      std::vector<std::string>{"2026-06-14 14:45:00 240.0", "2026-06-14 14:45:00 240.0", "2026-06-14 14:45:01 242.3"});
  CHECK(house.rows("SHOW INDEX FROM Meter_Cupboard.CT6_SENSOR_HOUR").size() == 1);
}
