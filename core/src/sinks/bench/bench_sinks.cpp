// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Decoded batches into the sinks, beside the barest loop over the same library that gives the same promise: the same
// values, the same table or lines, durable every 1000 rows. Each pair of figures is from one run, taken in turns;
// medians. On a busy machine the ratio of processor time says more than that of the rates.
#include "database/sqlite.hpp"
#include "sinks/csv/csv_sink.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace mesura;

namespace {

constexpr std::size_t kColumns = 36;
constexpr std::size_t kFlush = 1000;
constexpr std::int64_t kStart = 1'781'438'400'000'000'000;

std::filesystem::path fresh_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

struct Data {
  SeriesTable series;
  std::vector<BatchPtr> batches;
};

enum class Mix { decimals, meter };

// decimals: 36 values with three decimals. meter: a third of them are registers, whole numbers.
void fill(Data& data, Mix mix, std::size_t rows, std::int64_t cadence_s = 1) {
  std::vector<std::uint32_t> ids;
  for (std::size_t c = 0; c < kColumns; ++c) {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = fmt::format("ct{}", c);
    info.quantity = "active_power";
    info.unit = "W";
    info.flat_name = fmt::format("ct{}_active_power_w", c);
    if (mix == Mix::meter && c % 3 == 0) info.kind = Kind::reg;
    ids.push_back(data.series.add(std::move(info)));
  }
  std::uint64_t random = 88172645463325252U;
  for (std::size_t r = 0; r < rows; ++r) {
    auto batch = std::make_shared<Batch>();
    batch->device = "cupboard";
    batch->time_ns = batch->received_ns = kStart + static_cast<std::int64_t>(r) * cadence_s * 1'000'000'000;
    for (std::size_t c = 0; c < kColumns; ++c) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      const auto thousandths = static_cast<double>(random % 9'000'000);
      const bool whole = mix == Mix::meter && c % 3 == 0;
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = ids[c];
      m.number = whole ? thousandths : thousandths / 1000.0;
      batch->items.push_back(m);
    }
    data.batches.push_back(std::move(batch));
  }
}

using Run = std::function<void(const Data&, const std::filesystem::path&)>;

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

void through_sink(Sink& sink, const Data& data) {
  sink.open();
  for (std::size_t at = 0; at < data.batches.size(); at += kFlush) {
    const std::size_t n = std::min(kFlush, data.batches.size() - at);
    const WriteResult result = sink.write(std::span{data.batches}.subspan(at, n));
    check(result.outcome == WriteResult::Outcome::committed && result.rejected.empty(), result.reason.c_str());
  }
}

void csv_sink(const Data& data, const std::filesystem::path& directory) {
  sinks::csv::CsvSink sink{{directory, sinks::csv::Form::wide, 0, {}, false}, data.series, {}};
  through_sink(sink, data);
}

