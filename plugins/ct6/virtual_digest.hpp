// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mesura::ct6::twin {

/// SHA-256 in lower-case hexadecimal digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// Lower-case hexadecimal digits of a text's bytes.
[[nodiscard]] std::string hex_of(std::string_view bytes);

}  // namespace mesura::ct6::twin
