// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::runtime {

/// Decimals of the second in a time text; what is finer is cut off, not rounded.
enum class Precision { seconds = 0, milliseconds = 3, microseconds = 6, nanoseconds = 9 };

/// RFC 3339 in UTC: "2026-06-14T12:45:01.000Z". Any int64 works (1677 to 2262).
[[nodiscard]] std::string format_time(std::int64_t time_ns, Precision precision = Precision::milliseconds);
void append_time(std::string& out, std::int64_t time_ns, Precision precision = Precision::milliseconds);

/// Reads RFC 3339: date, 'T' (or 't', ' '), time, up to any number of decimals (nine count), 'Z' or a numeric offset.
/// A leap second is read as the second after it. nullopt for anything else, and beyond 1678..2261.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace mesura::runtime
