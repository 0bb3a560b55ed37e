// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Chance in the virtual CT6: the same on every machine, so that a seed means the same unit.
#pragma once

#include <cstdint>

namespace mesura::ct6::twin {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
constexpr std::uint64_t scramble(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

/// A number of its own for each (seed, what, which): chance without state.
constexpr std::uint64_t chance_of(std::uint64_t seed, std::uint64_t what, std::int64_t which) {
  return scramble(scramble(seed ^ (what << 56)) + static_cast<std::uint64_t>(which));
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(scramble(seed)) {}

  std::uint64_t next() { return scramble(state_++); }
  /// 0 .. n-1; n > 0.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool happens(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace mesura::ct6::twin
