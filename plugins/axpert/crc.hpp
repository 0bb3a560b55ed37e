// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>

namespace mesura::axpert {

/// CRC-16/XMODEM: polynomial 0x1021, start 0, not reflected. crc16("123456789") = 0x31C3.
/// cost  slice by 16: well below a nanosecond a byte
[[nodiscard]] std::uint16_t crc16(Bytes bytes) noexcept;
/// The same bit by bit over a table of one byte; the floor of benchmarks.
[[nodiscard]] std::uint16_t crc16_bytewise(Bytes bytes) noexcept;

/// How bytes of a CRC that mean something on the wire are replaced, each for itself and after the computation.
enum class Escape : std::uint8_t {
  esc3,  ///< '(' CR LF are sent one higher: what inverters do
  esc4   ///< and 00 as 01: what some firmware wants of requests over USB
};

[[nodiscard]] std::uint16_t escaped(std::uint16_t crc, Escape escape) noexcept;
/// Whether a request with this CRC looks different in the two ways.
[[nodiscard]] inline bool escapes_differ(std::uint16_t crc) noexcept {
  return escaped(crc, Escape::esc3) != escaped(crc, Escape::esc4);
}
/// Whether a reply may carry `got` where `crc` is right: either escape is taken, an unescaped reserved byte is not.
[[nodiscard]] inline bool crc_fits(std::uint16_t crc, std::uint16_t got) noexcept {
  return got == escaped(crc, Escape::esc3) || got == escaped(crc, Escape::esc4);
}

/// Sorotec's check byte: sum of the bytes before it, plus one.
[[nodiscard]] std::uint8_t check_byte(Bytes bytes) noexcept;

}  // namespace mesura::axpert
