// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/refusal.hpp"

#include <mesura/plugin_abi.h>

#include <optional>
#include <string_view>

namespace mesura::plugin {

/// Says why this host can't use a descriptor or its virtual device: another ABI major, a struct shorter than minor 0
/// made it, a name that is none, a missing function. A newer minor is fine: what it appends is not looked at.
/// errors  plg-abi, plg-struct-size, plg-name, plg-function
std::optional<Refusal> check_descriptor(const mesura_plugin& plugin);

/// "axpert", "dsmr_p1": a lower-case letter, then lower-case letters, digits and single underscores; 64 at most.
bool is_plugin_name(std::string_view name);

}  // namespace mesura::plugin
