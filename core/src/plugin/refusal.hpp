// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mesura::plugin {

/// Why something is not taken as a plugin.
struct Refusal {
  std::string code;    ///< stable, kebab-case: "plg-abi"
  std::string reason;  ///< expected and got, in one sentence without a full stop; foreign text is quoted
  std::string remedy;  ///< what its user or its author can do
};

}  // namespace mesura::plugin
