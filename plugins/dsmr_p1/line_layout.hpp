// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "line_decoder.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::dsmr_p1 {

/// What is remembered of the n-th line of the last telegram. A meter sends the same lines in the same order every time and
/// changes only digits, so a line that equals its predecessor but for the digits of its number needs no parsing.
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
  std::size_t length = 0;     ///< of the line with its line ends
  int exponent = 0;           ///< of the number in its base unit
  Contribution contribution;

 private:
  void learn_pattern(std::string_view text);

  alignas(16) std::uint8_t pattern_[kWindow] = {};
  alignas(16) std::uint8_t fixed_[kWindow] = {};   ///< FFh where a byte must be equal
  alignas(16) std::uint8_t digits_[kWindow] = {};  ///< FFh where a digit must stand
  std::size_t digits_at_ = 0;
  std::size_t int_digits_ = 0;
  std::size_t frac_digits_ = 0;
  std::string text_;
};

}  // namespace mesura::dsmr_p1
