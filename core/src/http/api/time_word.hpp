// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/zones.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::http::api {

/// What a time may be written as, for messages and documentation.
inline constexpr std::string_view kTimeWords =
    "RFC 3339 (2026-06-14T12:45:01Z), a date (2026-06-14), seconds since 1970, an offset from now (-5m) or now, today, "
    "yesterday, this_month, last_month, ...";

struct TimeWord {
  std::optional<std::int64_t> time_ns;
  std::string hint;  ///< when there is none
};

/// Reads a time; dates and words are of `zone`. A span ("today", "2026-06") means its end as `end`, else its beginning.
[[nodiscard]] TimeWord read_time(std::string_view text, bool end, std::int64_t now_ns, const model::Zone& zone);

}  // namespace mesura::http::api
