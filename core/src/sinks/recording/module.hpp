// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/recording/matroska/module.h"

#include <filesystem>

namespace mesura::sinks::recording {

/// The module that writes Matroska, loaded at the first call and kept. Looked for in $MESURA_MODULE_PATH (one
/// directory), else in lib/mesura/modules of the tree in whose bin the program lies, else of the prefix for which
/// Mesura was built. Throws SinkError, with the package to install; a later call looks again. Any thread.
[[nodiscard]] const mesura_matroska_module& matroska_module();

}  // namespace mesura::sinks::recording
