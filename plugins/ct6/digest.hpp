// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mesura::ct6 {

/// SHA-256 in lower-case hexadecimal digits, as the unit compares it.
[[nodiscard]] std::string sha256_text(std::string_view bytes);

}  // namespace mesura::ct6
