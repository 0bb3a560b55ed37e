// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mesura::dsmr_p1 {

[[nodiscard]] constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Both digits must be hex.
[[nodiscard]] constexpr int hex_byte(char high, char low) { return hex_digit(high) * 16 + hex_digit(low); }

[[nodiscard]] constexpr bool is_hex(std::string_view text) {
  for (const char c : text)
    if (hex_digit(c) < 0) return false;
  return true;
}

/// Octet strings come as two hex digits a byte, visible strings as they are, and nothing on the wire tells which: a
/// text of an even number (8 or more) of hex digits whose bytes are all printable ASCII is decoded into `out`, any
/// other is copied with what is not printable ASCII replaced by '?'. Returns whether it was decoded. A plain number can
/// be misread, so callers keep the raw form too.
bool decode_text(std::string_view raw, std::string& out);

/// Whether a text message says "no message": nothing in it, or only FFh bytes or FF pairs.
[[nodiscard]] bool is_no_message(std::string_view raw);

}  // namespace mesura::dsmr_p1
