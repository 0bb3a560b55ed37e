// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The vendor's dashboard on the tables that Mesura writes: its own queries and its own arithmetic (ct6 sheet, section
// 8) against what the units said.
#include "database/mariadb.hpp"
#include "model/zones.hpp"
#include "plugin/loader.hpp"
#include "rig.hpp"
#include "session/offline.hpp"
#include "sinks/mysql/mysql_sink.hpp"
#include "sinks/mysql/table_layout.hpp"
#include "support/catch.hpp"
#include "support/mariadb.hpp"
#include "support/plugin_harness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

using namespace mesura;
using database::mariadb::Connection;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using EventKind = PluginHarness::Kind;
namespace mysql = mesura::sinks::mysql;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStep = 30;  // seconds between answers
// 2026-06-11T22:00:00Z: midnight in the house.
constexpr std::int64_t kMidnight = 1'781'215'200;
constexpr std::size_t kPorts = 6;

/// What a unit said at one time: the power of its ports, as on the wire.
struct Said {
  std::int64_t time_s;
  std::array<double, kPorts> watts;
};

/// A unit with its decoder, asked in steps.
class Unit {
 public:
  Unit(const plugin::LoadedPlugin& plugin, SeriesTable& series, std::string device, PluginOptions twin)
      : series_(series),
        device_(std::move(device)),
        twin_(*mesura_plugin_query(nullptr, nullptr)->virtual_device, std::move(twin), config()),
        decoder_(
            plugin, series, {}, session::SessionSetup{device_, nullptr, config::Value{}, "MET", false, 0},
            session::Offline::Consumer{
                [this](const Batch& batch) { batches.push_back(std::make_shared<const Batch>(batch)); },
                [](const Fault&) {},
                [this](std::string_view key, std::string_view value) { series_.set_attribute(device_, key, value); },
                [](mesura_log_level, std::string_view) {}},
            kMidnight * kSecond) {
    twin_.open(0);
  }

  void ask(std::int64_t time_s) {
    twin_.advance(std::chrono::nanoseconds{time_s * kSecond - twin_.now_ns()});
    twin_.clear();
    twin_.bytes(ct6::test::kAsk, {"127.0.0.1:40000", "", 0}, 0);
    twin_.advance(std::chrono::milliseconds{900});
    std::string answer;
    for (const auto& e : twin_.events(EventKind::sent))
      if (e.link == 0) answer = e.text;
    REQUIRE(!answer.empty());
    const std::size_t before = batches.size();
    decoder_.feed(Bytes{reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()},
                  Meta{time_s * kSecond, 0, {}, {}, 0});
    decoder_.finish(time_s * kSecond);
    REQUIRE(batches.size() == before + 1);
    Said said_now{time_s, {}};
    for (const Measurement& m : batches.back()->items) {
      const SeriesInfo& info = series_.at(m.series);
      if (info.quantity != "active_power" || !info.channel.starts_with("ct")) continue;
      said_now.watts.at(static_cast<std::size_t>(info.channel.back() - '1')) = info.negated ? -m.number : m.number;
    }
    said.push_back(said_now);
  }

  std::vector<BatchPtr> batches;
  std::vector<Said> said;

 private:
  static PluginHarness::Config config() {
    PluginHarness::Config c;
    c.live = true;
    c.now_ns = (kMidnight - 60) * kSecond;
    c.links = {{"udp", "127.0.0.2:29340"}, {"", ""}, {"", ""}, {"", ""}};
    return c;
  }

  SeriesTable& series_;
  std::string device_;
  PluginHarness twin_;
  session::Offline decoder_;
};

/// What the dashboard does, query by query.
class Dashboard {
 public:
  explicit Dashboard(const database::mariadb::Login& login) : db_(login) {}

  using Rows = std::vector<Connection::Row>;
  /// Every database with both tables and a row in CT6_META: its name and that row.
  [[nodiscard]] std::map<std::string, Connection::Row> devices() const {
    std::map<std::string, Connection::Row> found;
    for (const auto& database : db_.query("SHOW DATABASES")) {
      db_.execute("USE `" + *database[0] + "`");
      bool meta = false, sensor = false;
      for (const auto& table : db_.query("SHOW TABLES")) {
        meta |= table[0] == "CT6_META";
        sensor |= table[0] == "CT6_SENSOR";
      }
      if (!meta || !sensor) continue;
      const Rows rows = db_.query("SELECT * FROM CT6_META");
      if (!rows.empty()) found[*database[0]] = rows.front();
    }
    return found;
  }
  /// From HH:MM:00 to HH:MM:59, unless there are too many.
  [[nodiscard]] Rows read(const std::string& device, const std::string& table, const std::string& start,
                          const std::string& stop, std::int64_t limit = 86400) const {
    db_.execute("USE `" + device + "`");
    const std::string where = fmt::format("FROM {} WHERE TIMESTAMP BETWEEN '{}:00' AND '{}:59'", table, start, stop);
    const std::int64_t count = db_.integer("SELECT COUNT(*) " + where);
    if (count > limit) return {};
    Rows rows = db_.query("SELECT * " + where);
    CHECK(rows.size() == static_cast<std::size_t>(count));
    return rows;
  }

