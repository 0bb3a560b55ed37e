// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::doctor {

/// The section `devices` that configures what an address names, as YAML to be pasted:
///
///     devices:
///       grid:
///         plugin: dsmr_p1
///         transport: {serial: {path: /dev/ttyUSB0}}
///
/// `options` are the plugin's. Empty for an address that is none.
[[nodiscard]] std::string device_snippet(std::string_view name, std::string_view address,
                                         const config::Catalog& catalog,
                                         const std::vector<std::pair<std::string, std::string>>& options = {});

/// A text as a name of the configuration: small letters, digits and _.
[[nodiscard]] std::string as_name(std::string_view text);

}  // namespace mesura::doctor
