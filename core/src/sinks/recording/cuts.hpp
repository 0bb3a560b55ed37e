// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>

namespace mesura::sinks::recording {

/// Where a run is cut into files: a function of its clock and of row numbers alone, so that a repeat finds the same
/// files.
struct Cuts {
  std::int64_t every_ns = 0;  ///< a file ends where the device's clock (UTC) passes a multiple of this; 0: never
  std::uint64_t rows = 0;     ///< a file has at most so many rows, lost ones counted; 0: any number

  struct Range {
    std::uint64_t begin;
    std::uint64_t end;  ///< not in it; UINT64_MAX: until the run ends
  };
  /// The rows of the file that `row` belongs to.
  [[nodiscard]] Range around(const WaveformStream& stream, std::uint64_t row) const;
};

}  // namespace mesura::sinks::recording
