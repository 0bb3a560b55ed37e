// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "crc16.hpp"

#include <random>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace mesura::dsmr_p1;

namespace {

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Bit by bit, as the polynomial is defined.
std::uint16_t crc16_by_bits(std::span<const std::uint8_t> data) {
  unsigned crc = 0;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0xA001U : crc >> 1U;
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace

TEST_CASE("CRC-16/ARC of known inputs") {
  const std::pair<std::string_view, std::uint16_t> known[] = {
      {"", 0x0000}, {"123456789", 0xBB3D}, {"/", 0xDC41}, {"/!", 0x28DC}, {"/TST5X\r\n\r\n!", 0x0524}};
  for (const auto& [text, crc] : known) {
    INFO(text);
    CHECK(crc16(bytes(text)) == crc);
    CHECK(crc16_sliced(bytes(text)) == crc);
  }
}

TEST_CASE("every way to the CRC leads to the same one, at every length and alignment") {
  std::mt19937 random(20240701);
  std::vector<std::uint8_t> data(2100);
  for (auto& b : data) b = static_cast<std::uint8_t>(random());
  for (std::size_t length = 0; length < 2048; length += length < 200 ? 1 : 37) {
    const std::span<const std::uint8_t> part{data.data() + length % 17, length};
    const std::uint16_t expected = crc16_by_bits(part);
    REQUIRE(crc16_sliced(part) == expected);
    REQUIRE(crc16(part) == expected);
    if (detail::has_clmul()) REQUIRE(detail::crc16_clmul(part) == expected);
  }
}

TEST_CASE("a CRC goes on where it stopped") {
  CHECK(crc16_sliced(bytes("56789"), crc16_sliced(bytes("1234"))) == 0xBB3D);
}
