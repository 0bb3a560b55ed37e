// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/segment.hpp"

#include "runtime/time_text.hpp"
#include "sinks/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
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

/// "2026_06_14__12_00_00"
std::string stamp(std::int64_t time_ns) {
  std::string text = runtime::format_time(time_ns, runtime::Precision::seconds).substr(0, 19);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '-' || c == ':'; }, '_');
  return text.replace(text.find('T'), 1, "__");
}

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

Segment::Segment(const std::filesystem::path& directory, const std::string& stem,
                 std::shared_ptr<const WaveformStream> stream, Cuts::Range range, Fill fill)
    : stream_(std::move(stream)), range_(range), fill_(fill) {
  const std::string base = stem + "_" + stamp(stream_->time_ns(range.begin));
  for (int n = 1;; ++n) {
    const std::string name = n == 1 ? base : fmt::format("{}_{}", base, n);
    data_ = directory / (name + ".f32");
    sidecar_ = directory / (name + ".json");
    fd_.reset(::open(data_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd_) break;
    if (errno != EEXIST) fail_io(data_, "making", errno);
  }
}

void Segment::append(std::span<const float> samples) {
  // iovec knows no const; pwritev() only reads.
  pending_.push_back({const_cast<float*>(samples.data()), samples.size_bytes()});  // NOLINT(*-const-cast)
  new_rows_ += samples.size() / stream_->channels();
}

void Segment::lose(std::uint64_t rows) {
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

void Segment::note() {
  if (committed_ && gaps_.size() == old_gaps_) return;
  describe(Ending::open, rows_, true);
}

void Segment::write() {
  std::span<iovec> left{pending_};
  std::uint64_t offset = rows_ * row_bytes();
  std::uint64_t behind = offset;  // write-back has not begun from here on
  while (!left.empty()) {
    const auto pieces = static_cast<int>(std::min(left.size(), kMostPieces));
    const ssize_t n = ::pwritev(fd_.get(), left.data(), pieces, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(data_, "writing", errno);
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

void Segment::sync() {
  if (finishing_) {
    // A write that failed may have left more behind than was tried again.
    struct stat file {};
    const std::uint64_t bytes = (rows_ + new_rows_) * row_bytes();
    if (::fstat(fd_.get(), &file) == 0 && static_cast<std::uint64_t>(file.st_size) > bytes &&
        ::ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) {
      fail_io(data_, "shortening", errno);
    }
  }
  if (::fdatasync(fd_.get()) != 0) fail_io(data_, "syncing", errno);
}

void Segment::conclude() { describe(finishing_ ? Ending::complete : Ending::open, rows_ + new_rows_, finishing_); }

void Segment::settle() {
  rows_ += new_rows_;
  new_rows_ = 0;
  old_gaps_ = gaps_.size();
  pending_.clear();
  committed_ = true;
}

void Segment::rollback() {
  new_rows_ = 0;
  gaps_.resize(old_gaps_);
  pending_.clear();
  finishing_ = false;
}

void Segment::remove() noexcept {
  ::unlink(data_.c_str());
  ::unlink(sidecar_.c_str());
}

bool Segment::still_there() const {
  struct stat file {};
  return ::fstat(fd_.get(), &file) == 0 && file.st_nlink > 0;
}

void Segment::describe(Ending ending, std::uint64_t rows, bool durable) const {
  put_file(sidecar_, sidecar_text(*stream_, data_.filename().string(), range_.begin, fill_, rows, gaps_, ending),
           durable ? Sync::now : Sync::later);
}

}  // namespace mesura::sinks::recording
