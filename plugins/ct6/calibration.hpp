// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What calibration and factory.cfg have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "command_list.hpp"

namespace mesura::ct6 {

/// Loads the registers of the configuration into the chips.
inline constexpr std::string_view kInitRequest = "/init_atm90e32_devs";

/// What the unit held before anything was touched.
struct Kept {
  Configuration machine;
  std::optional<Configuration> factory;
  Wishes registers;  ///< the keys of factory.cfg as they were in the machine's configuration
};

Task<Kept> keep(CommandRun& run);
/// Its factory.cfg as JSON, or null.
[[nodiscard]] std::string factory_json(const Kept& kept);

}  // namespace mesura::ct6
