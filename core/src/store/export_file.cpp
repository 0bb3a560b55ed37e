// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/export_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mesura::store {

namespace {

constexpr std::uint64_t kBlock = 256 * 1024;
/// A line that is longer is none of ours.
constexpr std::uint64_t kLongestLine = 16U << 20U;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  throw StoreError(StoreError::Cause::unavailable,
                   fmt::format("exp-file: {}: {}: {}", path.string(), what, std::strerror(error)));
}

/// Reads a file's lines from its end.
class Backwards {
 public:
  Backwards(int fd, const std::filesystem::path& path, std::uint64_t size) : fd_(fd), path_(path), at_(size) {}

  /// The line that ends (without its line feed) where the last one began; `begin`: its offset. False: at the start.
  bool next(std::string& line, std::uint64_t& begin) {
    if (at_ == 0 && text_.empty()) return false;
    for (;;) {
      // The last byte is the line feed that ends the wanted line.
      const auto feed = text_.size() < 2 ? std::string::npos : text_.rfind('\n', text_.size() - 2);
      if (feed != std::string::npos || at_ == 0) {
        const std::size_t from = feed == std::string::npos ? 0 : feed + 1;
        line.assign(text_, from, text_.size() - from);
        begin = at_ + from;
        text_.resize(from);
        return true;
      }
      if (text_.size() > kLongestLine) return false;
      const std::uint64_t size = std::min<std::uint64_t>(kBlock, at_);
      std::string block(size, '\0');
      if (::pread(fd_, block.data(), size, static_cast<off_t>(at_ - size)) != static_cast<ssize_t>(size))
        fail(path_, "can't be read", errno);
      at_ -= size;
      text_.insert(0, block);
    }
  }

 private:
  int fd_;
  const std::filesystem::path& path_;
  std::uint64_t at_;
  std::string text_;
};

}  // namespace

ExportFile::ExportFile(std::filesystem::path path, const Export& what, Mode mode) : path_(std::move(path)) {
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (mode == Mode::fresh ? O_EXCL : 0);
  fd_ = runtime::UniqueFd{::open(path_.c_str(), flags, 0666)};
  if (!fd_ && errno == EEXIST)
    throw StoreError(StoreError::Cause::question,
                     fmt::format("exp-exists: {} is there already\n  hint      --resume goes on where it ends, --force "
                                 "replaces it",
                                 path_.string()));
  if (!fd_) fail(path_, "can't be written", errno);
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) fail(path_, "can't be read", errno);
  const bool regular = S_ISREG(info.st_mode);
  if (regular && ::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw StoreError(StoreError::Cause::unavailable,
                     fmt::format("exp-busy: {} is being written by another export", path_.string()));
  if (!regular || mode != Mode::resume) {
    if (regular && ::ftruncate(fd_.get(), 0) != 0) fail(path_, "can't be written", errno);
    return;
  }
  find_place(what);
  if (::lseek(fd_.get(), 0, SEEK_END) < 0) fail(path_, "can't be written", errno);
}

void ExportFile::find_place(const Export& what) {
  const auto refuse = [&](const std::string& why) {
    throw StoreError(
        StoreError::Cause::question,
        fmt::format("exp-resume: {}: {}\n  hint      give the series, range and form that the export began "
                    "with, or --force to write the file anew",
                    path_.string(), why));
  };
  if (!what.resumable()) refuse("this form can't be continued");
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) fail(path_, "can't be read", errno);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const auto cut = [&](std::uint64_t bytes) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) fail(path_, "can't be written", errno);
  };
  const std::string& header = what.header();
  std::string begin(std::min<std::uint64_t>(size, header.size()), '\0');
  if (::pread(fd_.get(), begin.data(), begin.size(), 0) != static_cast<ssize_t>(begin.size()))
    fail(path_, "can't be read", errno);
  if (header.compare(0, begin.size(), begin) != 0)
    refuse(fmt::format("its first line is not that of this export\n  expected  {:.300}\n  got       {:.300}", header,
                       begin));
  if (size <= header.size()) return cut(0);

  Backwards lines{fd_.get(), path_, size};
  std::string line;
  std::uint64_t from = size;
  // A line is whole when its end is there; where lines end with the next one's beginning, the last one is not certain.
  while (lines.next(line, from) && from >= header.size()) {
    if (line.back() != '\n') continue;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    const auto place = what.place_of(line);
    if (!place)
      refuse(fmt::format("its last line is none of this export, or beyond its range\n  got       {:.200}", line));
    if (place_ && (place_->part != place->part || place_->time_ns != place->time_ns)) {
      // Behind the last line that stays.
      from += line.size();
      std::string rest(2, '\0');
      if (::pread(fd_.get(), rest.data(), 2, static_cast<off_t>(from)) < 1) fail(path_, "can't be read", errno);
      if (what.lines_end()) from += rest[0] == '\r' ? 2U : 1U;
      return cut(from);
    }
    place_ = place;
  }
  if (from > header.size()) refuse("it ends in a line of more than 16 MiB");
  // All that is there is of one instant, which is not certain to be complete.
  place_.reset();
  cut(0);
}

void ExportFile::write(std::string_view lines) {
  while (!lines.empty()) {
    const auto n = ::write(fd_.get(), lines.data(), lines.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path_, "can't be written", errno);
    lines.remove_prefix(static_cast<std::size_t>(n));
  }
}

void ExportFile::finish() {
  if (::fsync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS) fail(path_, "can't be synced", errno);
}

}  // namespace mesura::store
