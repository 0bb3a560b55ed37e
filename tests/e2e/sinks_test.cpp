// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Sinks that lose nothing: the whole program against real far ends that come and go, killed while it works. What is
// stored is compared by value with what the virtual meter says that it has sent.
#include "house.hpp"
#include "virtual_device.hpp"

#include "database/mariadb.hpp"
#include "runtime/time_text.hpp"
#include "sinks/tests/mqtt_far_end.hpp"

#include <support/broker.hpp>
#include <support/catch.hpp>
#include <support/mariadb.hpp>

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <thread>

using namespace mesura::test;
using namespace std::chrono_literals;
using mesura::sinks::test::Subscriber;

namespace {

constexpr auto kPatience = 60s;
/// Telegrams a second; the virtual clock runs as much faster.
constexpr int kSpeed = 40;
/// Of the sinks: what a kill may cost, beside what the meter, the socket and a busy machine hold up.
constexpr auto kCommitInterval = 250ms;
constexpr auto kHeldUp = 750ms;

using Values = std::map<std::int64_t, std::string>;  ///< by time in µs

/// What the meter has sent: total/active_power_import of each telegram.
class Truth {
 public:
  explicit Truth(std::filesystem::path log) : log_(std::move(log)) {}

  /// Reads what has been added since.
  const Values& now() {
    std::ifstream in{log_};
    in.seekg(static_cast<std::streamoff>(read_));
    for (std::string line; std::getline(in, line);) {
      if (in.eof() || line.empty() || line.back() != '}') break;  // still being written
      read_ += line.size() + 1;
      if (line.find(R"("channel":"total")") == std::string::npos ||
          line.find(R"("quantity":"active_power_import")") == std::string::npos)
        continue;
      const auto text = [&](const std::string& key) {
        const auto at = line.find("\"" + key + "\":") + key.size() + 3;
        return line.substr(at, line.find_first_of(",}", at) - at);
      };
      const std::string time = text("time");
      values_[*mesura::runtime::parse_time(time.substr(1, time.size() - 2)) / 1000] = text("value");
    }
    return values_;
  }
  /// The time of the newest telegram; at least `more` telegrams later than `after`.
  std::int64_t wait_beyond(std::int64_t after, std::ptrdiff_t more) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      const Values& values = now();
      if (std::distance(values.upper_bound(after), values.end()) >= more) return values.rbegin()->first;
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the virtual meter sends nothing");
      std::this_thread::sleep_for(5ms);  // the log of another process has no event
    }
  }

 private:
  std::filesystem::path log_;
  std::size_t read_ = 0;
  Values values_;
};

/// Where a sink writes to.
class FarEnd {
 public:
  virtual ~FarEnd() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// The sink's section.
  [[nodiscard]] virtual std::string yaml(const TempDir& dir) = 0;
  /// Does not answer until back().
  virtual void away() = 0;
  virtual void back() = 0;
  /// What is stored, and how many values came twice.
  struct Stored {
    Values values;
    std::size_t twice = 0;
  };
  [[nodiscard]] virtual Stored read() = 0;
};

