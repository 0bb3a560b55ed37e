// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// godenerg's HTTP interface; expected texts from the axpert sheet, section 15.
#include "http/compat/godenerg/chart.hpp"
#include "http/compat/godenerg/graph.hpp"
#include "http/compat/godenerg/routes.hpp"
#include "http/compat/tests/compat_fixture.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

using namespace mesura;
using namespace mesura::http;
using namespace mesura::http::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string golden(const std::string& name) {
  std::ifstream in(MESURA_AXPERT_GOLDEN "/" + name + "/input.bin", std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A reply as inverters send it.
std::string reply(const std::string& payload) {
  const std::string text = "(" + payload;
  unsigned crc = 0;
  for (const char c : text) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
    for (int i = 0; i < 8; ++i) crc = (crc & 0x8000U) != 0 ? (crc << 1U ^ 0x1021U) & 0xffffU : crc << 1U & 0xffffU;
  }
  const auto byte = [](unsigned b) { return static_cast<char>(b == 0x28 || b == 0x0d || b == 0x0a ? b + 1 : b); };
  return text + byte(crc >> 8U) + byte(crc & 0xffU) + "\r";
}

const std::string kA9 =
    R"({"grid_volt":230.1,"grid_freq":50.0,"ac_volt":230.0,"ac_freq":50.0,"ac_va":322,"ac_watt":221,"load_percent":6,)"
    R"("bus_volt":425,"batt_volt":52.8,"batt_charge_amps":11,"batt_capacity":100,"temp":40,"pv_amps":16,)"
    R"("pv_volts":100.6,"batt_volt_scc":52.78,"batt_discharge_amps":0,"raw_status":"01110110","mask_b":"00",)"
    R"("mask_c":"00","pv_watts":844,"mask_d":"010","charge_source":["solar_charging"],"batt_volt_to_steady":false,)"
    R"("load_status":true,"ssc_firmware_updated":true,"configuration_changed":true,"sbu_priority_version":false})";
const std::string kStatus =
    "230.1 50.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010";

struct Inverter : Site {
  Inverter() : Site("axpert") {}
  std::vector<Route> routes = compat::godenerg_routes(context());
  std::int64_t now = utc("2024-05-05 10:00:00");

  [[nodiscard]] Response ask(const std::string& target) const { return get(routes, target); }
  [[nodiscard]] std::string body(const std::string& target) const { return ask(target).body; }
};

}  // namespace

TEST_CASE_METHOD(Inverter, "vector A9 is the sheet's example, byte for byte", "[godenerg]") {
  CHECK(body("/cmds?cmd=status") == "{}");
  CHECK(body("/cmds?cmd=operation_mode&cmd=status") == R"({"operation_mode":{},"status":{}})");
  feed(reply(kStatus), now);
  CHECK(ask("/cmds?cmd=status").status == 200);
  CHECK(ask("/cmds?cmd=status").content_type == "application/json");
  CHECK(body("/cmds?cmd=status") == kA9);
  feed(reply("B"), now + kSecond);
  CHECK(body("/cmds?cmd=operation_mode") == R"({"mode":"BT"})");
  CHECK(body("/cmds?cmd=operation_mode&cmd=status") == R"({"operation_mode":{"mode":"BT"},"status":)" + kA9 + "}");
  CHECK(body("/cmds?cmd=status&cmd=operation_mode") == R"({"status":)" + kA9 + R"(,"operation_mode":{"mode":"BT"}})");
  const std::string flat = kA9.substr(0, kA9.size() - 1);
  CHECK(body("/cmds?cmd=status&cmd=operation_mode&merge=1") == flat + R"(,"mode":"BT"})");
  CHECK(body("/cmds?merge=1&cmd=operation_mode&cmd=status") == R"({"mode":"BT",)" + kA9.substr(1));
  CHECK(body("/cmds?cmd=status&merge=1") == kA9);
  CHECK(body("/cmds?cmd=status&cmd=operation_mode&merge=0") ==
        R"({"status":)" + kA9 + R"(,"operation_mode":{"mode":"BT"}})");
  CHECK(body("/cmds?cmd=status&cmd=status") == kA9);
}

