// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/importer.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"
#include "model/zones.hpp"

#include <filesystem>
#include <memory>

namespace mesura::importing {

/// ct6_app's file of one unit (<ASSY>.db), read a few thousand rows at a time, so that the old collector can go on
/// writing to it. `zone`: of the computer that the collector runs on. Throws ImportError: ct6-open, ct6-schema.
[[nodiscard]] std::unique_ptr<Importer> ct6_sqlite(const std::filesystem::path& file, Target& target, model::Zone zone,
                                                   Problems& problems);

}  // namespace mesura::importing
