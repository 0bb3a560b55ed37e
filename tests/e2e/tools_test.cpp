// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The verbs that need no service: decode, check, show, probe, capture, replay, simulate, plugin, demo.
#include "house.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>
#include <sstream>

using namespace mesura::test;
using Catch::Matchers::StartsWith;

namespace {

/// So many telegrams of a virtual meter, as one file's bytes.
std::string telegrams(const TempDir& dir, int count, const std::string& dialect = "be") {
  const auto file = (dir / (dialect + ".bin")).string();
  const auto outcome =
      run_mesura({"simulate", "dsmr_p1", "--dialect", dialect, "--output", file, "--telegrams", std::to_string(count),
                  "--start", "2024-02-12T17:00:00Z", "--seed", "7", "--profile", "count"});
  REQUIRE(outcome.code == 0);
  return read_file(file);
}

/// Value of `key` in each line that has `part`.
std::vector<std::string> values(const std::string& lines, const std::string& part) {
  std::vector<std::string> list;
  std::istringstream in{lines};
  for (std::string line; std::getline(in, line);) {
    if (line.find(part) == std::string::npos) continue;
    const auto at = line.find("\"value\":") + 8;
    list.push_back(line.substr(at, line.find_first_of(",}", at) - at));
  }
  return list;
}

const std::string kPower = "\"channel\":\"total\",\"quantity\":\"active_power_import\"";

}  // namespace

TEST_CASE("decode takes every good telegram out of a spoilt recording and names each reject") {
  const TempDir dir;
  const std::string clean = telegrams(dir, 6);
  const auto all = values(run_mesura({"decode", "dsmr_p1", "-"}, clean).out, kPower);
  REQUIRE(all.size() == 6);

  // Begins in the middle of the first telegram, noise after the second, one digit of the fourth changed.
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < clean.size();) {
    const auto next = clean.find("\r\n/", at);
    parts.push_back(clean.substr(at, next == std::string::npos ? next : next + 2 - at));
    if (next == std::string::npos) break;
    at = next + 2;
  }
  REQUIRE(parts.size() == 6);
  parts[0].erase(0, 300);
  parts[1] += std::string("\xff\x00\xfe garbage \x01", 13);
  auto& digit = parts[3][parts[3].find("1-0:1.7.0(") + 12];
  digit = digit == '9' ? '8' : '9';
  std::string spoilt;
  for (const auto& part : parts) spoilt += part;

  const auto file = dir / "spoilt.bin";
  write_file(file, spoilt);
  const auto outcome = run_mesura({"decode", "dsmr_p1", file.string()});
  CHECK(outcome.code == 3);
  CHECK(values(outcome.out, kPower) == std::vector<std::string>{all[1], all[2], all[4], all[5]});
  const auto offset = parts[0].size() + parts[1].size() + parts[2].size();
  CHECK_THAT(outcome.err, contains(fmt::format("{}:{}: reject[crc_error]: expected CRC", file.string(), offset)));
  std::istringstream lines{outcome.err};
  int rejects = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.find(": reject[") != std::string::npos) ++rejects;
  CHECK(rejects == 1);
}

TEST_CASE("a megabyte of random bytes has no measurement in it") {
  std::mt19937_64 random{20240212};
  std::string bytes(1'000'000, '\0');
  for (auto& b : bytes) b = static_cast<char>(random());
  const auto outcome = run_mesura({"decode", "dsmr_p1", "-"}, bytes);
  CHECK(outcome.code == 1);
  CHECK(outcome.out.empty());
}

TEST_CASE("decode says what it can't do") {
  const TempDir dir;
  const auto missing = run_mesura({"decode", "dsmr_p1", (dir / "none.bin").string()});
  CHECK(missing.code == 1);
  CHECK_THAT(missing.err, contains("none.bin: can't be read: No such file"));
  const auto plugin = run_mesura({"decode", "dsmr_p2", "-"});
  CHECK(plugin.code == 2);
  CHECK_THAT(plugin.err, contains("plg-unknown") && contains("did you mean 'dsmr_p1'?"));
  const auto option = run_mesura({"decode", "dsmr_p1", "-", "--option", "crcc=auto"});
  CHECK(option.code == 2);
  CHECK_THAT(option.err, contains("crcc") && contains("did you mean 'crc'?"));
  CHECK(run_mesura({"decode", "dsmr_p1", "-", "--option", "crc"}).code == 2);
  CHECK(run_mesura({"decode"}).code == 2);
  CHECK(run_mesura({"decoode"}).code == 2);
  CHECK(run_mesura({}).code == 2);
}