TEST_CASE_METHOD(Inverter, "the golden with a dead grid differs in the grid only", "[godenerg]") {
  feed(golden("a09_status"), now);
  std::string expected = kA9;
  expected.replace(expected.find("230.1"), 5, "0.0");
  expected.replace(expected.find("50.0"), 4, "0.0");
  CHECK(body("/cmds?cmd=status") == expected);
}

TEST_CASE_METHOD(Inverter, "sources of charge are listed, modes have their letters", "[godenerg]") {
  const auto status_with = [&](const std::string& bits) {
    std::string text = kStatus;
    text.replace(text.find("01110110"), 8, bits);
    now += kSecond;
    feed(reply(text), now);
    const std::string got = body("/cmds?cmd=status");
    const std::size_t at = got.find("\"charge_source\"");
    return got.substr(at, got.find(']') + 1 - at);
  };
  CHECK(status_with("00010000") == R"("charge_source":[])");
  CHECK(status_with("00010101") == R"("charge_source":["ac_charging"])");
  CHECK(status_with("00010111") == R"("charge_source":["ac_charging","solar_charging"])");
  CHECK_THAT(body("/cmds?cmd=status"), Contains(R"("raw_status":"00010111")"));
  for (const auto& [letter, code] :
       {std::pair{"P", "PM"}, {"S", "SB"}, {"L", "LN"}, {"B", "BT"}, {"F", "FA"}, {"H", "PS"}, {"D", "00"}}) {
    now += kSecond;
    feed(reply(letter), now);
    CHECK(body("/cmds?cmd=operation_mode") == fmt::format(R"({{"mode":"{}"}})", code));
  }
}

TEST_CASE_METHOD(Inverter, "a tracker's current keeps its decimals, what is not available is 0", "[godenerg]") {
  feed(golden("a11_status_tracker_current"), now);
  CHECK_THAT(body("/cmds?cmd=status"), Contains(R"("pv_amps":2.7,)"));
  now += 60 * kSecond;
  feed(golden("status_missing_values"), now);
  CHECK_THAT(body("/cmds?cmd=status"), StartsWith(R"({"grid_volt":0.0,"grid_freq":0.0,"ac_volt":230.0,)"));
}

TEST_CASE_METHOD(Inverter, "old values are none", "[godenerg]") {
  feed(reply(kStatus), now);
  feed(reply("L"), now);
  clock().advance(19 * kSecond);
  CHECK(body("/cmds?cmd=status") == kA9);
  clock().advance(2 * kSecond);
  CHECK(body("/cmds?cmd=status") == "{}");
  CHECK(body("/cmds?cmd=status&cmd=operation_mode") == R"({"status":{},"operation_mode":{}})");
  // The mode has not changed: it holds as long as the inverter answers.
  feed(reply(kStatus), now + 22 * kSecond);
  CHECK(body("/cmds?cmd=operation_mode") == R"({"mode":"LN"})");
}

TEST_CASE_METHOD(Inverter, "settings and factory defaults have the sheet's names", "[godenerg]") {
  CHECK(body("/cmds?cmd=settings") == "{}");
  feed(golden("a14_ratings"), now);
  CHECK(body("/cmds?cmd=settings") ==
        R"({"grid_rating_voltage":230.0,"grid_rating_current":21.7,"ac_output_rating_voltage":230.0,)"
        R"("ac_output_rating_frequency":50.0,"ac_output_rating_current":21.7,"ac_output_rating_apparent_power":5000,)"
        R"("ac_output_rating_active_power":4000,"battery_rating_voltage":48.0,"battery_recharge_voltage":46.0,)"
        R"("battery_under_voltage":42.0,"battery_bulk_voltage":56.4,"battery_float_voltage":54.0,)"
        R"("battery_type":"agm","max_ac_charge_current":10,"max_charge_current":10,"input_voltage_range":"ups",)"
        R"("output_source_priority":"utility_first","charger_source_priority":"utility_first","parallel_max_units":6,)"
        R"("machine_type":"off_grid","topology":"transformerless","output_mode":"single",)"
        R"("battery_redischarge_voltage":54.0,"pv_ok_condition":"any_unit",)"
        R"("pv_power_balance":"charge_and_load"})");
  feed(golden("a18_defaults"), now);
  CHECK_THAT(body("/cmds?cmd=default_settings"),
             StartsWith(R"({"ac_output_voltage":230.0,"ac_output_frequency":50.0,"max_ac_charge_current":30,)"));
  CHECK_THAT(body("/cmds?cmd=default_settings"), Contains(R"("buzzer":true,"power_saving":false,)"));
}

