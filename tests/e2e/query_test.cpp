// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The verbs that answer about the past, through the program: query, export, latest, energy, demand, replay --to.
#include "house.hpp"
#include "virtual_device.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <sstream>

using namespace mesura::test;
using Catch::Matchers::StartsWith;

namespace {

const std::string kFrom = "2026-06-14T10:00:00Z";
const std::string kTo = "2026-06-14T11:00:00Z";

/// An hour of a virtual meter in a database that a replay has written.
struct History {
  TempDir dir;
  std::string config = (dir / "house.yaml").string();
  std::string database = (dir / "mesura.db").string();

  explicit History(int telegrams = 3600) {
    write_file(config,
               fmt::format("timezone: Europe/Brussels\nstate: {0}/state\ndevices:\n  grid: {{plugin: dsmr_p1, "
                           "transport: {{tcp: {{host: 127.0.0.1, port: 1}}}}}}\nsinks:\n  lines: {{csv: {{path: "
                           "{0}/csv}}}}\n  local: {{sqlite: {{path: {1}}}}}\n",
                           dir.path().string(), database));
    const auto meter = run_mesura({"simulate", "dsmr_p1", "--dialect", "be", "--output", capture(), "--telegrams",
                                   std::to_string(telegrams), "--start", kFrom, "--seed", "7"});
    REQUIRE(meter.code == 0);
    const auto written = replay();
    INFO(written.err);
    REQUIRE(written.code == 0);
  }
  [[nodiscard]] std::string capture() const { return (dir / "p1.bin").string(); }
  [[nodiscard]] std::vector<std::string> replay_arguments() const {
    return {"replay", capture(), "--plugin", "dsmr_p1", "--device", "grid", "--config", config, "--to", "local"};
  }
  [[nodiscard]] Outcome replay() const { return run_mesura(replay_arguments()); }
  [[nodiscard]] Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"--config", config});
    return run_mesura(std::move(arguments));
  }
  [[nodiscard]] Outcome query(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"query", "--from", kFrom, "--to", kTo});
    return run(std::move(arguments));
  }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    out.push_back(line);
  }
  return out;
}

const std::string kPower = "grid/total/active_power_import";

}  // namespace

TEST_CASE("query answers from the database while no service runs, with the extremes that SQL finds") {
  const History history;
  const auto sql = query(history.database,
                         "SELECT min(total_active_power_import_w), max(total_active_power_import_w), "
                         "count(total_active_power_import_w) FROM grid");
  const auto csv = history.query({kPower, "--every", "15m", "--format", "csv", "--aggregate", "all"});
  INFO(csv.err);
  REQUIRE(csv.code == 0);
  const auto rows = lines_of(csv.out);
  REQUIRE(rows.size() == 5);
  CHECK(rows[0] == "device,channel,quantity,unit,time,min,max,mean,last,count");
  double min = 1e9;
  double max = -1e9;
  long count = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    std::vector<std::string> cells;
    std::istringstream in{rows[i]};
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
    REQUIRE(cells.size() == 10);
    CHECK(cells[4] == fmt::format("2026-06-14T10:{:02}:00.000Z", 15 * (i - 1)));
    min = std::min(min, std::stod(cells[5]));
    max = std::max(max, std::stod(cells[6]));
    count += std::stol(cells[9]);
  }
  CHECK(min == std::stod(sql[0][0]));
  CHECK(max == std::stod(sql[0][1]));
  CHECK(count == std::stol(sql[0][2]));
}

