// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::runtime {

Backoff::Nanoseconds Backoff::next() {
  // The ceiling holds with jitter too, and clients that have reached it still differ.
  const double ceiling = static_cast<double>(policy_.ceiling.count()) / (1.0 + policy_.jitter);
  const double grown = static_cast<double>(policy_.first.count()) * std::pow(policy_.factor, attempts_);
  if (grown < ceiling) ++attempts_;
  const double uniform = static_cast<double>(random_() >> 11) * 0x1p-53;  // [0, 1)
  const double scaled = std::min(grown, ceiling) * (1.0 + policy_.jitter * (2.0 * uniform - 1.0));
  return Nanoseconds{static_cast<std::int64_t>(scaled)};
}

}  // namespace mesura::runtime
