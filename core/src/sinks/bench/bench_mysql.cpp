// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Decoded batches into a private MariaDB, beside the barest loop of array binding over the same library into the same
// table: the same values, committed every 1000 (10 000) rows. Each pair of figures is from one run, taken in turns;
// medians. The server syncs its log at each commit; client and server share this machine.
#include "database/mariadb.hpp"
#include "sinks/mysql/mysql_sink.hpp"

#include "support/mariadb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace mesura;

namespace {

constexpr std::size_t kColumns = 36;
constexpr std::int64_t kStart = 1'781'438'400'000'000'000;
constexpr std::size_t kRows = 60'000;
constexpr int kRounds = 7;

struct Data {
  SeriesTable series;
  std::vector<BatchPtr> batches;
};

void fill(Data& data) {
  std::vector<std::uint32_t> ids;
  for (std::size_t c = 0; c < kColumns; ++c) {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = fmt::format("ct{}", c);
    info.quantity = "active_power";
    info.unit = "W";
    info.flat_name = fmt::format("ct{}_active_power_w", c);
    ids.push_back(data.series.add(std::move(info)));
  }
  std::uint64_t random = 88172645463325252U;
  for (std::size_t r = 0; r < kRows; ++r) {
    auto batch = std::make_shared<Batch>();
    batch->device = "cupboard";
    batch->time_ns = batch->received_ns = kStart + static_cast<std::int64_t>(r) * 1'000'000'000;
    for (std::size_t c = 0; c < kColumns; ++c) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = ids[c];
      m.number = static_cast<double>(random % 9'000'000) / 1000.0;
      batch->items.push_back(m);
    }
    data.batches.push_back(std::move(batch));
  }
}

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

struct Cost {
  double wall = 0;
  double cpu = 0;  // of this process, kernel included
};

template <class Run>
Cost measure(const Run& run) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  run();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), cpu_seconds() - cpu};
}

using sinks::mysql::MysqlSink;
using sinks::mysql::Options;

void fresh_database(const Options& options) {
  database::mariadb::Login outside = options.login;
  outside.database.clear();
  const database::mariadb::Connection db{outside};
  db.execute("DROP DATABASE IF EXISTS mesura");
}

Cost sink_cost(const Options& options, const Data& data, std::size_t flush) {
  fresh_database(options);
  MysqlSink sink{options, data.series, {}};
  sink.open();
  // The table is made before the clock starts, for both.
  check(sink.write(std::span{data.batches}.first(1)).outcome == WriteResult::Outcome::committed, "first");
  return measure([&] {
    for (std::size_t at = 0; at < data.batches.size(); at += flush) {
      const std::size_t n = std::min(flush, data.batches.size() - at);
      const WriteResult result = sink.write(std::span{data.batches}.subspan(at, n));
      check(result.outcome == WriteResult::Outcome::committed && result.rejected.empty(), result.reason.c_str());
    }
  });
}

