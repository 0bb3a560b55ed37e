// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_clock.hpp"

#include <fmt/format.h>

namespace mesura::dsmr_p1::twin {

std::string MeterClock::stamp(UtcSeconds utc) const {
  if (utc == kNever) return "632525252525W";
  const LocalTime t = local(utc);
  return fmt::format("{:02}{:02}{:02}{:02}{:02}{:02}{}", t.year % 100, t.month, t.day, t.hour, t.minute, t.second,
                     t.summer ? 'S' : 'W');
}

}  // namespace mesura::dsmr_p1::twin
