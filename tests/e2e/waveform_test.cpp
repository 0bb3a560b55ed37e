// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura waveform record against virtual SmartMeters in count mode: row n, channel k is (8 n + k) mod 2^24.
#include "house.hpp"
#include "virtual_device.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace mesura::test;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<VirtualDevice> meter(std::vector<std::string> more = {}) {
  std::vector<std::string> options{"--listen", "tcp:127.0.0.1:0", "--signal", "count"};
  options.insert(options.end(), more.begin(), more.end());
  return std::make_unique<VirtualDevice>("smartmeter", std::move(options));
}

std::string address(const VirtualDevice& meter) { return "smartmeter+tcp://" + meter.address(); }

std::vector<std::string> record(std::vector<std::string> devices, std::vector<std::string> more) {
  std::vector<std::string> arguments{"waveform", "record"};
  arguments.insert(arguments.end(), devices.begin(), devices.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// The value behind "key": up to a comma or bracket.
std::string field(const std::string& json, const std::string& key) {
  const auto at = json.find("\"" + key + "\":");
  if (at == std::string::npos) return "none";
  auto begin = at + key.size() + 3;
  while (json[begin] == ' ') ++begin;
  return json.substr(begin, json.find_first_of(",}\n", begin) - begin);
}

/// The line of the summary that is about a device; with "" the totals.
std::string line_of(const std::string& out, const std::string& device) {
  std::istringstream lines{out};
  const std::string begin = device.empty() ? "{\"devices\":" : "{\"device\":\"" + device + "\"";
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(begin)) return line;
  return {};
}

/// Rows of a plain recording as (number of the row in its run, whether all its values are right).
struct Rows {
  std::vector<std::uint64_t> numbers;
  std::uint64_t wrong = 0;
};
Rows rows_of(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  Rows rows;
  for (std::size_t i = 0; i + 6 <= values.size(); i += 6) {
    const auto number = static_cast<std::uint64_t>(values[i]) / 8;
    for (std::size_t k = 0; k < 6; ++k)
      if (values[i + k] != static_cast<float>((8 * number + k) % (1U << 24U))) ++rows.wrong;
    rows.numbers.push_back(number);
  }
  return rows;
}
/// Nothing is missing and nothing is there twice.
bool in_a_row(const Rows& rows, std::uint64_t first, std::uint64_t count) {
  if (rows.wrong != 0 || rows.numbers.size() != count) return false;
  for (std::size_t i = 0; i < rows.numbers.size(); ++i)
    if (rows.numbers[i] != first + i) return false;
  return true;
}

std::vector<fs::path> files_in(const fs::path& directory, const std::string& ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().extension() == ending) files.push_back(entry.path());
  return files;
}

void wait_for_progress(Process& process) {
  process.wait_for_line([](const Line& line) {
    return line.text.find("\"stage\":\"recording\"") != std::string::npos && field(line.text, "done") != "0";
  });
}

}  // namespace

TEST_CASE("waveform record: every row of a meter, and nothing is written over without --force") {
  const TempDir dir;
  const auto lab = meter({"--name", "lab1"});
  const std::string file = (dir / "run.f32").string();
  const auto arguments = record({address(*lab)}, {"--rows", "5000", "-o", file, "--format", "json"});
  const auto done = run_mesura(arguments);
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(in_a_row(rows_of(file), 0, 5000));
  const std::string line = line_of(done.out, "lab1");
  CHECK(field(line, "status") == "\"done\"");
  CHECK(field(line, "rows") == "5000");
  CHECK(field(line, "lost_rows") == "0");
  CHECK(field(line, "rate_hz") == "8000");
  CHECK(field(line, "duration_s") == "0.625000");
  CHECK_THAT(line, contains("\"files\":[\"" + file + "\"]"));
  CHECK_THAT(line, contains(R"("channels":["v_l1","i_l1","v_l2","i_l2","v_l3","i_l3"])"));
  CHECK(line_of(done.out, "") == R"({"devices":1,"failed":0,"rows":5000,"lost_rows":0})");
  const std::string description = read_file(dir / "run.json");
  CHECK(field(description, "finished") == "true");
  CHECK(field(description, "interrupted") == "false");
  CHECK(field(description, "device") == "\"lab1\"");

  const auto again = run_mesura(arguments);
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("rec-exists"));
  CHECK(rows_of(file).numbers.size() == 5000);
  auto forced = arguments;
  forced[4] = "7";
  forced.emplace_back("--force");
  CHECK(run_mesura(forced).code == 0);
  CHECK(in_a_row(rows_of(file), 0, 7));
}

