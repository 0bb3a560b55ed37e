// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// bench_store [DAYS [FILE]]: questions to a file of six channels at 1 Hz, beside bare loops over sqlite3 that read the
// same rows. The rows are made by SQL; the file is kept if it is named.
#include "database/sqlite.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "store/archive.hpp"
#include "store/sql/archive.hpp"
#include "store/sqlite/session.hpp"

#include <mesura/store.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

using namespace mesura;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'767'225'600;  // 2026-01-01T00:00:00Z
constexpr int kChannels = 6;

std::uint32_t gauge(SeriesTable& series, const std::string& device, int channel) {
  SeriesInfo info;
  info.device = device;
  info.channel = fmt::format("ct{}", channel);
  info.quantity = "active_power";
  info.unit = "W";
  info.flat_name = fmt::format("ct{}_active_power_w", channel);
  return series.add(std::move(info));
}

std::string columns(const std::string& pattern) {
  std::string out;
  for (int c = 0; c < kChannels; ++c)
    out += fmt::format(fmt::runtime(pattern), fmt::format("ct{}_active_power_w", c), c);
  return out;
}

// The layout by the sink, the rows by SQL: a year through the sink would take a quarter of an hour.
void fill(const std::filesystem::path& file, std::int64_t days) {
  SeriesTable series;
  sinks::sqlite::SqliteSink sink{{file, false, {}, "UTC"}, series, {}};
  sink.open();
  const auto write = [&](const std::string& device, int channels, std::int64_t time) {
    auto batch = std::make_shared<Batch>();
    batch->device = device;
    batch->time_ns = time * kSecond;
    for (int c = 0; c < channels; ++c) {
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = gauge(series, device, c);
      m.number = c;
      batch->items.push_back(m);
    }
    const std::vector<BatchPtr> batches{batch};
    if (sink.write(batches).outcome != WriteResult::Outcome::committed) std::abort();
  };
  write("house", kChannels, kStart);
  for (int d = 0; d < 28; ++d) write(fmt::format("meter{}", d), 36, kStart);
  sink.close();
  const database::Database db{file};
  db.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  for (std::int64_t day = 0; day < days; ++day) {
    db.execute(fmt::format(
        "INSERT OR REPLACE INTO house (time{}) WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i "
        "< 86399) SELECT ({} + i) * 1000000{} FROM s",
        columns(", {0}"), kStart + day * 86'400, columns(", abs(random() % 9000000) / 1000.0 + 0 * {1}")));
  }
  for (const auto& [level, seconds, from] : {std::tuple{"1m", 60, "house"},
                                             {"15m", 900, "house_1m"},
                                             {"1h", 3600, "house_15m"},
                                             {"1d", 86'400, "house_1h"}}) {
    const bool raw = seconds == 60;
    const std::string values = columns(raw ? ", avg({0}), min({0}), max({0}), max({0})"
                                           : ", avg({0}), min({0}_min), max({0}_max), max({0}_last)");
    db.execute(
        fmt::format("INSERT OR REPLACE INTO house_{0} (time, count, completeness{1}) SELECT time / {2} * {2}, {3}, "
                    "1{4} FROM {5} GROUP BY time / {2}",
                    level, columns(", {0}, {0}_min, {0}_max, {0}_last"), std::int64_t{seconds} * 1'000'000,
                    raw ? "count(*)" : "sum(count)", values, from));
  }
}

// Processor time: other programs use the machine, too.
double cpu_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

/// Medians by the clock and by the processor.
struct Taken {
  double wall;
  double cpu;
};

Taken take(int times, const std::function<void()>& work) {
  std::vector<double> wall;
  std::vector<double> cpu;
  for (int i = 0; i < times; ++i) {
    const auto began = std::chrono::steady_clock::now();
    const double cpu_began = cpu_ms();
    work();
    cpu.push_back(cpu_ms() - cpu_began);
    wall.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  return {wall[wall.size() / 2], cpu[cpu.size() / 2]};
}

/// All rows of a SELECT as doubles, with minimum, maximum and sum of each column.
std::uint64_t bare(const database::Database& db, const std::string& sql) {
  database::Statement rows = db.prepare(sql);
  const int n = rows.columns();
  std::vector<double> min(static_cast<std::size_t>(n), 1e300), max(min.size(), -1e300), sum(min.size(), 0);
  std::uint64_t values = 0;
  while (rows.step()) {
    for (int c = 1; c < n; ++c) {
      const double v = rows.number(c);
      const auto i = static_cast<std::size_t>(c);
      min[i] = std::min(min[i], v);
      max[i] = std::max(max[i], v);
      sum[i] += v;
    }
    values += static_cast<std::uint64_t>(n - 1);
  }
  if (sum.size() > 1 && sum[1] < -1) std::abort();
  return values;
}

void say(const std::string& what, const Taken& ours, const Taken& theirs) {
  std::printf("%-44s %9.2f ms (%9.2f by the clock)   bare %9.2f ms (%9.2f)\n", what.c_str(), ours.cpu, ours.wall,
              theirs.cpu, theirs.wall);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t days = argc > 1 ? std::atoll(argv[1]) : 30;
  const bool keep = argc > 2;
  const std::filesystem::path file =
      keep ? argv[2] : (std::filesystem::temp_directory_path() / fmt::format("bench_store.{}.db", ::getpid())).string();
  if (!std::filesystem::exists(file)) {
    const auto began = std::chrono::steady_clock::now();
    fill(file, days);
    std::printf("%lld days, %lld rows of %d values, %.1f GB, made in %.0f s\n", static_cast<long long>(days),
                static_cast<long long>(days * 86'400), kChannels,
                static_cast<double>(std::filesystem::file_size(file)) / 1e9,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  const database::Database db{file, database::Database::Open::read_only};
  store::Store s{std::make_unique<store::sql::SqlArchive>(std::make_unique<store::sqlite::SqliteSession>(file), "UTC")};
  (void)s.series();
  const auto query = [&](std::int64_t from_day, double span_days, std::size_t points) {
    store::Query q;
    q.series = {"house"};
    q.range.from_ns = (kStart + from_day * 86'400) * kSecond;
    q.range.to_ns = q.range.from_ns + static_cast<std::int64_t>(span_days * 86'400e9);
    q.points = points;
    return q;
  };
  const auto span = [&](const store::Query& q) {
    return fmt::format(" WHERE time >= {} AND time < {}", q.range.from_ns / 1000, q.range.to_ns / 1000);
  };
  const std::string levels = columns(", {0}, {0}_min, {0}_max, {0}_last, {0}_count");
  const std::string raw = columns(", {0}");
  const auto all = static_cast<double>(days);
  for (const double length : {1.0, 7.0, 30.0, 91.0, 365.0}) {
    if (length > all) continue;
    // Not on a border, as people ask.
    store::Query q = query(0, length, 2048);
    q.range.from_ns += 12'345 * kSecond;
    q.range.to_ns -= 23'456 * kSecond;
    const auto trace = s.query(q).at(0);
    const std::string level{to_string(trace.resolution)};
    const Taken ours = take(7, [&] { (void)s.query(q); });
    const std::string sql =
        level == "raw" ? "SELECT time" + raw + " FROM house" : "SELECT time" + levels + " FROM house_" + level;
    const Taken theirs = take(7, [&] { (void)bare(db, sql + span(q) + " ORDER BY time"); });
    say(fmt::format("{:.0f} days, 2048 points asked, {} given of {}", length, trace.points.size(), level), ours,
        theirs);
  }
  store::Query q = query(std::min<std::int64_t>(3, days - 1), 1, 2048);
  q.resolution = store::Resolution::raw;
  say("a raw day, thinned", take(7, [&] { (void)s.query(q); }),
      take(7, [&] { (void)bare(db, "SELECT time" + raw + " FROM house" + span(q) + " ORDER BY time"); }));
  const std::size_t n = s.latest().size();
  say(fmt::format("latest of {} series", n), take(15, [&] { (void)s.latest(); }), take(15, [&] {
        for (int d = 0; d < 28; ++d) (void)bare(db, fmt::format("SELECT * FROM meter{} ORDER BY time DESC LIMIT 1", d));
      }));
  store::Query month = query(0, std::min(30.0, all), 2048);
  std::vector<std::uint32_t> ids;
  for (const auto& series : s.series({"house"})) ids.push_back(series.info.id);
  std::uint64_t values = 0;
  const Taken ours = take(3, [&] {
    values = 0;
    double sum = 0;
    s.archive().raw(ids, month.range, [&](const store::RawRow& row) {
      for (const double v : row.values) sum += v;
      values += row.values.size();
      return true;
    });
    if (std::isnan(sum)) std::abort();
  });
  const Taken theirs =
      take(3, [&] { (void)bare(db, "SELECT time" + raw + " FROM house" + span(month) + " ORDER BY time"); });
  say(fmt::format("scan of a raw month, {:.1f} M values", static_cast<double>(values) / 1e6), ours, theirs);
  std::printf("%-44s %9.1f M/s  bare %9.1f M/s\n", "  values", static_cast<double>(values) / ours.cpu / 1e3,
              static_cast<double>(values) / theirs.cpu / 1e3);
  if (!keep)
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + suffix);
  return 0;
}
