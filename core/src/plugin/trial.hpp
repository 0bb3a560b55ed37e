// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/refusal.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

namespace mesura::plugin {

/// Opens a plugin in a child process first, and says how that ended if not well.
///
/// No exception handler helps against a static initialiser that throws (dlopen ends the process), crashes, exits or
/// never returns. What the library refuses politely is not reported: open_library will say the same.
/// errors  plg-crash, plg-hang; std::system_error if the child can't be made
/// cost    one fork and one dlopen, 1-2 ms; at most `patience`
/// thread  forks: call it before other threads are busy loading libraries themselves
std::optional<Refusal> try_in_child(const std::filesystem::path& file,
                                    std::chrono::milliseconds patience = std::chrono::seconds{10});

}  // namespace mesura::plugin
