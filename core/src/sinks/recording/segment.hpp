// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "runtime/unique_fd.hpp"
#include "sinks/recording/cuts.hpp"
#include "sinks/recording/sidecar.hpp"

#include <sys/uio.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mesura::sinks::recording {

/// One file of rows with its description: `grid_2026_06_14__12_00_00.f32` and `.json`.
///
/// Rows and gaps are only noted by append() and lose(); then note(), write(), sync() and conclude() bring them to the
/// disk, in this order, or rollback() forgets them. What is read after a crash is right at every moment: gaps are
/// described before the rows behind them are written. All methods throw SinkError.
class Segment {
 public:
  /// Makes the file, under a name that is not taken. `range.begin` is its first row.
  Segment(const std::filesystem::path& directory, const std::string& stem, std::shared_ptr<const WaveformStream> stream,
          Cuts::Range range, Fill fill);

  /// Rows that follow; the samples must stay where they are until write().
  void append(std::span<const float> samples);
  /// Rows that are missing here.
  void lose(std::uint64_t rows);
  /// No more rows: conclude() closes the file's description.
  void finish() { finishing_ = true; }

  void note();
  void write();
  void sync();
  void conclude();
  /// After conclude() of all files of a write(): it can't be taken back any more.
  void settle();
  void rollback();
  /// Takes the files away again.
  void remove() noexcept;

  /// False when somebody has deleted the file.
  [[nodiscard]] bool still_there() const;
  [[nodiscard]] std::uint64_t end() const { return range_.end; }
  [[nodiscard]] const std::filesystem::path& path() const { return data_; }

 private:
  [[nodiscard]] std::uint64_t row_bytes() const { return stream_->channels() * sizeof(float); }
  void describe(Ending ending, std::uint64_t rows, bool durable) const;

  std::shared_ptr<const WaveformStream> stream_;
  Cuts::Range range_;
  Fill fill_;
  std::filesystem::path data_;
  std::filesystem::path sidecar_;
  runtime::UniqueFd fd_;
  bool committed_ = false;  // once
  bool finishing_ = false;
  std::uint64_t rows_ = 0;  // in the file
  std::vector<Gap> gaps_;
  std::uint64_t new_rows_ = 0;  // since the last settle()
  std::size_t old_gaps_ = 0;    // at the last settle()
  std::vector<iovec> pending_;
};

/// How many bytes of fill stand in one file at a place, at most: beyond that a new file begins.
inline constexpr std::uint64_t kMostFillBytes = 256U << 20U;

}  // namespace mesura::sinks::recording
