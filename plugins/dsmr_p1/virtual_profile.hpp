// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the house behind the virtual P1 meter draws.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "virtual_clock.hpp"

namespace mesura::dsmr_p1::twin {

inline constexpr std::size_t kPhases = 3;
using PerPhase = std::array<std::int64_t, kPhases>;  ///< l1, l2, l3; a single-phase meter uses the first

/// The load of one second, plus = import (active) and inductive (reactive).
struct Load {
  PerPhase power_mw{};
  PerPhase reactive_mvar{};
};

class LoadProfile {
 public:
  virtual ~LoadProfile() = default;
  /// The load that holds from `t` for one second; a function of `t` alone.
  [[nodiscard]] virtual Load at(UtcSeconds t) const = 0;
};

struct ProfileSetup {
  int phases = 1;             ///< 1 or 3
  UtcSeconds start = 0;       ///< second 0 of csv and count, in the first quarter of quarter
  std::int64_t interval = 1;  ///< s between telegrams, for count
  std::uint64_t seed = 1;
  std::int64_t pv_watts = 0;          ///< peak power of the panels, for house
  const MeterClock* clock = nullptr;  ///< the house's local time; must outlive the profile
};

/// Makes the profile that `spec` names: house, flat (500 W), count (k mod 10000 W during telegram k), constant:W,
/// csv:FILE
/// (`second,W` or `second,W,W,W` per line, each holding until the next) or quarter:W,W,... (one per quarter hour,
/// repeated). A single number of watts on a three-phase meter is spread over the phases.
///
/// errors  std::invalid_argument, naming option, file and line, what was expected and what was got
std::unique_ptr<LoadProfile> make_profile(std::string_view spec, const ProfileSetup& setup);

}  // namespace mesura::dsmr_p1::twin
