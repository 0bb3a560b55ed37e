// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Blocks of waveform into files, beside the barest loop that gives the same promise: write(2) of each block, fdatasync
// at the end of each turn. Each pair of figures is from one run, taken in turns; medians.
#include "sinks/recording/recording_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace mesura;

namespace {

constexpr std::size_t kChannels = 6;
constexpr std::uint64_t kBlockRows = 320;  // 10 ms at 32 kHz, 7680 bytes

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

struct Case {
  std::size_t devices;
  std::uint64_t blocks;  // a device and turn
  int turns;

  [[nodiscard]] double bytes_a_turn() const {
    return static_cast<double>(devices * blocks * kBlockRows * kChannels * sizeof(float));
  }
};

/// The blocks of one turn: the same memory each time, numbered on.
class Source {
 public:
  explicit Source(const Case& c) {
    for (std::size_t d = 0; d < c.devices; ++d) {
      auto stream = std::make_shared<WaveformStream>();
      stream->id = d + 1;
      stream->device = fmt::format("meter_{:03}", d);
      stream->start_ns = 1'781'438'400'000'000'000;
      stream->period_ns = 31250;
      stream->names = {"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"};
      stream->units = {"V", "A", "V", "A", "V", "A"};
      for (std::uint64_t b = 0; b < c.blocks; ++b) {
        auto block = std::make_shared<Waveform>();
        block->stream = stream;
        block->first_row = b * kBlockRows;
        block->rows = kBlockRows;
        for (std::size_t i = 0; i < kBlockRows * kChannels; ++i) {
          block->samples.push_back(static_cast<float>(i * 31 % 997) + static_cast<float>(b));
        }
        auto batch = std::make_shared<Batch>();
        batch->device = stream->device;
        batch->waveform = block;
        blocks_.push_back(std::move(block));
        batches_.push_back(std::move(batch));
      }
    }
    rows_a_turn_ = c.blocks * kBlockRows;
    begin();
  }
  void begin() {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      blocks_[i]->first_row = i * kBlockRows % rows_a_turn_;
    }
  }
  void next() {
    for (const auto& block : blocks_) block->first_row += rows_a_turn_;
  }
  [[nodiscard]] const std::vector<BatchPtr>& batches() const { return batches_; }

 private:
  std::vector<std::shared_ptr<Waveform>> blocks_;
  std::vector<BatchPtr> batches_;
  std::uint64_t rows_a_turn_ = 0;
};

using Run = std::function<void(const Case&, Source&, const std::filesystem::path&)>;

void through_sink(const Case& c, Source& source, const std::filesystem::path& directory) {
  sinks::recording::RecordingSink sink{{directory / "rec", {}, sinks::recording::Fill::none}, {}};
  sink.open();
  source.begin();
  for (int turn = 0; turn < c.turns; ++turn, source.next()) {
    const WriteResult result = sink.write(source.batches());
    check(result.outcome == WriteResult::Outcome::committed && result.rejected.empty(), result.reason.c_str());
  }
  sink.close();
}

void through_write(const Case& c, Source& source, const std::filesystem::path& directory) {
  std::vector<int> files;
  for (std::size_t d = 0; d < c.devices; ++d) {
    files.push_back(::open((directory / fmt::format("{}.f32", d)).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    check(files.back() >= 0, "open");
  }
  for (int turn = 0; turn < c.turns; ++turn) {
    std::size_t at = 0;
    for (const int fd : files) {
      for (std::uint64_t b = 0; b < c.blocks; ++b, ++at) {
        const std::vector<float>& samples = source.batches()[at]->waveform->samples;
        const std::size_t bytes = samples.size() * sizeof(float);
        check(::write(fd, samples.data(), bytes) == static_cast<ssize_t>(bytes), "write");
      }
    }
    for (const int fd : files) check(::fdatasync(fd) == 0, "fdatasync");
  }
  for (const int fd : files) ::close(fd);
}

struct Cost {
  double wall = 0;  // s
  double cpu = 0;   // s
};

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

Cost measure(const Run& run, const Case& c, Source& source) {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-bench-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  ::sync();
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  run(c, source, name);
  const Cost cost{std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), cpu_seconds() - cpu};
  std::filesystem::remove_all(name);
  return cost;
}

double median(const std::vector<Cost>& costs, double Cost::*member) {
  std::vector<double> v;
  for (const Cost& c : costs) v.push_back(c.*member);
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(const char* name, const Case& c, int rounds) {
  Source source{c};
  std::vector<Cost> ours;
  std::vector<Cost> floor;
  for (int i = 0; i < rounds; ++i) {
    floor.push_back(measure(through_write, c, source));
    ours.push_back(measure(through_sink, c, source));
  }
  const double bytes = c.bytes_a_turn() * c.turns;
  const double our_rate = bytes / median(ours, &Cost::wall);
  const double floor_rate = bytes / median(floor, &Cost::wall);
  fmt::print("  {:<34} {:6.0f} MB/s = {:5.1f} M rows/s   floor {:6.0f} MB/s   {:5.1f} %, by processor time {:5.1f} %\n",
             name, our_rate / 1e6, our_rate / (kChannels * sizeof(float)) / 1e6, floor_rate / 1e6,
             100 * our_rate / floor_rate, 100 * median(floor, &Cost::cpu) / median(ours, &Cost::cpu));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    fmt::print("blocks of {} rows of {} values -> recording, synced each turn\n", kBlockRows, kChannels);
    compare("1 device, 123 MB a turn", {1, 16'000, 8}, rounds);
    compare("1 device, 0.77 MB a turn", {1, 100, 200}, rounds);
    compare("100 devices, 77 MB a turn", {100, 100, 8}, rounds);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_recording: {}\n", e.what());
    return 1;
  }
  return 0;
}
