// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The wall clock inside the virtual P1 meter.
#pragma once

#include <limits>
#include <string>

#include "virtual_house/clock.hpp"

namespace mesura::dsmr_p1::twin {

using virtual_house::floor_to;
using virtual_house::kDaySeconds;
using virtual_house::kQuarterSeconds;
using virtual_house::LocalTime;
using virtual_house::UtcSeconds;

/// A stamp that was never set: month peaks before the first quarter, slots that never answered.
inline constexpr UtcSeconds kNever = std::numeric_limits<UtcSeconds>::min();

/// Local time as the meter prints it.
class MeterClock : public virtual_house::LocalClock {
 public:
  using LocalClock::LocalClock;

  /// `YYMMDDhhmmssX` with X = S or W; kNever gives the null stamp `632525252525W`.
  [[nodiscard]] std::string stamp(UtcSeconds utc) const;
  /// The same without the suffix, as DSMR 2.2 writes it.
  [[nodiscard]] std::string stamp_without_suffix(UtcSeconds utc) const { return stamp(utc).substr(0, 12); }
};

}  // namespace mesura::dsmr_p1::twin
