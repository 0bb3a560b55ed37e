// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Raw rows of a wide table to a CSV file, beside a bare loop of sqlite3_step and to_chars over the same rows, which
// writes the same numbers to a file of its own. Usage: bench_export [DAYS] [ROUNDS]
#include "config/value.hpp"
#include "database/sqlite.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "store/archive.hpp"
#include "store/export.hpp"
#include "store/export_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace mesura;

namespace {

constexpr std::int64_t kStart = 1'781'438'400;
constexpr std::size_t kColumns = 36;

/// A meter: a third registers, the others with up to three decimals.
void fill(const std::filesystem::path& file, std::int64_t days) {
  SeriesTable series;
  std::vector<std::uint32_t> ids;
  for (std::size_t c = 0; c < kColumns; ++c) {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = fmt::format("ct{}", c);
    info.quantity = c % 3 == 0 ? "active_energy_import" : "active_power";
    info.unit = c % 3 == 0 ? "Wh" : "W";
    info.kind = c % 3 == 0 ? Kind::reg : Kind::gauge;
    info.decimals = 3;
    info.flat_name = fmt::format("ct{}_{}", c, info.quantity);
    ids.push_back(series.add(std::move(info)));
  }
  sinks::sqlite::SqliteSink sink{{file, false, {}, "Europe/Brussels"}, series, {}};
  sink.open();
  std::uint64_t random = 88172645463325252U;
  std::vector<BatchPtr> batches;
  for (std::int64_t t = 0; t < days * 86'400; ++t) {
    auto batch = std::make_shared<Batch>();
    batch->device = "cupboard";
    batch->time_ns = (kStart + t) * 1'000'000'000;
    for (std::size_t c = 0; c < kColumns; ++c) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = ids[c];
      m.number = c % 3 == 0 ? static_cast<double>(1'000'000 + t) : static_cast<double>(random % 9'000'000) / 1000.0;
      batch->items.push_back(m);
    }
    batches.push_back(std::move(batch));
    if (batches.size() < 2000 && t + 1 < days * 86'400) continue;
    if (sink.write(batches).outcome != WriteResult::Outcome::committed) throw std::runtime_error("write");
    batches.clear();
  }
  sink.close();
}

std::uint64_t ours(const std::filesystem::path& database, const std::filesystem::path& file) {
  const config::Value options{config::Value::Map{{"path", config::Value{database.string()}}}};
  const auto archive = store::open_archive("sqlite", options, "Europe/Brussels");
  const std::vector<store::StoredSeries> series = archive->series();
  store::Export what{*archive, series, {0, INT64_MAX}, {}};
  store::ExportFile out{file, what, store::ExportFile::Mode::replace};
  std::uint64_t values = 0;
  what.run(
      std::nullopt,
      [&](const store::Export::Step& step) {
        out.write(step.lines);
        values = step.values;
        return true;
      },
      [] { return false; });
  return values;
}

std::uint64_t bare(const std::filesystem::path& database, const std::filesystem::path& file) {
  const database::Database db{database};
  database::Statement rows = db.prepare("SELECT * FROM cupboard ORDER BY time");
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  constexpr std::size_t kBuffer = 1U << 20U;
  std::vector<char> buffer(kBuffer + 64 * (kColumns + 2));
  char* to = buffer.data();
  std::uint64_t values = 0;
  const auto flush = [&] {
    if (::write(fd, buffer.data(), static_cast<std::size_t>(to - buffer.data())) < 0) throw std::runtime_error("write");
    to = buffer.data();
  };
  while (rows.step()) {
    to = std::to_chars(to, to + 32, rows.integer(0)).ptr;
    for (int c = 1; c < rows.columns(); ++c) {
      *to++ = ',';
      if (rows.is_null(c)) continue;
      to = std::to_chars(to, to + 32, rows.number(c)).ptr;
      ++values;
    }
    *to++ = '\n';
    if (to > buffer.data() + kBuffer) flush();
  }
  flush();
  ::close(fd);
  return values;
}

double processor_seconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

struct Rate {
  double clock = 0;
  double processor = 0;
};

Rate measure(int rounds, const std::function<std::uint64_t()>& work) {
  std::vector<double> clock;
  std::vector<double> processor;
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const double used = processor_seconds();
    const auto values = static_cast<double>(work());
    clock.push_back(values / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    processor.push_back(values / (processor_seconds() - used));
  }
  std::sort(clock.begin(), clock.end());
  std::sort(processor.begin(), processor.end());
  return {clock[clock.size() / 2], processor[processor.size() / 2]};
}

}  // namespace

int main(int argc, char** argv) {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  int code = 0;
  try {
    const std::filesystem::path directory{name};
    const std::int64_t days = argc > 1 ? std::atoi(argv[1]) : 2;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
    const auto database = directory / "raw.db";
    fill(database, days);
    fmt::print("{} days of {} values at 1 Hz, {:.0f} MB, to CSV; medians of {}\n", days, kColumns,
               static_cast<double>(std::filesystem::file_size(database)) / 1e6, rounds);
    const Rate floor = measure(rounds, [&] { return bare(database, directory / "bare.csv"); });
    const Rate rate = measure(rounds, [&] { return ours(database, directory / "ours.csv"); });
    fmt::print("  {:<24} {:7.2f} M values/s {:7.2f} M values a core-second\n", "export", rate.clock / 1e6,
               rate.processor / 1e6);
    fmt::print("  {:<24} {:7.2f} M values/s {:7.2f} M values a core-second\n", "bare step and to_chars",
               floor.clock / 1e6, floor.processor / 1e6);
    fmt::print("  {:.0f} % of it by the clock, {:.0f} % by processor time\n", 100 * rate.clock / floor.clock,
               100 * rate.processor / floor.processor);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_export: {}\n", e.what());
    code = 1;
  }
  std::filesystem::remove_all(name);
  return code;
}
