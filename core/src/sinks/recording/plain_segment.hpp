// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/recording/segment.hpp"

#include <sys/uio.h>

#include <memory>
#include <vector>

namespace mesura::sinks::recording {

/// Rows as they come: `grid_2026_06_14__12_00_00.f32` and `.json`. A rollback leaves it as it was.
class PlainSegment final : public Segment {
 public:
  /// Makes the file, under a name that is not taken. `range.begin` is its first row.
  PlainSegment(const std::filesystem::path& directory, const Stem& stem, std::shared_ptr<const WaveformStream> stream,
               Cuts::Range range, Fill fill);

  void append(std::span<const float> samples) override;
  void lose(std::uint64_t rows) override;
  void finish() override { finishing_ = true; }

  void note() override;
  void write() override;
  void sync() override;
  void conclude() override;
  void settle() override;
  void rollback() override;
  void remove() noexcept override;

  [[nodiscard]] bool still_there() const override;
  [[nodiscard]] std::uint64_t end() const override { return range_.end; }
  [[nodiscard]] const std::filesystem::path& path() const override { return names_.data; }

 private:
  [[nodiscard]] std::uint64_t row_bytes() const { return stream_->channels() * sizeof(float); }
  void describe(Ending ending, std::uint64_t rows, bool durable) const;

  std::shared_ptr<const WaveformStream> stream_;
  Cuts::Range range_;
  Fill fill_;
  FileNames names_;
  runtime::UniqueFd fd_;
  bool committed_ = false;  // once
  bool finishing_ = false;
  std::uint64_t rows_ = 0;  // in the file
  std::vector<Gap> gaps_;
  std::uint64_t new_rows_ = 0;  // since the last settle()
  std::size_t old_gaps_ = 0;    // at the last settle()
  std::vector<iovec> pending_;
};

}  // namespace mesura::sinks::recording
