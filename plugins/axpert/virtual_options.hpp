// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual inverter's options (virtual_schema.yaml) as types.
#pragma once

#include <mesura/plugin.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "virtual_faults.hpp"
#include "virtual_frame.hpp"
#include "virtual_machine.hpp"

namespace mesura::axpert::twin {

enum class UnknownAnswer { nak, echo, silence };
enum class Overlap { queue, contaminate, abort };

struct Behaviour {
  std::chrono::nanoseconds latency_min{0};
  std::chrono::nanoseconds latency_max{0};
  std::chrono::nanoseconds report_interval{0};
  std::chrono::nanoseconds slow_by{0};
  std::chrono::nanoseconds busy_for{0};
  bool realtime = false;
  bool lenient_crc = false;
  CrcStyle crc = CrcStyle::esc3;  ///< of replies
  UnknownAnswer unknown = UnknownAnswer::nak;
  Overlap overlap = Overlap::queue;
  std::string file_command;
  std::chrono::nanoseconds file_interval{0};
  std::uint64_t file_replies = 0;  ///< 0: without end
  std::array<double, kFaultKinds> fault_rates{};
  std::uint64_t seed = 1;
};

/// errors  std::invalid_argument: option, what was expected, what was got
[[nodiscard]] MachineSetup read_machine(const SessionInfo& info);
[[nodiscard]] Behaviour read_behaviour(const SessionInfo& info);
/// The start state that needs the machine: priorities, the grid, the days before.
void prepare(Machine& machine, const SessionInfo& info);

}  // namespace mesura::axpert::twin
