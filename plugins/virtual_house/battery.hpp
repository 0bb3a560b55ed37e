// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The battery in the virtual house.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "virtual_house/clock.hpp"

namespace mesura::virtual_house {

/// A battery that charges from what the panels give beyond the loads, covers the loads from 17:00 on, and gives what is
/// left to the grid between 02:00 and 06:00: every day begins at 06:00 with a tenth of its capacity. So a day needs no
/// other day, and the state is a function of the instant alone, without a jump.
///
/// It decides once a minute, at most half its capacity an hour, and stays within 10 and 100 %.
/// cost    one lookup; the first call in another day lives through that day minute by minute (0.3 ms)
/// thread  one caller at a time (the remembered day)
class Battery {
 public:
  struct State {
    std::int64_t power_mw = 0;  ///< plus = charging
    std::int64_t permille = 0;  ///< state of charge
  };

  /// `need_mw(t)`: what the house lacks at `t` without the battery, minus = surplus.
  using Need = std::function<std::int64_t(UtcSeconds)>;

  explicit Battery(std::int64_t capacity_wh) : capacity_mws_(capacity_wh * 3'600'000) {}
  [[nodiscard]] State at(UtcSeconds t, const LocalClock& clock, const Need& need_mw) const;

 private:
  struct Minute {
    std::int64_t stored_mws;  // at its beginning
    std::int64_t power_mw;    // during it
  };

  [[nodiscard]] bool known(UtcSeconds t) const { return t >= begin_ && t < end_; }
  void live_through(UtcSeconds t, const LocalClock& clock, const Need& need_mw) const;
  [[nodiscard]] std::int64_t decide(std::int64_t stored, std::int64_t second, std::int64_t need_mw) const;

  std::int64_t capacity_mws_;
  mutable UtcSeconds begin_ = 0;  // the day that is in minutes_
  mutable UtcSeconds end_ = 0;
  mutable std::vector<Minute> minutes_;
};

}  // namespace mesura::virtual_house