void csv_floor(const Data& data, const std::filesystem::path& directory, bool durable) {
  const int fd = ::open((directory / "floor.csv").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  check(fd >= 0, "open");
  std::vector<char> buffer(256 * 1024);
  std::size_t used = 0;
  const auto flush = [&] {
    check(::write(fd, buffer.data(), used) == static_cast<ssize_t>(used), "write");
    used = 0;
  };
  std::size_t rows = 0;
  for (const BatchPtr& batch : data.batches) {
    if (buffer.size() - used < 2048) flush();
    char* to = buffer.data() + used;
    char* const end = buffer.data() + buffer.size();
    to = std::to_chars(to, end, batch->time_ns / 1'000'000).ptr;
    for (const Measurement& m : batch->items) {
      *to++ = ',';
      to = std::to_chars(to, end, m.number).ptr;
    }
    *to++ = '\n';
    used = static_cast<std::size_t>(to - buffer.data());
    if (++rows % kFlush == 0 && durable) {
      flush();
      check(::fdatasync(fd) == 0, "fdatasync");
    }
  }
  flush();
  check(::fdatasync(fd) == 0, "fdatasync");
  ::close(fd);
}

void sqlite_sink(const Data& data, const std::filesystem::path& directory, bool rollups) {
  sinks::sqlite::SqliteSink sink{{directory / "sink.db", true, {}, "Etc/UTC", rollups}, data.series, {}};
  through_sink(sink, data);
}

void sqlite_bare(const Data& data, const std::filesystem::path& directory) { sqlite_sink(data, directory, false); }
void sqlite_rollups(const Data& data, const std::filesystem::path& directory) { sqlite_sink(data, directory, true); }

void sqlite_floor(const Data& data, const std::filesystem::path& directory) {
  sqlite3* db = nullptr;
  check(sqlite3_open_v2((directory / "floor.db").c_str(), &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr) == SQLITE_OK,
        "open");
  std::string columns = "time INTEGER PRIMARY KEY";
  std::string marks = "?";
  for (std::size_t c = 0; c < kColumns; ++c) {
    columns += fmt::format(", ct{}_active_power_w REAL", c);
    marks += ", ?";
  }
  const auto run = [&](const std::string& sql) {
    check(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql.c_str());
  };
  run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE cupboard (" + columns + ")");
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v2(db, ("INSERT INTO cupboard VALUES (" + marks + ")").c_str(), -1, &insert, nullptr) ==
            SQLITE_OK,
        "prepare");
  for (std::size_t at = 0; at < data.batches.size(); at += kFlush) {
    run("BEGIN");
    for (std::size_t i = at; i < std::min(at + kFlush, data.batches.size()); ++i) {
      const Batch& batch = *data.batches[i];
      sqlite3_bind_int64(insert, 1, batch.time_ns / 1000);
      int index = 1;
      for (const Measurement& m : batch.items) sqlite3_bind_double(insert, ++index, m.number);
      check(sqlite3_step(insert) == SQLITE_DONE, "step");
      sqlite3_reset(insert);
    }
    run("COMMIT");
  }
  sqlite3_finalize(insert);
  sqlite3_close(db);
}

struct Cost {
  double wall = 0;  // s
  double cpu = 0;   // s of this process, kernel included
};

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

Cost measure(const Run& run, const Data& data) {
  const auto directory = fresh_directory();
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  run(data, directory);
  const Cost cost{std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), cpu_seconds() - cpu};
  std::filesystem::remove_all(directory);
  return cost;
}

