// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"

#include <string>

namespace mesura::config {

/// What no single value can show: names that refer to nothing, two users of one thing, what has no effect. `root` is
/// what the reader made of the file; parts that it could not read are absent and passed over.
void check_configuration(const Value& root, const Catalog& catalog, const std::string& file, Diagnostics& out);

}  // namespace mesura::config
