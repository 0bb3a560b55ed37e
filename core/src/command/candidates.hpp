// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/plugin_schema.hpp"

#include <string>
#include <vector>

namespace mesura::command {

/// A word that may stand next on a command line.
struct Candidate {
  std::string text;  ///< "set_float_voltage", "solar", "--voltage"
  std::string help;
};

/// For the completion of shells: what may follow `words`, the command and its arguments so far, all of them complete.
/// No words: the commands. Paths are the shell's own to know.
[[nodiscard]] std::vector<Candidate> candidates(const config::PluginSchema& schema,
                                                const std::vector<std::string>& words);

}  // namespace mesura::command
