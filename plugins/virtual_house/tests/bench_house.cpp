// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a second in the virtual house costs a virtual device.
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "virtual_house/house.hpp"
#include "virtual_house/random.hpp"

using namespace mesura::virtual_house;

namespace {

volatile std::int64_t sink = 0;

template <typename When>
double nanoseconds_per_call(const Profile& profile, std::int64_t calls, When when) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t k = 0; k < calls; ++k) sink = sink + profile.at(when(k)).grid_mw(0);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(calls);
}

}  // namespace

int main() {
  constexpr std::int64_t kBegin = 1'718'000'000;
  Setup setup;
  setup.phases = 3;
  setup.pv_watts = 6000;
  const auto plain = make_profile("house", setup);
  setup.battery_wh = 7000;
  const auto battery = make_profile("house", setup);
  const auto flat = make_profile("flat", setup);
  const auto forward = [](std::int64_t k) { return kBegin + k; };
  const auto anywhere = [](std::int64_t k) {
    return kBegin + static_cast<std::int64_t>(chance_of(1, 1, k) % 31'536'000);
  };
  std::printf("flat, second by second            %8.0f ns a call\n", nanoseconds_per_call(*flat, 1'000'000, forward));
  std::printf("house, second by second           %8.0f ns a call\n", nanoseconds_per_call(*plain, 1'000'000, forward));
  std::printf("house, battery, second by second  %8.0f ns a call\n",
              nanoseconds_per_call(*battery, 1'000'000, forward));
  std::printf("house, battery, anywhere in a year %7.0f ns a call\n", nanoseconds_per_call(*battery, 2'000, anywhere));
}
