// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/refusal.hpp"

#include <filesystem>
#include <optional>

namespace mesura::plugin {

/// Says why `file` can't be a library of this machine, from its headers alone; nothing of it is run.
///
/// dlopen would answer most of this with less, and one thing with a crash: it maps what the headers promise, and the
/// missing end of a file that was copied halfway is a SIGBUS.
/// errors  plg-unreadable, plg-not-a-library, plg-machine, plg-truncated
std::optional<Refusal> check_elf(const std::filesystem::path& file);

}  // namespace mesura::plugin
