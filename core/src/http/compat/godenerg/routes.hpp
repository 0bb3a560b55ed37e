// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The HTTP interface of godenerg, the Axpert logger, so that its clients go on with Mesura.
#pragma once

#include "http/compat/context.hpp"

#include <vector>

namespace mesura::http::compat {

/// /cmds, /graph and /viewer (two ports there, one here).
///
/// source  axpert sheet, section 15. Wrong requests get a 4xx that says what was expected.
[[nodiscard]] std::vector<Route> godenerg_routes(const Context& context);

}  // namespace mesura::http::compat
