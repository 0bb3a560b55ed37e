// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A house with one P1 meter at 1 Hz, the real program against the real simulator: how soon, how much processor, how
// much memory.
#include "measured.hpp"

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using mesura::bench::cpu_seconds;
using mesura::bench::resident_mb;
using mesura::test::Process;
using Clock = std::chrono::steady_clock;

/// Rows of the meter's table, 0 before there is one.
long rows(const std::string& database) {
  sqlite3* raw = nullptr;
  long count = 0;
  if (sqlite3_open_v2(database.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK)
    sqlite3_exec(
        raw, "SELECT count(*) FROM grid",
        [](void* target, int, char** values, char**) {
          *static_cast<long*>(target) = std::stol(values[0]);
          return 0;
        },
        &count, nullptr);
  sqlite3_close(raw);
  return count;
}

int measure() {
  const mesura::test::TempDir dir;
  Process meter{{{MESURA_PROGRAM, "simulate", "dsmr_p1", "--dialect", "be", "--listen", "tcp:127.0.0.1:0"}}};
  const std::string serving = meter.wait_for_line("serving");
  const std::string port = serving.substr(serving.rfind(':') + 1);
  const std::string database = (dir / "mesura.db").string();
  const std::string configuration = (dir / "house.yaml").string();
  std::ofstream{configuration}
      << "timezone: Europe/Brussels\nstate: " << (dir / "state").string()
      << "\ndevices:\n  grid:\n    plugin: dsmr_p1\n    transport: {tcp: {host: 127.0.0.1, port: " << port
      << "}}\nsinks:\n  local: {sqlite: {path: " << database << "}}\n";

  const auto start = Clock::now();
  Process run{{{MESURA_PROGRAM, "run", configuration}}};
  while (rows(database) == 0) {
    if (Clock::now() - start > std::chrono::seconds{20})
      throw std::runtime_error("nothing was stored within 20 s:\n" + run.err());
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  const double first = std::chrono::duration<double>(Clock::now() - start).count();

  constexpr std::chrono::seconds kSpan{20};
  const double cpu_before = cpu_seconds(run.pid());
  std::this_thread::sleep_for(kSpan);
  const double share = (cpu_seconds(run.pid()) - cpu_before) / static_cast<double>(kSpan.count());
  std::printf("start to first stored measurement   %8.2f s    limit 1.5 s\n", first);
  std::printf("processor at 1 telegram/s           %8.2f %%    limit 1 %% of a core (over %lld s)\n", share * 100,
              static_cast<long long>(kSpan.count()));
  std::printf("resident memory                     %8.1f MB   limit 25 MB\n", resident_mb(run.pid()));
  run.stop();
  return 0;
}

}  // namespace

int main() {
  try {
    return measure();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_house: %s\n", e.what());
    return 1;
  }
}
