// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mesura::model {

/// Why a piece of foreign text was refused, in the words of our error messages. The caller knows where it stood.
struct Problem {
  std::string message;
  std::string expected;
  std::string got;
  std::string hint;
};

}  // namespace mesura::model
