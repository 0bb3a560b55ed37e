// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The HTTP commands of the virtual CT6 (sheet, section 4.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "virtual_http.hpp"
#include "virtual_machine.hpp"

namespace mesura::ct6::twin {

struct ApiReply {
  enum class After { nothing, reboot, power_cycle };

  std::optional<std::string> bytes;  ///< with its header; nothing: the handler threw, the connection just ends
  After after = After::nothing;
  std::int64_t busy_ns = 0;  ///< for which the device does nothing else before it replies
  bool live_stats = false;   ///< machine.truth() is what the reply carries
};

/// Does what the request says.
/// spoil   an upload arrives with other bytes than were sent
[[nodiscard]] ApiReply answer_request(Machine& machine, HttpRequest request, std::int64_t now_ns, bool spoil);

}  // namespace mesura::ct6::twin
