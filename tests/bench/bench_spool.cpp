// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A backlog on disk: how fast it is filled, and how fast it is emptied into a sink by the queue, beside the sink alone
// writing the same batches from memory. Medians of rounds taken in turns.
#include "pipeline/sink_queue.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace mesura;

namespace {

constexpr std::size_t kColumns = 36;
constexpr std::size_t kBatches = 27'778;  // a million measurements
constexpr std::size_t kAppend = 1000;
constexpr std::int64_t kStart = 1'781'438'400'000'000'000;
constexpr int kRounds = 5;

struct Data {
  SeriesTable series;
  std::vector<BatchPtr> batches;

  Data() {
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
    for (std::size_t r = 0; r < kBatches; ++r) {
      auto batch = std::make_shared<Batch>();
      batch->device = "cupboard";
      batch->time_ns = batch->received_ns = kStart + static_cast<std::int64_t>(r) * 1'000'000'000;
      for (std::size_t c = 0; c < kColumns; ++c) {
        Measurement m{};
        m.time_ns = batch->time_ns;
        m.series = ids[c];
        m.number = static_cast<double>((r * 7919 + c * 104'729) % 9'000'000) / 1000.0;
        batch->items.push_back(m);
      }
      batches.push_back(std::move(batch));
    }
  }
};

/// Takes everything and keeps nothing: what the spool and the queue alone can do.
class Nowhere final : public Sink {
 public:
  void open() override {}
  WriteResult write(std::span<const BatchPtr>) override { return {}; }
  [[nodiscard]] std::string describe() const override { return "nowhere"; }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::filesystem::path fresh_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

double fill(const Data& data, SeriesTable& series, const std::filesystem::path& file) {
  spool::Spool spool{file, series, runtime::Logger{std::make_shared<runtime::Log>(), "bench"}};
  const auto start = std::chrono::steady_clock::now();
  std::vector<spool::Entry> entries;
  for (std::size_t i = 0; i < data.batches.size(); ++i) {
    entries.push_back({static_cast<std::int64_t>(i + 1), data.batches[i], 0});
    if (entries.size() == kAppend || i + 1 == data.batches.size()) {
      spool.append(entries);
      entries.clear();
    }
  }
  return seconds_since(start);
}

double drain(std::unique_ptr<Sink> sink, SeriesTable& series, const std::filesystem::path& file) {
  const runtime::SystemClock clock;
  pipeline::SinkQueue::Options options;
  options.name = "bench";
  options.spool = file;
  pipeline::SinkQueue queue{std::move(sink), std::move(options), series,
                            runtime::Logger{std::make_shared<runtime::Log>(), "bench"}, clock};
  const auto start = std::chrono::steady_clock::now();
  queue.start();
  while (queue.status().counts.found == 0) std::this_thread::sleep_for(std::chrono::microseconds{100});
  if (!queue.wait_idle(std::chrono::minutes{5})) throw std::runtime_error("the spool was not drained");
  const double took = seconds_since(start);
  if (queue.status().counts.committed != kBatches * kColumns) throw std::runtime_error("not everything was written");
  queue.stop(std::chrono::minutes{1});
  return took;
}

std::unique_ptr<Sink> sqlite(SeriesTable& series, const std::filesystem::path& file, bool rollups) {
  sinks::sqlite::Options options;
  options.path = file;
  options.rollups = rollups;
  return std::make_unique<sinks::sqlite::SqliteSink>(std::move(options), series,
                                                     runtime::Logger{std::make_shared<runtime::Log>(), "bench"});
}

double write_alone(Data& data, const std::filesystem::path& file) {
  const auto sink = sqlite(data.series, file, false);
  sink->open();
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < data.batches.size(); i += kAppend) {
    const std::size_t n = std::min(kAppend, data.batches.size() - i);
    if (sink->write(std::span{data.batches}.subspan(i, n)).outcome != WriteResult::Outcome::committed)
      throw std::runtime_error("the sink did not commit");
  }
  const double took = seconds_since(start);
  sink->close();
  return took;
}

void print(const char* what, std::vector<double> times, std::uintmax_t bytes = 0) {
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  fmt::print("{:<44} {:6.2f} M measurements/s", what, static_cast<double>(kBatches * kColumns) / median / 1e6);
  if (bytes > 0)
    fmt::print(", {:.1f} bytes a measurement on disk",
               static_cast<double>(bytes) / static_cast<double>(kBatches * kColumns));
  fmt::print("\n");
}

}  // namespace

int main() {
  Data data;
  std::vector<double> filling, nowhere, into_sqlite, with_rollups, alone;
  std::uintmax_t bytes = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto dir = fresh_directory();
    for (const bool rollups : {false, true}) {
      const auto file = dir / fmt::format("{}.spool", rollups);
      filling.push_back(fill(data, data.series, file));
      bytes = std::filesystem::file_size(file);
      (rollups ? with_rollups : into_sqlite)
          .push_back(drain(sqlite(data.series, dir / fmt::format("{}.db", rollups), rollups), data.series, file));
    }
    (void)fill(data, data.series, dir / "n.spool");
    nowhere.push_back(drain(std::make_unique<Nowhere>(), data.series, dir / "n.spool"));
    alone.push_back(write_alone(data, dir / "alone.db"));
    std::filesystem::remove_all(dir);
  }
  fmt::print("{} measurements in batches of {}\n", kBatches * kColumns, kColumns);
  print("into the spool, 1000 batches a commit", filling, bytes);
  print("out of it, to nowhere", nowhere);
  print("out of it, into SQLite without rollups", into_sqlite);
  print("out of it, into SQLite", with_rollups);
  print("floor: SQLite without rollups from memory", alone);
  return 0;
}