TEST_CASE("waveform record: three meters begin with the same instant, each in files of its own name") {
  const TempDir dir;
  std::vector<std::unique_ptr<VirtualDevice>> meters;
  std::vector<std::string> addresses;
  for (const std::string name : {"lab1", "lab1", "lab2"}) {
    meters.push_back(meter({"--name", name}));
    addresses.push_back(address(*meters.back()));
  }
  const auto done = run_mesura(record(addresses, {"--duration", "500ms", "--rate", "4000", "--start-at", "+6s",
                                                  "--output", (dir / "waves").string(), "--format", "json"}));
  INFO(done.err);
  CHECK(done.code == 0);
  const std::string start = field(line_of(done.out, "lab1"), "start");
  CHECK_THAT(start, contains(".000000000Z"));
  for (const std::string name : {"lab1", "lab1_2", "lab2"}) {
    INFO(name << ": " << done.out);
    const std::string line = line_of(done.out, name);
    CHECK(field(line, "start") == start);
    CHECK(field(line, "rows") == "2000");
    const auto files = files_in(dir / "waves" / name, ".f32");
    REQUIRE(files.size() == 1);
    CHECK(in_a_row(rows_of(files[0]), 0, 2000));
  }
  CHECK(line_of(done.out, "") == R"({"devices":3,"failed":0,"rows":6000,"lost_rows":0})");
}

TEST_CASE("waveform record: lost frames are counted, described, and make the exit code 3") {
  const TempDir dir;
  // Frames of 42 rows; the very first one is lost as well.
  const auto lab = meter({"--name", "lab", "--drop", "[0, 5, 10-12]"});
  const auto done = run_mesura(
      record({address(*lab)}, {"--rows", "4200", "-o", (dir / "run.f32").string(), "--format", "plain,json"}));
  INFO(done.err);
  CHECK(done.code == 3);
  const std::string line = line_of(done.out, "lab");
  CHECK(field(line, "status") == "\"done\"");
  CHECK(field(line, "lost_rows") == "210");
  CHECK(field(line, "rows") == "3990");
  CHECK(field(line, "gaps") == "3");
  const Rows rows = rows_of(dir / "run.f32");
  CHECK(rows.wrong == 0);
  REQUIRE(rows.numbers.size() == 3990);
  CHECK(rows.numbers.front() == 42);
  CHECK(rows.numbers.back() == 4199);
  const auto table = run_mesura(record({address(*lab)}, {"--rows", "100", "-o", (dir / "b.f32").string()}));
  CHECK(table.code == 3);
  CHECK_THAT(table.out, contains("lost rows"));
  CHECK_THAT(table.out, contains("8000 Hz"));
}

TEST_CASE("waveform record: a meter that goes away ends it with the reason, and what came is kept") {
  const TempDir dir;
  const auto lab = meter({"--name", "lab", "--disconnect", "20"});
  const std::string file = (dir / "run.f32").string();
  const auto done = run_mesura(record({address(*lab)}, {"-o", file, "--format", "json"}));
  CHECK(done.code == 1);
  CHECK_THAT(done.err, contains("error[rec-lost]"));
  const std::string line = line_of(done.out, "lab");
  CHECK(field(line, "status") == "\"failed\"");
  CHECK_THAT(line, contains("rec-lost"));
  CHECK(field(line, "rows") == "840");
  CHECK(in_a_row(rows_of(file), 0, 840));
  CHECK(field(read_file(dir / "run.json"), "finished") == "true");
}

TEST_CASE("waveform record: ^C ends it, the file is complete and the meter is idle") {
  const TempDir dir;
  const auto lab = meter({"--name", "lab"});
  const std::string file = (dir / "run.f32").string();
  const bool limited = GENERATE(false, true);
  std::vector<std::string> more{"-o", file, "--format", "json", "--progress", "json"};
  if (limited) more.insert(more.end(), {"--duration", "1h"});
  Process process{program(record({address(*lab)}, more))};
  wait_for_progress(process);
  process.signal(SIGINT);
  CHECK(process.wait().code == (limited ? 3 : 0));
  const std::string line = line_of(process.out(), "lab");
  CHECK(field(line, "status") == (limited ? "\"interrupted\"" : "\"done\""));
  const Rows rows = rows_of(file);
  CHECK(std::to_string(rows.numbers.size()) == field(line, "rows"));
  CHECK(in_a_row(rows, 0, rows.numbers.size()));
  CHECK(rows.numbers.size() > 1000);
  CHECK(field(read_file(dir / "run.json"), "finished") == "true");
  CHECK_THAT(lab->control("get"), contains(R"("state":"idle")"));
}

