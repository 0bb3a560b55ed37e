// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The HTTP interface of the reference P1 monitor, so that its web page and scripts go on with Mesura.
#pragma once

#include "http/compat/context.hpp"

#include <vector>

namespace mesura::http::compat {

/// /current/quarter, /current/month/peak, /meter/..., /watt, /historic/..., /crashlog.txt, /description.xml, /update.
///
/// source  dsmr_p1 sheet, sections 11.4 and 12. What is empty there has the shape that does not break its page; lists
///         are sorted by time.
[[nodiscard]] std::vector<Route> p1_monitor_routes(const Context& context);

}  // namespace mesura::http::compat
