// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace mesura::sinks::recording {

/// What is whole in a Matroska file of ours whose program died. Needs no libav.
struct MatroskaScan {
  std::uint64_t bytes = 0;    ///< up to the end of the last whole element
  std::uint64_t rows = 0;     ///< in whole clusters: of the first track
  std::uint64_t size_at = 0;  ///< offset of the segment's size field, 8 bytes; 0: there is no segment
  bool indexed = false;       ///< an index follows the clusters: the file had been finished
};
/// Reads the head of each cluster and frame; beyond the first `certain_rows` also the samples, to compare checksums.
/// Throws SinkError when the file can't be read.
[[nodiscard]] MatroskaScan scan_matroska(const std::filesystem::path& file, std::uint64_t certain_rows);

/// Cuts off what is torn, durably: the file is a valid one then. Throws SinkError.
MatroskaScan mend_matroska(const std::filesystem::path& file, std::uint64_t certain_rows);

}  // namespace mesura::sinks::recording
