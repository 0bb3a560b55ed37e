// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "crc.hpp"

#include <array>
#include <cstddef>

namespace mesura::axpert {
namespace {

constexpr std::size_t kSlices = 16;
using Table = std::array<std::uint16_t, 256>;

constexpr std::array<Table, kSlices> make_tables() {
  std::array<Table, kSlices> t{};
  for (unsigned i = 0; i < 256; ++i) {
    unsigned crc = i << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
    t[0][i] = static_cast<std::uint16_t>(crc);
  }
  // t[k][b]: what byte b contributes when k more bytes follow.
  for (std::size_t k = 1; k < kSlices; ++k)
    for (std::size_t i = 0; i < 256; ++i) {
      const unsigned before = t[k - 1][i];
      t[k][i] = static_cast<std::uint16_t>((before << 8U) ^ t[0][before >> 8U]);
    }
  return t;
}

constexpr std::array<Table, kSlices> kTables = make_tables();

inline std::uint16_t step(std::uint16_t crc, std::uint8_t byte) noexcept {
  return static_cast<std::uint16_t>((crc << 8U) ^ kTables[0][((crc >> 8U) ^ byte) & 0xFFU]);
}

/// What eight bytes contribute that K more follow.
template <std::size_t K>
inline unsigned eight(const std::uint8_t* p) noexcept {
  return kTables[K + 7][p[0]] ^ kTables[K + 6][p[1]] ^ kTables[K + 5][p[2]] ^ kTables[K + 4][p[3]] ^
         kTables[K + 3][p[4]] ^ kTables[K + 2][p[5]] ^ kTables[K + 1][p[6]] ^ kTables[K][p[7]];
}

constexpr std::uint8_t escape_byte(std::uint8_t byte, Escape escape) noexcept {
  const bool reserved = byte == '(' || byte == '\r' || byte == '\n' || (escape == Escape::esc4 && byte == 0);
  return static_cast<std::uint8_t>(byte + (reserved ? 1 : 0));
}

}  // namespace

std::uint16_t crc16_bytewise(Bytes bytes) noexcept {
  std::uint16_t crc = 0;
  for (const std::uint8_t b : bytes) crc = step(crc, b);
  return crc;
}

std::uint16_t crc16(Bytes bytes) noexcept {
  std::uint16_t crc = 0;
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kSlices; left -= kSlices, p += kSlices)
    crc = static_cast<std::uint16_t>(kTables[15][p[0] ^ (crc >> 8U)] ^ kTables[14][p[1] ^ (crc & 0xFFU)] ^
                                     kTables[13][p[2]] ^ kTables[12][p[3]] ^ eight<4>(p + 4) ^ kTables[3][p[12]] ^
                                     kTables[2][p[13]] ^ kTables[1][p[14]] ^ kTables[0][p[15]]);
  if (left >= 8) {
    crc = static_cast<std::uint16_t>(kTables[7][p[0] ^ (crc >> 8U)] ^ kTables[6][p[1] ^ (crc & 0xFFU)] ^
                                     kTables[5][p[2]] ^ kTables[4][p[3]] ^ kTables[3][p[4]] ^ kTables[2][p[5]] ^
                                     kTables[1][p[6]] ^ kTables[0][p[7]]);
    left -= 8;
    p += 8;
  }
  for (; left > 0; --left) crc = step(crc, *p++);
  return crc;
}

std::uint16_t escaped(std::uint16_t crc, Escape escape) noexcept {
  const auto high = escape_byte(static_cast<std::uint8_t>(crc >> 8U), escape);
  const auto low = escape_byte(static_cast<std::uint8_t>(crc & 0xFFU), escape);
  return static_cast<std::uint16_t>((high << 8U) | low);
}

std::uint8_t check_byte(Bytes bytes) noexcept {
  unsigned sum = 1;
  for (const std::uint8_t b : bytes) sum += b;
  return static_cast<std::uint8_t>(sum & 0xFFU);
}

}  // namespace mesura::axpert