  struct Energy {
    double imported = 0, exported = 0;  // kWh
  };
  /// Time since the row before times this row's watts.
  static Energy energy(const Rows& rows, std::size_t port) {
    Energy e;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      const double kwh = static_cast<double>(seconds(rows[i]) - seconds(rows[i - 1])) * watts(rows[i], port) / 3.6e6;
      (kwh < 0 ? e.imported : e.exported) += kwh;
    }
    return e;
  }
  struct PeakDay {
    std::string day;
    double kwh = 0;
    int skipped = 0;
  };
  /// Rows of the hour table by date, only whole days.
  static PeakDay peak_day(const Rows& hours, std::size_t port) {
    std::map<std::string, std::vector<double>> days;
    for (const auto& row : hours) days[row[0]->substr(0, 10)].push_back(watts(row, port));
    PeakDay best;
    for (const auto& [day, values] : days) {
      if (values.size() != 24) {
        ++best.skipped;
        continue;
      }
      double sum = 0;
      for (const double v : values) sum += v;
      const double kwh = sum / 24 * 24 / 1000;
      if (best.day.empty() || std::fabs(kwh) > std::fabs(best.kwh)) {
        best.day = day;
        best.kwh = kwh;
      }
    }
    return best;
  }
  static double watts(const Connection::Row& row, std::size_t port) { return std::stod(row.at(1 + port).value()); }
  /// Of the wall clock, since 1970.
  static std::int64_t seconds(const Connection::Row& row) {
    model::LocalTime t;
    REQUIRE(std::sscanf(row.at(0)->c_str(), "%d-%d-%d %d:%d:%d", &t.year, &t.month, &t.day, &t.hour, &t.minute,
                        &t.second) == 6);
    return *model::Zone::utc().to_utc(t) / kSecond;
  }

 private:
  Connection db_;
};

constexpr std::int64_t kSummerTime = 7200;

std::string wall(std::int64_t utc_s, const char* form = "date") {
  const model::LocalTime t = model::Zone::utc().to_local((utc_s + kSummerTime) * kSecond);
  const std::string day = fmt::format("{:04}-{:02}-{:02}", t.year, t.month, t.day);
  return std::string{form} == "date" ? day : fmt::format("{} {:02}:{:02}:{:02}", day, t.hour, t.minute, t.second);
}

/// Three days of a house, and a few answers of another unit, on a server.
struct House {
  mesura::test::MariaDb server;
  plugin::PluginSet plugins;
  SeriesTable series;
  mysql::Options options;
  std::unique_ptr<Unit> house, garage;

  House() {
    options.login.socket = server.socket();
    options.login.user = "root";
    options.site_zone = "MET";
    for (const auto& layout : mysql::known_table_layouts())
      if (layout->name == "ct6") options.tables = layout;
    REQUIRE(options.tables != nullptr);
    const auto* plugin = plugins.add(*mesura_plugin_query(nullptr, nullptr));
    REQUIRE(plugin != nullptr);
    house = std::make_unique<Unit>(*plugin, series, "house",
                                   PluginOptions{}.text("unit_name", "Meter_Cupboard").text("zone", "MET"));
    garage = std::make_unique<Unit>(*plugin, series, "garage",
                                    PluginOptions{}.text("unit_name", "Garage 2").text("profile", "constant:1200"));
    for (std::int64_t t = kMidnight; t <= kMidnight + 3 * 86400 + 600; t += kStep) house->ask(t);
    for (std::int64_t t = kMidnight; t < kMidnight + 600; t += kStep) garage->ask(t);
    write(house->batches);
    write(garage->batches);
  }
  void write(const std::vector<BatchPtr>& batches) {
    mysql::MysqlSink sink{options, series, {}};
    sink.open();
    for (std::size_t at = 0; at < batches.size(); at += 1000) {
      const auto n = std::min<std::size_t>(1000, batches.size() - at);
      const WriteResult result = sink.write(std::span{batches}.subspan(at, n));
      INFO(result.reason);
      REQUIRE(result.outcome == WriteResult::Outcome::committed);
      CHECK(result.rejected.empty());
    }
    sink.close();
  }
};

}  // namespace