TEST_CASE("decode writes tables and CSV with the same values") {
  const TempDir dir;
  const auto bytes = telegrams(dir, 2, "nl5");
  const auto csv = run_mesura({"decode", "dsmr_p1", "-", "--format", "csv"}, bytes);
  CHECK(csv.code == 0);
  CHECK_THAT(csv.out, StartsWith("device,channel,quantity,unit,time,received,value,quality"));
  CHECK_THAT(csv.out, contains("dsmr_p1,total,active_power_import,W,2024-02-12T17:00:01.000Z,"));
  const auto table = run_mesura({"decode", "dsmr_p1", "-", "--format", "table"}, bytes);
  CHECK_THAT(table.out, StartsWith("TIME") && contains("dsmr_p1/total/active_power_import"));
}

TEST_CASE("check reports every mistake at its place and opens nothing") {
  const TempDir dir;
  const auto file = dir / "house.yaml";
  write_file(file,
             "timezone: Europe/Brussel\n"
             "state: \"\"\n"
             "devices:\n"
             "  grid:\n"
             "    plugin: dsmr_p1\n"
             "    transport: {tcp: {host: p1.local, port: 70000}}\n"
             "    stale_after: 20\n"
             "    intervall: 5s\n"
             "    channels: {total: {role: gird}}\n"
             "  solar:\n"
             "    plugin: dsmr_p\n"
             "    transport: {tcp: {host: p1.local, port: 23}}\n"
             "sinks:\n"
             "  local: {sqlite: {path: mesura.db, retention: {raw: 90}}}\n"
             "routes:\n"
             "  - {from: \"*\", to: locall}\n");
  const auto outcome = run_mesura({"check", file.string()});
  CHECK(outcome.code == 2);
  const auto at = [&](const char* place, const char* code) {
    return contains(fmt::format("{}:{}: error[{}]", file.string(), place, code));
  };
  CHECK_THAT(outcome.out, at("1:11", "cfg-zone"));
  CHECK_THAT(outcome.out, at("2:8", "cfg-empty"));
  CHECK_THAT(outcome.out, at("6:45", "cfg-port"));
  CHECK_THAT(outcome.out, at("7:18", "cfg-unit"));
  CHECK_THAT(outcome.out, at("8:5", "cfg-unknown-key"));
  CHECK_THAT(outcome.out, at("9:30", "cfg-enum"));
  CHECK_THAT(outcome.out, at("11:13", "cfg-plugin"));
  CHECK_THAT(outcome.out, at("14:54", "cfg-unit"));
  CHECK_THAT(outcome.out, at("16:21", "cfg-unknown-sink"));
  CHECK_THAT(outcome.out, contains("9 errors"));
  CHECK_FALSE(std::filesystem::exists("mesura.db"));
  CHECK(run_mesura({"run", file.string()}).code == 2);
}

TEST_CASE("show masks secrets and fills in defaults") {
  const TempDir dir;
  write_file(dir / "house.yaml",
             "timezone: Europe/Luxembourg\n"
             "devices:\n"
             "  grid:\n"
             "    plugin: dsmr_p1\n"
             "    transport: {tcp: {host: p1.local, port: 23}}\n"
             "    options: {encryption_key: !secret p1_key}\n"
             "sinks: {local: {sqlite: {path: mesura.db}}}\n");
  write_file(dir / "secrets.yaml", "p1_key: 000102030405060708090A0B0C0D0E0F\n");
  const auto outcome = run_mesura({"show", (dir / "house.yaml").string()});
  CHECK(outcome.code == 0);
  CHECK_THAT(outcome.out, contains("encryption_key: \"***\"") || contains("encryption_key: ***") ||
                              contains("encryption_key: '***'"));
  CHECK_THAT(outcome.out, contains("stale_after: 20s") && contains("commit_interval: 1s"));
  CHECK_THAT(outcome.out + outcome.err, !contains("0C0D0E0F"));
}