class SqliteEnd final : public FarEnd {
 public:
  [[nodiscard]] std::string name() const override { return "sqlite"; }
  [[nodiscard]] std::string yaml(const TempDir& dir) override {
    file_ = dir / "mesura.db";
    return fmt::format("{{sqlite: {{path: {}}}", file_.string());
  }
  /// Another program has the file to itself.
  void away() override {
    sqlite3* db = nullptr;
    sqlite3_open(file_.c_str(), &db);
    locker_.reset(db);
    sqlite3_busy_timeout(db, 10'000);
    REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  void back() override { locker_.reset(); }
  [[nodiscard]] Stored read() override {
    Stored stored;
    for (const auto& row : query(file_,
                                 "SELECT time, CAST(total_active_power_import_w AS INTEGER) FROM grid WHERE "
                                 "total_active_power_import_w IS NOT NULL"))
      stored.twice += stored.values.emplace(std::stoll(row[0]), row[1]).second ? 0U : 1U;
    return stored;
  }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> locker_;
};

class MysqlEnd final : public FarEnd {
 public:
  [[nodiscard]] std::string name() const override { return "mysql"; }
  [[nodiscard]] std::string yaml(const TempDir&) override {
    return fmt::format("{{mysql: {{host: 127.0.0.1, port: {}, user: root, write_timeout: 2s}}", server_.port());
  }
  void away() override { server_.kill(); }
  void back() override { server_.start(); }
  [[nodiscard]] Stored read() override {
    mesura::database::mariadb::Login login;
    login.socket = server_.socket();
    login.user = "root";
    login.database = "mesura";
    const mesura::database::mariadb::Connection db{login};
    Stored stored;
    for (const auto& row : db.query("SELECT CAST(UNIX_TIMESTAMP(time) * 1000000 AS INTEGER), "
                                    "CAST(total_active_power_import_w AS INTEGER) FROM grid WHERE "
                                    "total_active_power_import_w IS NOT NULL"))
      stored.twice += stored.values.emplace(std::stoll(*row[0]), *row[1]).second ? 0U : 1U;
    return stored;
  }

 private:
  MariaDb server_;
};

class MqttEnd final : public FarEnd {
 public:
  [[nodiscard]] std::string name() const override { return "mqtt"; }
  [[nodiscard]] std::string yaml(const TempDir&) override {
    return fmt::format(
        R"({{mqtt: {{url: "mqtt://127.0.0.1:{}", topic: "m/{{device}}/{{name}}", payload: influx, confirm_timeout: 1s}})",
        broker_.port());
  }
  /// The connection is alive and nobody answers.
  void away() override { broker_.signal(SIGSTOP); }
  void back() override { broker_.signal(SIGCONT); }
  [[nodiscard]] Stored read() override {
    Stored stored;
    for (const auto& message : subscriber_.everything())
      for (const auto& point : mesura::sinks::test::parse_influx(message.payload))
        if (const auto at = point.fields.find("total_active_power_import_w"); at != point.fields.end()) {
          const auto text = fmt::format("{:.0f}", std::get<double>(at->second));
          stored.twice += stored.values.emplace(point.time_ns / 1000, text).second ? 0U : 1U;
        }
    return stored;
  }

 private:
  Broker broker_{"allow_anonymous true\nmax_queued_messages 0\n"};
  Subscriber subscriber_{broker_.port(), "m/+/total_active_power_import_w"};
};

class CsvEnd final : public FarEnd {
 public:
  [[nodiscard]] std::string name() const override { return "csv"; }
  [[nodiscard]] std::string yaml(const TempDir& dir) override {
    directory_ = dir / "csv";
    return fmt::format("{{csv: {{path: {}, rotate: {{size: 1MiB}}}}", directory_.string());
  }
  /// The directory has gone, and something else is in its place.
  void away() override {
    std::filesystem::rename(directory_, directory_.string() + ".away");
    write_file(directory_, "");
  }
  void back() override {
    std::filesystem::remove(directory_);
    std::filesystem::rename(directory_.string() + ".away", directory_);
  }
  [[nodiscard]] Stored read() override {
    Stored stored;
    for (const auto& file : std::filesystem::directory_iterator{directory_}) {
      const auto records = mesura::sinks::test::parse_csv(read_file(file.path()));
      if (records.empty()) continue;
      std::size_t column = 0;
      while (column < records[0].size() && records[0][column].text.find("total_active_power_import_w") != 0) ++column;
      for (std::size_t i = 1; i < records.size(); ++i) {
        if (column >= records[i].size() || records[i][column].text.empty()) continue;
        const auto time = *mesura::runtime::parse_time(records[i][0].text) / 1000;
        stored.twice += stored.values.emplace(time, records[i][column].text).second ? 0U : 1U;
      }
    }
    return stored;
  }

 private:
  std::filesystem::path directory_;
};

/// A meter, a configuration with these far ends, and the truth.
struct House {
  TempDir dir;
  Meter meter{{"--dialect", "nl5", "--profile", "count", "--speed", std::to_string(kSpeed), "--log",
               (dir / "sent.jsonl").string()}};
  Truth truth{dir / "sent.jsonl"};
  std::unique_ptr<Process> run;

  explicit House(const std::vector<FarEnd*>& ends) {
    std::string yaml = fmt::format(
        "timezone: Europe/Amsterdam\nstate: {0}/state\ndevices:\n  grid:\n    plugin: dsmr_p1\n    transport: {{tcp: "
        "{{host: {1}, port: {2}}}}}\nsinks:\n",
        dir.path().string(), meter.host(), meter.port());
    for (FarEnd* end : ends)
      yaml += fmt::format("  {}: {}, commit_interval: {}ms}}\n", end->name(), end->yaml(dir), kCommitInterval.count());
    write_file(dir / "house.yaml", yaml);
  }
  void start() {
    run = std::make_unique<Process>(program({"run", (dir / "house.yaml").string()}));
    run->wait_for_line("dev-live");
  }
  /// Of the first telegram that was sent for certain to the program that runs now.
  std::int64_t first_sent() {
    const Values& before = truth.now();
    return truth.wait_beyond(before.empty() ? 0 : before.rbegin()->first, 1);
  }
  void kill() {
    run->signal(SIGKILL);
    CHECK(run->wait().signal == SIGKILL);
  }
  /// A number that the status says of a sink.
  [[nodiscard]] std::uint64_t counted(const std::string& sink, const std::string& what) const {
    const std::string status =
        run_mesura({"status", "--config", (dir / "house.yaml").string(), "--format", "json"}).out;
    const auto sinks = status.find(R"("sinks":)");
    const auto at = status.find("\"" + what + "\":", status.find(R"("name":")" + sink + "\"", sinks));
    return std::stoull(status.substr(at + what.size() + 3));
  }
  /// Waits until a far end has what was sent at `time`.
  FarEnd::Stored wait_stored(FarEnd& end, std::int64_t time) const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      try {
        FarEnd::Stored stored = end.read();
        if (stored.values.contains(time)) return stored;
      } catch (const std::runtime_error&) {
        // Its table or directory is not there yet.
      }
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error(end.name() + " never got what was sent last; the program says:\n" + run->err());
      std::this_thread::sleep_for(20ms);
    }
  }
};