TEST_CASE("query has tables in the site's time, JSON in UTC, and a chart") {
  const History history{600};
  const auto table = history.query({kPower, "--points", "4"});
  INFO(table.err);
  CHECK(table.code == 0);
  CHECK_THAT(table.out, StartsWith(kPower + "  W  windows of ") && contains("  2026-06-14 12:00:00.000+02:00 "));
  const auto json = history.query({"grid/total/active_power*", "--points", "4", "--format", "json"});
  CHECK(json.code == 0);
  CHECK_THAT(json.out, StartsWith("{\"from\":\"2026-06-14T10:00:00.000Z\",\"to\":\"2026-06-14T11:00:00.000Z\","));
  CHECK_THAT(json.out, contains("\"quantity\":\"active_power_export\"") && contains("\"times\":[1781431200") &&
                           contains("\"min\":["));
  const auto raw = run_mesura({"query", "--config", history.config, kPower, "--from", kFrom, "--to",
                               "2026-06-14T10:00:02Z", "--format", "jsonl"});
  CHECK(lines_of(raw.out).size() == 2);
  CHECK_THAT(raw.out,
             StartsWith("{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power_import\",\"unit\":"
                        "\"W\",\"time\":\"2026-06-14T10:00:00.000Z\",\"value\":"));

  auto command =
      program({"query", "--config", history.config, kPower, "--from", kFrom, "--to", kTo, "--format", "plot"});
  command.environment["LC_ALL"] = "C";
  command.environment["COLUMNS"] = "60";
  command.environment["LINES"] = "16";
  const auto ascii = run(command);
  CHECK(ascii.exit.code == 0);
  CHECK_THAT(ascii.out, StartsWith("* " + kPower) && contains("12:00") && contains("12:30"));
  for (const auto& line : lines_of(ascii.out)) {
    INFO(line);
    CHECK(line.size() <= 60);
    CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
  command.environment["LC_ALL"] = "C.UTF-8";
  const auto braille = run(command);
  CHECK_THAT(braille.out, StartsWith("\xe2\xa3\xbf " + kPower) && contains("\xe2\x94\xa4"));
  CHECK_THAT(braille.out, !contains("\033["));  // no terminal, no colours
}

TEST_CASE("wrong questions get a clear answer and an exit code") {
  const History history{30};
  struct Case {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  };
  const std::vector<Case> cases{
      {{"query", "grid/total/activ_power_import", "--from", kFrom},
       1,
       "did you mean 'grid/total/active_power_import'?"},
      {{"query", "gird", "--from", kFrom}, 1, "did you mean 'grid'?"},
      {{"query", "nothing/*/like/that"}, 2, "error[qry-series]"},
      {{"query", "solar*"}, 1, "error[qry-series]"},
      {{"query", "\xff\xfe"}, 1, "error[qry-series]"},
      {{"query", "grid", "--from", kTo, "--to", kFrom}, 2, "error[qry-range]"},
      {{"query", "grid", "--from", "yesteryear"}, 2, "error[qry-time]"},
      {{"query", "grid", "--from", "9999-01-01"}, 2, "error[qry-time]"},
      {{"query", "grid", "--from", kFrom, "--points", "1000000000"}, 2, "--points"},
      {{"query", "grid", "--from", kFrom, "--points", "0"}, 2, "--points"},
      {{"query", "grid", "--every", "5"}, 2, "--every"},
      {{"query", "grid", "--from", "1970-01-01", "--every", "1ms"}, 2, "error[qry-every]"},
      {{"query", "grid", "--aggregate", "median"}, 2, "--aggregate"},
      {{"query", "grid", "--format", "xml"}, 2, "--format"},
      {{"query", "grid", "--sink", "lokal"}, 2, "did you mean 'local'?"},
      {{"query", "grid", "--sink", "lines"}, 2, "sink 'lines' can't be read back"},
      {{"query"}, 2, "series"},
      {{"export", "grid", "--columns", "mean"}, 2, "error[exp-parts]"},
      {{"export", "grid", "--resolution", "1m", "--columns", "meen"}, 2, "did you mean 'mean'?"},
      {{"export", "grid", "--layout", "godenerg"}, 2, "error[exp-layout]"},
      {{"export", "grid", "--resume"}, 2, "--resume"},
      {{"export", "grid", "--format", "json"}, 2, "--layout godenerg"},
      {{"export", "grid", "--format", "f32"}, 2, "--recording"},
      {{"export", "grid", "--every", "5"}, 2, "--recording"},
      {{"export", "--recording", "lab", "--resume"}, 2, "--resume"},
      {{"export", "--recording", "lab", "--resolution", "1m"}, 2, "--resolution"},
      {{"export", "--recording", "lab", "grid"}, 2, "series"},
      {{"export", "grid", "-o", "/nonexistent/x.csv"}, 1, "error[exp-file]"},
      {{"energy", "grid", "--every", "5m"}, 2, "--every"},
      {{"demand"}, 2, "device"},
  };
  for (const auto& c : cases) {
    const auto outcome = history.run(c.arguments);
    INFO(fmt::format("{}", fmt::join(c.arguments, " ")) << "\n" << outcome.err);
    CHECK(outcome.code == c.code);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, contains(c.says));
  }
  std::filesystem::remove(history.database);
  const auto gone = history.run({"query", "grid"});
  CHECK(gone.code == 1);
  CHECK_THAT(gone.err, contains(history.database));
  CHECK_FALSE(std::filesystem::exists(history.database));  // asking makes no file
}

