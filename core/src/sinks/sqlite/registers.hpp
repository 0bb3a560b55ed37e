// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/register_value.hpp"

#include <filesystem>
#include <vector>

namespace mesura::sinks::sqlite {

/// Where the registers that the core integrates stood in the newest rows: they are columns like all others, so they
/// were committed together with the powers they come from. Empty for a file that is not there, not ours, or cannot be
/// read.
[[nodiscard]] std::vector<model::RegisterValue> integrated_registers(const std::filesystem::path& path);

}  // namespace mesura::sinks::sqlite
