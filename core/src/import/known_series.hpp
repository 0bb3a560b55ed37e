// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/target.hpp"

#include <filesystem>

namespace mesura::importing {

/// What the file of a sqlite sink says of its series; empty when it is not there, or no file of Mesura's.
[[nodiscard]] KnownSeriesMap known_series(const std::filesystem::path& file);

}  // namespace mesura::importing
