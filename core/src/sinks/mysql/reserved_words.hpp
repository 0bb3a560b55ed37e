// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace mesura::sinks::mysql {

/// Whether MariaDB 10.11 or MySQL 8.4 take the word for their own where it is not quoted. In lower case.
[[nodiscard]] bool is_reserved(std::string_view word);

}  // namespace mesura::sinks::mysql
