// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The contract's body does not fit: nothing can be read back, and whoever reads gets a repeat twice.
#include "sinks/kinds.hpp"
#include "sinks/stdout/stdout_sink.hpp"
#include "sinks/tests/exec_adapter.hpp"

#include "support/catch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <limits>
#include <thread>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;
using mesura::test::contains;
using standard_output::StdoutSink;

namespace {

struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    if (ends[0] >= 0) ::close(ends[0]);
    ::close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_reader() { ::close(std::exchange(ends[0], -1)); }
  int ends[2];
};

struct Fixture {
  Feed feed;
  Pipe pipe;
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");
  std::unique_ptr<StdoutSink> sink(std::chrono::nanoseconds timeout = 30s) {
    return std::make_unique<StdoutSink>(standard_output::Options{timeout, pipe.ends[1]}, feed.table());
  }
  std::vector<BatchPtr> many(int n) const {
    std::vector<BatchPtr> out;
    for (int i = 0; i < n; ++i) out.push_back(feed.batch(kNoon + i * kSecond, {{power, i + 0.5}}));
    return out;
  }
  /// What lies in the pipe, at most `most` bytes.
  std::string take(std::size_t most) const {
    std::string out(most, '\0');
    std::size_t done = 0;
    ::fcntl(pipe.ends[0], F_SETFL, O_NONBLOCK);
    for (ssize_t n = 0; done < most && (n = ::read(pipe.ends[0], out.data() + done, most - done)) > 0;)
      done += static_cast<std::size_t>(n);
    out.resize(done);
    return out;
  }
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "measurements on standard output, a JSON line each", "[stdout]") {
  auto s = sink();
  const auto done =
      attempt(*s, {feed.batch(kNoon, {{power, 1843.27}, {power, std::numeric_limits<double>::quiet_NaN()}}),
                   feed.batch(kNoon + kSecond, {{power, 2.0}})});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 1);
  CHECK(done.rejected[0].item == 1);
  const auto lines = split(take(100'000));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:00:00.000Z",)"
        R"("received":"2026-06-14T12:00:00.000Z","value":1843.27})");
}

TEST_CASE_METHOD(Fixture, "a reader that reads too slowly means retry; lines stay whole", "[stdout]") {
  auto s = sink(50ms);
  const auto batches = many(2000);  // 300 kB; the pipe holds 64
  std::string got;
  std::vector<BatchPtr> left = batches;
  int retries = 0;
  while (!left.empty()) {
    const auto refused = attempt(*s, left);
    got += take(30'000);
    if (refused.committed) break;
    ++retries;
    CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-timeout: "));
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(refused.done.size()));
  }
  got += take(1'000'000);
  CHECK(retries > 2);
  // Each whole and in order; the one that a retry broke comes twice at most.
  std::vector<std::string> times;
  for (const std::string& line : split(got)) {
    const std::string time = parse_json_line(line).at("time").text;
    if (times.empty() || times.back() != time) times.push_back(time);
  }
  CHECK(times.size() == batches.size());
  CHECK(std::is_sorted(times.begin(), times.end()));
}

TEST_CASE_METHOD(Fixture, "a reader that has gone means retry, and no signal", "[stdout]") {
  auto* const before = std::signal(SIGPIPE, SIG_DFL);  // would end this program
  auto s = sink();
  pipe.close_reader();
  for (int i = 0; i < 2; ++i)
    CHECK(attempt(*s, many(3)).reason == "sink-closed: the reader of standard output has gone");
  std::signal(SIGPIPE, before);
}

TEST_CASE_METHOD(Fixture, "a full disk means retry", "[stdout]") {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  StdoutSink s{{1s, full}, feed.table()};
  CHECK(attempt(s, many(1)).reason == "sink-io: writing to standard output: No space left on device");
  ::close(full);
}

TEST_CASE_METHOD(Fixture, "one sink at a time has standard output", "[stdout]") {
  auto first = sink();
  auto second = sink();
  REQUIRE(attempt(*first, many(1)).committed);
  CHECK_THAT(attempt(*second, many(1)).reason, Catch::Matchers::StartsWith("sink-busy: another sink"));
  first->open();  // again: still its own
  first->close();
  REQUIRE(attempt(*second, many(1)).committed);
  second.reset();
  REQUIRE(attempt(*first, many(1)).committed);
}

TEST_CASE_METHOD(Fixture, "a closed standard output is told", "[stdout]") {
  StdoutSink s{{1s, 1000}, feed.table()};
  CHECK_THAT(attempt(s, many(1)).reason, contains("standard output is closed"));
}

TEST_CASE("stdout takes measurements and waveforms", "[stdout]") {
  const auto* kind = find_kind("stdout");
  REQUIRE(kind != nullptr);
  CHECK(kind->takes_measurements);
  CHECK(kind->takes_waveforms);
}
