// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading recordings back: plain files here, Matroska through the module.
#pragma once

#include "sinks/recording/sidecar.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mesura::sinks::recording {

/// One file of a recording.
struct RecordedFile {
  std::filesystem::path data;
  Description about;
  std::uint64_t rows = 0;  ///< in the file; of an unfinished Matroska file those that are certain

  /// The time of a row by its number, lost rows counted.
  [[nodiscard]] std::int64_t time_ns(std::uint64_t number) const {
    return about.start_ns + static_cast<std::int64_t>(static_cast<double>(number) * about.period_ns);
  }
  /// Rows in the file and those lost between and behind them.
  [[nodiscard]] std::uint64_t numbers() const;
};

/// The files of a device that have rows in [from_ns, to_ns), by time. Throws SinkError.
[[nodiscard]] std::vector<RecordedFile> recorded_files(const std::filesystem::path& directory,
                                                       const std::string& device, std::int64_t from_ns,
                                                       std::int64_t to_ns);

/// The file that a description (".json") stands for; nothing when it is none of ours, or its data are gone. Throws
/// SinkError.
[[nodiscard]] std::optional<RecordedFile> recorded_file(const std::filesystem::path& description);

/// Rows without a gap between them.
struct RecordedRows {
  std::uint64_t first_number = 0;  ///< of the file's numbers, lost rows counted
  std::uint64_t rows = 0;
  std::span<const float> samples;  ///< rows * channels, interleaved
};
/// Calls `visit` for all rows of a file in [from_ns, to_ns), in order; false from it: enough (and the answer then).
/// Numbers that are left out are lost rows; where the file has fill in their place, they are left out as well.
/// Throws SinkError.
bool read_rows(const RecordedFile& file, std::int64_t from_ns, std::int64_t to_ns,
               const std::function<bool(const RecordedRows& rows)>& visit);

}  // namespace mesura::sinks::recording
