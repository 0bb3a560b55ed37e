// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace mesura::pipeline {

/// Learns the usual interval of what comes again and again, and tells gaps from it.
class Cadence {
 public:
  enum class Step : std::uint8_t {
    first,    ///< nothing came before
    regular,  ///< within three times the usual interval
    gap,      ///< later than that, or nobody knows yet what is usual
    late,     ///< not after the last one: late or repeated; changes nothing
    reset     ///< far before the last one: the clock was set back, and counts from here
  };

  static constexpr std::int64_t kGapFactor = 3;

  Step next(std::int64_t at_ns) {
    if (!started_) {
      started_ = true;
      last_ns_ = at_ns;
      return Step::first;
    }
    const std::int64_t interval = at_ns - last_ns_;
    if (interval <= 0) {
      if (-interval <= kGapFactor * std::max(usual_ns_, kSecond)) return Step::late;
      last_ns_ = at_ns;
      return Step::reset;
    }
    last_ns_ = at_ns;
    return learn(interval) ? Step::regular : Step::gap;
  }

  /// 0: not known yet.
  [[nodiscard]] std::int64_t usual_ns() const { return usual_ns_; }
  /// What is older than that is no neighbour any more; 0: not known yet.
  [[nodiscard]] std::int64_t gap_ns() const { return kGapFactor * usual_ns_; }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;
  /// A first interval that is longer may as well be an outage: only a second one like it is usual.
  static constexpr std::int64_t kLongestFirst = 15 * 60 * kSecond;
  /// So many intervals of another make in a row are the new usual (the user has changed it).
  static constexpr int kNewUsual = 3;

  bool learn(std::int64_t interval) {
    const bool unknown = usual_ns_ == 0;
    const bool longer = !unknown && interval > kGapFactor * usual_ns_;
    const bool shorter = !unknown && interval < usual_ns_ / kGapFactor;
    if (unknown ? interval > kLongestFirst : (longer || shorter)) {
      const bool alike = odd_ns_ > 0 && interval <= kGapFactor * odd_ns_ && odd_ns_ <= kGapFactor * interval;
      odd_ = alike ? odd_ + 1 : 1;
      odd_ns_ = interval;
      if (odd_ < (unknown ? kNewUsual - 1 : kNewUsual)) return shorter;
      usual_ns_ = interval;
    } else {
      usual_ns_ += unknown ? interval : (interval - usual_ns_) / 8;
    }
    odd_ = 0;
    odd_ns_ = 0;
    return true;
  }

  bool started_ = false;
  std::int64_t last_ns_ = 0;
  std::int64_t usual_ns_ = 0;
  std::int64_t odd_ns_ = 0;
  int odd_ = 0;
};

}  // namespace mesura::pipeline
