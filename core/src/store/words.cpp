// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The words by which people and programs call what the store knows.
#include <mesura/store.hpp>

#include <array>

namespace mesura::store {

namespace {

constexpr std::array<std::string_view, 5> kResolutions{"raw", "1m", "15m", "1h", "1d"};
constexpr std::array<std::string_view, 3> kEnergyOrigins{"meter", "integrated", "power"};
constexpr std::array<std::string_view, 3> kDemandOrigins{"registers", "meter", "power"};
constexpr std::array<std::string_view, 7> kPeriods{"whole", "15m", "1h", "day", "week", "month", "year"};

}  // namespace

std::string_view to_string(Resolution resolution) { return kResolutions[static_cast<std::size_t>(resolution)]; }
std::string_view to_string(EnergyOrigin origin) { return kEnergyOrigins[static_cast<std::size_t>(origin)]; }
std::string_view to_string(DemandOrigin origin) { return kDemandOrigins[static_cast<std::size_t>(origin)]; }
std::string_view to_string(Period period) { return kPeriods[static_cast<std::size_t>(period)]; }

std::optional<Period> period_from(std::string_view word) {
  for (std::size_t i = 0; i < kPeriods.size(); ++i)
    if (kPeriods[i] == word) return static_cast<Period>(i);
  return std::nullopt;
}

}  // namespace mesura::store
