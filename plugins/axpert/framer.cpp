// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "framer.hpp"

#include <algorithm>
#include <cstring>

namespace mesura::axpert {
namespace {

bool between_frames(std::uint8_t b) { return b == 0 || b == '\n' || b == '\r'; }

std::size_t find(Bytes bytes, int what) {
  const void* found = bytes.empty() ? nullptr : std::memchr(bytes.data(), what, bytes.size());
  return found == nullptr ? bytes.size()
                          : static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
}

}  // namespace

bool Framer::next(Bytes& bytes, std::uint64_t& offset, Frame& frame, bool line_feed) {
  const auto take = [&](std::size_t n) {
    bytes = bytes.subspan(n);
    offset += n;
  };
  if (size_ == 0 && !overflow_) {
    std::size_t skip = 0;
    while (skip < bytes.size() && between_frames(bytes[skip])) ++skip;
    take(skip);
    start_ = offset;
  }
  std::size_t end = find(bytes, '\r');
  const bool complete_by_feed = line_feed && find(bytes.first(end), '\n') < end;
  if (complete_by_feed) end = find(bytes.first(end), '\n');
  const bool complete = end < bytes.size();
  if (complete && size_ == 0 && !overflow_ && end <= kLimit) {
    frame.body = bytes.first(end);
    frame.whole = bytes.first(end + 1);
    frame.offset = start_;
    frame.too_long = false;
    take(end + 1);
    return true;
  }
  const std::size_t fits = std::min(end, kLimit - size_);
  if (fits != 0) std::memcpy(buffer_.data() + size_, bytes.data(), fits);
  size_ += fits;
  overflow_ = overflow_ || fits < end;
  if (complete) buffer_[size_] = bytes[end];
  take(complete ? end + 1 : end);
  if (!complete) return false;
  frame = {{buffer_.data(), size_}, {buffer_.data(), size_ + 1}, start_, overflow_};
  reset();
  return true;
}

}  // namespace mesura::axpert
