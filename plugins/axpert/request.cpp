// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "request.hpp"

#include <algorithm>

#include "crc.hpp"

namespace mesura::axpert {
namespace {

constexpr std::size_t kBehindLength = 3;  // CRC and CR

}  // namespace

RequestFrame::RequestFrame(std::string_view command, Wire wire) : wire_(wire) {
  command = command.substr(0, kLongestCommand);
  const auto put = [&](std::uint8_t b) { usual_[size_++] = b; };
  const bool numbered = wire == Wire::infini || wire == Wire::set;
  if (numbered) {
    const std::size_t length = command.size() + kBehindLength;
    put('^');
    put(wire == Wire::set ? 'S' : 'P');
    put(static_cast<std::uint8_t>('0' + length / 100));
    put(static_cast<std::uint8_t>('0' + length / 10 % 10));
    put(static_cast<std::uint8_t>('0' + length % 10));
  }
  for (const char c : command) put(static_cast<std::uint8_t>(c));
  if (wire == Wire::sum) put(check_byte({usual_.data(), size_}));
  std::size_t crc_at = 0;
  std::uint16_t crc = 0;
  if (wire == Wire::plain || numbered) {
    crc = crc16({usual_.data(), size_});
    crc_at = size_;
    two_forms_ = escapes_differ(crc);
    const std::uint16_t sent = escaped(crc, Escape::esc3);
    put(static_cast<std::uint8_t>(sent >> 8U));
    put(static_cast<std::uint8_t>(sent & 0xFFU));
  }
  put('\r');
  other_ = usual_;
  if (!two_forms_) return;
  const std::uint16_t sent = escaped(crc, Escape::esc4);
  other_[crc_at] = static_cast<std::uint8_t>(sent >> 8U);
  other_[crc_at + 1] = static_cast<std::uint8_t>(sent & 0xFFU);
}

}  // namespace mesura::axpert
