// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command/command.hpp"

#include <optional>
#include <string_view>

namespace mesura::command {

/// Of its word.
[[nodiscard]] std::optional<Status> status_from(std::string_view word);

/// What append_result (describe.hpp) wrote; nothing: it is none.
[[nodiscard]] std::optional<Result> read_result(std::string_view json);

}  // namespace mesura::command