TEST_CASE("latest reads the database when no service runs, and says so") {
  const History history{30};
  const auto outcome = history.run({"latest", "grid/total", "--format", "csv"});
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.err, contains("no service runs; these are the newest values of sink 'local'"));
  CHECK_THAT(outcome.out, StartsWith("device,channel,quantity,unit,time,received,value,quality") &&
                              contains("grid,total,active_power_import,W,2026-06-14T10:00:29.000Z,,"));
  CHECK_THAT(outcome.out, !contains("grid,l1"));
  const auto watched = history.run({"latest", "--watch"});
  CHECK(watched.code == 1);
  CHECK_THAT(watched.err, contains("ctl-none"));
}

TEST_CASE("an export holds every value of the table, wide and long and as JSON lines") {
  const History history{300};
  const auto values = [&](const std::string& column) {
    return query(history.database, "SELECT " + column + " FROM grid WHERE " + column + " IS NOT NULL ORDER BY time");
  };
  const auto expected = values("total_active_power_import_w");
  REQUIRE(expected.size() == 300);
  const auto wide = history.run({"export", kPower, "--from", kFrom, "--to", kTo});
  INFO(wide.err);
  REQUIRE(wide.code == 0);
  const auto rows = lines_of(wide.out);
  REQUIRE(rows.size() == 301);
  CHECK(rows[0] == "time,grid/total/active_power_import (W)");
  for (std::size_t i = 0; i < 300; ++i) {
    const auto comma = rows[i + 1].find(',');
    CHECK(rows[i + 1].substr(0, comma) == fmt::format("2026-06-14T10:{:02}:{:02}.000Z", i / 60, i % 60));
    CHECK(std::stod(rows[i + 1].substr(comma + 1)) == std::stod(expected[i][0]));
  }
  const auto lines = lines_of(history.run({"export", kPower, "--from", kFrom, "--to", kTo, "--long"}).out);
  REQUIRE(lines.size() == 301);
  CHECK(lines[0] == "device,channel,quantity,unit,time,value");
  CHECK(lines[300] == "grid,total,active_power_import,W," + rows[300]);
  const auto json = lines_of(history.run({"export", kPower, "--from", kFrom, "--to", kTo, "--format", "jsonl"}).out);
  CHECK(json.size() == 300);
  const auto local = lines_of(history.run({"export", kPower, "--from", kFrom, "--to", kTo, "--local"}).out);
  CHECK_THAT(local[1], StartsWith("2026-06-14T12:00:00.000+02:00,"));
  const auto minutes = lines_of(
      history.run({"export", kPower, "--from", kFrom, "--to", kTo, "--resolution", "1m", "--columns", "count,max"})
          .out);
  REQUIRE(minutes.size() >= 4);
  CHECK(minutes[0] == "time,grid/total/active_power_import count (W),grid/total/active_power_import max (W)");
  CHECK_THAT(minutes[1], StartsWith("2026-06-14T10:00:00.000Z,60,"));
}

