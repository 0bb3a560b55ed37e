// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The collector as a service, against a virtual meter: real processes, sockets, signals and databases.
#include "house.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>
#include <sstream>

using namespace mesura::test;

namespace {

/// A configuration with one P1 meter over TCP and SQLite.
std::string house_yaml(const TempDir& dir, const Meter& meter, const std::string& device_extra = {},
                       const std::string& extra = {}) {
  return fmt::format(
      "timezone: Europe/Brussels\n"
      "state: {0}/state\n"
      "devices:\n"
      "  grid:\n"
      "    plugin: dsmr_p1\n"
      "    transport: {{tcp: {{host: {1}, port: {2}}}}}\n"
      "{3}"
      "sinks:\n"
      "  local: {{sqlite: {{path: {0}/mesura.db}}, commit_interval: 100ms}}\n"
      "{4}",
      dir.path().string(), meter.host(), meter.port(), device_extra, extra);
}

std::unique_ptr<Process> start(const TempDir& dir, std::vector<std::string> extra = {}) {
  std::vector<std::string> arguments{"run", (dir / "house.yaml").string()};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  return std::make_unique<Process>(program(std::move(arguments)));
}

const std::string kCount = "SELECT count(*) FROM grid WHERE total_active_power_w IS NOT NULL";

auto more_than(long count) {
  return [count](const auto& rows) { return !rows.empty() && std::stol(rows[0][0]) > count; };
}

/// (time, value) of one series from the log that a simulator wrote: what was really sent.
std::map<std::string, std::string> sent(const std::filesystem::path& log, const std::string& channel,
                                        const std::string& quantity) {
  std::map<std::string, std::string> values;
  std::istringstream lines{read_file(log)};
  const auto field = [](const std::string& line, const std::string& key) {
    const auto at = line.find("\"" + key + "\":");
    if (at == std::string::npos) return std::string{};
    const auto begin = at + key.size() + 3;
    auto value = line.substr(begin, line.find_first_of(",}", begin) - begin);
    if (value.front() == '"') value = value.substr(1, value.size() - 2);
    return value;
  };
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line.back() == '}' && field(line, "channel") == channel && field(line, "quantity") == quantity)
      values.emplace(field(line, "time"), field(line, "value"));
  return values;
}

}  // namespace

TEST_CASE("a meter that goes away is stale once, live once, and collecting goes on") {
  const TempDir dir;
  Meter meter{{"--dialect", "be"}};
  write_file(dir / "house.yaml", house_yaml(dir, meter, "    stale_after: 2s\n"));
  auto run = start(dir);
  run->wait_for_line("dev-live");
  wait_for_rows(dir / "mesura.db", kCount, more_than(1));
  meter.kill();
  run->wait_for_line("dev-stale");
  meter.start_again();
  run->wait_for_line("dev-live");
  const long before = std::stol(query(dir / "mesura.db", kCount)[0][0]);
  wait_for_rows(dir / "mesura.db", kCount, more_than(before + 1));
  CHECK(run->stop().code == 0);
  CHECK(run->count_lines("dev-stale") == 1);
  CHECK(run->count_lines("dev-live") == 2);
}

TEST_CASE("what is stored is what the meter sent, by value, and nothing twice, whatever is killed") {
  const TempDir dir;
  const auto log = dir / "sent.jsonl";
  const Meter meter{{"--dialect", "nl5", "--profile", "count", "--speed", "20", "--log", log.string()}};
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  for (int round = 0; round < 3; ++round) {
    auto run = start(dir);
    long before = 0;
    if (round > 0) before = std::stol(query(dir / "mesura.db", kCount)[0][0]);
    wait_for_rows(dir / "mesura.db", kCount, more_than(before + 20));
    run->signal(SIGKILL);
    CHECK(run->wait().signal == SIGKILL);
  }
  const auto truth = sent(log, "total", "active_power_import");
  const auto rows = query(
      dir / "mesura.db",
      "SELECT utc, CAST(total_active_power_import_w AS INTEGER) FROM grid_utc WHERE total_active_power_import_w IS NOT "
      "NULL ORDER BY time");
  REQUIRE(rows.size() > 60);
  std::set<std::string> times;
  for (const auto& row : rows) {
    const auto expected = truth.find(row[0]);
    REQUIRE(expected != truth.end());
    CHECK(expected->second == row[1]);
    CHECK(times.insert(row[0]).second);
  }
  // Within one run nothing is missing: between two neighbours there is a hole only where a kill was, at most three in
  // all.
  std::size_t holes = 0;
  auto sent_at = truth.find(rows.front()[0]);
  for (const auto& row : rows) {
    if (sent_at->first != row[0]) {
      ++holes;
      sent_at = truth.find(row[0]);
    }
    ++sent_at;
  }
  CHECK(holes <= 2);
  CHECK(query(dir / "mesura.db", "PRAGMA integrity_check") == std::vector<std::vector<std::string>>{{"ok"}});
}

