// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "doctor/finding.hpp"
#include "doctor/system.hpp"

#include <cstdint>

namespace mesura::doctor {

/// Descriptors that a configuration may come to need: devices, peers of fleets, clients, sinks.
[[nodiscard]] std::uint64_t descriptors_needed(const config::Configuration& configuration);

/// Whether the service may have them.
void check_descriptors(const DescriptorLimit& limit, const config::Configuration& configuration, Findings& out);

}  // namespace mesura::doctor
