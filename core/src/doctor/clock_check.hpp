// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "doctor/finding.hpp"
#include "doctor/system.hpp"

namespace mesura::doctor {

/// Whether our clock can be trusted: synchronised, after this program was written, kept without power. `clock` is the
/// configuration's; by default, `sync: auto`.
void check_clock(const ClockFacts& facts, const config::ClockConfig& clock, Findings& out);

/// Whether the system knows zones of time, that of the configuration (or empty) among them.
void check_zones(const std::string& zone, Findings& out);

}  // namespace mesura::doctor
