// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "framer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace mesura::smartmeter {
namespace {

constexpr std::size_t kMark = 5;
constexpr char kInfo[] = "Info:";
constexpr char kData[] = "Data:";

/// Whether `bytes`, as far as they go, are the mark.
bool begins(Bytes bytes, const char* mark) {
  return std::memcmp(bytes.data(), mark, std::min(bytes.size(), kMark)) == 0;
}

// byte  0..4   5..6  7..10
//       Data:  LL    NNNN     L: payload length, N: packet number; the least significant byte first
std::size_t length_of(const std::uint8_t* p) { return static_cast<std::size_t>(p[5] | p[6] << 8); }
std::uint32_t number_of(const std::uint8_t* p) {
  return std::uint32_t{p[7]} | std::uint32_t{p[8]} << 8U | std::uint32_t{p[9]} << 16U | std::uint32_t{p[10]} << 24U;
}

}  // namespace

bool parse_datagram(Bytes bytes, FramerSink::Frame& out) {
  if (bytes.size() < Framer::kHead || !begins(bytes, kData)) return false;
  if (length_of(bytes.data()) != bytes.size() - Framer::kHead) return false;
  out.number = number_of(bytes.data());
  out.payload = bytes.subspan(Framer::kHead);
  out.whole = bytes;
  return true;
}

void Framer::push(Bytes bytes, std::uint64_t offset) {
  while (carry_at_ < carry_.size()) {
    const std::size_t taken = refill(bytes);
    bytes = bytes.subspan(taken);
    offset += taken;
    const std::size_t used = step(Bytes{carry_}.subspan(carry_at_), carry_offset_);
    carry_at_ += used;
    carry_offset_ += used;
    if (used == 0 && bytes.empty()) return;
  }
  carry_.clear();
  carry_at_ = 0;
  while (!bytes.empty()) {
    if (usual_length_ != 0 && noise_length_ == 0 && is_next_frame(bytes)) {
      const std::size_t size = kHead + usual_length_;
      sink_.on_frame({number_of(bytes.data()), bytes.subspan(kHead, usual_length_), bytes.first(size), offset});
      bytes = bytes.subspan(size);
      offset += size;
      continue;
    }
    const std::size_t used = step(bytes, offset);
    if (used == 0) {
      carry_.assign(bytes.begin(), bytes.end());
      carry_offset_ = offset;
      return;
    }
    bytes = bytes.subspan(used);
    offset += used;
  }
}

/// Tops the carry up to what the next step wants; returns how much of `bytes` that took.
std::size_t Framer::refill(Bytes bytes) {
  const std::size_t have = carry_.size() - carry_at_;
  std::size_t take = 0;
  if (need_ == 0) {
    if (scanned_ == 0) return 0;  // not looked at yet
    const void* end = bytes.empty() ? nullptr : std::memchr(bytes.data(), '\n', bytes.size());
    take = end == nullptr ? bytes.size()
                          : static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - bytes.data()) + 1;
    take = std::min(take, kLongestLine + 1 > have ? kLongestLine + 1 - have : 0);
  } else if (need_ > have) {
    take = std::min(bytes.size(), need_ - have);
  }
  if (take == 0) return 0;
  if (carry_at_ > 0) {
    carry_.erase(carry_.begin(), carry_.begin() + static_cast<std::ptrdiff_t>(carry_at_));
    carry_at_ = 0;
  }
  carry_.insert(carry_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
  return take;
}

/// The common case, without a look at anything else: a frame that is whole, as long as the one before.
inline bool Framer::is_next_frame(Bytes bytes) const {
  std::uint32_t mark = 0, expected = 0;
  if (bytes.size() < kHead + usual_length_) return false;
  std::memcpy(&mark, bytes.data(), sizeof mark);
  std::memcpy(&expected, kData, sizeof expected);
  return mark == expected && bytes[4] == ':' && length_of(bytes.data()) == usual_length_;
}

/// Takes one part off the front of `bytes`. 0: more bytes are wanted, need_ says how many in all.
std::size_t Framer::step(Bytes bytes, std::uint64_t offset) {
  if (begins(bytes, kData)) return step_frame(bytes, offset);
  if (begins(bytes, kInfo)) return step_line(bytes, offset);
  need_ = scanned_ = 0;
  return step_noise(bytes, offset);
}

