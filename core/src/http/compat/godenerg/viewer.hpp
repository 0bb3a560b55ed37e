// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace mesura::http::compat::godenerg {

/// A page that shows panels, battery and house, and asks /cmds each second. It loads nothing else.
[[nodiscard]] std::string_view viewer_page();

}  // namespace mesura::http::compat::godenerg
