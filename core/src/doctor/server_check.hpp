// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Brokers and databases that sinks write to, through the sinks' own clients.
#pragma once

#include "config/configuration.hpp"
#include "doctor/tasks.hpp"

#include <chrono>

namespace mesura::doctor {

/// Logs in where the sink would, changes nothing, and goes. Kinds without a far end add no task.
void check_server(const config::SinkConfig& sink, std::chrono::milliseconds patience, Tasks& tasks);

}  // namespace mesura::doctor