TEST_CASE("an export that is killed or interrupted goes on to the same file") {
  // Long enough to be hit in the middle.
  const History history{6000};
  const auto whole = (history.dir / "whole.jsonl").string();
  const auto torn = (history.dir / "torn.jsonl").string();
  const std::vector<std::string> arguments{"export",   "--config", history.config, "grid", "--to",    "2027-01-01",
                                           "--format", "jsonl",    "--progress",   "json", "--output"};
  const auto export_to = [&](const std::string& file, bool resume) {
    auto all = arguments;
    all.push_back(file);
    if (resume) all.emplace_back("--resume");
    return all;
  };
  REQUIRE(run_mesura(export_to(whole, false)).code == 0);
  const auto size = std::filesystem::file_size(whole);
  CHECK(run_mesura(export_to(whole, false)).code == 2);  // is there already
  int cut = 0;
  for (int i = 0; i < 8; ++i) {
    const bool kill = i % 2 == 0;
    Process process{program(export_to(torn, i > 0))};
    process.wait_for_line("\"stage\":\"exporting\"");
    process.signal(kill ? SIGKILL : SIGINT);
    const Exit end = process.wait();
    const auto now = std::filesystem::file_size(torn);
    if (now < size) ++cut;
    if (kill || now == size) continue;
    INFO(process.err());
    CHECK(end == Exit{3, 0});
    CHECK_THAT(process.err(), contains("--resume goes on"));
  }
  CHECK(cut > 0);
  CHECK(run_mesura(export_to(torn, true)).code == 0);
  CHECK(read_file(torn) == read_file(whole));
  // Whole already: stays so.
  CHECK(run_mesura(export_to(torn, true)).code == 0);
  CHECK(read_file(torn) == read_file(whole));
}

TEST_CASE("a replay into a sink is idempotent, and an interrupt leaves a count and nothing half") {
  const History history{2000};
  const auto content = [&] { return query(history.database, "SELECT * FROM grid ORDER BY time"); };
  const auto before = content();
  REQUIRE(before.size() >= 2000);  // the gas meter has times of its own
  const auto again = history.replay();
  CHECK(again.code == 0);
  CHECK_THAT(again.err, contains("2000 frames, 0 rejected; "));
  CHECK(content() == before);

  // Part of it, then the rest.
  std::filesystem::remove(history.database);
  auto arguments = history.replay_arguments();
  arguments.insert(arguments.end(), {"--progress", "json"});
  {
    Process process{program(arguments)};
    process.wait_for_line("\"stage\":\"replaying ");
    process.signal(SIGINT);
    const Exit end = process.wait();
    INFO(process.err());
    CHECK(end.signal == 0);
    CHECK((end.code == 3 || end.code == 0));  // 0: it was faster
    if (end.code == 3) CHECK_THAT(process.err(), contains("interrupted after ") && contains(" committed to local"));
  }
  REQUIRE(history.replay().code == 0);
  CHECK(content() == before);
}

TEST_CASE("query, latest and export work beside the running service") {
  const TempDir dir;
  const auto pty = (dir / "inverter").string();
  VirtualDevice inverter{"axpert", {"--pty", pty, "--latency", "0s", "--latency-min", "0s"}};
  const auto config = (dir / "house.yaml").string();
  write_file(config,
             fmt::format("timezone: Europe/Brussels\nstate: {0}/state\ndevices:\n  inverter: {{plugin: axpert, "
                         "transport: {{serial: {{path: {1}}}}}, interval: 300ms}}\nsinks:\n  local: {{sqlite: {{path: "
                         "{0}/mesura.db}}, commit_interval: 100ms}}\n",
                         dir.path().string(), pty));
  Process service{program({"run", config})};
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM inverter WHERE grid_voltage_v IS NOT NULL",
                [](const auto& rows) { return std::stoi(rows[0][0]) >= 3; });
  const auto power = run_mesura({"query", "--config", config, "inverter/ac_output/active_power", "--format", "csv"});
  INFO(power.err);
  CHECK(power.code == 0);
  CHECK(lines_of(power.out).size() >= 4);
  const auto newest = run_mesura({"latest", "--config", config, "inverter/ac_output"});
  CHECK(newest.code == 0);
  CHECK(newest.err.empty());  // of the service
  const auto stored = run_mesura({"latest", "--config", config, "inverter/ac_output/active_power", "--sink", "local"});
  CHECK(stored.code == 0);
  CHECK_THAT(stored.out, contains("inverter/ac_output/active_power"));
  CHECK(service.stop().code == 0);

  // As the old program's table has it.
  const auto old = run_mesura({"export", "--config", config, "inverter", "--layout", "godenerg"});
  INFO(old.err);
  REQUIRE(old.code == 0);
  CHECK(old.out.find("datetime") == std::string::npos);
  const auto rows = lines_of(old.out);
  const auto table = query(dir / "mesura.db",
                           "SELECT time / 1000000, battery_voltage_v FROM inverter WHERE grid_voltage_v IS NOT NULL OR "
                           "ac_output_voltage_v IS NOT NULL OR battery_voltage_v IS NOT NULL ORDER BY time");
  REQUIRE(rows.size() == table.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::string> cells;
    std::istringstream in{rows[i]};
    for (std::string cell; std::getline(in, cell, ';');) cells.push_back(cell);
    INFO(rows[i]);
    REQUIRE(cells.size() >= 22);
    CHECK(cells[0] == table[i][0]);
    CHECK(std::stod(cells[9]) == std::stod(table[i][1]));
    CHECK(cells[17].size() == 8);  // raw_status: eight bits
  }
  const auto json = run_mesura({"export", "--config", config, "inverter", "--layout", "godenerg", "--format", "json",
                                "--col", "datetime", "--col", "mode"});
  CHECK_THAT(json.out, StartsWith("[[") && contains(",\"") && Catch::Matchers::EndsWith("]]\n"));
}

