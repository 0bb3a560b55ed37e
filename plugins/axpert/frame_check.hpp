// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string_view>

namespace mesura::axpert {

/// How a reply proves that it is whole.
enum class Check : std::uint8_t {
  crc,  ///< '(' or '^', two bytes of CRC
  sum   ///< Sorotec: one byte
};

enum class Verdict : std::uint8_t {
  reply,
  ack,  ///< `(ACK`, `^1`
  nak,  ///< `(NAK`, `^0`; with or without a CRC
  crc_error,
  too_short,
  not_printable,  ///< the CRC fits, but there are bytes in it that no inverter means
  bad_length,     ///< PI18: the length in front is not that of the frame
  foreign         ///< begins as no reply does: noise, or the echo of a request
};

struct Checked {
  Verdict verdict = Verdict::foreign;
  std::string_view payload;    ///< of a reply: its fields
  char separator = ' ';        ///< between them
  std::uint16_t expected = 0;  ///< crc_error: what the bytes ask for
  std::uint16_t got = 0;
};

/// Judges a frame without its CR, as it came. A refusal is known by its beginning, before anything else is looked at.
[[nodiscard]] Checked check(Bytes body, Check how);

/// Where a reply begins in a frame with something in front of it; the frame's size if nowhere.
[[nodiscard]] std::size_t find_start(Bytes body);

[[nodiscard]] inline std::string_view as_text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
[[nodiscard]] inline Bytes as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

}  // namespace mesura::axpert
