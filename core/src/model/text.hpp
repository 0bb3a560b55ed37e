// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers, times and strings as text. All append to `out`; after it has grown nothing is allocated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::model {

/// Appends `value` rounded to at most `decimals` (0..9), in its shortest form: 1843.27, 230, -0.5; never "-0" or
/// "230.0". Beyond 9e15 in units of the last decimal the shortest text that reads back equal. NaN and infinities give
/// "nan", "inf",
/// "-inf".
void append_number(std::string& out, double value, int decimals);

/// Appends UTC as 2026-06-14T12:45:01.000Z: milliseconds, or 6 or 9 digits if the time has finer ones.
/// time_ns: ns since 1970-01-01T00:00:00Z, any value (1677 to 2262).
void append_utc(std::string& out, std::int64_t time_ns);

/// Appends `text` as a JSON string with its quotes. The result is valid JSON for any bytes: what is not UTF-8 becomes
/// U+FFFD, byte by byte.
void append_json_string(std::string& out, std::string_view text);

/// What a terminal may be shown: control characters from the wire as \x0a.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace mesura::model
