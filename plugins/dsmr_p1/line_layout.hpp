// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "line_decoder.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mesura::dsmr_p1 {

namespace detail {

using Block = std::uint8_t __attribute__((vector_size(16)));
using Words = std::uint64_t __attribute__((vector_size(16)));

inline Block load(const void* from) {
  Block block;
  std::memcpy(&block, from, sizeof block);
  return block;
}

/// Not zero where a fixed byte differs or something stands in the place of a digit.
inline Block mismatch(const char* line, const std::uint8_t* pattern, const std::uint8_t* fixed,
                      const std::uint8_t* digits) {
  const Block bytes = load(line);
  const Block above_zero = bytes - static_cast<std::uint8_t>('0');  // 0..9 for digits, more for anything else
  return ((bytes ^ load(pattern)) & load(fixed)) | (Block(above_zero > std::uint8_t{9}) & load(digits));
}

/// Up to eight digits at `p`, of which eight bytes are read.
/// source  D. Lemire, "Quickly parsing eight digits", 2018
inline std::uint64_t digits_value(const char* p, std::size_t count) {
  if (count == 0) return 0;
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  word = (word - 0x3030303030303030ULL) << (64U - 8U * count);  // leading zeros for the digits that are not there
  word = word * 10 + (word >> 8U);
  constexpr std::uint64_t mask = 0x000000FF000000FFULL;
  return ((word & mask) * 0x000F424000000064ULL + ((word >> 16U) & mask) * 0x0000271000000001ULL) >> 32U;
}

constexpr std::size_t kMaxPart = 8;  // digits taken at once

}  // namespace detail

/// What is remembered of the n-th line of the last telegram. A meter sends the same lines in the same order every time
/// and changes only digits, so a line that equals its predecessor but for the digits of its number needs no parsing.
///
/// Matching reads up to kWindow bytes from the start of the line, whatever its length: they must be readable.
class LineLayout {
 public:
  static constexpr std::size_t kWindow = 32;

  enum class Kind : std::uint8_t {
    none,    ///< nothing to be remembered: parse it
    number,  ///< differs in the digits of its number only
    time,    ///< 0-0:1.0.0 with the same suffix: differs in the digits of its stamp only
    same     ///< must be equal byte by byte
  };

  /// Remembers a line of `text` that was just decoded into `contribution`; without a layout when it held an error.
  void learn(std::string_view text);
  void forget() { kind = Kind::none; }

  /// Whether `line`, of which `available` bytes belong to the telegram, has the remembered layout.
  [[nodiscard]] bool matches(const char* line, std::size_t available) const;
  /// The number of a line that matches kind `number`, as the decoder would have read it.
  [[nodiscard]] std::int64_t mantissa(const char* line) const;
  [[nodiscard]] std::string_view stamp(const char* line) const { return {line + digits_at_, int_digits_}; }

  Kind kind = Kind::none;
  int exponent = 0;        ///< of the number in its base unit
  std::size_t length = 0;  ///< of the line with its line ends

 private:
  void learn_pattern(std::string_view text);

  // What every match reads stands together, and before the rest.
  alignas(16) std::uint8_t pattern_[kWindow] = {};
  alignas(16) std::uint8_t fixed_[kWindow] = {};   ///< FFh where a byte must be equal
  alignas(16) std::uint8_t digits_[kWindow] = {};  ///< FFh where a digit must stand
  std::size_t digits_at_ = 0;
  std::size_t int_digits_ = 0;
  std::size_t frac_digits_ = 0;
  std::string text_;

 public:
  Contribution contribution;
};

inline bool LineLayout::matches(const char* line, std::size_t available) const {
  if (available < length) return false;
  switch (kind) {
    case Kind::none: return false;
    case Kind::same: return std::memcmp(line, text_.data(), length) == 0;
    case Kind::number:
    case Kind::time: break;
  }
  const detail::Block all = detail::mismatch(line, pattern_, fixed_, digits_) |
                            detail::mismatch(line + 16, pattern_ + 16, fixed_ + 16, digits_ + 16);
  const auto words = detail::Words(all);
  return (words[0] | words[1]) == 0;
}

inline std::int64_t LineLayout::mantissa(const char* line) const {
  const char* p = line + digits_at_;
  std::uint64_t value = 0;
  std::size_t left = int_digits_;
  if (left > detail::kMaxPart) {
    value = detail::digits_value(p, left - detail::kMaxPart) * 100'000'000;
    p += left - detail::kMaxPart;
    left = detail::kMaxPart;
  }
  value += detail::digits_value(p, left);
  if (frac_digits_ != 0) {
    value = value * static_cast<std::uint64_t>(kPowersOfTen[frac_digits_]) +
            detail::digits_value(p + left + 1, frac_digits_);
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace mesura::dsmr_p1