double median(const std::vector<Cost>& costs, double Cost::*member) {
  std::vector<double> v;
  for (const Cost& c : costs) v.push_back(c.*member);
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(const std::string& name, const Data& data, const Run& ours, const std::string& floor_name,
             const Run& floor, int rounds) {
  std::vector<Cost> our_costs;
  std::vector<Cost> floor_costs;
  for (int i = 0; i < rounds; ++i) {
    floor_costs.push_back(measure(floor, data));
    our_costs.push_back(measure(ours, data));
  }
  const auto values = static_cast<double>(data.batches.size() * kColumns) / 1e6;
  const double our_rate = values / median(our_costs, &Cost::wall);
  const double floor_rate = values / median(floor_costs, &Cost::wall);
  fmt::print("  {:<22} {:6.2f} M values/s   floor {:6.2f} ({})   {:5.1f} %, by processor time {:5.1f} %\n", name,
             our_rate, floor_rate, floor_name, 100 * our_rate / floor_rate,
             100 * median(floor_costs, &Cost::cpu) / median(our_costs, &Cost::cpu));
}

// A fleet: 1000 devices of 58 values, one row a device and second, committed each second.
constexpr std::size_t kUnits = 1000;
constexpr std::size_t kUnitColumns = 58;

/// Makes it second by second: a quarter of an hour at once would take gigabytes.
class Fleet {
 public:
  Fleet() {
    for (std::size_t u = 0; u < kUnits; ++u) {
      for (std::size_t c = 0; c < kUnitColumns; ++c) {
        SeriesInfo info;
        info.device = fmt::format("unit_{:04}", u);
        info.fleet = "units";
        info.channel = fmt::format("ct{}", c);
        info.quantity = "active_power";
        info.unit = "W";
        info.flat_name = fmt::format("ct{}_active_power_w", c);
        ids_.push_back(series_.add(std::move(info)));
      }
    }
  }
  [[nodiscard]] const SeriesTable& series() const { return series_; }
  std::vector<BatchPtr> second(std::size_t s) {
    std::vector<BatchPtr> batches;
    for (std::size_t u = 0; u < kUnits; ++u) {
      auto batch = std::make_shared<Batch>();
      batch->device = fmt::format("unit_{:04}", u);
      batch->time_ns = kStart + static_cast<std::int64_t>(s) * 1'000'000'000 + static_cast<std::int64_t>(u) * 733'000;
      for (std::size_t c = 0; c < kUnitColumns; ++c) {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        Measurement m{};
        m.time_ns = batch->time_ns;
        m.series = ids_[u * kUnitColumns + c];
        m.number = static_cast<double>(random_ % 9'000'000) / 1000.0;
        batch->items.push_back(m);
      }
      batches.push_back(std::move(batch));
    }
    return batches;
  }

 private:
  SeriesTable series_;
  std::vector<std::uint32_t> ids_;
  std::uint64_t random_ = 88172645463325252U;
};

std::uint64_t written_bytes() {
  std::FILE* io = std::fopen("/proc/self/io", "r");
  unsigned long long value = 0;
  char line[128];
  while (io != nullptr && std::fgets(line, sizeof line, io) != nullptr) {
    if (std::sscanf(line, "wchar: %llu", &value) == 1) break;
  }
  if (io != nullptr) std::fclose(io);
  return value;
}

struct FleetCost {
  double cpu = 0;          // s a commit
  double wall = 0;         // s a commit
  double bytes = 0;        // written a commit
  double longest = 0;      // s
  double longest_cpu = 0;  // s
};

/// `write` gets one second of batches at a time; the first one, which makes the tables, is not counted.
FleetCost fleet_cost(Fleet& fleet, std::size_t seconds, const std::function<void(std::span<const BatchPtr>)>& write) {
  write(fleet.second(0));
  const std::uint64_t bytes = written_bytes();
  FleetCost cost;
  for (std::size_t n = 1; n <= seconds; ++n) {
    const std::vector<BatchPtr> batches = fleet.second(n);
    const double cpu = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    write(batches);
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double spent = cpu_seconds() - cpu;
    cost.cpu += spent;
    cost.wall += wall;
    cost.longest_cpu = std::max(cost.longest_cpu, spent);
    cost.longest = std::max(cost.longest, wall);
  }
  const auto n = static_cast<double>(seconds);
  return {cost.cpu / n, cost.wall / n, static_cast<double>(written_bytes() - bytes) / n, cost.longest,
          cost.longest_cpu};
}

FleetCost fleet_sink(const std::filesystem::path& directory, std::size_t seconds, bool rollups) {
  Fleet fleet;
  sinks::sqlite::SqliteSink sink{{directory / "fleet.db", true, {}, "Etc/UTC", rollups}, fleet.series(), {}};
  sink.open();
  return fleet_cost(fleet, seconds, [&](std::span<const BatchPtr> batches) {
    const WriteResult result = sink.write(batches);
    check(result.outcome == WriteResult::Outcome::committed && result.rejected.empty(), result.reason.c_str());
  });
}

FleetCost fleet_floor(const std::filesystem::path& directory, std::size_t seconds) {
  Fleet fleet;
  const database::Database db{directory / "floor.db"};
  std::string columns;
  std::string marks;
  for (std::size_t c = 0; c < kUnitColumns; ++c) {
    columns += fmt::format("ct{}_active_power_w REAL, ", c);
    marks += ", ?";
  }
  db.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE units (time INTEGER NOT NULL, "
      "device_id INTEGER NOT NULL, " +
      columns + "PRIMARY KEY (time, device_id))");
  database::Statement insert = db.prepare("INSERT INTO units VALUES (?, ?" + marks + ")", true);
  return fleet_cost(fleet, seconds, [&](std::span<const BatchPtr> batches) {
    db.execute("BEGIN");
    std::int64_t unit = 0;
    for (const BatchPtr& batch : batches) {
      insert.bind(1, batch->time_ns / 1000);
      insert.bind(2, ++unit);
      int index = 2;
      for (const Measurement& m : batch->items) insert.bind(++index, m.number);
      insert.run();
    }
    db.execute("COMMIT");
  });
}

void compare_fleet() {
  // Into the second quarter of an hour, so that minutes and a quarter hour have been paid.
  constexpr std::size_t kSeconds = 960;
  fmt::print("{} devices of {} values, one table, a commit a second, {} s\n", kUnits, kUnitColumns, kSeconds);
  const auto run = [&](const char* name, const std::function<FleetCost(const std::filesystem::path&)>& what) {
    const auto directory = fresh_directory();
    const FleetCost c = what(directory);
    std::filesystem::remove_all(directory);
    fmt::print(
        "  {:<34} {:5.2f} MB/s written   {:5.1f} ms a commit, the longest {:.0f} ms   by processor time {:.1f} and "
        "{:.1f} ms\n",
        name, c.bytes / 1e6, 1e3 * c.wall, 1e3 * c.longest, 1e3 * c.cpu, 1e3 * c.longest_cpu);
  };
  run("prepared INSERT, FULL", [](const auto& d) { return fleet_floor(d, kSeconds); });
  run("batches -> sqlite, FULL, no rollups", [](const auto& d) { return fleet_sink(d, kSeconds, false); });
  run("batches -> sqlite, FULL, rollups", [](const auto& d) { return fleet_sink(d, kSeconds, true); });
}

/// One meter at 1 Hz for an hour, committed every so many seconds.
void compare_intervals() {
  constexpr std::size_t kHour = 3600;
  Data data;
  fill(data, Mix::meter, kHour + 1);
  fmt::print("a meter of {} values at 1 Hz, rollups kept, by commit_interval\n", kColumns);
  for (const std::size_t interval : {1U, 10U, 60U}) {
    const auto directory = fresh_directory();
    sinks::sqlite::SqliteSink sink{{directory / "sink.db", true, {}, "Etc/UTC"}, data.series, {}};
    sink.open();
    check(sink.write(std::span{data.batches}.first(1)).outcome == WriteResult::Outcome::committed, "first");
    const std::uint64_t bytes = written_bytes();
    for (std::size_t at = 1; at < data.batches.size(); at += interval) {
      const auto n = std::min(interval, data.batches.size() - at);
      check(sink.write(std::span{data.batches}.subspan(at, n)).outcome == WriteResult::Outcome::committed, "write");
    }
    const auto written = static_cast<double>(written_bytes() - bytes);
    sink.close();
    const auto size = static_cast<double>(std::filesystem::file_size(directory / "sink.db"));
    fmt::print("  {:>2} s   {:6.0f} MB written a day   {:5.1f} MB larger a day ({:.1f} bytes a value)\n", interval,
               written * 24 / 1e6, size * 24 / 1e6, size / static_cast<double>(data.batches.size() * kColumns));
    std::filesystem::remove_all(directory);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
    const std::string only = argc > 2 ? argv[2] : "";  // sinks, rollups, fleet, intervals
    const auto wanted = [&](const char* part) { return only.empty() || only == part; };
    const Run csv_durable = [](const Data& d, const std::filesystem::path& p) { csv_floor(d, p, true); };
    const Run csv_unsynced = [](const Data& d, const std::filesystem::path& p) { csv_floor(d, p, false); };
    for (const Mix mix : {Mix::decimals, Mix::meter}) {
      if (!wanted("sinks")) break;
      Data data;
      fill(data, mix, 120'000);
      fmt::print("{} rows of {} values, {}, durable every {} rows\n", data.batches.size(), kColumns,
                 mix == Mix::decimals ? "three decimals" : "a third of them whole", kFlush);
      compare("batches -> csv, wide", data, csv_sink, "to_chars, write, fdatasync", csv_durable, rounds);
      compare("batches -> csv, wide", data, csv_sink, "to_chars, write, one sync at the end", csv_unsynced, rounds);
      compare("batches -> sqlite, FULL", data, sqlite_bare, "prepared INSERT, FULL", sqlite_floor, rounds);
      compare("the same with rollups", data, sqlite_rollups, "prepared INSERT, FULL", sqlite_floor, rounds);
    }
    for (const std::int64_t cadence : {1, 5}) {
      if (!wanted("rollups")) break;
      Data data;
      fill(data, Mix::meter, 240'000, cadence);
      fmt::print("what rollups cost: {} rows {} s apart\n", data.batches.size(), cadence);
      compare("rollups", data, sqlite_rollups, "the same sink without", sqlite_bare, rounds);
    }
    if (wanted("fleet")) compare_fleet();
    if (wanted("intervals")) compare_intervals();
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_sinks: {}\n", e.what());
    return 1;
  }
  return 0;
}