/// Each value of the truth from `from` to `to` is stored as it is, and nothing else is.
void compare(const std::string& name, const Values& truth, const Values& stored, std::int64_t from, std::int64_t to) {
  std::size_t missing = 0;
  std::size_t wrong = 0;
  for (auto sent = truth.lower_bound(from); sent != truth.end() && sent->first <= to; ++sent) {
    const auto at = stored.find(sent->first);
    missing += at == stored.end() ? 1U : 0U;
    wrong += at != stored.end() && at->second != sent->second ? 1U : 0U;
  }
  INFO(name);
  CHECK(missing == 0);
  CHECK(wrong == 0);
}

std::unique_ptr<FarEnd> make_end(const std::string& name) {
  if (name == "sqlite") return std::make_unique<SqliteEnd>();
  if (name == "mysql") return std::make_unique<MysqlEnd>();
  if (name == "mqtt") return std::make_unique<MqttEnd>();
  return std::make_unique<CsvEnd>();
}

}  // namespace

TEST_CASE("kill -9 of the collector loses at most a commit interval, whether the far end is there or away") {
  const std::string name = GENERATE("sqlite", "mysql", "mqtt", "csv");
  const int rounds = std::getenv("MESURA_SOAK") != nullptr ? 200 : 4;
  const auto end = make_end(name);
  House house{{end.get()}};
  std::mt19937 random{11};
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;  // of which nothing may be missing
  const auto began = std::chrono::steady_clock::now();
  const auto in_interval = static_cast<std::ptrdiff_t>(kSpeed * kCommitInterval / 1s);
  for (int round = 0; round < rounds; ++round) {
    house.start();
    const std::int64_t from = house.first_sent();
    // Something is there first: a kill in the very first write would say little.
    (void)house.truth.wait_beyond(from, 2 * in_interval);
    const bool away = round % 2 == 1;
    if (away) end->away();
    const std::int64_t to = house.truth.wait_beyond(from, 3 * in_interval);
    // Later, at any instant.
    (void)house.truth.wait_beyond(to, static_cast<std::ptrdiff_t>(kSpeed * (kCommitInterval + kHeldUp) / 1s));
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 100'000});
    house.kill();
    if (away) end->back();
    spans.emplace_back(from, to);
  }
  house.start();
  const std::int64_t last = house.truth.wait_beyond(house.truth.now().rbegin()->first, 2);
  (void)house.wait_stored(*end, last);
  CHECK(house.run->stop().code == 0);
  const auto stored = end->read();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const Values& truth = house.truth.now();
  for (const auto& [from, to] : spans) compare(name, truth, stored.values, from, to);
  for (const auto& [time, value] : stored.values) {
    const auto sent = truth.find(time);
    REQUIRE(sent != truth.end());
    REQUIRE(sent->second == value);
  }
  // A message has no key: what a kill left unconfirmed is published again.
  if (name != "mqtt") CHECK(stored.twice == 0);
  const auto outcome = run_mesura({"spool", "check", "--config", (house.dir / "house.yaml").string()});
  CHECK(outcome.code == 0);
  fmt::print(
      "SOAK | kill -9 of the collector, {} | {} kills, half of them while it was away | {} of {} telegrams "
      "stored ({:.0f}/s), none lost that was older than {} ms, {} twice\n",
      name, rounds, stored.values.size(), truth.size(), static_cast<double>(stored.values.size()) / seconds,
      (kCommitInterval + kHeldUp).count(), stored.twice);
}

