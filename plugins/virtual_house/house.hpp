// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The house that all virtual devices stand in: what it draws, what its panels give, what its battery does.
//
// Include as "virtual_house/house.hpp", link `virtual_house` (its include directory is plugins/).
//
// A function of seed and instant alone, in integers throughout: the same house on every machine, whichever meter looks
// at it and however it got to that instant.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mesura::virtual_house {

inline constexpr std::size_t kPhases = 3;
using PerPhase = std::array<std::int64_t, kPhases>;  ///< l1, l2, l3; a single-phase house uses the first

/// One second in the house.
struct Instant {
  PerPhase load_mw{};                 ///< drawn by the loads, >= 0 in the house itself
  PerPhase load_mvar{};               ///< reactive, plus = inductive
  PerPhase pv_mw{};                   ///< given by the panels, >= 0
  std::int64_t battery_mw = 0;        ///< plus = charging; on l1
  std::int64_t battery_permille = 0;  ///< state of charge
  PerPhase voltage_mv{230'000, 230'000, 230'000};
  std::int64_t frequency_mhz = 50'000;

  /// What the meter at the door sees: plus = import.
  [[nodiscard]] std::int64_t grid_mw(std::size_t phase) const {
    return load_mw[phase] - pv_mw[phase] + (phase == 0 ? battery_mw : 0);
  }
};

/// thread  one caller at a time (it remembers the day it was asked about)
class Profile {
 public:
  virtual ~Profile() = default;
  /// What holds from `utc_seconds` for one second; a function of it alone.
  [[nodiscard]] virtual Instant at(std::int64_t utc_seconds) const = 0;
};

struct Setup {
  int phases = 1;             ///< 1 or 3
  std::int64_t start = 0;     ///< UTC seconds: second 0 of csv and count, in the first quarter of quarter
  std::int64_t interval = 1;  ///< s per step of count
  std::uint64_t seed = 1;
  std::int64_t pv_watts = 0;             ///< peak power of the panels, for house and lab
  std::int64_t battery_wh = 0;           ///< capacity, for house; 0: none
  std::string zone = "Europe/Brussels";  ///< the house's local time
};

/// Makes the profile that `spec` names:
///   house              a day in a house: base load, fridge, kettle, washing, cooking, light, panels, battery
///   lab                balanced phases with a power factor of 0.9, each 1000, 1500, 1000, 500 W for a minute, counted
///   from
///                      `start`; nominal voltage and frequency; the panels always give `pv_watts`
///   flat               500 W
///   count              k mod 10000 W during step k: for bit-exact checks
///   constant:W
///   csv:FILE           lines `second,W` or `second,W,W,W`, each holding until the next
///   quarter:W,W,...    one per quarter hour, repeated
/// A single number of watts in a three-phase house is spread over the phases.
///
/// errors  std::invalid_argument, naming option, file and line, what was expected and what was got
[[nodiscard]] std::unique_ptr<Profile> make_profile(std::string_view spec, const Setup& setup);

/// The words of make_profile, for the help of options.
inline constexpr std::string_view kProfileHelp =
    "house | lab | flat (500 W) | count (step k shows k mod 10000 W) | constant:WATTS | csv:FILE | quarter:WATTS,...";

}  // namespace mesura::virtual_house
