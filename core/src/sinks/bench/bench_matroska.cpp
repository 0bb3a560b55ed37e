// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Blocks of waveform into WavPack in Matroska, synced each turn, beside ffmpeg doing the same from a pipe without
// syncing: one process a meter, if the system has it. Each pair of figures is from one run, taken in turns; medians.
#include "sinks/recording/recording_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace mesura;
using sinks::recording::RecordingSink;

namespace {

constexpr std::size_t kChannels = 6;
constexpr std::uint64_t kBlockRows = 320;  // 10 ms at 32 kHz, 7680 bytes
constexpr std::uint64_t kRate = 32000;

void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

struct Case {
  std::size_t meters;
  std::uint64_t seconds_a_turn;
  int turns;
  int level;
  bool verify;

  [[nodiscard]] double rows() const {
    return static_cast<double>(meters * seconds_a_turn * kRate) * static_cast<double>(turns);
  }
};

/// One second of the mains as a 24-bit converter sees it: harmonics, noise.
std::vector<float> mains() {
  std::vector<float> out;
  std::uint32_t random = 12345;
  for (std::uint64_t row = 0; row < kRate; ++row) {
    for (std::size_t c = 0; c < kChannels; ++c) {
      random = random * 1664525U + 1013904223U;
      const double angle = static_cast<double>(row) * 2 * M_PI * 50 / kRate - static_cast<double>(c / 2) * 2 * M_PI / 3;
      const double scale = c % 2 == 0 ? 325.27 : 14142;
      const double noise = static_cast<double>(random >> 8U) / (1U << 24U) - 0.5;
      out.push_back(static_cast<float>(scale * (std::sin(angle) + 0.03 * std::sin(5 * angle) + 0.001 * noise)));
    }
  }
  return out;
}

struct Outcome {
  double seconds = 0;
  double processor_seconds = 0;  // of ours and of ffmpeg's processes
  double bytes = 0;
};

double processor_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const timeval& t : {used.ru_utime, used.ru_stime}) {
      seconds += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    }
  }
  return seconds;
}

double bytes_below(const std::filesystem::path& directory) {
  double bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.path().extension() == ".mkv") bytes += static_cast<double>(file.file_size());
  }
  return bytes;
}

void through_sink(const Case& c, const std::vector<float>& second, const std::filesystem::path& directory) {
  std::vector<std::shared_ptr<Waveform>> blocks;
  std::vector<BatchPtr> batches;
  for (std::size_t m = 0; m < c.meters; ++m) {
    auto stream = std::make_shared<WaveformStream>();
    stream->id = m + 1;
    stream->device = fmt::format("meter_{}", m);
    stream->start_ns = 1'781'438'400'000'000'000;
    stream->period_ns = 1e9 / kRate;
    stream->names = {"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"};
    stream->units = {"V", "mA", "V", "mA", "V", "mA"};
    for (std::uint64_t row = 0; row < c.seconds_a_turn * kRate; row += kBlockRows) {
      auto block = std::make_shared<Waveform>();
      block->stream = stream;
      block->first_row = row;
      block->rows = kBlockRows;
      const auto from = second.begin() + static_cast<std::ptrdiff_t>(row % kRate * kChannels);
      block->samples.assign(from, from + static_cast<std::ptrdiff_t>(kBlockRows * kChannels));
      auto batch = std::make_shared<Batch>();
      batch->waveform = block;
      blocks.push_back(std::move(block));
      batches.push_back(std::move(batch));
    }
  }
  sinks::recording::Options options{directory / "rec"};
  options.form = sinks::recording::Form::matroska;
  options.compression = {c.level, c.verify};
  RecordingSink sink{options, {}};
  sink.open();
  for (int turn = 0; turn < c.turns; ++turn) {
    const WriteResult result = sink.write(batches);
    check(result.outcome == WriteResult::Outcome::committed, result.reason);
    for (const auto& block : blocks) block->first_row += c.seconds_a_turn * kRate;
  }
  sink.close();
}

void feed(int pipe, const Case& c, const std::vector<float>& second) {
  for (std::uint64_t n = 0; n < c.seconds_a_turn * static_cast<std::uint64_t>(c.turns); ++n) {
    const auto* bytes = reinterpret_cast<const char*>(second.data());
    for (std::size_t left = second.size() * sizeof(float); left > 0;) {
      const ssize_t some = ::write(pipe, bytes, std::min<std::size_t>(left, 1U << 16U));
      if (some <= 0) return;
      bytes += some;
      left -= static_cast<std::size_t>(some);
    }
  }
}