TEST_CASE("one dead sink of four does not hold up the others, and gets everything when it is back") {
  const std::string dead = GENERATE("sqlite", "mysql", "mqtt", "csv");
  SqliteEnd sqlite;
  MysqlEnd mysql;
  MqttEnd mqtt;
  CsvEnd csv;
  const std::vector<FarEnd*> ends{&sqlite, &mysql, &mqtt, &csv};
  House house{ends};
  house.start();
  const std::int64_t from = house.first_sent();
  for (FarEnd* end : ends) (void)house.wait_stored(*end, house.truth.wait_beyond(from, 5));
  FarEnd& gone = **std::find_if(ends.begin(), ends.end(), [&](FarEnd* e) { return e->name() == dead; });
  gone.away();
  const std::int64_t since = house.truth.now().rbegin()->first;
  const std::int64_t during = house.truth.wait_beyond(since, 2 * kSpeed);  // two seconds, eight commit intervals
  for (FarEnd* end : ends)
    if (end != &gone) {
      (void)house.wait_stored(*end, during);
      CHECK(house.counted(end->name(), "waiting") < 2000);
      CHECK(house.counted(end->name(), "spooled") == 0);
    }
  CHECK(house.counted(dead, "spooled") > 0);
  CHECK(house.counted(dead, "dropped") == 0);
  gone.back();
  const std::int64_t to = house.truth.wait_beyond(during, kSpeed);
  for (FarEnd* end : ends) {
    const auto stored = house.wait_stored(*end, to);
    compare(end->name(), house.truth.now(), stored.values, from, to);
    CHECK(stored.twice == 0);
    CHECK(house.counted(end->name(), "dropped") == 0);
  }
  CHECK(house.run->stop().code == 0);
  CHECK(house.run->count_lines("sink-recovered") + house.run->count_lines("sink-slow") >= 1);
}