TEST_CASE("a meter on a pseudo-terminal is read as a serial port, unplugged and plugged in again") {
  const TempDir dir;
  const auto port = (dir / "p1").string();
  const std::vector<std::string> arguments{"simulate", "dsmr_p1",    "--pty", port,        "--dialect",
                                           "nl4",      "--interval", "1s",    "--profile", "constant:321"};
  auto meter = std::make_unique<Process>(program(arguments));
  meter->wait_for_line("serving");
  write_file(dir / "house.yaml",
             fmt::format(
                 "timezone: Europe/Amsterdam\nstate: {0}/state\ndevices:\n  grid:\n    plugin: dsmr_p1\n    transport: "
                 "{{serial: {{path: {1}, baud: 115200}}}}\n    stale_after: 3s\nsinks:\n  local: {{sqlite: {{path: "
                 "{0}/mesura.db}}}}\n",
                 dir.path().string(), port));
  Process run{program({"run", (dir / "house.yaml").string()})};
  run.wait_for_line("dev-live");
  meter->stop();
  run.wait_for_line("dev-stale");
  meter = std::make_unique<Process>(program(arguments));
  meter->wait_for_line("serving");
  run.wait_for_line("dev-live");
  wait_for_rows(dir / "mesura.db",
                "SELECT DISTINCT total_active_power_import_w FROM grid WHERE total_active_power_import_w IS NOT NULL",
                [](const auto& rows) { return rows == std::vector<std::vector<std::string>>{{"321.0"}}; });
  CHECK(run.stop().code == 0);
}

TEST_CASE("probe prints what a device measures, without a file") {
  const Meter meter{{"--dialect", "se", "--interval", "1s", "--profile", "constant:500"}};
  const auto address = fmt::format("dsmr_p1+tcp://{}:{}", meter.host(), meter.port());
  const auto outcome = run_mesura({"probe", address, "--count", "1", "--for", "20s"});
  CHECK(outcome.code == 0);
  CHECK(values(outcome.out, kPower) == std::vector<std::string>{"500"});
  const auto nobody = run_mesura({"probe", "dsmr_p1+tcp://127.0.0.1:1", "--for", "1s"});
  CHECK(nobody.code == 1);
  CHECK_THAT(nobody.err, contains("probe-silent") && contains("refused"));
  CHECK(run_mesura({"probe", "dsmr_p1+tpc://127.0.0.1:1"}).code == 2);
}

TEST_CASE("a capture replays to the same measurements, and into a sink as often as one likes") {
  const TempDir dir;
  const Meter meter{{"--dialect", "be", "--profile", "count"}};
  const auto file = (dir / "p1.mcap").string();
  const auto captured = run_mesura(
      {"capture", fmt::format("dsmr_p1+tcp://{}:{}", meter.host(), meter.port()), "-o", file, "--for", "4s"});
  REQUIRE(captured.code == 0);
  const auto decoded = run_mesura({"decode", "dsmr_p1", file});
  CHECK(decoded.code == 0);
  const auto powers = values(decoded.out, kPower);
  REQUIRE(powers.size() >= 2);
  CHECK(values(run_mesura({"replay", file, "--plugin", "dsmr_p1", "--speed", "100"}).out, kPower) == powers);

  write_file(dir / "house.yaml",
             fmt::format("timezone: Europe/Brussels\nstate: {0}/state\ndevices:\n  grid:\n    plugin: dsmr_p1\n    "
                         "transport: {{tcp: {{host: "
                         "p1.local, port: 23}}}}\nsinks:\n  local: {{sqlite: {{path: {0}/mesura.db}}}}\n",
                         dir.path().string()));
  const std::vector<std::string> to_sink{"replay",   file,   "--plugin", "dsmr_p1",
                                         "--device", "grid", "--config", (dir / "house.yaml").string(),
                                         "--to",     "local"};
  REQUIRE(run_mesura(to_sink).code == 0);
  const auto rows = query(dir / "mesura.db", "SELECT * FROM grid");
  CHECK(query(dir / "mesura.db", "SELECT count(*) FROM grid WHERE total_active_power_w IS NOT NULL")[0][0] ==
        std::to_string(powers.size()));
  REQUIRE(run_mesura(to_sink).code == 0);
  CHECK(query(dir / "mesura.db", "SELECT * FROM grid") == rows);
}

