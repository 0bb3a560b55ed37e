// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6's options (virtual_schema.yaml) as types.
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string>

#include "virtual_faults.hpp"
#include "virtual_machine.hpp"

namespace mesura::ct6::twin {

struct UnitSettings {
  MachineSetup machine;
  std::int64_t interval_ns = 0;  ///< between answers in a file
  std::uint64_t answers = 0;     ///< in a file; 0: without end
  std::int64_t http_latency_ns = 0;
  bool to_file = false;
  bool has_broker = false;  ///< the broker link is configured from outside
};

/// errors  std::invalid_argument: option, what was expected, what was got
[[nodiscard]] UnitSettings read_settings(const SessionInfo& info);
void read_faults(const Options& options, Faults& faults);

}  // namespace mesura::ct6::twin
