// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/event_id.hpp"

#include <fmt/format.h>

#include <charconv>

namespace mesura::http::api {

std::string event_id(std::uint64_t boot, std::uint64_t number) { return fmt::format("{:x}-{}", boot, number); }

std::optional<EventId> parse_event_id(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  EventId id;
  const char* const middle = text.data() + dash;
  const char* const end = text.data() + text.size();
  const auto boot = std::from_chars(text.data(), middle, id.boot, 16);
  const auto number = std::from_chars(middle + 1, end, id.number);
  if (boot.ec != std::errc{} || boot.ptr != middle || number.ec != std::errc{} || number.ptr != end)
    return std::nullopt;
  return id;
}

}  // namespace mesura::http::api
