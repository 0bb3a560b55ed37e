// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual inverter's state as its keeper sees and changes it while it runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtual_machine.hpp"

namespace mesura::axpert::twin {

struct Counters {
  std::uint64_t requests = 0;         ///< frames, bare CRs and overflows
  std::uint64_t replies = 0;          ///< sent in full, NAKs included
  std::uint64_t naks = 0;             ///< of these
  std::uint64_t bad_crc = 0;          ///< requests whose checksum did not fit
  std::uint64_t unknown = 0;          ///< requests that the model does not know
  std::uint64_t setters = 0;          ///< accepted
  std::uint64_t overflows = 0;        ///< request buffer full
  std::uint64_t faults = 0;           ///< injected
  std::uint64_t lost_input = 0;       ///< bytes that came while a reply was sent and found no room
  std::uint64_t refused_by_host = 0;  ///< pieces that the link did not take
  std::string last_request;           ///< without its checksum
  std::string last_reply;             ///< without its checksum
};

/// {"model":"pi30","serials":[...],"mode":"B","settings":{...},"live":{...},"energy":{...},"counters":{...}}
[[nodiscard]] std::string state_json(const Machine& machine, const Counters& counters);

/// Changes what `name` names in state_json's words; an empty text: done, else what is wrong.
[[nodiscard]] std::string set_state(Machine& machine, std::string_view name, std::string_view value);

/// `text` in quotes, fit for JSON; bytes beyond ASCII by their number.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace mesura::axpert::twin