TEST_CASE("SIGTERM writes what was measured and ends with 0") {
  const TempDir dir;
  const Meter meter{{}};
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", kCount, more_than(0));
  CHECK(run->stop() == Exit{0, 0});
  CHECK_THAT(run->err(), contains("run-end: stopped"));
  CHECK_FALSE(std::filesystem::exists(dir / "state" / "control.sock"));
}

TEST_CASE("one state directory, one service, the lock dies with its holder") {
  const TempDir dir;
  const Meter meter{{}};
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  auto first = start(dir);
  first->wait_for_line("dev-live");
  const auto second = run_mesura({"run", (dir / "house.yaml").string()});
  CHECK(second.code == 1);
  CHECK_THAT(second.err, contains("another mesura runs there (process " + std::to_string(first->pid()) + ")"));
  first->signal(SIGKILL);
  first->wait();
  auto third = start(dir);
  third->wait_for_line("dev-live");
  CHECK(third->stop().code == 0);
}

TEST_CASE("a reload touches only what changed, and a bad one changes nothing") {
  const TempDir dir;
  const Meter meter{{}};
  const Meter other{{}};
  const auto second_device = fmt::format(
      "  garage:\n    plugin: dsmr_p1\n    transport: {{tcp: {{host: {}, port: {}}}}}\n", other.host(), other.port());
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  auto run = start(dir);
  run->wait_for_line("[device.grid] dev-live");

  SECTION("a device more, asked for by the verb") {
    write_file(dir / "house.yaml", house_yaml(dir, meter, second_device));
    const auto outcome = run_mesura({"reload", "--config", (dir / "house.yaml").string()});
    CHECK(outcome.code == 0);
    run->wait_for_line("[device.garage] dev-live");
    wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM garage", more_than(0));
    CHECK(run->count_lines("[device.grid] dev-live") == 1);
    CHECK(run->count_lines("sink-open") == 1);
  }
  SECTION("a bad file, asked for by the verb and by the signal") {
    write_file(dir / "house.yaml", house_yaml(dir, meter, "    intervall: 5s\n"));
    const auto outcome = run_mesura({"reload", "--config", (dir / "house.yaml").string()});
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, contains("cfg-unknown-key") && contains("intervall"));
    run->signal(SIGHUP);
    run->wait_for_line("reload refused");
    const long before = std::stol(query(dir / "mesura.db", kCount)[0][0]);
    wait_for_rows(dir / "mesura.db", kCount, more_than(before));
  }
  SECTION("another sink for the same data") {
    write_file(dir / "house.yaml",
               house_yaml(dir, meter, {}, fmt::format("  files: {{csv: {{path: {}/csv}}}}\n", dir.path().string())));
    run->signal(SIGHUP);
    bool in_force = false;
    bool open = false;
    run->wait_for_line([&](const Line& line) {
      in_force = in_force || line.text.find("in force") != std::string::npos;
      open = open || line.text.find("[sink.files] sink-open") != std::string::npos;
      return in_force && open;
    });
    CHECK(run->count_lines("[sink.local] sink-open") == 1);
  }
  CHECK(run->stop().code == 0);
}

