// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"

#include <string>

namespace mesura::config {

/// The sections `derived`, `alerts` and `notify`.
[[nodiscard]] Schema derived_schema();
[[nodiscard]] Schema alerts_schema();
[[nodiscard]] Schema notify_schema();

/// What their schemas cannot see: names that refer to nothing, units, limits that are none.
void check_alerts(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out);

}  // namespace mesura::config