TEST_CASE("what waits for a sink that is away can be looked at, and is written by `spool drain` without the service") {
  SqliteEnd sqlite;
  House house{{&sqlite}};
  const std::string config = (house.dir / "house.yaml").string();
  house.start();
  const std::int64_t from = house.first_sent();
  (void)house.wait_stored(sqlite, house.truth.wait_beyond(from, 5));
  sqlite.away();
  const std::int64_t to = house.truth.wait_beyond(house.truth.now().rbegin()->first, kSpeed);
  (void)house.truth.wait_beyond(to, kSpeed);
  CHECK(house.run->stop().code == 0);
  CHECK_THAT(house.run->err(), contains("spool-keeps: sqlite: "));

  const auto listed = run_mesura({"spool", "ls", "--config", config, "--format", "json"});
  CHECK_THAT(listed.out, contains(R"("sink":"sqlite")"));
  const auto exported = run_mesura({"spool", "export", "sqlite", "--config", config});
  CHECK(exported.code == 0);
  CHECK_THAT(exported.out, contains(R"("quantity":"active_power_import")"));
  CHECK(run_mesura({"spool", "check", "--config", config}).code == 0);

  // A sink that is no longer configured does not make what waits for it forgotten.
  write_file(house.dir / "other.yaml",
             fmt::format("state: {0}/state\nsinks:\n  other: {{csv: {{path: {0}/csv}}}}\n", house.dir.path().string()));
  {
    Process other{program({"run", (house.dir / "other.yaml").string()})};
    other.wait_for_line("spool-ownerless");
    CHECK(other.stop().code == 0);
  }

  // Still locked: said, and nothing changes.
  const auto refused = run_mesura({"spool", "drain", "sqlite", "--config", config});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, contains("sink-busy"));
  sqlite.back();
  const auto drained = run_mesura({"spool", "drain", "sqlite", "--config", config, "--progress", "json"});
  CHECK(drained.code == 0);
  CHECK_THAT(drained.out, contains("none wait"));
  CHECK_THAT(drained.err, contains(R"("total":)"));
  compare("sqlite", house.truth.now(), sqlite.read().values, from, to);
  CHECK(run_mesura({"spool", "drain", "nobody", "--config", config}).code == 1);
}

TEST_CASE("integrated energy goes on after a kill from where the sink had it") {
  const TempDir dir;
  VirtualDevice unit{
      "ct6",
      {"--listen", "127.3.9.1", "--unicast", "--data-port", "0", "--http-port", "0", "--profile", "constant:3600"},
      2};
  const bool udp_first = unit.process().out().find("serving udp") < unit.process().out().find("serving tcp");
  write_file(dir / "house.yaml",
             fmt::format("state: {0}/state\ndevices:\n  cupboard: {{plugin: ct6, interval: 200ms, transport: {{udp: "
                         "{{{1}}}}}}}\nsinks:\n  local: {{sqlite: {{path: {0}/mesura.db}}, commit_interval: 100ms}}\n",
                         dir.path().string(), unit.host_and_port(udp_first ? 0 : 1)));
  const auto database = dir / "mesura.db";
  const std::string total = "SELECT max(ct1_active_energy_import_wh), count(ct1_active_energy_import_wh) FROM cupboard";
  double before = 0;
  for (int round = 0; round < 3; ++round) {
    Process run{program({"run", (dir / "house.yaml").string()})};
    const auto rows = wait_for_rows(database, total, [&](const auto& r) {
      return !r.empty() && r[0][0] != "NULL" && std::stod(r[0][0]) > before + 0.5;
    });
    run.signal(SIGKILL);
    CHECK(run.wait().signal == SIGKILL);
    before = std::stod(query(database, total)[0][0]);
  }
  // It never goes back: each row has at least as much as all before it.
  const auto fell = query(database,
                          "SELECT count(*) FROM (SELECT ct1_active_energy_import_wh AS now, "
                          "lag(ct1_active_energy_import_wh) OVER (ORDER BY time) AS before FROM cupboard WHERE "
                          "ct1_active_energy_import_wh IS NOT NULL) WHERE now < before");
  CHECK(fell[0][0] == "0");
}
