// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Many meters at once, the real program against the real simulator: a thousand CT6 units into SQLite, a hundred
// SmartMeters at 32 kHz into recordings, and one as fast as the loopback takes it.
#include "measured.hpp"

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using mesura::bench::bytes_written;
using mesura::bench::cpu_seconds;
using mesura::bench::resident_mb;
using mesura::test::Process;
using mesura::test::TempDir;
using Clock = std::chrono::steady_clock;
using Rows = std::vector<std::vector<std::string>>;

Rows query(const std::string& database, const std::string& sql) {
  sqlite3* db = nullptr;
  Rows rows;
  if (sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    sqlite3_busy_timeout(db, 5000);
    sqlite3_exec(
        db, sql.c_str(),
        [](void* target, int count, char** values, char**) {
          auto& row = static_cast<Rows*>(target)->emplace_back();
          for (int i = 0; i < count; ++i) row.emplace_back(values[i] == nullptr ? "" : values[i]);
          return 0;
        },
        &rows, nullptr);
  }
  sqlite3_close(db);
  return rows;
}

long number(const std::string& database, const std::string& sql) {
  const Rows rows = query(database, sql);
  return rows.empty() || rows[0].empty() || rows[0][0].empty() ? 0 : std::stol(rows[0][0]);
}

void wait_for(const std::string& database, const std::string& sql, long wanted, std::chrono::seconds patience) {
  const auto end = Clock::now() + patience;
  while (number(database, sql) < wanted) {
    if (Clock::now() > end) throw std::runtime_error("waited in vain for: " + sql);
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
}

void write(const std::filesystem::path& file, const std::string& text) { std::ofstream{file} << text; }

std::vector<std::string> program(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), MESURA_PROGRAM);
  return arguments;
}

/// What a process used over a span.
struct Used {
  double cpu_share = 0;
  double megabytes_written = 0;  ///< a second
};
Used use_of(const Process& process, std::chrono::seconds span) {
  const double cpu = cpu_seconds(process.pid());
  const auto written = bytes_written(process.pid());
  const auto start = Clock::now();
  std::this_thread::sleep_for(span);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return {(cpu_seconds(process.pid()) - cpu) / seconds,
          static_cast<double>(bytes_written(process.pid()) - written) / seconds / 1e6};
}

void fleet() {
  const TempDir dir;
  constexpr int kUnits = 1000;
  Process units{{program({"simulate", "ct6", "--count", std::to_string(kUnits), "--listen", "127.4.0.1", "--data-port",
                          "29478", "--broadcast-port", "29478", "--http-port", "0"})}};
  for (int i = 0; i < 3 * kUnits; ++i) units.wait_for_line("serving", std::chrono::seconds{60});
  const std::string database = (dir / "fleet.db").string();
  write(dir / "fleet.yaml", "state: " + (dir / "state").string() +
                                "\nfleets:\n  units:\n    plugin: ct6\n"
                                "    transport: {udp: {broadcast: true, interfaces: [lo], receive_buffer: 8MiB}}\n"
                                "    options: {udp_port: 29478, discover_every: 1h}\n"
                                "sinks:\n  local: {sqlite: {path: " +
                                database + "}}\n");
  Process run{{program({"run", (dir / "fleet.yaml").string()})}};
  wait_for(database, "SELECT count(*) FROM devices", kUnits, std::chrono::seconds{60});
  std::this_thread::sleep_for(std::chrono::seconds{5});
  const long from = number(database, "SELECT max(time) FROM units");
  constexpr std::chrono::seconds kSpan{30};
  const Used used = use_of(run, kSpan);
  std::this_thread::sleep_for(std::chrono::seconds{2});
  // Whole intervals only: how often each unit was heard within 28 s.
  const std::string within =
      " FROM units WHERE time > " + std::to_string(from) + " AND time <= " + std::to_string(from) + " + 28000000 ";
  const long rows = number(database, "SELECT count(*)" + within);
  const long fewest = number(database, "SELECT min(n) FROM (SELECT count(*) AS n" + within + "GROUP BY device_id)");
  const double memory = resident_mb(run.pid());
  run.stop();
  std::printf("%d virtual CT6 units at 1 Hz through one socket into SQLite\n", kUnits);
  std::printf("  rows in 28 s                      %8ld      expected %d; the least heard unit %ld\n", rows,
              kUnits * 28, fewest);
  std::printf("  processor of the collector        %8.1f %%    limit 15 %% of a core\n", used.cpu_share * 100);
  std::printf("  written                           %8.2f MB/s limit 2 MB/s\n", used.megabytes_written);
  std::printf("  resident memory                   %8.1f MB\n", memory);
}

