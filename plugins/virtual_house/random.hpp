// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Chance in virtual devices: the same on every machine and standard library, so that a seed means the same bytes.
#pragma once

#include <cstdint>

namespace mesura::virtual_house {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
constexpr std::uint64_t scramble(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// A number that belongs to (seed, what, which): chance without state, so that a moment in the house does not depend on
/// how the meter got there.
constexpr std::uint64_t chance_of(std::uint64_t seed, std::uint64_t what, std::int64_t which) {
  return scramble(scramble(seed ^ (what << 56)) + static_cast<std::uint64_t>(which));
}

/// Smooth noise in [-1000, 1000]: straight lines between random values `period` seconds apart.
constexpr std::int64_t wander(std::uint64_t seed, std::uint64_t what, std::int64_t t, std::int64_t period) {
  const std::int64_t slot = t >= 0 ? t / period : (t - period + 1) / period;
  const std::int64_t in = t - slot * period;
  const auto a = static_cast<std::int64_t>(chance_of(seed, what, slot) % 2001) - 1000;
  const auto b = static_cast<std::int64_t>(chance_of(seed, what, slot + 1) % 2001) - 1000;
  return a + (b - a) * in / period;
}

/// A sequence of random numbers.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() { return scramble(state_++); }
  /// 0 .. n-1; n > 0. The bias of the remainder (below 1e-12 for our n) does not matter here.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool happens(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace mesura::virtual_house