TEST_CASE("waveform record: one of two meters that can't be reached leaves the other whole") {
  const TempDir dir;
  const auto lab = meter({"--name", "lab"});
  auto gone = meter();
  const std::string nowhere = address(*gone);
  gone.reset();
  const auto done = run_mesura(record({nowhere, address(*lab)}, {"--rows", "800", "--patience", "2s", "-o",
                                                                 (dir / "waves").string(), "--format", "json"}));
  INFO(done.err);
  CHECK(done.code == 3);
  CHECK_THAT(done.err, contains("error[rec-silent]"));
  CHECK_THAT(done.err, contains("connecting"));
  CHECK(field(line_of(done.out, "lab"), "rows") == "800");
  CHECK(field(line_of(done.out, ""), "failed") == "1");
}

TEST_CASE("waveform record: a meter that is busy is given up with what it said") {
  const TempDir dir;
  const auto lab = meter({"--busy", "true"});
  const auto done =
      run_mesura(record({address(*lab)}, {"--rows", "10", "--patience", "2s", "-o", (dir / "r.f32").string()}));
  CHECK(done.code == 1);
  CHECK_THAT(done.err, contains("error[rec-silent]"));
  CHECK_THAT(done.err, contains("busy"));
  CHECK_FALSE(fs::exists(dir / "r.f32"));
}

