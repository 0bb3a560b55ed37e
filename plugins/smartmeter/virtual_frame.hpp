// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's data frames: "Data:", length (16 bit), number (32 bit), rows of float32, all little-endian.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace mesura::smartmeter::twin {

inline constexpr std::size_t kFrameHead = 11;
inline constexpr std::size_t kFrameTail = 2;  ///< CR LF behind each frame on a serial line, not in the length

/// Writes a float as the wire has it, on any machine; compilers make one store of it.
inline void put_float(std::uint8_t* to, float value) {
  std::uint32_t bits;
  static_assert(sizeof bits == sizeof value);
  std::memcpy(&bits, &value, sizeof bits);
  to[0] = static_cast<std::uint8_t>(bits);
  to[1] = static_cast<std::uint8_t>(bits >> 8);
  to[2] = static_cast<std::uint8_t>(bits >> 16);
  to[3] = static_cast<std::uint8_t>(bits >> 24);
}

/// Head of a frame with `length` bytes of rows, at most 65535.
inline void put_frame_head(std::uint8_t* to, std::size_t length, std::uint32_t number) {
  constexpr std::array<std::uint8_t, 5> mark = {'D', 'a', 't', 'a', ':'};
  std::copy(mark.begin(), mark.end(), to);
  to[5] = static_cast<std::uint8_t>(length);
  to[6] = static_cast<std::uint8_t>(length >> 8);
  to[7] = static_cast<std::uint8_t>(number);
  to[8] = static_cast<std::uint8_t>(number >> 8);
  to[9] = static_cast<std::uint8_t>(number >> 16);
  to[10] = static_cast<std::uint8_t>(number >> 24);
}

/// Appends a whole frame around `rows`.
inline void append_frame(std::vector<std::uint8_t>& out, std::uint32_t number, std::span<const std::uint8_t> rows,
                         bool serial = false) {
  const std::size_t at = out.size();
  out.resize(at + kFrameHead + rows.size());
  put_frame_head(out.data() + at, rows.size(), number);
  if (!rows.empty()) std::memcpy(out.data() + at + kFrameHead, rows.data(), rows.size());
  if (serial) out.insert(out.end(), {'\r', '\n'});
}

}  // namespace mesura::smartmeter::twin