TEST_CASE_METHOD(Inverter, "wrong commands are refused with what is right", "[godenerg]") {
  for (const char* target : {"/cmds", "/cmds?merge=1", "/cmds?cmd=", "/cmds?cmd=QPIGS", "/cmds?cmd=status&cmd=x",
                             "/cmds?cmd=%22%7D", "/cmds?cmd=\"}"}) {
    CAPTURE(target);
    const Response answer = ask(target);
    CHECK(answer.status == 400);
    CHECK(answer.content_type == "application/json");
    CHECK_THAT(answer.body, StartsWith(R"({"error":")"));
    CHECK_THAT(answer.body, Contains("status"));
  }
  CHECK(body("/cmds?cmd=\"}") ==
        R"({"error":"unknown cmd '\"}': expected status, operation_mode, settings or default_settings"})");
  auto alone = context();
  alone.own_port = true;
  routes = compat::godenerg_routes(alone);
  const Response nowhere = ask("/weather");
  CHECK(nowhere.status == 404);
  CHECK(nowhere.content_type == "text/plain");
  CHECK(nowhere.body == "Route not found");
}

TEST_CASE_METHOD(Inverter, "the viewer is a page that loads nothing from elsewhere", "[godenerg]") {
  const Response page = ask("/viewer");
  CHECK(page.status == 200);
  CHECK_THAT(page.content_type, StartsWith("text/html"));
  CHECK_THAT(page.body, Contains("cmds?cmd=status&cmd=operation_mode&merge=1"));
  CHECK(page.body.find("http://") == std::string::npos);
  CHECK(page.body.find("https://") == std::string::npos);
  CHECK(page.body.find("//") == std::string::npos);
}

namespace {

struct Drawn {
  std::string column;
  std::vector<std::pair<std::string, double>> points;  ///< seconds since 1970 as text, value
  std::string path;
};

std::string attribute(const std::string& text, const std::string& name, std::size_t from = 0) {
  const std::size_t at = text.find(name + "=\"", from);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return text.substr(begin, text.find('"', begin) - begin);
}

std::vector<Drawn> drawn(const std::string& svg) {
  std::vector<Drawn> all;
  for (std::size_t at = svg.find("<g class=\"series\""); at != std::string::npos;
       at = svg.find("<g class=\"series\"", at + 1)) {
    Drawn one{attribute(svg, "data-column", at), {}, attribute(svg, " d", svg.find("class=\"line\"", at))};
    std::istringstream in{attribute(svg, "data-points", at)};
    for (std::string point; in >> point;) {
      const std::size_t comma = point.find(',');
      one.points.emplace_back(point.substr(0, comma), std::stod(point.substr(comma + 1)));
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// A site that has been stored already: a row in so many seconds.
struct Past : Inverter {
  void rows(std::int64_t from, std::int64_t step_ns, std::size_t count) {
    const auto series = [&](const char* channel, const char* quantity, const char* unit) {
      SeriesInfo info;
      info.device = "meter";
      info.channel = channel;
      info.quantity = quantity;
      info.unit = unit;
      info.flat_name = sinks::test::suffixed(channel, quantity, unit);
      return this->series().add(info);
    };
    const auto watt = series("ac_output", "active_power", "W");
    const auto volt = series("battery", "voltage", "V");
    const auto amps = series("battery", "discharge_current", "A");
    std::vector<BatchPtr> batches;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t time = from + static_cast<std::int64_t>(i) * step_ns;
      auto batch = std::make_shared<Batch>();
      batch->device = "meter";
      batch->time_ns = batch->received_ns = time;
      const auto put = [&](std::uint32_t id, double value) {
        batch->items.push_back({time, value, id, 0, 0, MESURA_NUMBER, MESURA_GOOD});
      };
      const auto x = static_cast<double>(i);
      put(watt, std::round(800 + 700 * std::sin(x / 37)));
      // Some rows lack it.
      if (i % 7 != 3) put(volt, std::round(1000 * (52 + std::cos(x / 11))) / 1000);
      put(amps, static_cast<double>(i % 5));
      batches.push_back(std::move(batch));
    }
    write(batches);
  }
  [[nodiscard]] std::vector<std::pair<std::string, double>> sql(const std::string& query) const {
    const database::Database db{file()};
    auto statement = db.prepare(query);
    std::vector<std::pair<std::string, double>> out;
    while (statement.step()) out.emplace_back(statement.text(0), statement.number(1));
    return out;
  }
};

void check_equal(const Drawn& got, const std::vector<std::pair<std::string, double>>& expected) {
  REQUIRE(got.points.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (got.points[i].first == expected[i].first &&
        std::fabs(got.points[i].second - expected[i].second) <= 1e-9 * std::fabs(expected[i].second))
      continue;
    CAPTURE(i);
    CHECK(got.points[i].first == expected[i].first);
    CHECK(got.points[i].second == Approx(expected[i].second));
    return;
  }
}

}  // namespace

TEST_CASE_METHOD(Past, "a graph shows every row while there are few", "[godenerg]") {
  rows(utc("2017-11-04 08:00:00"), 15 * kSecond, 2048);
  const Response answer = ask("/graph?from=20171104&to=20171105&col_1=ac_watt&col_2=batt_volt");
  REQUIRE(answer.status == 200);
  CHECK(answer.content_type == "text/html");
  CHECK_THAT(answer.body, StartsWith("<!DOCTYPE html>\n<svg "));
  CHECK_THAT(answer.body, Contains(">Inverter Stats</text>"));
  const auto series = drawn(answer.body);
  REQUIRE(series.size() == 2);
  CHECK(series[0].column == "ac_watt");
  CHECK(series[0].points.size() == 2048);
  check_equal(series[0], sql("SELECT time / 1000000, ac_output_active_power_w FROM meter ORDER BY time"));
  CHECK(series[1].column == "batt_volt");
  check_equal(series[1], sql("SELECT time / 1000000, battery_voltage_v FROM meter WHERE battery_voltage_v IS NOT NULL "
                             "ORDER BY time"));
  CHECK_THAT(answer.body, Contains("#3333FF"));
  CHECK(answer.body.find("<circle") == std::string::npos);
  CHECK(count_of(answer.body, "class=\"time\"") == 40);
  CHECK(count_of(answer.body, "class=\"value\"") <= 40);
  CHECK(count_of(answer.body, "class=\"fill\"") == 2);
}

TEST_CASE_METHOD(Past, "a graph of many rows has means of equal steps, as SQL makes them", "[godenerg]") {
  auto with = context();
  with.interval = std::chrono::seconds{15};
  routes = compat::godenerg_routes(with);
  SECTION("a day of rows in 15 s makes steps of 45 s") {
    rows(utc("2017-11-03 23:00:00"), 15 * kSecond, 5760);
    const auto series = drawn(body("/graph?from=20171104&to=20171104235959&col_1=batt_volt&col_2=batt_discharge_amps"));
    REQUIRE(series.size() == 2);
    CHECK(series[0].points.size() == 1920);
    check_equal(series[0], sql("SELECT time / 45000000 * 45 AS t, avg(battery_voltage_v) FROM meter GROUP BY t "
                               "HAVING count(battery_voltage_v) > 0 ORDER BY t"));
    check_equal(series[1],
                sql("SELECT time / 45000000 * 45 AS t, avg(battery_discharge_current_a) FROM meter GROUP BY t"));
  }
  SECTION("one row more than fits") {
    rows(utc("2017-11-04 00:00:00"), 15 * kSecond, 2049);
    const auto series = drawn(body("/graph?from=20171104&to=20171105&col_1=ac_watt"));
    REQUIRE(series.size() == 1);
    check_equal(series[0],
                sql("SELECT time / 30000000 * 30 AS t, avg(ac_output_active_power_w) FROM meter GROUP BY t"));
  }
  SECTION("rows that come more slowly than configured still fit") {
    rows(utc("2017-11-04 00:00:00"), 100 * kSecond, 4000);
    const auto series = drawn(body("/graph?from=20171101&to=20171201&col_1=ac_watt"));
    REQUIRE(series.size() == 1);
    CHECK(series[0].points.size() <= 2048);
    CHECK(series[0].points.size() > 1000);
  }
}

TEST_CASE_METHOD(Past, "where raw rows have gone with age, a graph shows the minutes made of them", "[godenerg]") {
  const std::int64_t start = utc("2017-11-04 08:00:00");
  keep_raw(std::chrono::hours{24});
  rows(start, 15 * kSecond, 480);
  rows(utc("2017-11-07 08:00:00"), 15 * kSecond, 100);
  maintain(utc("2017-11-07 09:00:00"));
  CHECK(sql("SELECT count(*), count(*) FROM meter")[0].first == "100");
  const auto series = drawn(body("/graph?from=20171104&to=20171108&col_1=ac_watt&col_2=batt_volt"));
  REQUIRE(series.size() == 2);
  check_equal(series[0], sql("SELECT time / 1000000 AS t, ac_output_active_power_w FROM meter_1m WHERE time < "
                             "1509900000000000 UNION ALL SELECT time / 1000000, ac_output_active_power_w FROM meter "
                             "ORDER BY t"));
  CHECK(series[0].points.size() == 120 + 100);
  CHECK(series[1].points.size() > 200);
}

TEST_CASE_METHOD(Past, "a graph's time has four forms, both ends inside, by the site's clock", "[godenerg]") {
  rows(utc("2017-11-04 10:59:57") + 250'000'000, kSecond, 200);
  const auto times = [&](const std::string& from, const std::string& to) {
    const auto series = drawn(body(fmt::format("/graph?from={}&to={}&col_1=ac_watt", from, to)));
    REQUIRE(series.size() == 1);
    return std::pair{series[0].points.front().first, series[0].points.back().first};
  };
  const auto second = [](const std::string& text) { return fmt::format("{}.25", utc(text) / kSecond); };
  CHECK(times("20171104", "20171105") == std::pair{second("2017-11-04 10:59:57"), second("2017-11-04 11:03:16")});
  CHECK(times("2017110412", "2017110413") == std::pair{second("2017-11-04 11:00:00"), second("2017-11-04 11:03:16")});
  CHECK(times("201711041201", "201711041202") ==
        std::pair{second("2017-11-04 11:01:00"), second("2017-11-04 11:02:00")});
  CHECK(times("20171104120105", "20171104120105") ==
        std::pair{second("2017-11-04 11:01:05"), second("2017-11-04 11:01:05")});
  // `to` is the day's first second.
  CHECK(ask("/graph?from=20171103&to=20171104&col_1=ac_watt").status == 404);
}

TEST_CASE_METHOD(Past, "a graph of the night with 25 hours takes the repeated hour whole", "[godenerg]") {
  rows(utc("2017-10-28 23:30:00"), 60 * kSecond, 240);
  const auto series = drawn(body("/graph?from=2017102902&to=20171029025959&col_1=ac_watt"));
  REQUIRE(series.size() == 1);
  CHECK(series[0].points.size() == 120);
  CHECK(series[0].points.front().first == fmt::format("{}", utc("2017-10-29 00:00:00") / kSecond));
}

TEST_CASE_METHOD(Past, "wrong graphs are refused with what is right", "[godenerg]") {
  rows(utc("2017-11-04 11:00:00"), kSecond, 10);
  const auto refused = [&](const std::string& query, int status, const std::string& part) {
    CAPTURE(query);
    const Response answer = ask("/graph" + query);
    CHECK(answer.status == status);
    CHECK(answer.content_type == "text/plain");
    CHECK_THAT(answer.body, Contains(part));
  };
  refused("", 400, "from: expected YYYYMMDD,");
  refused("?from=20171104", 400, "to: expected YYYYMMDD,");
  for (const char* wrong : {"201711", "201711041", "2017110411000", "201711041100000", "2017-11-04", "20171304",
                            "20170230", "2017110425", "201711041160", "99991104", "", "yesterday", "00001104"})
    refused(fmt::format("?from={}&to=20171105&col_1=ac_watt", wrong), 400, "from: expected YYYYMMDD,");
  refused("?from=20171105&to=20171104&col_1=ac_watt", 400, "from is later than to");
  refused("?from=20171104&to=20171105", 400, "col_1: expected one of grid_volt, grid_freq,");
  refused("?from=20171104&to=20171105&col_2=ac_watt", 400, "col_1");
  for (const char* wrong : {"", "raw_status", "mode", "datetime", "ac_watt;DROP", "*", "AC_WATT"})
    refused(fmt::format("?from=20171104&to=20171105&col_1={}", wrong), 400, "col_1: expected one of");
  refused("?from=20171104&to=20171105&col_1=ac_watt&col_2=x", 400, "col_2: expected one of");
  refused("?from=20171104&to=20171105&col_1=temp", 404, "no data");
  refused("?from=20201104&to=20211105&col_1=ac_watt", 404, "no data");
  auto without = context();
  without.stores = {};
  routes = compat::godenerg_routes(without);
  refused("?from=20171104&to=20171105&col_1=ac_watt", 404, "nothing is stored");
}

TEST_CASE_METHOD(Past, "few points have no labels of time, long names are cut, coordinates are the values",
                 "[godenerg]") {
  rows(utc("2017-11-04 11:00:00"), kSecond, 40);
  const std::string svg = body("/graph?from=20171104&to=20171105&col_1=batt_discharge_amps&col_2=ac_watt");
  CHECK(count_of(svg, "class=\"time\"") == 0);
  CHECK_THAT(svg, Contains(">batt_discharge</text>"));
  const auto series = drawn(svg);
  REQUIRE(series.size() == 2);
  const double low = std::stod(attribute(svg, "data-low")), high = std::stod(attribute(svg, "data-high"));
  const double top = std::stod(attribute(svg, "data-top")), bottom = std::stod(attribute(svg, "data-bottom"));
  const double left = std::stod(attribute(svg, "data-left")), right = std::stod(attribute(svg, "data-right"));
  CHECK(low == 0);
  CHECK(high == 4);
  std::istringstream path{series[0].path.substr(1)};
  std::size_t i = 0;
  for (std::string point; path >> point; ++i) {
    const std::size_t comma = point.find(',');
    const double value = low + (bottom - std::stod(point.substr(comma + 1))) / (bottom - top) * (high - low);
    CHECK(value == Approx(series[0].points.at(i).second).margin(0.001));
    CHECK(std::stod(point.substr(0, comma)) ==
          Approx(left + (right - left) * static_cast<double>(i) / 39).margin(0.01));
  }
  CHECK(i == 40);
}

TEST_CASE_METHOD(Past, "the old client finds what it asks for", "[godenerg]") {
  // The page of upstream: a poll each second, then a graph of the day.
  rows(utc("2024-05-05 09:00:00"), 15 * kSecond, 100);
  feed(reply(kStatus), now);
  feed(reply("B"), now);
  for (int poll = 0; poll < 3; ++poll) {
    clock().advance(kSecond);
    CHECK_THAT(body("/cmds?cmd=status&cmd=operation_mode&merge=1"), StartsWith(R"({"grid_volt":230.1,)"));
  }
  CHECK(ask("/graph?from=20240505&to=20240506&col_1=ac_watt&col_2=load_percent").status == 200);
}
