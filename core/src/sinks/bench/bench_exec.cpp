// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Measurements into a program, answered for every 1000 telegrams, beside the barest loop that gives the same promise:
// the same lines rendered, written to a pipe, a number read back. The program counts lines and does nothing else; it is
// this one with an argument. Taken in turns; medians.
#include "model/measurement_json.hpp"
#include "sinks/exec/exec_sink.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

using namespace mesura;

namespace {

constexpr std::size_t kColumns = 36;
constexpr std::size_t kFlush = 1000;
constexpr std::size_t kRows = 10'000;
constexpr std::int64_t kStart = 1'781'438'400'000'000'000;

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

// Reads lines, answers how many it has had.
int count_lines() {
  std::array<char, 65536> buffer;
  std::uint64_t lines = 0;
  for (ssize_t n = 0; (n = ::read(STDIN_FILENO, buffer.data(), buffer.size())) > 0;) {
    const std::string_view text{buffer.data(), static_cast<std::size_t>(n)};
    for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) ++lines;
    const std::string answer = fmt::format("{}\n", lines);
    if (::write(STDOUT_FILENO, answer.data(), answer.size()) < 0) return 1;
  }
  return 0;
}

struct Data {
  SeriesTable series;
  std::vector<BatchPtr> batches;
};

void fill(Data& data) {
  std::vector<std::uint32_t> ids;
  for (std::size_t c = 0; c < kColumns; ++c) {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = fmt::format("ct{}", c);
    info.quantity = "active_power";
    info.unit = "W";
    info.decimals = 3;
    ids.push_back(data.series.add(std::move(info)));
  }
  std::uint64_t random = 88172645463325252U;
  for (std::size_t r = 0; r < kRows; ++r) {
    auto batch = std::make_shared<Batch>();
    batch->time_ns = batch->received_ns = kStart + static_cast<std::int64_t>(r) * 1'000'000'000;
    for (const auto id : ids) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = id;
      m.number = static_cast<double>(random % 9'000'000) / 1000.0;
      batch->items.push_back(m);
    }
    data.batches.push_back(std::move(batch));
  }
}

using Clock = std::chrono::steady_clock;

struct Cost {
  double wall = 0;  // s
  double cpu = 0;   // s of this process, kernel included
};

class Meter {
 public:
  [[nodiscard]] Cost read() const {
    return {std::chrono::duration<double>(Clock::now() - start_).count(), processor() - cpu_};
  }

 private:
  static double processor() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  }
  Clock::time_point start_ = Clock::now();
  double cpu_ = processor();
};

Cost ours(const Data& data, const std::string& self) {
  sinks::exec::Options options;
  options.command.argv = {self, "count"};
  sinks::exec::ExecSink sink{options, data.series, {}};
  sink.open();
  const Meter meter;
  for (std::size_t at = 0; at < data.batches.size(); at += kFlush) {
    const auto result = sink.write(std::span{data.batches}.subspan(at, kFlush));
    check(result.outcome == WriteResult::Outcome::committed, result.reason.c_str());
  }
  const Cost cost = meter.read();
  sink.close();
  return cost;
}

Cost floor_loop(const Data& data, const std::string& self) {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  check(::pipe(to.data()) == 0 && ::pipe(from.data()) == 0, "pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(to[0], STDIN_FILENO);
    ::dup2(from[1], STDOUT_FILENO);
    ::close(to[1]);
    ::execl(self.c_str(), self.c_str(), "count", nullptr);
    ::_exit(127);
  }
  ::close(to[0]);
  ::close(from[1]);
  const Meter meter;
  std::string text;
  std::uint64_t lines = 0;
  const auto flush = [&] {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = ::write(to[1], text.data() + done, text.size() - done);
      check(n > 0, "write");
      done += static_cast<std::size_t>(n);
    }
    text.clear();
  };
  for (std::size_t at = 0; at < data.batches.size(); at += kFlush) {
    for (std::size_t i = at; i < at + kFlush; ++i) {
      model::append_json_lines(text, data.series, *data.batches[i]);
      lines += data.batches[i]->items.size();
      if (text.size() > 65536) flush();
    }
    flush();
    const std::string wanted = fmt::format("{}\n", lines);
    std::string answers;
    std::array<char, 65536> buffer;
    while (!answers.ends_with(wanted)) {
      const ssize_t n = ::read(from[0], buffer.data(), buffer.size());
      check(n > 0, "read");
      answers.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  const Cost cost = meter.read();
  ::close(to[1]);
  ::close(from[0]);
  ::waitpid(pid, nullptr, 0);
  return cost;
}

double median(const std::vector<Cost>& costs, double Cost::*member) {
  std::vector<double> v;
  for (const Cost& c : costs) v.push_back(c.*member);
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc > 1 && std::string_view{argv[1]} == "count") return count_lines();
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
    Data data;
    fill(data);
    std::vector<Cost> our;
    std::vector<Cost> floor;
    for (int i = 0; i < rounds; ++i) {
      floor.push_back(floor_loop(data, "/proc/self/exe"));
      our.push_back(ours(data, "/proc/self/exe"));
    }
    const double values = static_cast<double>(kRows * kColumns) / 1e6;
    fmt::print("{} telegrams of {} values, answered every {}\n", kRows, kColumns, kFlush);
    const double wall = median(floor, &Cost::wall) / median(our, &Cost::wall);
    const double cpu = median(floor, &Cost::cpu) / median(our, &Cost::cpu);
    fmt::print(
        "  {:<22} {:6.2f} M values/s   floor {:6.2f} (render, write, read)   {:5.1f} %, by processor time {:5.1f} %\n",
        "batches -> exec", values / median(our, &Cost::wall), values / median(floor, &Cost::wall), 100 * wall,
        100 * cpu);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_exec: {}\n", e.what());
    return 1;
  }
  return 0;
}
