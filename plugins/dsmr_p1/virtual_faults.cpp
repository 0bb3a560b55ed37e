// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_faults.hpp"

#include <bit>
#include <utility>

namespace mesura::dsmr_p1::twin {
namespace {

constexpr std::uint64_t kLongestNoise = 64;

/// Bytes at which a reader would begin or end a frame: '/' and '!' plain and with parity bit, DBh of the cipher.
bool marks_frame(unsigned char byte) {
  return byte == 0x2F || byte == 0xAF || byte == 0x21 || byte == 0xA1 || byte == 0xDB;
}

/// What a reader makes of a plain frame: a start byte AFh has it clear bit 7 everywhere, the checksum's digits may have
/// either case, and what follows them is not looked at.
std::string as_read(std::string bytes, std::size_t end) {
  if (static_cast<unsigned char>(bytes.front()) == 0xAF)
    for (char& c : bytes) c = static_cast<char>(static_cast<unsigned char>(c) & 0x7Fu);
  const std::size_t bang = bytes.rfind('!', end);
  bytes.resize(end);
  for (std::size_t i = bang; i < end; ++i)
    if (bytes[i] >= 'a' && bytes[i] <= 'f') bytes[i] = static_cast<char>(bytes[i] - 'a' + 'A');
  return bytes;
}

char with_even_parity(char c) {
  const auto seven = static_cast<unsigned>(static_cast<unsigned char>(c)) & 0x7Fu;
  return static_cast<char>(std::popcount(seven) % 2 != 0 ? seven | 0x80u : seven);
}

}  // namespace

FaultyLine::FaultyLine(const LineFaults& faults, std::uint64_t seed)
    : faults_(faults),
      noise_(virtual_house::scramble(seed ^ 0x6E)),
      flips_(virtual_house::scramble(seed ^ 0xB1)),
      cuts_(virtual_house::scramble(seed ^ 0xC7)) {}

void FaultyLine::add_noise(std::string& bytes) {
  std::string garbage;
  const std::uint64_t count = 1 + noise_.below(kLongestNoise);
  while (garbage.size() < count) {
    const auto byte = static_cast<unsigned char>(noise_.below(256));
    if (!marks_frame(byte)) garbage += static_cast<char>(byte);
  }
  bytes.insert(0, garbage);
}

FaultyLine::Result FaultyLine::carry(std::string frame) {
  Result result{std::move(frame), false};
  std::string& bytes = result.bytes;
  const bool plain = !bytes.empty() && bytes.front() == '/';
  if (faults_.lf_only && plain) std::erase(bytes, '\r');
  std::size_t trailer = plain ? bytes.size() - 1 - bytes.find_last_not_of("\r\n") : 0;  // line end after the checksum
  if (faults_.truncate > 0 && cuts_.happens(faults_.truncate) && bytes.size() > 1) {
    const std::size_t end = plain ? bytes.rfind('!') : bytes.size() - 1;
    bytes.resize(1 + cuts_.below(end));
    result.spoilt = true;
    trailer = 0;
  }
  if (faults_.parity)
    for (char& c : bytes) c = with_even_parity(c);
  if (faults_.bitflip > 0) {
    const std::string sent = bytes;
    for (char& c : bytes)
      if (flips_.happens(faults_.bitflip))
        c = static_cast<char>(static_cast<unsigned char>(c) ^ (1u << flips_.below(8)));
    const std::size_t end = sent.size() - trailer;
    result.spoilt = result.spoilt || (plain ? as_read(bytes, end) != as_read(sent, end) : bytes != sent);
  }
  if (faults_.noise) add_noise(bytes);
  return result;
}

}  // namespace mesura::dsmr_p1::twin
