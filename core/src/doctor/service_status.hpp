// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "doctor/finding.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::doctor {

/// What a running service says of its devices and sinks, as findings. `json`: the answer to "status json". `devices`:
/// only of these, if any.
void judge_status(std::string_view json, const std::vector<std::string>& devices, Findings& out);

/// Asks the service of this state directory.
void check_service(const std::filesystem::path& state, const std::vector<std::string>& devices, Findings& out);

}  // namespace mesura::doctor
