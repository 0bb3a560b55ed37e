// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The description beside each file of rows. The README of this folder has an example.
#pragma once

#include <mesura/measurement.hpp>

#include "sinks/recording/layout.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::recording {

/// What stands in the place of lost rows.
enum class Fill : std::uint8_t {
  none,  ///< nothing: the next row follows, `gaps` tells where
  nan,
  zero
};
[[nodiscard]] std::string_view to_string(Fill fill);

/// Rows that are missing before row `row` of the file (counted in the file); filled ones stand from there on.
struct Gap {
  std::uint64_t row;
  std::uint64_t missing;
};

enum class Ending : std::uint8_t {
  open,        ///< being written
  complete,    ///< cut, or the run ended
  interrupted  ///< the program died; found and closed by a later one
};

/// A file's description as JSON, one member a line. `tracks`: of a Matroska file.
[[nodiscard]] std::string sidecar_text(const WaveformStream& stream, const std::string& file, std::uint64_t first_row,
                                       Fill fill, std::uint64_t rows, const std::vector<Gap>& gaps, Ending ending,
                                       const std::vector<Track>* tracks = nullptr);

/// The same description closed after its program died: `file_bytes` tells the rows. nullopt when the text is not an
/// open description of ours.
struct Repaired {
  std::string text;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  ///< of whole rows
};
[[nodiscard]] std::optional<Repaired> close_interrupted(std::string_view sidecar, std::uint64_t file_bytes);
/// The same for a file in which `rows` have been counted.
[[nodiscard]] std::optional<Repaired> close_interrupted_rows(std::string_view sidecar, std::uint64_t rows);

/// The rows of which an open description is certain. nullopt when it is none of ours, or not open.
[[nodiscard]] std::optional<std::uint64_t> open_rows(std::string_view sidecar);

/// A run by what doesn't depend on this process: its start, period and channels.
[[nodiscard]] std::string run_key(const WaveformStream& stream);
/// How far a described file has got in its run. nullopt when the text is not a description of ours.
struct RunEnd {
  std::string key;
  std::uint64_t row = 0;  ///< the one that follows the file
};
[[nodiscard]] std::optional<RunEnd> run_end(std::string_view sidecar);

/// What a description says.
struct Description {
  std::string device;
  std::string file;  ///< its name when it is finished
  std::vector<std::string> names;
  std::vector<std::string> units;
  std::vector<std::vector<std::string>> streams;  ///< of a Matroska file: the names of each stream's channels
  std::int64_t start_ns = 0;
  double period_ns = 0;
  Fill fill = Fill::none;
  std::uint64_t rows = 0;
  std::vector<Gap> gaps;
  bool finished = false;
};
/// nullopt when the text is not a description of ours.
[[nodiscard]] std::optional<Description> describe(std::string_view sidecar);

}  // namespace mesura::sinks::recording
