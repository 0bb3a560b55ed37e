// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of the contract that takes its time: sinks killed while they write.
#include "sinks/tests/exec_adapter.hpp"
#include "sinks/tests/sink_fixtures.hpp"
#ifdef MESURA_ADAPTERS
// Sinks whose far end takes its time to start have a program of their own.
#include MESURA_ADAPTERS
#elif MESURA_WITH_MQTT
#include "sinks/tests/mqtt_far_end.hpp"
#endif

#include "support/catch.hpp"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

using namespace mesura;
using namespace mesura::sinks::test;

TEMPLATE_TEST_CASE("kill -9 loses nothing that was confirmed and doubles nothing", "[contract]", MESURA_EVERY_SINK) {
  TestType far;
  Feed feed{far.fleet()};
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(feed.number("lab", fmt::format("ct{}", i), "active_power", "W"));
  const auto write_of = [&](std::int64_t n) {
    std::vector<BatchPtr> batches;
    for (std::int64_t k = n * 50; k < n * 50 + 50; ++k) {
      std::vector<Feed::Item> items;
      for (const auto id : ids) items.push_back({id, static_cast<double>(k) + 0.125});
      batches.push_back(feed.batch(kNoon + k * kSecond, items));
    }
    return batches;
  };

  const int rounds = std::getenv("MESURA_SOAK") != nullptr ? 200 : 6;
  std::int64_t confirmed = 0;
  for (int round = 0; round < rounds; ++round) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto sink = far.make(feed.table());
      // The last confirmed write comes again, as it does when the confirmation was lost.
      for (std::int64_t n = std::max<std::int64_t>(confirmed - 1, 0);; ++n) {
        if (!attempt(*sink, write_of(n)).committed) ::_exit(1);
        const std::int64_t done = n + 1;
        if (::write(pipe_ends[1], &done, sizeof done) != sizeof done) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    std::int64_t done = confirmed;
    // Three confirmations, then a moment that differs each round.
    for (int i = 0; i < 3; ++i) REQUIRE(::read(pipe_ends[0], &done, sizeof done) == sizeof done);
    ::usleep(static_cast<useconds_t>(round * 137 % 1000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (::read(pipe_ends[0], &done, sizeof done) == sizeof done) {
    }
    ::close(pipe_ends[0]);
    REQUIRE(done > confirmed);
    confirmed = done;

    auto sink = far.make(feed.table());
    REQUIRE(attempt(*sink, write_of(confirmed - 1)).committed);
    REQUIRE(attempt(*sink, write_of(confirmed)).committed);
    ++confirmed;
    sink->close();
    const Stored got = far.read({"lab"});
    REQUIRE(got.size() >= static_cast<std::size_t>(confirmed) * 50 * 20);
    std::size_t wrong = 0;
    for (std::int64_t k = 0; k < confirmed * 50; ++k) {
      const auto at = got.find({"lab", "ct7_active_power_w", kNoon / 1000 + k * 1'000'000});
      if (at == got.end() || at->second != std::pair{Feed::Value{static_cast<double>(k) + 0.125}, std::string{"good"}})
        ++wrong;
    }
    REQUIRE(wrong == 0);
    const std::size_t values_a_row = far.row_per_value() ? 1 : 20;
    REQUIRE(far.rows({"lab"}) == got.size() / values_a_row);
  }
  fmt::print("SOAK | kill -9 of {} between writes | {} kills | {} rows confirmed, none lost, none twice\n", far.name(),
             rounds, confirmed * 50);
}
