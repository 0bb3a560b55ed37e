// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mesura::axpert {

/// A field of a reply as it came.
struct Token {
  enum class Kind : std::uint8_t {
    integer,  ///< digits
    decimal,  ///< digits with a point among them
    missing,  ///< NA, - or --: the inverter has no value
    other
  };
  const char* begin = nullptr;
  std::uint32_t size = 0;
  Kind kind = Kind::other;
  std::uint8_t decimals = 0;
  std::uint64_t mantissa = 0;  ///< of a number: its digits, the point left out

  [[nodiscard]] std::string_view text() const { return {begin, size}; }
  [[nodiscard]] bool is_number() const { return kind == Kind::integer || kind == Kind::decimal; }
  /// Its characters as one number, if there are at most eight of them.
  [[nodiscard]] std::uint64_t packed() const;
  /// Without leading zeros: what codes are compared with.
  [[nodiscard]] std::string_view significant() const;
};

/// The fields of one reply.
class Tokens {
 public:
  static constexpr std::size_t kMost = 64;  ///< more are not looked at

  /// Splits `payload`, which must outlive this. One empty token at the end is dropped: some replies end in a separator.
  /// `followed`: the byte behind it can be read (of a frame: its checksum).
  void split(std::string_view payload, char separator, bool followed = false);
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const Token& operator[](std::size_t i) const { return tokens_[i]; }
  /// Everything from token `first` to the end of token `last`.
  [[nodiscard]] std::string_view joined(std::size_t first, std::size_t last) const;

 private:
  template <bool kStops>
  void split_up(const char* p, const char* end, char separator);

  std::array<Token, kMost> tokens_;
  std::size_t count_ = 0;
};

/// Whether the tokens look like `shape` (Layout::shape); `shortest` and `longest` bound its d.
[[nodiscard]] bool looks_like(const Tokens& tokens, std::string_view shape, std::size_t shortest, std::size_t longest);

/// YYYYMMDDHHMMSS of this century, each part in its range.
[[nodiscard]] bool is_date_time(std::string_view s);

}  // namespace mesura::axpert