TEST_CASE("a backup of a sink's file, by name or without where there is one only") {
  const TempDir dir;
  const auto config = (dir / "house.yaml").string();
  write_file(config, fmt::format("timezone: Europe/Brussels\nstate: {0}/state\ndevices:\n  grid:\n    plugin: dsmr_p1\n"
                                 "    transport: {{tcp: {{host: p1.local, port: 23}}}}\nsinks:\n"
                                 "  local: {{sqlite: {{path: {0}/mesura.db}}}}\n",
                                 dir.path().string()));
  const auto copy = (dir / "copy.db").string();
  const auto missing = run_mesura({"backup", copy, "--config", config});
  CHECK(missing.code == 1);
  CHECK_THAT(missing.err, contains("error[bak-none]") && contains("mesura.db is not there"));
  const auto golden =
      std::string{MESURA_SOURCE} + "/plugins/dsmr_p1/tests/golden/vector_d_belgium_single_phase/input.bin";
  REQUIRE(run_mesura({"replay", golden, "--plugin", "dsmr_p1", "--device", "grid", "--config", config, "--to", "local"})
              .code == 0);
  const auto done = run_mesura({"backup", "local", copy, "--config", config, "--progress", "json"});
  CHECK(done.code == 0);
  CHECK_THAT(done.out, contains("copy.db: ") && contains("bytes, checked"));
  CHECK_THAT(done.err, contains("{\"stage\":\"copying\",\"done\":") && contains("{\"stage\":\"checking\""));
  CHECK(query(copy, "SELECT * FROM grid") == query(dir / "mesura.db", "SELECT * FROM grid"));
  const auto again = run_mesura({"backup", copy, "--config", config, "--progress", "none"});
  CHECK(again.code == 1);
  CHECK_THAT(again.err, contains("error[bak-failed]") && contains("is there already"));
  CHECK(run_mesura({"backup", "other", copy, "--config", config}).code == 2);
}

TEST_CASE("a capture is never overwritten, a damaged one gives what is good in it and says so") {
  const TempDir dir;
  const Meter meter{{"--dialect", "be", "--profile", "count"}};
  const auto file = dir / "p1.mcap";
  const auto address = fmt::format("dsmr_p1+tcp://{}:{}", meter.host(), meter.port());
  REQUIRE(run_mesura({"capture", address, "-o", file.string(), "--for", "4s"}).code == 0);
  const auto whole = read_file(file);
  const auto again = run_mesura({"capture", address, "-o", file.string(), "--for", "4s"});
  CHECK(again.code == 1);
  CHECK_THAT(again.err, contains("File exists"));
  CHECK(read_file(file) == whole);

  write_file(dir / "torn.mcap", whole.substr(0, whole.size() - 30));
  const auto torn = run_mesura({"decode", "dsmr_p1", (dir / "torn.mcap").string()});
  CHECK(torn.code == 3);
  CHECK_THAT(torn.err, contains("reject[torn]"));
  CHECK(values(torn.out, kPower).size() >= 1);

  auto bytes = whole;
  bytes[bytes.size() - 200] = static_cast<char>(bytes[bytes.size() - 200] ^ 0x10);
  write_file(dir / "damaged.mcap", bytes);
  const auto damaged = run_mesura({"decode", "dsmr_p1", (dir / "damaged.mcap").string()});
  CHECK(damaged.code == 3);
  CHECK_THAT(damaged.err, contains("reject[damaged]"));
  CHECK(values(damaged.out, kPower).size() >= 1);
}

TEST_CASE("output that can't be written is a failure with a reason") {
  const TempDir dir;
  const auto file = (dir / "be.bin").string();
  write_file(file, telegrams(dir, 2));
  Process decode{Command{{"/bin/sh", "-c", "exec \"$0\" decode dsmr_p1 \"$1\" >/dev/full", MESURA_PROGRAM, file}}};
  CHECK(decode.wait().code == 1);
  CHECK_THAT(decode.err(), contains("out-write") && contains("No space left"));
  const auto simulate = run_mesura({"simulate", "dsmr_p1", "--output", "/dev/full", "--telegrams", "5"});
  CHECK(simulate.code == 1);
  CHECK_THAT(simulate.err, contains("No space left"));
  const auto empty = run_mesura({"decode", "dsmr_p1", "/dev/null"});
  CHECK(empty.code == 1);
  CHECK_THAT(empty.err, contains("no good frame of plugin dsmr_p1 found in 0 bytes"));
}

TEST_CASE("equal seeds give equal bytes, the log of the truth agrees with the decoder") {
  const TempDir dir;
  const auto make = [&](const std::string& name) {
    const auto outcome =
        run_mesura({"simulate", "dsmr_p1", "--dialect", "lu", "--output", (dir / name).string(), "--telegrams", "20",
                    "--seed", "3", "--start", "2024-06-01T18:30:00Z", "--log", (dir / (name + ".jsonl")).string()});
    REQUIRE(outcome.code == 0);
    return read_file(dir / name);
  };
  const auto bytes = make("a");
  CHECK(bytes == make("b"));
  const auto truth = values(read_file(dir / "a.jsonl"), kPower);
  REQUIRE(truth.size() == 20);
  CHECK(values(run_mesura({"decode", "dsmr_p1", "-"}, bytes).out, kPower) == truth);
}

