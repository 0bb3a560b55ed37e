// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/plain_segment.hpp"

#include "sinks/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <limits>
#include <utility>

namespace mesura::sinks::recording {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the files are little-endian, samples are written as they lie");

// IOV_MAX of Linux.
constexpr std::size_t kMostPieces = 1024;
// Write-back begins while the next pieces, and other devices' rows, are being copied: the sync at the end then finds
// little left to do.
constexpr std::uint64_t kWriteBackBytes = 8U << 20U;
constexpr std::size_t kFillValues = 16384;

std::array<float, kFillValues>& fill_values(Fill fill) {
  static std::array<float, kFillValues> zeros{};
  static std::array<float, kFillValues> nans = [] {
    std::array<float, kFillValues> values{};
    values.fill(std::numeric_limits<float>::quiet_NaN());
    return values;
  }();
  return fill == Fill::nan ? nans : zeros;
}

/// Removes what was written from the front of `pieces`.
std::span<iovec> advance(std::span<iovec> pieces, std::size_t written) {
  while (!pieces.empty() && written >= pieces.front().iov_len) {
    written -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (written > 0) {
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + written;
    pieces.front().iov_len -= written;
  }
  return pieces;
}

}  // namespace

PlainSegment::PlainSegment(const std::filesystem::path& directory, const Stem& stem,
                           std::shared_ptr<const WaveformStream> stream, Cuts::Range range, Fill fill)
    : stream_(std::move(stream)), range_(range), fill_(fill) {
  NewFile made = make_file(directory, stem, stream_->time_ns(range.begin), kPlainEnding, kPlainEnding);
  names_ = std::move(made.names);
  fd_ = std::move(made.fd);
}

void PlainSegment::append(std::span<const float> samples) {
  // iovec knows no const; pwritev() only reads.
  pending_.push_back({const_cast<float*>(samples.data()), samples.size_bytes()});  // NOLINT(*-const-cast)
  new_rows_ += samples.size() / stream_->channels();
}

void PlainSegment::lose(std::uint64_t rows) {
  gaps_.push_back({rows_ + new_rows_, rows});
  if (fill_ == Fill::none) return;
  auto& values = fill_values(fill_);
  for (std::uint64_t left = rows * stream_->channels(); left > 0;) {
    const std::uint64_t some = std::min<std::uint64_t>(left, values.size());
    pending_.push_back({values.data(), some * sizeof(float)});
    left -= some;
  }
  new_rows_ += rows;
}

void PlainSegment::note() {
  if (committed_ && gaps_.size() == old_gaps_) return;
  describe(Ending::open, rows_, true);
}

void PlainSegment::write() {
  std::span<iovec> left{pending_};
  std::uint64_t offset = rows_ * row_bytes();
  std::uint64_t behind = offset;  // write-back has not begun from here on
  while (!left.empty()) {
    const auto pieces = static_cast<int>(std::min(left.size(), kMostPieces));
    const ssize_t n = ::pwritev(fd_.get(), left.data(), pieces, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(names_.data, "writing", errno);
    left = advance(left, static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
    if (left.empty() || offset - behind >= kWriteBackBytes) {
      // Only a hint: what goes wrong here, fdatasync() tells.
      ::sync_file_range(fd_.get(), static_cast<off_t>(behind), static_cast<off_t>(offset - behind),
                        SYNC_FILE_RANGE_WRITE);
      behind = offset;
    }
  }
}

void PlainSegment::sync() {
  // A write that failed may have left more behind than was tried again.
  if (finishing_) shorten(fd_.get(), names_.data, (rows_ + new_rows_) * row_bytes());
  if (::fdatasync(fd_.get()) != 0) fail_io(names_.data, "syncing", errno);
}

void PlainSegment::conclude() { describe(finishing_ ? Ending::complete : Ending::open, rows_ + new_rows_, finishing_); }

void PlainSegment::settle() {
  rows_ += new_rows_;
  new_rows_ = 0;
  old_gaps_ = gaps_.size();
  pending_.clear();
  committed_ = true;
}

void PlainSegment::rollback() {
  new_rows_ = 0;
  gaps_.resize(old_gaps_);
  pending_.clear();
  finishing_ = false;
}

void PlainSegment::remove() noexcept {
  ::unlink(names_.data.c_str());
  ::unlink(names_.sidecar.c_str());
}

bool PlainSegment::still_there() const {
  struct stat file {};
  return ::fstat(fd_.get(), &file) == 0 && file.st_nlink > 0;
}

void PlainSegment::describe(Ending ending, std::uint64_t rows, bool durable) const {
  put_file(names_.sidecar,
           sidecar_text(*stream_, names_.data.filename().string(), range_.begin, fill_, rows, gaps_, ending),
           durable ? Sync::now : Sync::later);
}

}  // namespace mesura::sinks::recording
