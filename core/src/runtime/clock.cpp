// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.hpp"

#include <ctime>

namespace mesura::runtime {
namespace {

std::int64_t read(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

std::int64_t SystemClock::steady_ns() const { return read(CLOCK_MONOTONIC); }
std::int64_t SystemClock::wall_ns() const { return read(CLOCK_REALTIME); }

}  // namespace mesura::runtime