Cost floor_cost(const Options& options, const Data& data, std::size_t flush) {
  database::mariadb::Login login = options.login;
  const database::mariadb::Connection outside{[&] {
    auto l = login;
    l.database.clear();
    return l;
  }()};
  outside.execute("DROP DATABASE IF EXISTS floor_of_it");
  outside.execute("CREATE DATABASE floor_of_it");
  login.database = "floor_of_it";
  const database::mariadb::Connection db{login};
  std::string columns = "time DATETIME(6) NOT NULL PRIMARY KEY";
  std::string marks = "?";
  for (std::size_t c = 0; c < kColumns; ++c) {
    columns += fmt::format(", ct{}_active_power_w DOUBLE NULL", c);
    marks += ", ?";
  }
  db.execute("CREATE TABLE cupboard (" + columns + ") ENGINE=InnoDB ROW_FORMAT=DYNAMIC");
  MYSQL_STMT* stmt = mysql_stmt_init(db.handle());
  const std::string sql = "INSERT INTO cupboard VALUES (" + marks + ")";
  check(mysql_stmt_prepare(stmt, sql.data(), sql.size()) == 0, "prepare");

  // Column by column, from values that lie ready; only what the library reads is made here.
  std::vector<std::vector<double>> values(kColumns, std::vector<double>(flush));
  std::vector<MYSQL_TIME> times(flush);
  std::vector<void*> pointers;
  for (auto& time : times) pointers.push_back(&time);
  std::vector<MYSQL_BIND> binds(kColumns + 1);
  binds[0].buffer_type = MYSQL_TYPE_DATETIME;
  binds[0].buffer = pointers.data();
  for (std::size_t c = 0; c < kColumns; ++c) {
    binds[c + 1].buffer_type = MYSQL_TYPE_DOUBLE;
    binds[c + 1].buffer = values[c].data();
  }
  const Cost cost = measure([&] {
    for (std::size_t at = 0; at < data.batches.size(); at += flush) {
      const auto n = static_cast<unsigned>(std::min(flush, data.batches.size() - at));
      for (unsigned r = 0; r < n; ++r) {
        const Batch& batch = *data.batches[at + r];
        times[r] = database::mariadb::to_datetime(batch.time_ns / 1000);
        for (std::size_t c = 0; c < kColumns; ++c) values[c][r] = batch.items[c].number;
      }
      check(mysql_query(db.handle(), "BEGIN") == 0, "begin");
      check(mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &n) == 0, "array");
      check(mysql_stmt_bind_param(stmt, binds.data()) == 0, "bind");
      check(mysql_stmt_execute(stmt) == 0, mysql_stmt_error(stmt));
      check(mysql_query(db.handle(), "COMMIT") == 0, "commit");
    }
  });
  mysql_stmt_close(stmt);
  check(db.integer("SELECT COUNT(*) FROM cupboard") == static_cast<std::int64_t>(data.batches.size()), "count");
  return cost;
}

double median(std::vector<Cost> costs, double Cost::*member) {
  std::sort(costs.begin(), costs.end(), [&](const Cost& a, const Cost& b) { return a.*member < b.*member; });
  return costs[costs.size() / 2].*member;
}

void compare(const std::string& name, const Options& options, const Data& data, std::size_t flush) {
  std::vector<Cost> ours;
  std::vector<Cost> floors;
  for (int round = 0; round < kRounds; ++round) {
    floors.push_back(floor_cost(options, data, flush));
    ours.push_back(sink_cost(options, data, flush));
  }
  const auto rows = static_cast<double>(data.batches.size()) / 1e3;
  const double rate = rows / median(ours, &Cost::wall);
  const double floor = rows / median(floors, &Cost::wall);
  fmt::print(
      "  {:<26} {:6.1f} k rows/s = {:5.2f} M values/s   floor {:6.1f} k rows/s   {:5.1f} %, our side's processor time "
      "{:.2f} us a row (floor {:.2f})\n",
      name, rate, rate * kColumns / 1e3, floor, 100 * rate / floor, 1e3 * median(ours, &Cost::cpu) / rows,
      1e3 * median(floors, &Cost::cpu) / rows);
}

}  // namespace

int main() {
  const mesura::test::MariaDb server{{"--innodb-flush-method=O_DIRECT", "--debug-no-sync=0",
                                      "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"}};
  Data data;
  fill(data);
  Options options;
  options.login.socket = server.socket();
  options.login.user = "root";
  options.login.database = "mesura";
  options.site_zone = "UTC";
  options.rollups = false;
  const database::mariadb::Connection db{[&] {
    auto login = options.login;
    login.database.clear();
    return login;
  }()};
  fmt::print("mysql: {} rows of {} values, MariaDB {}, each commit synced ({} {})\n", kRows, kColumns, db.version(),
             db.text("SELECT @@innodb_flush_method"), db.text("SELECT @@innodb_flush_log_at_trx_commit"));
  compare("socket, 1000 a commit", options, data, 1000);
  compare("socket, 10 000 a commit", options, data, 10'000);
  options.login.socket.clear();
  options.login.host = "127.0.0.1";
  options.login.port = server.port();
  compare("TCP, 1000 a commit", options, data, 1000);
  options.rollups = true;
  compare("TCP, 1000, rollups", options, data, 1000);
  options.rollups = false;
  options.arrays = false;
  compare("TCP, 1000, multi-row", options, data, 1000);
  return 0;
}