TEST_CASE("a recording is exported whole, at full rate, with its gaps") {
  const TempDir dir;
  VirtualDevice meter{"smartmeter", {"--listen", "tcp:127.0.0.1:0", "--signal", "count", "--drop", "[5, 10-12]"}};
  const auto config = (dir / "house.yaml").string();
  write_file(config,
             fmt::format("timezone: Europe/Brussels\nstate: {0}/state\ndevices:\n  lab: {{plugin: smartmeter, "
                         "transport: {{tcp: {{{1}}}}}, options: {{rate: 8000}}}}\nsinks:\n  local: {{sqlite: "
                         "{{path: {0}/mesura.db}}, commit_interval: 100ms}}\n  waves: {{recording: {{path: "
                         "{0}/waves}}, commit_interval: 100ms}}\nroutes:\n  - {{from: '*', to: [local, waves]}}\n",
                         dir.path().string(), meter.host_and_port()));
  Process service{program({"run", config})};
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM lab WHERE l1_voltage_v IS NOT NULL",
                [](const auto& rows) { return std::stoi(rows[0][0]) >= 2; });
  const auto file = (dir / "lab.f32").string();
  // Beside the service, and after it.
  CHECK(run_mesura({"export", "--config", config, "--recording", "lab", "--format", "f32", "-o", file}).code == 0);
  CHECK(service.stop().code == 0);
  CHECK(run_mesura({"export", "--config", config, "--recording", "lab", "--format", "f32", "-o", file}).code == 2);
  const auto outcome =
      run_mesura({"export", "--config", config, "--recording", "lab", "--format", "f32", "-o", file, "--force"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK_THAT(outcome.err, contains("168 missing in 2 gaps"));
  const std::string bytes = read_file(file);
  REQUIRE(bytes.size() > 6 * 4 * 8000);
  for (std::uint64_t row = 0; row < bytes.size() / 24; ++row) {
    float value = 0;
    std::memcpy(&value, bytes.data() + row * 24, sizeof value);
    const bool lost = (row >= 5 * 42 && row < 6 * 42) || (row >= 10 * 42 && row < 13 * 42);
    if (lost ? std::isnan(value) : value == static_cast<float>((8 * row) % (1U << 24U))) continue;
    FAIL(fmt::format("row {}: {}", row, value));
  }
  const auto csv = lines_of(run_mesura({"export", "--config", config, "--recording", "lab"}).out);
  CHECK(csv.size() == bytes.size() / 24 - 168 + 2 + 1);  // a row stands for each gap, one is the header
  CHECK_THAT(csv[211], Catch::Matchers::EndsWith("Z,,,,,,"));
  const auto other = run_mesura({"export", "--config", config, "--recording", "lap"});
  CHECK(other.code == 1);
  CHECK_THAT(other.err, contains("rec-none") && contains("did you mean 'lab'?"));
  CHECK(run_mesura({"export", "--config", config, "--recording", "lab", "--sink", "local"}).code == 2);
  CHECK(run_mesura({"export", "--config", config, "--recording", "lab", "--format", "jsonl"}).code == 2);
}