TEST_CASE("the service tells its state, its latest values, and takes log levels while it runs") {
  const TempDir dir;
  const Meter meter{{"--dialect", "be", "--profile", "constant:1234"}};
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  const auto config = (dir / "house.yaml").string();
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", kCount, more_than(0));

  const auto status = run_mesura({"status", "--config", config, "--format", "json"});
  CHECK(status.code == 0);
  CHECK_THAT(status.out, contains("\"name\":\"grid\",\"plugin\":\"dsmr_p1\",\"state\":\"live\"") &&
                             contains("\"dropped\":0") && contains("\"dialect\":\"be\""));
  const auto table = run_mesura({"status", "--config", config});
  CHECK_THAT(table.out, contains("grid") && contains("live") && contains("sqlite"));

  const auto latest = run_mesura({"latest", "--config", config, "--format", "jsonl", "grid/total/active_power"});
  CHECK(latest.code == 0);
  CHECK_THAT(latest.out, contains("\"quantity\":\"active_power\"") && contains("\"value\":1234"));
  CHECK(run_mesura({"latest", "--config", config, "nothing/at/all"}).code == 1);

  Process watch{
      program({"latest", "--watch", "--config", config, "--format", "jsonl", "grid/total/active_power_import"})};
  watch.wait_for_line("\"value\":1234");
  watch.wait_for_line("\"value\":1234");
  watch.signal(SIGTERM);
  watch.wait();

  CHECK(run->count_lines("raw:") == 0);
  CHECK(run_mesura({"log", "trace", "grid", "--config", config}).code == 0);
  run->wait_for_line("raw: <");
  CHECK(run_mesura({"log", "default", "grid", "--config", config}).code == 0);
  CHECK(run->stop().code == 0);

  const auto nobody = run_mesura({"status", "--config", config});
  CHECK(nobody.code == 1);
  CHECK_THAT(nobody.err, contains("ctl-none"));
}

TEST_CASE("systemd hears of readiness and the end, and the watchdog is fed") {
  const TempDir dir;
  const Meter meter{{}};
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  const auto path = (dir / "notify.sock").string();
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  timeval patience{30, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);

  auto command = program({"run", (dir / "house.yaml").string()});
  command.environment["NOTIFY_SOCKET"] = path;
  command.environment["WATCHDOG_USEC"] = "200000";
  Process run{std::move(command)};
  const auto hear = [&](const std::string& wanted) {
    char buffer[256];
    for (int i = 0; i < 100; ++i) {
      const auto n = ::recv(fd, buffer, sizeof buffer, 0);
      REQUIRE(n > 0);
      if (std::string{buffer, static_cast<std::size_t>(n)}.find(wanted) != std::string::npos) return;
    }
    FAIL("never heard " + wanted);
  };
  hear("READY=1");
  hear("WATCHDOG=1");
  hear("WATCHDOG=1");
  run.signal(SIGTERM);
  hear("STOPPING=1");
  CHECK(run.wait().code == 0);
  ::close(fd);
}

TEST_CASE("thinned routes store one value a window, the full route all of them") {
  const TempDir dir;
  const Meter meter{{"--profile", "count", "--speed", "20"}};
  write_file(dir / "house.yaml",
             house_yaml(dir, meter, {},
                        fmt::format(
                            "  thin: {{sqlite: {{path: {}/thin.db}}, commit_interval: 100ms}}\n"
                            "routes:\n"
                            "  - {{from: \"*\", to: local}}\n"
                            "  - {{from: \"grid/total/active_power_import\", to: thin, every: 10s, aggregate: mean}}\n",
                            dir.path().string())));
  auto run = start(dir);
  const auto rows =
      wait_for_rows(dir / "thin.db", "SELECT time / 1000000, total_active_power_import_w FROM grid ORDER BY time",
                    [](const auto& r) { return r.size() >= 4; });
  CHECK(run->stop().code == 0);
  // The first window is cut by the start; the others lie on the grid and hold the mean of the ten values of the ramp.
  for (std::size_t i = 1; i + 1 < rows.size(); ++i) {
    CHECK(std::stol(rows[i][0]) % 10 == 0);
    const auto values = query(
        dir / "mesura.db", fmt::format("SELECT avg(total_active_power_import_w), count(*) FROM grid WHERE time > {0} - "
                                       "10000000 AND time <= {0} AND total_active_power_import_w IS NOT NULL",
                                       std::stol(rows[i][0]) * 1'000'000));
    REQUIRE(values[0][1] == "10");
    CHECK(std::stod(rows[i][1]) == Approx(std::stod(values[0][0])));
  }
}

TEST_CASE("verified telegrams are relayed to another collector") {
  const TempDir dir;
  const Meter meter{{"--dialect", "be"}};
  // A free port for the relay: one that a meter just had.
  int relay_port = 0;
  {
    const Meter brief{{}};
    relay_port = brief.port();
  }
  write_file(dir / "house.yaml",
             house_yaml(dir, meter, fmt::format("    relay: {{listen: \"127.0.0.1:{}\"}}\n", relay_port)));
  auto run = start(dir);
  run->wait_for_line("dev-live");
  const auto probe =
      run_mesura({"probe", fmt::format("dsmr_p1+tcp://127.0.0.1:{}", relay_port), "--count", "2", "--for", "20s"});
  CHECK(probe.code == 0);
  CHECK_THAT(probe.out, contains("\"channel\":\"t1\",\"quantity\":\"active_energy_import\""));
  CHECK(run->stop().code == 0);
}

