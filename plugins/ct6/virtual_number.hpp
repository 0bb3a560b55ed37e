// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers as MicroPython prints and reads them on the Pico: 32-bit floats, seven significant digits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::ct6::twin {

/// Appends `value` as `json.dumps` writes a float: rounded to 32 bits, seven digits, always with a dot or an exponent
/// ("31.0", "1900.278", "1e+07", "nan", "inf").
/// out     what a reader of the digits gets, NaN if they are no number of JSON
double append_float(std::string& out, double value);

void append_integer(std::string& out, std::int64_t value);

/// What `float(text)` makes of a text, or nothing where it raises ValueError. "nan" and "inf" are floats.
std::optional<float> parse_python_float(std::string_view text);

}  // namespace mesura::ct6::twin