void through_ffmpeg(const Case& c, const std::vector<float>& second, const std::filesystem::path& directory) {
  struct Child {
    pid_t pid;
    int pipe;
  };
  std::vector<Child> children;
  const std::string level = std::to_string(c.level);
  for (std::size_t m = 0; m < c.meters; ++m) {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    const std::string out = (directory / fmt::format("{}.mkv", m)).string();
    const pid_t pid = ::fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
      ::dup2(ends[0], 0);
      ::execlp("ffmpeg", "ffmpeg", "-nostdin", "-v", "error", "-f", "f32le", "-ar", "32000", "-guess_layout_max", "0",
               "-ac", "6", "-i", "pipe:0", "-c:a", "wavpack", "-compression_level", level.c_str(), "-map", "0", "-y",
               out.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[0]);
    children.push_back({pid, ends[1]});
  }
  std::vector<std::thread> feeders;
  for (const Child& child : children) {
    feeders.emplace_back([&, pipe = child.pipe] {
      feed(pipe, c, second);
      ::close(pipe);
    });
  }
  for (auto& feeder : feeders) feeder.join();
  for (const Child& child : children) {
    int status = 0;
    check(::waitpid(child.pid, &status, 0) == child.pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "ffmpeg");
  }
}

using Run = void (*)(const Case&, const std::vector<float>&, const std::filesystem::path&);

Outcome measure(Run run, const Case& c, const std::vector<float>& second) {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-bench-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  ::sync();
  const double processor = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  run(c, second, name);
  Outcome out{std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
              processor_seconds() - processor, bytes_below(name)};
  std::filesystem::remove_all(name);
  return out;
}

double median_rate(const Case& c, const std::vector<Outcome>& outcomes, double Outcome::*member) {
  std::vector<double> v;
  for (const Outcome& o : outcomes) v.push_back(o.*member);
  std::sort(v.begin(), v.end());
  return c.rows() / v[v.size() / 2] / 1e6;
}

void compare(const char* name, const Case& c, const std::vector<float>& second, bool ffmpeg, int rounds) {
  std::vector<Outcome> ours;
  std::vector<Outcome> theirs;
  for (int i = 0; i < rounds; ++i) {
    if (ffmpeg) theirs.push_back(measure(through_ffmpeg, c, second));
    ours.push_back(measure(through_sink, c, second));
  }
  const double rate = median_rate(c, ours, &Outcome::seconds);
  const double per_core = median_rate(c, ours, &Outcome::processor_seconds);
  fmt::print("  {:<22} level {} {} {:6.2f} M rows/s, {:5.2f} a core, {:.2f} bytes a value", name, c.level,
             c.verify ? "verified  " : "unverified", rate, per_core, ours[0].bytes / c.rows() / kChannels);
  if (ffmpeg) {
    const double other = median_rate(c, theirs, &Outcome::seconds);
    const double other_core = median_rate(c, theirs, &Outcome::processor_seconds);
    fmt::print("   ffmpeg {:5.2f}, {:5.2f} a core, {:.2f} bytes  {:6.1f} %, by processor time {:5.1f} %", other,
               other_core, theirs[0].bytes / c.rows() / kChannels, 100 * rate / other, 100 * per_core / other_core);
  }
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    ::signal(SIGPIPE, SIG_IGN);
    const bool ffmpeg = std::system("command -v ffmpeg >/dev/null") == 0;  // NOLINT(cert-env33-c,*-mt-unsafe)
    fmt::print("rows of {} values at {} Hz -> recording, format mkv, synced each turn{}\n", kChannels, kRate,
               ffmpeg ? "; ffmpeg from a pipe" : "; no ffmpeg here to compare with");
    const std::vector<float> second = mains();
    for (const bool verify : {false, true}) {
      compare("1 meter, 1 s a turn", {1, 1, 40, 0, verify}, second, ffmpeg, rounds);
      compare("1 meter, 10 s a turn", {1, 10, 6, 0, verify}, second, ffmpeg, rounds);
      compare("4 meters, 1 s a turn", {4, 1, 15, 0, verify}, second, ffmpeg, rounds);
      compare("4 meters, 1 s a turn", {4, 1, 10, 1, verify}, second, ffmpeg, rounds);
    }
    compare("100 meters, 1 s a turn", {100, 1, 1, 0, true}, second, false, rounds);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_matroska: {}\n", e.what());
    return 1;
  }
  return 0;
}