TEST_CASE("a recording is read no faster than its sinks can take it: nothing is dropped, whatever the policy") {
  const TempDir dir;
  const auto bytes = (dir / "p1.bin").string();
  REQUIRE(run_mesura({"simulate", "dsmr_p1", "--dialect", "nl5", "--output", bytes, "--telegrams", "3000", "--start",
                      "2024-02-12T17:00:00Z", "--profile", "count"})
              .code == 0);
  const std::string full = GENERATE("block", "drop_oldest");
  write_file(
      dir / "house.yaml",
      fmt::format("timezone: Europe/Amsterdam\nstate: {0}/state\ndevices:\n  grid:\n    plugin: dsmr_p1\n    "
                  "transport: {{file: {{path: "
                  "{1}}}}}\nsinks:\n  local: {{sqlite: {{path: {0}/{2}.db}}, queue: {{limit: 8000, full: {2}}}}}\n",
                  dir.path().string(), bytes, full));
  auto run = start(dir);
  run->wait_for_line("dev-finished");
  CHECK(run->stop() == Exit{0, 0});
  CHECK(query(dir / (full + ".db"), "SELECT count(*) FROM grid WHERE total_active_power_w IS NOT NULL")[0][0] ==
        "3000");
}

TEST_CASE("the raw bytes of a device are kept beside its measurements, and give them again") {
  const TempDir dir;
  const Meter meter{{"--dialect", "be", "--profile", "count"}};
  write_file(dir / "house.yaml", house_yaml(dir, meter, "    capture: {keep: 1d, max: 10MiB}\n"));
  auto run = start(dir);
  wait_for_rows(dir / "mesura.db", kCount, more_than(2));
  CHECK(run->stop().code == 0);
  std::vector<std::filesystem::path> captures;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "state" / "captures"))
    captures.push_back(entry.path());
  REQUIRE(captures.size() == 1);
  const auto decoded = run_mesura({"decode", "dsmr_p1", captures[0].string(), "--format", "csv"});
  CHECK(decoded.code == 0);
  for (const auto& row : query(dir / "mesura.db",
                               "SELECT utc, CAST(total_active_power_import_w AS INTEGER) FROM grid_utc WHERE "
                               "total_active_power_import_w IS "
                               "NOT NULL")) {
    CHECK_THAT(decoded.out, contains("dsmr_p1,total,active_power_import,W," + row[0]) && contains("," + row[1] + ","));
  }
}

TEST_CASE("a thinned route is right for a meter whose clock is far behind, and across a reload") {
  const TempDir dir;
  const Meter meter{{"--profile", "constant:1000", "--interval", "1s", "--clock-skew", "-25s"}};
  write_file(
      dir / "house.yaml",
      house_yaml(dir, meter, {},
                 "routes:\n  - {from: \"grid/total/active_power_import\", to: local, every: 3s, aggregate: sum}\n"));
  auto run = start(dir);
  const std::string sums = "SELECT total_active_power_import_w FROM grid ORDER BY time";
  wait_for_rows(dir / "mesura.db", sums, [](const auto& rows) { return rows.size() >= 2; });
  CHECK(run_mesura({"reload", "--config", (dir / "house.yaml").string()}).code == 0);
  const auto rows = wait_for_rows(dir / "mesura.db", sums, [](const auto& r) { return r.size() >= 4; });
  for (std::size_t i = 1; i < 4; ++i) CHECK(rows[i][0] == "3000.0");
  CHECK(run->stop().code == 0);
}

TEST_CASE("a reload refuses what only a restart can give") {
  const TempDir dir;
  const Meter meter{{}};
  write_file(dir / "house.yaml", house_yaml(dir, meter));
  auto run = start(dir);
  run->wait_for_line("dev-live");
  write_file(dir / "house.yaml", house_yaml(dir, meter, {}, "log: {format: json}\n"));
  const auto outcome = run_mesura({"reload", "--config", (dir / "house.yaml").string()});
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.err, contains("`log.format` can't change"));
  CHECK(run->stop().code == 0);
}
