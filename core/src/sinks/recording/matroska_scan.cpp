// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/matroska_scan.hpp"

#include "runtime/unique_fd.hpp"
#include "sinks/files.hpp"
#include "sinks/recording/segment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <optional>
#include <span>

namespace mesura::sinks::recording {
namespace {

// RFC 9559 (Matroska), RFC 8794 (EBML).
constexpr std::uint32_t kEbml = 0x1A45DFA3;
constexpr std::uint32_t kSegment = 0x18538067;
constexpr std::uint32_t kCluster = 0x1F43B675;
constexpr std::uint32_t kCues = 0x1C53BB6B;
constexpr std::uint32_t kCrc32 = 0xBF;
constexpr std::uint32_t kSimpleBlock = 0xA3;
constexpr std::uint32_t kBlockGroup = 0xA0;
constexpr std::uint32_t kBlock = 0xA1;
// Of a segment that goes on to the end of the file, in 8 bytes.
constexpr std::array<std::uint8_t, 8> kUnknownSize{0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
constexpr std::size_t kMostHead = 12;

struct Element {
  std::uint32_t id = 0;
  std::uint64_t size_at = 0;
  std::uint64_t size_bytes = 0;  // of the size field
  std::uint64_t begin = 0;       // of the content
  std::uint64_t end = 0;
  bool unknown = false;
};

class Scanner {
 public:
  explicit Scanner(const std::filesystem::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat file {};
    if (!fd_ || ::fstat(fd_.get(), &file) != 0) fail_io(path_, "reading", errno);
    size_ = static_cast<std::uint64_t>(file.st_size);
  }

  MatroskaScan scan(std::uint64_t certain_rows) {
    MatroskaScan out;
    const auto head = element(0);
    if (!head || head->id != kEbml || head->end > size_) return out;
    const auto segment = element(head->end);
    if (!segment || segment->id != kSegment || segment->size_bytes != kUnknownSize.size()) return out;
    bool clusters = false;  // what stands before them has no checksum while the file is open
    out.size_at = segment->size_at;
    out.bytes = segment->begin;
    for (auto child = element(out.bytes); child && !child->unknown && child->end <= size_; child = element(out.bytes)) {
      clusters = clusters || child->id == kCluster;
      const std::uint64_t rows = child->id == kCluster ? rows_in(*child) : 0;
      if (clusters && out.rows + rows > certain_rows && !checksum_fits(*child)) break;
      out.rows += rows;
      if (child->id == kCues) out.indexed = true;
      out.bytes = child->end;
    }
    return out;
  }

 private:
  std::size_t read(std::uint64_t at, std::span<std::uint8_t> into) {
    ssize_t n = 0;
    do {
      n = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(at));
    } while (n < 0 && errno == EINTR);
    if (n < 0) fail_io(path_, "reading", errno);
    return static_cast<std::size_t>(n);
  }

  std::optional<Element> element(std::uint64_t at) {
    std::array<std::uint8_t, kMostHead> head{};
    const std::size_t got = read(at, head);
    // The number of leading zeros tells how many bytes follow the first.
    const auto id_bytes = static_cast<std::size_t>(std::countl_zero(head[0])) + 1;
    if (got == 0 || id_bytes > 4 || got <= id_bytes) return std::nullopt;
    const auto size_bytes = static_cast<std::size_t>(std::countl_zero(head[id_bytes])) + 1;
    if (size_bytes > 8 || got < id_bytes + size_bytes) return std::nullopt;
    Element out;
    for (std::size_t i = 0; i < id_bytes; ++i) out.id = out.id << 8U | head[i];
    std::uint64_t value = head[id_bytes] & (0xFFU >> size_bytes);
    for (std::size_t i = 1; i < size_bytes; ++i) value = value << 8U | head[id_bytes + i];
    out.unknown = value == (std::uint64_t{1} << (7 * size_bytes)) - 1;
    out.size_at = at + id_bytes;
    out.size_bytes = size_bytes;
    out.begin = out.size_at + size_bytes;
    out.end = out.begin + (out.unknown ? 0 : value);
    return out;
  }

  /// False when the element has a CRC-32 of its content that doesn't fit: a power cut may leave zeros in the place of
  /// what was not synced.
  bool checksum_fits(const Element& parent) {
    const auto first = element(parent.begin);
    std::array<std::uint8_t, 4> stored{};
    if (!first || first->id != kCrc32 || first->end - first->begin != stored.size() || first->end > parent.end) {
      return parent.begin == parent.end || first.has_value();
    }
    if (read(first->begin, stored) < stored.size()) return false;
    std::array<std::uint8_t, 16384> buffer{};
    uLong sum = ::crc32(0, nullptr, 0);
    for (std::uint64_t at = first->end; at < parent.end;) {
      const std::uint64_t left = std::min<std::uint64_t>(parent.end - at, buffer.size());
      const std::size_t got = read(at, std::span{buffer}.first(left));
      if (got == 0) return false;
      sum = ::crc32(sum, buffer.data(), static_cast<uInt>(got));
      at += got;
    }
    return sum == (stored[0] | uLong{stored[1]} << 8U | uLong{stored[2]} << 16U | uLong{stored[3]} << 24U);
  }

  std::uint64_t rows_in(const Element& parent) {
    std::uint64_t rows = 0;
    std::uint64_t at = parent.begin;
    while (at < parent.end) {
      const auto child = element(at);
      if (!child || child->end > parent.end) break;
      if (child->id == kSimpleBlock || child->id == kBlock) rows += rows_of_block(*child);
      if (child->id == kBlockGroup) rows += rows_in(*child);
      at = child->end;
    }
    return rows;
  }

  // byte  0  1..2  3  4..7
  //       T  tttt  f  rrrrrrrr     T: track as an EBML number  t: time  f: flags  r: rows of the WavPack frame, LE
  std::uint64_t rows_of_block(const Element& block) {
    std::array<std::uint8_t, 8> head{};
    if (read(block.begin, head) < head.size() || head[0] != 0x81) return 0;
    return head[4] | std::uint64_t{head[5]} << 8U | std::uint64_t{head[6]} << 16U | std::uint64_t{head[7]} << 24U;
  }

  const std::filesystem::path& path_;
  runtime::UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace

MatroskaScan scan_matroska(const std::filesystem::path& file, std::uint64_t certain_rows) {
  return Scanner{file}.scan(certain_rows);
}

MatroskaScan mend_matroska(const std::filesystem::path& file, std::uint64_t certain_rows) {
  const MatroskaScan found = scan_matroska(file, certain_rows);
  const runtime::UniqueFd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd) fail_io(file, "opening", errno);
  struct stat now {};
  if (::fstat(fd.get(), &now) != 0) fail_io(file, "reading", errno);
  if (static_cast<std::uint64_t>(now.st_size) > found.bytes) {
    shorten(fd.get(), file, found.bytes);
    if (found.size_at > 0) write_at(fd.get(), file, kUnknownSize, found.size_at);
  }
  if (::fdatasync(fd.get()) != 0) fail_io(file, "syncing", errno);
  return found;
}

}  // namespace mesura::sinks::recording
