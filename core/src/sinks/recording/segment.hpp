// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "runtime/unique_fd.hpp"
#include "sinks/recording/cuts.hpp"
#include "sinks/recording/sidecar.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mesura::sinks::recording {

/// One file of rows with its description beside it.
///
/// Rows and gaps are only noted by append() and lose(); then encode(), note(), write(), sync() and conclude() bring
/// them to the disk, in this order, and settle() ends the write; or rollback() forgets it, and the same rows come
/// again. What is read after a crash is right at every moment: gaps are described before the rows behind them are
/// written. All methods throw SinkError. One thread at a time, but for encode().
class Segment {
 public:
  Segment() = default;
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  virtual ~Segment() = default;

  /// Rows that follow; the samples must stay where they are until write().
  virtual void append(std::span<const float> samples) = 0;
  /// Rows that are missing here.
  virtual void lose(std::uint64_t rows) = 0;
  /// No more rows: conclude() closes the file.
  virtual void finish() = 0;

  /// How many pieces of work encode() has.
  [[nodiscard]] virtual std::size_t frames() const { return 0; }
  /// Each piece once, in any order, on any threads, at the same time.
  virtual void encode(std::size_t /*frame*/) {}

  virtual void note() = 0;
  virtual void write() = 0;
  virtual void sync() = 0;
  virtual void conclude() = 0;
  /// After conclude() of all files of a write(): it can't be taken back any more.
  virtual void settle() = 0;
  virtual void rollback() = 0;
  /// Takes the files away again.
  virtual void remove() noexcept = 0;

  /// False when somebody has deleted the file.
  [[nodiscard]] virtual bool still_there() const = 0;
  /// False when it can't be continued: a new one must.
  [[nodiscard]] virtual bool usable() const { return true; }
  /// The row of the run that belongs to the next file.
  [[nodiscard]] virtual std::uint64_t end() const = 0;
  /// Rows of the run before this one need not come again once the file is finished, whatever write() was answered.
  [[nodiscard]] virtual std::uint64_t written() const { return 0; }
  [[nodiscard]] virtual const std::filesystem::path& path() const = 0;
};

/// How many bytes of fill stand in one file at a place, at most: beyond that a new file begins.
inline constexpr std::uint64_t kMostFillBytes = 256U << 20U;

/// The names of one file.
struct FileNames {
  std::filesystem::path work;     ///< while rows are added
  std::filesystem::path data;     ///< when it is finished
  std::filesystem::path sidecar;  ///< ".json"
};
struct NewFile {
  FileNames names;
  runtime::UniqueFd fd;
};
/// With what a file's name begins, or all of it but the ending.
struct Stem {
  Stem(std::string device) : text(std::move(device)) {}  // NOLINT(*-explicit-*): the usual one is a device's
  Stem(std::string name, bool is_all) : text(std::move(name)), whole(is_all) {}
  std::string text;
  bool whole = false;  ///< nothing is added: a file that is there already is an error
};

/// Makes a file whose names no recording has, of any form: "grid_2026_06_14__12_00_00", "..._2". `ending`: ".f32";
/// `work_ending`: that of the file while rows are added. Throws SinkError.
[[nodiscard]] NewFile make_file(const std::filesystem::path& directory, const Stem& stem, std::int64_t start_ns,
                                std::string_view ending, std::string_view work_ending);

/// Throws SinkError when not all of it could be written.
void write_at(int fd, const std::filesystem::path& path, std::span<const std::uint8_t> bytes, std::uint64_t offset);
/// Cuts off what lies beyond `bytes`.
void shorten(int fd, const std::filesystem::path& path, std::uint64_t bytes);

/// The form of the files' rows.
inline constexpr std::string_view kPlainEnding = ".f32";
inline constexpr std::string_view kMatroskaEnding = ".mkv";
inline constexpr std::string_view kMatroskaWorkEnding = ".mkv.part";

}  // namespace mesura::sinks::recording
