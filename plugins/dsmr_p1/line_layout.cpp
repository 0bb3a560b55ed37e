// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "line_layout.hpp"

#include <bit>
#include <cstring>

namespace mesura::dsmr_p1 {
namespace {

using Block = std::uint8_t __attribute__((vector_size(16)));
using Words = std::uint64_t __attribute__((vector_size(16)));

Block load(const void* from) {
  Block block;
  std::memcpy(&block, from, sizeof block);
  return block;
}

/// Not zero where a fixed byte differs or something stands in the place of a digit.
Block mismatch(const char* line, const std::uint8_t* pattern, const std::uint8_t* fixed, const std::uint8_t* digits) {
  const Block bytes = load(line);
  const Block above_zero = bytes - static_cast<std::uint8_t>('0');  // 0..9 for digits, more for anything else
  return ((bytes ^ load(pattern)) & load(fixed)) | (Block(above_zero > std::uint8_t{9}) & load(digits));
}

/// Up to eight digits at `p`, of which eight bytes are read.
/// source  D. Lemire, "Quickly parsing eight digits", 2018
std::uint64_t digits_value(const char* p, std::size_t count) {
  if (count == 0) return 0;
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  word = (word - 0x3030303030303030ULL) << (64U - 8U * count);  // leading zeros for the digits that are not there
  word = word * 10 + (word >> 8U);
  constexpr std::uint64_t mask = 0x000000FF000000FFULL;
  return ((word & mask) * 0x000F424000000064ULL + ((word >> 16U) & mask) * 0x0000271000000001ULL) >> 32U;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr std::size_t kMaxPart = 8;  // digits taken at once

}  // namespace

bool LineLayout::matches(const char* line, std::size_t available) const {
  if (available < length) return false;
  switch (kind) {
    case Kind::none: return false;
    case Kind::same: return std::memcmp(line, text_.data(), length) == 0;
    case Kind::number:
    case Kind::time: break;
  }
  const Block all = mismatch(line, pattern_, fixed_, digits_) | mismatch(line + 16, pattern_ + 16, fixed_ + 16, digits_ + 16);
  const Words words = Words(all);
  return (words[0] | words[1]) == 0;
}

std::int64_t LineLayout::mantissa(const char* line) const {
  const char* p = line + digits_at_;
  std::uint64_t value = 0;
  std::size_t left = int_digits_;
  if (left > kMaxPart) {
    value = digits_value(p, left - kMaxPart) * 100'000'000;
    p += left - kMaxPart;
    left = kMaxPart;
  }
  value += digits_value(p, left);
  if (frac_digits_ != 0) {
    value = value * static_cast<std::uint64_t>(kPowersOfTen[frac_digits_]) + digits_value(p + left + 1, frac_digits_);
  }
  return static_cast<std::int64_t>(value);
}

void LineLayout::learn(std::string_view text) {
  length = text.size();
  kind = Kind::none;
  if (!contribution.error.empty()) return;
  text_.assign(text);
  kind = Kind::same;
  const bool stamp = contribution.stamp && (contribution.stamp->kind == Stamp::Kind::summer || contribution.stamp->kind == Stamp::Kind::winter);
  if (text.size() <= kWindow && (contribution.simple_number || stamp)) learn_pattern(text);
}

void LineLayout::learn_pattern(std::string_view text) {
  digits_at_ = text.find('(') + 1;
  std::size_t at = digits_at_;
  while (at < text.size() && is_digit(text[at])) ++at;
  int_digits_ = at - digits_at_;
  frac_digits_ = 0;
  if (text[at] == '.') {
    for (++at; is_digit(text[at]); ++at) ++frac_digits_;
  }
  constexpr std::size_t kStampDigits = 12;
  if (contribution.stamp) {
    if (int_digits_ != kStampDigits) return;
    kind = Kind::time;
  } else {
    if (int_digits_ == 0 || int_digits_ > 2 * kMaxPart || frac_digits_ > kMaxPart || int_digits_ + frac_digits_ > 18) return;
    kind = Kind::number;
    exponent = contribution.readings[0].number.exponent;
  }
  for (std::size_t i = 0; i < kWindow; ++i) {
    const bool inside = i < text.size();
    const bool digit = inside && i >= digits_at_ && i < at && text[i] != '.';
    pattern_[i] = inside ? static_cast<std::uint8_t>(text[i]) : 0;
    fixed_[i] = inside && !digit ? 0xFF : 0;
    digits_[i] = digit ? 0xFF : 0;
  }
}

}  // namespace mesura::dsmr_p1
