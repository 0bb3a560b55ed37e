// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "crc16.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::uint16_t kReflectedPolynomial = 0xA001;

using Table = std::array<std::uint16_t, 256>;

/// tables[k][b]: the CRC of byte b followed by k zero bytes.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (unsigned b = 0; b < 256; ++b) {
    unsigned crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1U) ^ kReflectedPolynomial : crc >> 1U;
    tables[0][b] = static_cast<std::uint16_t>(crc);
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t b = 0; b < 256; ++b) {
      const unsigned before = tables[k - 1][b];
      tables[k][b] = static_cast<std::uint16_t>((before >> 8U) ^ tables[0][before & 0xFFU]);
    }
  return tables;
}

constexpr auto kTables = make_tables();

std::uint64_t load_little_endian(const std::uint8_t* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

}  // namespace

std::uint16_t crc16_sliced(std::span<const std::uint8_t> bytes, std::uint16_t crc) {
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  while (left >= 8) {
    const std::uint64_t word = load_little_endian(p);
    // Only the first two bytes meet the running CRC; the other six look-ups don't wait for the previous round.
    const auto six = static_cast<std::uint16_t>(kTables[5][(word >> 16U) & 0xFFU] ^ kTables[4][(word >> 24U) & 0xFFU] ^
                                                kTables[3][(word >> 32U) & 0xFFU] ^ kTables[2][(word >> 40U) & 0xFFU] ^
                                                kTables[1][(word >> 48U) & 0xFFU] ^ kTables[0][word >> 56U]);
    const auto first = static_cast<std::uint16_t>(word ^ crc);
    crc = static_cast<std::uint16_t>(kTables[7][first & 0xFFU] ^ kTables[6][first >> 8U] ^ six);
    p += 8;
    left -= 8;
  }
  for (; left > 0; --left, ++p)
    crc = static_cast<std::uint16_t>((static_cast<unsigned>(crc) >> 8U) ^ kTables[0][(crc ^ *p) & 0xFFU]);
  return crc;
}

std::uint16_t crc16(std::span<const std::uint8_t> bytes) {
  static const bool clmul = detail::has_clmul();
  return clmul ? detail::crc16_clmul(bytes) : crc16_sliced(bytes);
}

}  // namespace mesura::dsmr_p1
