// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "doctor/doctor.hpp"
#include "doctor/finding.hpp"

#include <vector>

namespace mesura::doctor {

/// Runs devices as they are configured, all at once, until each has said something that its plugin understands. A
/// serial device that stays silent is tried with other rates and plugins. Their ports must be free.
void try_devices(const std::vector<config::DeviceConfig>& devices, const Subject& subject, const Options& options,
                 Findings& out);

}  // namespace mesura::doctor