std::uint64_t recorded_bytes(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.path().extension() == ".f32") bytes += entry.file_size();
  return bytes;
}

/// Sidecars that tell of lost rows.
int gaps(const std::filesystem::path& directory) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream in{entry.path()};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (text.find("\"missing\"") != std::string::npos) ++count;
  }
  return count;
}

std::string lab_yaml(const TempDir& dir, int meters, bool derive, const std::string& full = "drop_oldest") {
  std::string text = "state: " + (dir / "state").string() + "\ndevices:\n";
  for (int i = 0; i < meters; ++i)
    text += "  m" + std::to_string(i + 1) + ": {plugin: smartmeter, transport: {tcp: {host: 127.5.0." +
            std::to_string(i + 1) + "}}, options: {rate: 32000, derive: " + (derive ? "true" : "false") + "}}\n";
  return text + "sinks:\n  waves: {recording: {path: " + (dir / "waves").string() + "}, queue: {full: " + full + "}}\n";
}

void hundred() {
  for (const bool derive : {true, false}) {
    const TempDir dir;
    constexpr int kMeters = 100;
    Process meters{{program({"simulate", "smartmeter", "--count", std::to_string(kMeters), "--listen", "127.5.0.1",
                             "--raw-port", "0", "--signal", "count"})}};
    for (int i = 0; i < 3 * kMeters; ++i) meters.wait_for_line("serving", std::chrono::seconds{60});
    write(dir / "lab.yaml", lab_yaml(dir, kMeters, derive));
    Process run{{program({"run", (dir / "lab.yaml").string()})}};
    std::this_thread::sleep_for(std::chrono::seconds{4});
    const std::uint64_t before = recorded_bytes(dir / "waves");
    const auto start = Clock::now();
    const Used used = use_of(run, std::chrono::seconds{15});
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double rate = static_cast<double>(recorded_bytes(dir / "waves") - before) / seconds;
    const double memory = resident_mb(run.pid());
    run.stop();
    std::printf("%d virtual SmartMeters at 32 kHz x 6 channels into recordings, %s\n", kMeters,
                derive ? "RMS, power, frequency and energy derived" : "nothing derived");
    std::printf("  recorded                          %8.1f MB/s of 76.8 sent; recordings with gaps: %d\n", rate / 1e6,
                gaps(dir / "waves"));
    std::printf("  processor of the collector        %8.1f %%    limit 25 %% of a core\n", used.cpu_share * 100);
    std::printf("  resident memory                   %8.1f MB\n", memory);
  }
}

void flood() {
  for (const bool derive : {false, true}) {
    const TempDir dir;
    Process meter{{program(
        {"simulate", "smartmeter", "--listen", "127.5.1.1", "--raw-port", "0", "--signal", "count", "--flood"})}};
    for (int i = 0; i < 3; ++i) meter.wait_for_line("serving");
    std::string yaml = lab_yaml(dir, 1, derive, "block");  // TCP holds the meter back
    yaml.replace(yaml.find("127.5.0.1"), 9, "127.5.1.1");
    write(dir / "lab.yaml", yaml);
    Process run{{program({"run", (dir / "lab.yaml").string()})}};
    std::this_thread::sleep_for(std::chrono::seconds{2});
    const std::uint64_t before = recorded_bytes(dir / "waves");
    const auto start = Clock::now();
    std::this_thread::sleep_for(std::chrono::seconds{6});
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double rate = static_cast<double>(recorded_bytes(dir / "waves") - before) / seconds;
    run.stop();
    std::printf("one virtual SmartMeter as fast as the loopback takes it, %s\n",
                derive ? "with derivation" : "nothing derived");
    std::printf("  to disk                           %8.1f M six-channel rows/s (%.0f MB/s), target 15; gaps: %d\n",
                rate / 24e6, rate / 1e6, gaps(dir / "waves"));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "all";
  try {
    if (what == "all" || what == "fleet") fleet();
    if (what == "all" || what == "hundred") hundred();
    if (what == "all" || what == "flood") flood();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_meters: %s\n", e.what());
    return 1;
  }
  return 0;
}
