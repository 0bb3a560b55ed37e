// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/refusal.hpp"

#include <mesura/plugin_abi.h>

#include <filesystem>
#include <variant>

namespace mesura::plugin {

/// Opens a plugin's library, everything resolved at once and nothing of it visible to others, and asks it for its
/// descriptor, which is not checked here. The library stays open until the process ends: threads, atexit handlers and
/// exceptions in flight may point into it.
/// errors  plg-symbol, plg-dependency, plg-load, plg-no-query, plg-query-failed, plg-query-threw
std::variant<const mesura_plugin*, Refusal> open_library(const std::filesystem::path& file);

}  // namespace mesura::plugin
