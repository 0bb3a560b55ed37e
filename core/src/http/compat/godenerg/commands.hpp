// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/compat/context.hpp"

namespace mesura::http::compat::godenerg {

/// GET /cmds?cmd=status&cmd=operation_mode&merge=1: the latest values under godenerg's names. What is older than the
/// device's `stale_after` is {}.
[[nodiscard]] Response commands(const Context& context, const Request& request);

}  // namespace mesura::http::compat::godenerg
