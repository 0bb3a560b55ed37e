// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The hand on the virtual CT6: what tests and people ask of it and do to it while it runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtual_faults.hpp"
#include "virtual_machine.hpp"

namespace mesura::ct6::twin {

struct Counters {
  std::uint64_t ayt = 0;      ///< magic datagrams heard
  std::uint64_t foreign = 0;  ///< other datagrams
  std::uint64_t answers = 0;
  std::uint64_t http_requests = 0;
  std::uint64_t uploads = 0;
  std::uint64_t mqtt_messages = 0;
  std::uint64_t restarts = 0;
};

/// The unit's state as a JSON object.
[[nodiscard]] std::string describe(const Machine& machine, const Counters& counters, const Faults& faults,
                                   bool broker_open, std::int64_t now_ns);

/// Does what the command `set` says, except to its power.
/// out     empty, or why not
[[nodiscard]] std::string set_by_hand(Machine& machine, Faults& faults, std::string_view name, std::string_view value,
                                      std::int64_t now_ns);

}  // namespace mesura::ct6::twin