TEST_CASE("simulate teaches its options and refuses wrong ones") {
  const auto help = run_mesura({"simulate", "dsmr_p1", "--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, contains("--dialect") && contains("--listen tcp:HOST:PORT") && contains("--profile"));
  const auto wrong = run_mesura({"simulate", "dsmr_p1", "--dialekt", "be", "--output", "-"});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, contains("did you mean 'dialect'?"));
  CHECK(run_mesura({"simulate", "dsmr_p1"}).code == 2);
  CHECK(run_mesura({"simulate"}).code == 2);
  CHECK(run_mesura({"simulate", "dsmr_p1", "--listen", "udp:1"}).code == 2);
  CHECK(run_mesura({"simulate", "dsmr_p1", "--output", "-", "--speed", "-1"}).code == 2);
}

TEST_CASE("plugin list names refused libraries with reason and remedy, a bad one harms nobody") {
  const TempDir dir;
  write_file(dir / "broken.so", "this is no library");
  const auto list = run_mesura({"plugin", "list", "--plugin-path", dir.path().string()});
  CHECK(list.code == 3);
  CHECK_THAT(list.out, contains("dsmr_p1") && contains("broken.so"));
  const auto bytes = telegrams(dir, 1);
  CHECK(run_mesura({"decode", "dsmr_p1", "-", "--plugin-path", dir.path().string()}, bytes).code == 0);
  const auto broken = run_mesura({"decode", "broken", "-", "--plugin-path", dir.path().string()});
  CHECK(broken.code == 2);
  CHECK_THAT(broken.err, contains("broken.so"));
  const auto info = run_mesura({"plugin", "info", "dsmr_p1"});
  CHECK(info.code == 0);
  CHECK_THAT(info.out, contains("encryption_key") && contains("OPTIONS"));
}

TEST_CASE("a plugin that throws loses its own device and gets a new session") {
  const TempDir dir;
  const Meter meter{{}};
  write_file(dir / "house.yaml",
             fmt::format("timezone: Europe/Brussels\nstate: {0}/state\nplugin_path: {1}\ndevices:\n  bad:\n    plugin: "
                         "throwing_plugin\n    "
                         "transport: {{tcp: {{host: {2}, port: {3}}}}}\n  grid:\n    plugin: dsmr_p1\n    transport: "
                         "{{tcp: {{host: {2}, port: "
                         "{3}}}}}\nsinks:\n  local: {{sqlite: {{path: {0}/mesura.db}}, commit_interval: 100ms}}\n",
                         dir.path().string(), MESURA_THROWING_PLUGIN, meter.host(), meter.port()));
  Process run{program({"run", (dir / "house.yaml").string()})};
  run.wait_for_line("[device.bad] plg-failed");
  run.wait_for_line("[device.bad] plg-failed");
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM grid",
                [](const auto& rows) { return std::stol(rows[0][0]) > 2; });
  CHECK_THAT(run.err(), contains("meter says no"));
  CHECK(run.stop().code == 0);
}

TEST_CASE("the demo shows the values of four meters arriving in SQLite and leaves nothing running") {
  const TempDir dir;
  Process demo{program({"demo", "--directory", (dir / "demo").string()})};
  demo.wait_for_line([](const Line& line) {
    return line.text.find(" | lab ") != std::string::npos && line.text.find(" - ") == std::string::npos;
  });
  CHECK(demo.stop().code == 0);
  for (const std::string device : {"grid", "cupboard", "inverter", "lab"})
    CHECK(std::stol(query(dir / "demo" / "mesura.db", "SELECT count(*) FROM " + device)[0][0]) >= 1);
  CHECK_THAT(read_file(dir / "demo" / "mesura.log"), contains("run-end: stopped"));
}

TEST_CASE("the JSON Schema in schemas/ is the program's own") {
  const auto outcome = run_mesura({"config", "schema"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out == read_file(std::filesystem::path{MESURA_SOURCE} / "schemas" / "mesura.schema.json"));
}

TEST_CASE("every example configuration passes the check") {
  std::size_t examples = 0;
  for (const auto& folder : {"examples", "plugins"})
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(std::filesystem::path{MESURA_SOURCE} / folder)) {
      if (entry.path().extension() != ".yaml") continue;
      const auto name = entry.path().filename().string();
      // Descriptions of other things: of options, of tables.
      if (name.find("schema") != std::string::npos || name.find("layout") != std::string::npos) continue;
      ++examples;
      const auto outcome = run_mesura({"check", entry.path().string()});
      INFO(entry.path().string() << "\n" << outcome.out);
      CHECK(outcome.code == 0);
    }
  CHECK(examples >= 2);
}