TEST_CASE("the vendor's dashboard shows what the units said") {
  House house;
  const Dashboard dashboard{house.options.login};
  const auto& said = house.house->said;

  // The tabs, and the names of the ports.
  Connection{house.options.login}.execute("CREATE DATABASE something_else");
  const auto devices = dashboard.devices();
  REQUIRE(devices.size() == 2);
  REQUIRE(devices.contains("Meter_Cupboard"));
  REQUIRE(devices.contains("Garage 2"));
  CHECK(devices.at("Meter_Cupboard").size() == 7);
  CHECK_THAT(*devices.at("Meter_Cupboard")[0], Catch::Matchers::StartsWith("ASY0398_"));
  CHECK(*devices.at("Meter_Cupboard")[1] == "Grid");

  // "Sec" of a day: each answer, in order without ORDER BY, all ports.
  const auto day = dashboard.read("Meter_Cupboard", "CT6_SENSOR", "2026-06-13 00:00", "2026-06-13 23:59");
  REQUIRE(day.size() == 86400 / kStep);
  const auto first = static_cast<std::size_t>(86400 / kStep);
  for (std::size_t i = 0; i < day.size(); ++i) {
    REQUIRE(day[i].size() == 29);
    REQUIRE(*day[i][0] == wall(said[first + i].time_s, "time"));
    for (std::size_t port = 0; port < kPorts; ++port)
      REQUIRE(Dashboard::watts(day[i], port) == Approx(said[first + i].watts[port]).margin(0.0501));
  }
  // More than it draws: it asks for a lower resolution.
  CHECK(dashboard.read("Meter_Cupboard", "CT6_SENSOR", "2026-06-12 00:00", "2026-06-15 23:59", 1000).empty());

  // The table of energies.
  double traffic = 0;
  for (std::size_t port = 0; port < kPorts; ++port) {
    CAPTURE(port);
    const auto shown = Dashboard::energy(day, port);
    Dashboard::Energy meant;
    for (std::size_t i = first + 1; i < first + day.size(); ++i) {
      const double kwh = static_cast<double>(kStep) * said[i].watts[port] / 3.6e6;
      (kwh < 0 ? meant.imported : meant.exported) += kwh;
    }
    CHECK(shown.imported == Approx(meant.imported).margin(0.002));
    CHECK(shown.exported == Approx(meant.exported).margin(0.002));
    traffic += std::fabs(shown.imported) + shown.exported;
  }
  CHECK(traffic > 5);

  // "Min" is the default, "Hour" and "Day" what long periods are shown in: means, stamped with their start.
  const auto check_means = [&](const char* table, std::int64_t length, std::size_t count) {
    CAPTURE(table);
    const auto rows = dashboard.read("Meter_Cupboard", table, "2026-06-12 00:00", "2026-06-14 23:59");
    REQUIRE(rows.size() == count);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t start = kMidnight + static_cast<std::int64_t>(i) * length;
      REQUIRE(*rows[i][0] == wall(start, "time"));
      const auto begin = static_cast<std::size_t>((start - kMidnight) / kStep);
      const auto n = static_cast<std::size_t>(length / kStep);
      for (std::size_t port = 0; port < kPorts; ++port) {
        double sum = 0, low = 1e9, high = -1e9;
        for (std::size_t k = begin; k < begin + n; ++k) {
          sum += said[k].watts[port];
          low = std::min(low, said[k].watts[port]);
          high = std::max(high, said[k].watts[port]);
        }
        // The very first answer stands for no time before it.
        const double margin = 0.11 + (i == 0 ? (high - low) / 2 : 0);
        REQUIRE(Dashboard::watts(rows[i], port) == Approx(sum / static_cast<double>(n)).margin(margin));
      }
    }
  };
  check_means("CT6_SENSOR_MINUTE", 60, 3 * 1440);
  check_means("CT6_SENSOR_HOUR", 3600, 3 * 24);
  check_means("CT6_SENSOR_DAY", 86400, 3);

  // "Find Peak Day" of each port: the running day is not whole.
  const auto hours = dashboard.read("Meter_Cupboard", "CT6_SENSOR_HOUR", "2026-06-12 00:00", "2026-06-15 23:59");
  for (std::size_t port = 0; port < kPorts; ++port) {
    CAPTURE(port);
    std::map<std::string, double> kwh;
    for (std::size_t i = 0; i < 3 * 86400 / kStep; ++i)
      kwh[wall(said[i].time_s)] += said[i].watts[port] * static_cast<double>(kStep) / 3.6e6;
    REQUIRE(kwh.size() == 3);
    const auto shown = Dashboard::peak_day(hours, port);
    REQUIRE(kwh.contains(shown.day));
    CHECK(shown.kwh == Approx(kwh.at(shown.day)).margin(0.02));
    for (const auto& [date, energy] : kwh) CHECK(std::fabs(energy) <= std::fabs(shown.kwh) + 0.02);
    CHECK(shown.skipped <= 1);
  }
}
