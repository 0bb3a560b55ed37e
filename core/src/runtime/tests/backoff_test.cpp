// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/backoff.hpp"

#include "support/catch.hpp"

#include <set>
#include <vector>

using namespace std::chrono_literals;
using mesura::runtime::Backoff;

TEST_CASE("without jitter the delays double up to the ceiling") {
  Backoff backoff{{.first = 1s, .ceiling = 30s, .factor = 2.0, .jitter = 0.0}, 1};
  std::vector<std::int64_t> seconds;
  for (int i = 0; i < 8; ++i)
    seconds.push_back(std::chrono::duration_cast<std::chrono::seconds>(backoff.next()).count());
  CHECK(seconds == std::vector<std::int64_t>{1, 2, 4, 8, 16, 30, 30, 30});
  CHECK(backoff.attempts() == 5);
  backoff.reset();
  CHECK(backoff.next() == 1s);
}

TEST_CASE("jitter spreads clients and never passes the ceiling") {
  std::set<std::int64_t> first;
  std::set<std::int64_t> late;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff{{}, seed};
    const auto delay = backoff.next();
    CHECK(delay >= 800ms);
    CHECK(delay <= 1200ms);
    first.insert(delay.count());
    for (int i = 0; i < 50; ++i) CHECK(backoff.next() <= 30s);
    const auto ceiling = backoff.next();
    CHECK(ceiling >= 20s);
    late.insert(ceiling.count());
  }
  CHECK(first.size() > 95);
  CHECK(late.size() > 95);
}

TEST_CASE("the same seed gives the same delays") {
  Backoff a{{}, 7};
  Backoff b{{}, 7};
  for (int i = 0; i < 5; ++i) CHECK(a.next() == b.next());
}