TEST_CASE("waveform record: CSV and Matroska") {
  const TempDir dir;
  const auto lab = meter({"--name", "lab"});
  const auto csv = run_mesura(record({address(*lab)}, {"--rows", "3", "-o", (dir / "run.csv").string()}));
  INFO(csv.err);
  CHECK(csv.code == 0);
  const std::string text = read_file(dir / "run.csv");
  CHECK_THAT(text, contains("v_l1"));
  CHECK_THAT(text, contains(",8,9,10,11,12,13\r\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  CHECK(files_in(dir.path(), ".f32").empty());
  CHECK(files_in(dir.path(), ".json").empty());

  const auto mkv = run_mesura(record({address(*lab)}, {"--rows", "900", "-o", (dir / "run.mkv").string()}));
  INFO(mkv.err);
  if (mkv.code == 0) {
    CHECK(fs::file_size(dir / "run.mkv") > 1000);
    CHECK(field(read_file(dir / "run.json"), "rows") == "900");
    CHECK_FALSE(fs::exists(dir / "run.mkv.part"));
  } else {
    CHECK_THAT(mkv.err, contains("error[sink-module]"));
  }
}

TEST_CASE("waveform record: a full disk ends it with the reason, and what was recorded before is kept") {
  const TempDir dir;
  const auto lab = meter({"--name", "lab"});
  // Files may have 300 or 600 KB, as the shell counts: one to three seconds of rows.
  auto command = program(record({address(*lab)}, {"-o", (dir / "run.f32").string(), "--format", "json"}));
  const std::vector<std::string> shell{"sh", "-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""};
  command.argv.insert(command.argv.begin(), shell.begin(), shell.end());
  Process process{std::move(command)};
  CHECK(process.wait().code == 1);
  INFO(process.err());
  CHECK_THAT(process.err(), contains("error[sink-"));
  const Rows rows = rows_of(dir / "run.f32");
  CHECK(rows.numbers.size() > 3000);
  CHECK(in_a_row(rows, 0, rows.numbers.size()));
  const std::string description = read_file(dir / "run.json");
  CHECK(field(description, "finished") == "true");
  CHECK(field(description, "rows") == std::to_string(rows.numbers.size()));
}

TEST_CASE("waveform record: a configured device, by itself with other options, and through the service that has it") {
  const TempDir dir;
  const auto lab = meter({"--name", "x1"});
  const std::string config = (dir / "house.yaml").string();
  write_file(config, fmt::format("timezone: Europe/Brussels\nstate: {0}/state\ndevices:\n  lab: {{plugin: smartmeter, "
                                 "transport: {{tcp: {{{1}}}}}, options: {{rate: 8000}}}}\n"
                                 "sinks:\n  local: {{sqlite: {{path: {0}/mesura.db}}, commit_interval: 100ms}}\n"
                                 "routes:\n  - {{from: '*', to: local}}\n",
                                 dir.path().string(), lab->host_and_port()));
  const auto with = [&](const std::string& device, std::vector<std::string> more) {
    more.insert(more.end(), {"--config", config, "--format", "json"});
    return run_mesura(record({device}, more));
  };
  const auto direct = with("lab", {"--rows", "500", "--rate", "1000", "-o", (dir / "a.f32").string()});
  INFO(direct.err);
  CHECK(direct.code == 0);
  CHECK(field(line_of(direct.out, "lab"), "rate_hz") == "1000");
  CHECK(in_a_row(rows_of(dir / "a.f32"), 0, 500));

  auto run = std::make_unique<Process>(program({"run", config}));
  wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM lab WHERE l1_voltage_v IS NOT NULL",
                [](const auto& rows) { return !rows.empty() && rows[0][0] != "0"; });
  const auto tapped = with("lab", {"--rows", "12000", "-o", (dir / "b.f32").string()});
  INFO(tapped.err);
  CHECK(tapped.code == 0);
  const std::string line = line_of(tapped.out, "lab");
  CHECK(field(line, "rows") == "12000");
  CHECK(field(line, "lost_rows") == "0");
  const std::uint64_t first = std::stoull(field(read_file(dir / "b.json"), "first_row"));
  CHECK(first > 0);
  CHECK(in_a_row(rows_of(dir / "b.f32"), first, 12000));
  // The service measures as it is told by its configuration.
  const auto refused = with("lab", {"--rows", "10", "--rate", "1000", "-o", (dir / "c.f32").string()});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("rec-service"));
  const auto unknown = with("lob", {"--rows", "10", "-o", (dir / "d.f32").string()});
  CHECK(unknown.code == 1);
  CHECK_THAT(unknown.err, contains("no device named 'lob'"));
  // It goes away while it is asked.
  Process last{program(record({"lab"}, {"--config", config, "-o", (dir / "e.f32").string(), "--progress", "json"}))};
  wait_for_progress(last);
  CHECK(run->stop().code == 0);
  CHECK(last.wait().code == 1);
  CHECK_THAT(last.err(), contains("error[rec-service]"));
  const Rows kept = rows_of(dir / "e.f32");
  REQUIRE_FALSE(kept.numbers.empty());
  CHECK(in_a_row(kept, kept.numbers.front(), kept.numbers.size()));
}

TEST_CASE("waveform record: what can't be meant is refused before anything is opened") {
  const TempDir dir;
  const std::string nowhere = "smartmeter+tcp://127.0.0.1:1";
  const std::string file = (dir / "a.f32").string();
  const auto refused = [&](std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), {"waveform", "record"});
    const auto outcome = run_mesura(arguments);
    INFO(fmt::format("{}", fmt::join(arguments, " ")) << '\n' << outcome.out << outcome.err);
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.err + outcome.out, contains(why));
  };
  refused({}, "device");
  refused({"lab"}, "cfg-none");
  refused({nowhere, "--rows", "0"}, "--rows");
  refused({nowhere, "--rows", "5", "--duration", "1s"}, "--duration");
  refused({nowhere, "--duration", "10"}, "unit");
  refused({nowhere, "--format", "mkv,csv"}, "--format");
  refused({nowhere, "--format", "wav"}, "--format");
  refused({nowhere, "--format", "csv", "-o", file}, "--format csv does not go");
  refused({nowhere, nowhere, "-o", file}, "several devices");
  refused({nowhere, "--force"}, "--force");
  refused({nowhere, "--start-at", "+1s"}, "5 s to 1 d");
  refused({nowhere, "--start-at", "2020-01-01T00:00:00Z"}, "5 s to 1 d");
  refused({nowhere, "--start-at", "soon"}, "--start-at");
  refused({nowhere, "--measures", "v,i"}, "v,i_L1");
  refused({nowhere, "--rate", "40000"}, "32000");
  refused({nowhere, "--option", "colour=red"}, "colour");
  refused({"dsmr_p1+tcp://127.0.0.1:1", "--rate", "8000"}, "rate");
  CHECK(fs::is_empty(dir.path()));
  const auto rate = run_mesura({"waveform", "record", nowhere, "--rate", "9000", "-o", file});
  CHECK(rate.code == 1);
  CHECK_THAT(rate.err, contains("32000"));
  const auto place = run_mesura({"waveform", "record", nowhere, "-o", (dir / "no" / "a.f32").string()});
  CHECK(place.code == 1);
  CHECK_THAT(place.err, contains("error[sink-io]"));
}
