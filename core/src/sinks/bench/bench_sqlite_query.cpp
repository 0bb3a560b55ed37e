// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What people ask of the file: a day and a year of six series as 1000 points with minimum, maximum and mean, from raw
// rows and from rollups. Raw rows are those of a month, rollups those of a year.
#include "database/sqlite.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

using namespace mesura;

namespace {

constexpr std::int64_t kStart = 1'781'438'400;
constexpr std::size_t kColumns = 36;

void fill(const std::filesystem::path& file, std::int64_t days, std::int64_t cadence_s) {
  SeriesTable series;
  std::vector<std::uint32_t> ids;
  for (std::size_t c = 0; c < kColumns; ++c) {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = fmt::format("ct{}", c);
    info.quantity = "active_power";
    info.unit = "W";
    info.flat_name = fmt::format("ct{}_active_power_w", c);
    ids.push_back(series.add(std::move(info)));
  }
  sinks::sqlite::SqliteSink sink{{file, false, {}, "Europe/Brussels"}, series, {}};
  sink.open();
  std::uint64_t random = 88172645463325252U;
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < days * 86'400; t += cadence_s) {
    auto batch = std::make_shared<Batch>();
    batch->device = "cupboard";
    batch->time_ns = (kStart + t) * 1'000'000'000;
    for (const std::uint32_t id : ids) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = id;
      m.number = static_cast<double>(random % 9'000'000) / 1000.0;
      batch->items.push_back(m);
    }
    batches.push_back(std::move(batch));
    if (batches.size() < 2000 && t + cadence_s < days * 86'400) continue;
    if (sink.write(batches).outcome != WriteResult::Outcome::committed) throw std::runtime_error("write");
    batches.clear();
  }
  sink.close();
}

void ask(const std::string& name, const std::filesystem::path& file, const std::string& table, std::int64_t days,
         bool rollup) {
  std::string columns;
  for (int c = 0; c < 6; ++c) {
    const std::string n = fmt::format("ct{}_active_power_w", c);
    columns += rollup ? fmt::format(", min({0}_min), max({0}_max), avg({0})", n)
                      : fmt::format(", min({0}), max({0}), avg({0})", n);
  }
  const std::int64_t length = days * 86'400'000'000;
  std::vector<double> times;
  std::size_t points = 0;
  for (int round = 0; round < 5; ++round) {
    const database::Database db{file};
    const auto start = std::chrono::steady_clock::now();
    database::Statement rows = db.prepare(fmt::format(
        "SELECT time / {0} AS bucket{1} FROM {2} WHERE time >= {3} AND time < {4} GROUP BY bucket",
        std::max<std::int64_t>(1, length / 1000), columns, table, kStart * 1'000'000, kStart * 1'000'000 + length));
    points = 0;
    while (rows.step()) ++points;
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  fmt::print("  {:<34} {:8.1f} ms   {} points of 6 series\n", name, 1e3 * times[times.size() / 2], points);
}

}  // namespace

int main(int argc, char** argv) {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  int code = 0;
  try {
    const std::filesystem::path directory{name};
    const std::int64_t raw_days = argc > 1 ? std::atoi(argv[1]) : 30;
    fill(directory / "raw.db", raw_days, 1);
    fmt::print("{} days of {} values at 1 Hz: {:.0f} MB\n", raw_days, kColumns,
               static_cast<double>(std::filesystem::file_size(directory / "raw.db")) / 1e6);
    ask("a day of raw rows", directory / "raw.db", "cupboard", 1, false);
    ask("a day of minutes", directory / "raw.db", "cupboard_1m", 1, true);
    ask("all days of raw rows", directory / "raw.db", "cupboard", raw_days, false);
    fill(directory / "year.db", 365, 60);
    fmt::print("365 days of {} values, one row a minute: {:.0f} MB\n", kColumns,
               static_cast<double>(std::filesystem::file_size(directory / "year.db")) / 1e6);
    ask("a year of 15 minutes", directory / "year.db", "cupboard_15m", 365, true);
    ask("a year of hours", directory / "year.db", "cupboard_1h", 365, true);
    ask("a year of days", directory / "year.db", "cupboard_1d", 365, true);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_sqlite_query: {}\n", e.what());
    code = 1;
  }
  std::filesystem::remove_all(name);
  return code;
}
