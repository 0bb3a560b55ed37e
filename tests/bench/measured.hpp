// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks of whole programs ask of the kernel about them.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace mesura::bench {

/// Processor time of a process so far, user and system.
[[nodiscard]] double cpu_seconds(pid_t pid);
[[nodiscard]] double resident_mb(pid_t pid);
/// Bytes that it has handed to write() so far.
[[nodiscard]] std::uint64_t bytes_written(pid_t pid);

}  // namespace mesura::bench
