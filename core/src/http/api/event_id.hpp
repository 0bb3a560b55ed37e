// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::http::api {

/// "3f2a1b-1234": the number alone would mean something else after a restart.
[[nodiscard]] std::string event_id(std::uint64_t boot, std::uint64_t number);

struct EventId {
  std::uint64_t boot = 0;
  std::uint64_t number = 0;
};
[[nodiscard]] std::optional<EventId> parse_event_id(std::string_view text);

}  // namespace mesura::http::api
