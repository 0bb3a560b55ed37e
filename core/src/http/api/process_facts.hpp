// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mesura::http::api {

/// What the system knows of this process; 0 where it does not tell.
struct ProcessFacts {
  double cpu_s = 0;  ///< user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t most_files = 0;
  std::uint64_t threads = 0;
};
/// source  proc(5), getrusage(2)
[[nodiscard]] ProcessFacts process_facts();

}  // namespace mesura::http::api
