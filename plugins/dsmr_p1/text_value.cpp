// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "text_value.hpp"

#include <algorithm>
#include <cstddef>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::size_t kShortestHexText = 8;

constexpr bool printable(int byte) { return byte >= 0x20 && byte <= 0x7E; }

bool is_hex_text(std::string_view raw) {
  if (raw.size() < kShortestHexText || raw.size() % 2 != 0 || !is_hex(raw)) return false;
  for (std::size_t i = 0; i < raw.size(); i += 2)
    if (!printable(hex_byte(raw[i], raw[i + 1]))) return false;
  return true;
}

}  // namespace

bool decode_text(std::string_view raw, std::string& out) {
  out.clear();
  if (is_hex_text(raw)) {
    for (std::size_t i = 0; i < raw.size(); i += 2) out.push_back(static_cast<char>(hex_byte(raw[i], raw[i + 1])));
    return true;
  }
  for (const char c : raw) out.push_back(printable(static_cast<unsigned char>(c)) ? c : '?');
  return false;
}

bool is_no_message(std::string_view raw) {
  return std::all_of(raw.begin(), raw.end(), [](char c) { return c == 'F' || c == 'f' || c == '\xFF'; });
}

}  // namespace mesura::dsmr_p1