std::size_t Framer::step_frame(Bytes bytes, std::uint64_t offset) {
  scanned_ = 0;
  need_ = kHead;
  if (bytes.size() < kHead) return 0;
  const std::size_t length = length_of(bytes.data());
  if (!fits(length)) {
    reject_length(length, offset);
    need_ = 0;
    return kMark;
  }
  need_ = kHead + length;
  if (bytes.size() < need_) return 0;
  if (noise_length_ != 0) end_noise();
  usual_length_ = length;
  sink_.on_frame({number_of(bytes.data()), bytes.subspan(kHead, length), bytes.first(kHead + length), offset});
  need_ = 0;
  return kHead + length;
}

std::size_t Framer::step_line(Bytes bytes, std::uint64_t offset) {
  need_ = kMark;
  if (bytes.size() < kMark) return 0;
  need_ = 0;
  const std::size_t from = std::max(scanned_, kMark);
  const void* found = bytes.size() > from ? std::memchr(bytes.data() + from, '\n', bytes.size() - from) : nullptr;
  const std::size_t size =
      found == nullptr ? 0 : static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data()) + 1;
  if (size > kLongestLine || (size == 0 && bytes.size() > kLongestLine)) {
    if (noise_length_ != 0) end_noise();
    sink_.on_framing_fault(MESURA_FAULT_FRAME, "line_too_long",
                           fmt::format("expected a line end within {} bytes, got none", kLongestLine), offset, kMark);
    scanned_ = 0;
    return kMark;
  }
  if (size == 0) {
    scanned_ = bytes.size();
    return 0;
  }
  scanned_ = 0;
  if (noise_length_ != 0) end_noise();
  std::size_t end = size - 1;
  if (end > kMark && bytes[end - 1] == '\r') --end;
  sink_.on_line({reinterpret_cast<const char*>(bytes.data()) + kMark, end - kMark}, bytes.first(size), offset);
  return size;
}

/// Bytes that can begin neither mark; the first one is known to begin none.
std::size_t Framer::step_noise(Bytes bytes, std::uint64_t offset) {
  if (noise_length_ == 0) noise_offset_ = offset;
  std::size_t end = 0;
  do {
    noise_counts_ = noise_counts_ || (bytes[end] != '\r' && bytes[end] != '\n');
    ++end;
  } while (end < bytes.size() && bytes[end] != 'D' && bytes[end] != 'I');
  noise_length_ += end;
  return end;
}

bool Framer::fits(std::size_t length) const {
  return length != 0 && length <= longest_ && (row_bytes_ == 0 || length % row_bytes_ == 0);
}

void Framer::reject_length(std::size_t length, std::uint64_t offset) {
  if (noise_length_ != 0) end_noise();
  sink_.on_framing_fault(MESURA_FAULT_FRAME, "bad_length",
                         fmt::format("expected a payload of whole rows of {} bytes, at most {} bytes, got {}",
                                     row_bytes_, longest_, length),
                         offset, kMark);
}

void Framer::end_noise() {
  if (noise_counts_)
    sink_.on_framing_fault(MESURA_FAULT_NOISE, "noise",
                           fmt::format("expected Info: or Data:, got {} bytes of neither", noise_length_),
                           noise_offset_, noise_length_);
  noise_length_ = 0;
  noise_counts_ = false;
}

void Framer::finish() {
  if (noise_length_ != 0) end_noise();
  if (carry_at_ < carry_.size())
    sink_.on_framing_fault(
        MESURA_FAULT_FRAME, "truncated",
        fmt::format("expected {}, got {} bytes and the end", need_ == 0 ? "a line end" : fmt::format("{} bytes", need_),
                    carry_.size() - carry_at_),
        carry_offset_, carry_.size() - carry_at_);
  reset();
}

void Framer::reset() {
  carry_.clear();
  carry_at_ = 0;
  need_ = scanned_ = 0;
  noise_length_ = 0;
  noise_counts_ = false;
  usual_length_ = 0;
}

}  // namespace mesura::smartmeter
