// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/log.hpp"
#include "sinks/recording/layout.hpp"
#include "sinks/recording/matroska/module.h"
#include "sinks/recording/segment.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace mesura::sinks::recording {

struct Compression {
  int level = 0;       ///< 0 fast .. 8 small
  bool verify = true;  ///< each frame is read back before it counts
};

/// Rows as WavPack in Matroska: `grid_2026_06_14__12_00_00.mkv` and `.json`; `.mkv.part` while rows are added.
///
/// Each write ends a frame and a cluster, so that what was synced can be read without the rest. What is encoded can't
/// be taken back: a rollback keeps it, skips the same rows when they come again, and writes it then.
class MatroskaSegment final : public Segment {
 public:
  /// Makes the file, under a name that is not taken. `range.begin` is its first row.
  MatroskaSegment(const mesura_matroska_module& module, const std::filesystem::path& directory, const Stem& stem,
                  std::shared_ptr<const WaveformStream> stream, Cuts::Range range, Fill fill, Streams streams,
                  Compression compression);
  ~MatroskaSegment() override;

  void append(std::span<const float> samples) override;
  void lose(std::uint64_t rows) override;
  void finish() override { finishing_ = true; }

  [[nodiscard]] std::size_t frames() const override { return frames_.size(); }
  void encode(std::size_t frame) override;
  void note() override;
  void write() override;
  void sync() override;
  void conclude() override;
  void settle() override;
  void rollback() override;
  void remove() noexcept override;

  [[nodiscard]] bool still_there() const override;
  [[nodiscard]] bool usable() const override { return !broken_; }
  [[nodiscard]] std::uint64_t end() const override { return sealed_ ? muxed_.run_row : range_.end; }
  [[nodiscard]] std::uint64_t written() const override { return muxed_.run_row; }
  [[nodiscard]] const std::filesystem::path& path() const override { return names_.data; }

 private:
  /// Rows as they came, or of fill.
  struct Piece {
    const float* samples;  // null: fill
    std::uint64_t rows;
  };
  struct Packet {
    std::uint32_t rows;
    std::vector<std::uint8_t> bytes;
  };
  struct Frame {
    std::uint64_t row;  // in the file's time
    std::uint64_t rows = 0;
    std::vector<Piece> pieces;
    std::vector<std::vector<Packet>> packets;  // per track
  };
  struct Position {
    std::uint64_t run_row = 0;  // the one that should come
    std::uint64_t rows = 0;     // in the file
    std::size_t gaps = 0;
  };
  struct CloseEncoder {
    const mesura_matroska_module* module;
    void operator()(mesura_wavpack* encoder) const { module->encoder_close(encoder); }
  };
  using Encoder = std::unique_ptr<mesura_wavpack, CloseEncoder>;
  using Encoders = std::vector<Encoder>;  // per track
  struct Patch {
    std::uint64_t offset;
    std::vector<std::uint8_t> bytes;
  };

  [[nodiscard]] std::uint64_t rate_hz() const;
  void add(Piece piece);
  Encoders take_encoders();
  void gather(const Frame& frame, const Track& track, float* const* planes) const;
  void open_file();
  void mux();
  void check(int done, const mesura_matroska_error& error);
  void take_output(std::uint64_t offset, std::span<const std::uint8_t> bytes);
  void describe(Ending ending, std::uint64_t rows, bool durable) const;

  const mesura_matroska_module& module_;
  std::shared_ptr<const WaveformStream> stream_;
  Cuts::Range range_;
  Fill fill_;
  Compression compression_;
  std::vector<Track> tracks_;
  std::uint64_t frame_rows_;
  FileNames names_;
  runtime::UniqueFd fd_;
  mesura_matroska* file_ = nullptr;

  std::mutex encoders_mutex_;
  std::vector<Encoders> idle_encoders_;

  std::vector<Gap> gaps_;
  std::vector<Frame> frames_;  // planned, not muxed
  bool frame_open_ = false;    // the last frame takes more rows
  Position planned_;
  Position muxed_;                   // encoded, in the file or in fresh_
  Position durable_;                 // in the file
  std::uint64_t settled_row_;        // planned_.run_row at the last settle()
  std::vector<std::uint8_t> fresh_;  // what follows the file's durable bytes
  std::vector<Patch> patches_;       // what replaces some of them, at the end
  std::uint64_t durable_bytes_ = 0;
  bool committed_ = false;  // once
  bool finishing_ = false;
  bool sealed_ = false;  // the index is in fresh_ or in the file
  bool renamed_ = false;
  bool broken_ = false;
};

}  // namespace mesura::sinks::recording
