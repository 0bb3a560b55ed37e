// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_frame.hpp"

#include <fmt/format.h>

namespace mesura::axpert::twin {
namespace {

std::uint8_t escaped(std::uint8_t byte, CrcStyle style) {
  const bool reserved = byte == 0x28 || byte == 0x0D || byte == 0x0A;
  if (style == CrcStyle::plain) return byte;
  if (reserved || (style == CrcStyle::esc4 && byte == 0)) return static_cast<std::uint8_t>(byte + 1);
  return byte;
}

}  // namespace

std::uint16_t crc_of(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
  }
  return static_cast<std::uint16_t>(crc & 0xFFFFU);
}

std::array<char, 2> crc_bytes(std::string_view bytes, CrcStyle style) {
  const unsigned crc = crc_of(bytes);
  return {static_cast<char>(escaped(static_cast<std::uint8_t>(crc >> 8U), style)),
          static_cast<char>(escaped(static_cast<std::uint8_t>(crc & 0xFFU), style))};
}

std::string seal(std::string_view body, CrcStyle style) {
  const auto crc = crc_bytes(body, style);
  std::string frame;
  frame.reserve(body.size() + 3);
  frame.append(body).append(crc.data(), crc.size());
  frame += '\r';
  return frame;
}

bool crc_fits(std::string_view frame, bool lenient) {
  if (frame.size() < 3) return false;
  const std::string_view body = frame.substr(0, frame.size() - 2);
  const std::string_view got = frame.substr(frame.size() - 2);
  const auto is = [&](CrcStyle style) {
    const auto crc = crc_bytes(body, style);
    return got == std::string_view{crc.data(), crc.size()};
  };
  return is(CrcStyle::esc3) || is(CrcStyle::esc4) || (lenient && is(CrcStyle::plain));
}

char chk_of(std::string_view bytes) {
  unsigned sum = 1;
  for (const char c : bytes) sum += static_cast<unsigned char>(c);
  return static_cast<char>(static_cast<unsigned char>(sum & 0xFFU));
}

std::string seal_chk(std::string_view body) {
  std::string frame{body};
  frame += chk_of(body);
  frame += '\r';
  return frame;
}

bool chk_fits(std::string_view frame) {
  return frame.size() >= 2 && frame.back() == chk_of(frame.substr(0, frame.size() - 1));
}

std::string seal_pi18(std::string_view data, CrcStyle style) {
  return seal(fmt::format("^D{:03}{}", data.size() + 3, data), style);
}

RequestReader::Event RequestReader::push(char byte) {
  if (byte == '\r') {
    if (pending_.empty()) return Event::bare;
    frame_.swap(pending_);
    pending_.clear();
    return Event::frame;
  }
  // Padding of a HID report and line ends of careless clients; inside a frame a 00 may be half of its checksum.
  if (pending_.empty() && (byte == '\0' || byte == '\n')) return Event::none;
  pending_ += byte;
  if (pending_.size() <= kLimit) return Event::none;
  pending_.clear();
  return Event::overflow;
}

void RequestReader::contaminate(std::string_view bytes) {
  for (const char byte : bytes)
    if (byte != '\r' && pending_.size() < kLimit) pending_ += byte;
}

}  // namespace mesura::axpert::twin
