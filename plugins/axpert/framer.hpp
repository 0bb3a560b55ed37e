// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace mesura::axpert {

/// Bytes between two ends of line.
struct Frame {
  Bytes body;                ///< without what ends it; valid until the framer's next call
  Bytes whole;               ///< with it
  std::uint64_t offset = 0;  ///< of its first byte in the link's stream
  bool too_long = false;     ///< more than Framer::kLimit bytes came without an end: body is their beginning
};

/// Cuts a stream of replies at each CR.
///
/// NUL, LF and CR in front of a frame belong to none: some firmware sends LF behind CR, and reports are padded. Inside
/// a frame NUL is kept, because it may be part of a CRC. cost  one memchr; no copy of a frame that arrives whole, no
/// allocation
class Framer {
 public:
  static constexpr std::size_t kLimit = 512;

  /// Takes bytes from the front of `bytes` until a frame is complete (then true) or nothing is left. `offset` is that
  /// of bytes[0] and moves along. line_feed: LF ends a frame too.
  bool next(Bytes& bytes, std::uint64_t& offset, Frame& frame, bool line_feed = false);
  /// Forgets what came since the last end.
  void reset() { size_ = 0, overflow_ = false; }
  [[nodiscard]] std::size_t pending() const { return size_; }
  [[nodiscard]] Bytes partial() const { return {buffer_.data(), size_}; }
  [[nodiscard]] std::uint64_t partial_offset() const { return start_; }

 private:
  std::array<std::uint8_t, kLimit + 1> buffer_{};
  std::size_t size_ = 0;
  std::uint64_t start_ = 0;
  bool overflow_ = false;
};

}  // namespace mesura::axpert
