// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "token.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mesura::axpert {
namespace {

constexpr std::size_t kLongestNumber = 18;  // so that the mantissa can't overflow
constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x80 * kOnes;
constexpr std::uint64_t kZeros = '0' * kOnes;

bool is_missing(std::string_view s) { return s.empty() || s == "NA" || s == "-" || s == "--"; }

/// Eight characters as a number whose lowest byte is the first of them.
std::uint64_t load(const char* p) {
  std::uint64_t x = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&x, p, sizeof x);
  } else {
    for (unsigned i = 0; i < 8; ++i) x |= static_cast<std::uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
  }
  return x;
}

/// 0x80 in each byte of x that is `c`, 0 in all others.
std::uint64_t find(std::uint64_t x, char c) {
  const std::uint64_t v = x ^ (kOnes * static_cast<unsigned char>(c));
  return ~(((v & ~kHighs) + ~kHighs) | v | ~kHighs);
}

/// The value of eight digits, the first in the lowest byte.
std::uint64_t eight_digits(std::uint64_t x) {
  x -= kZeros;
  x = x * 10 + (x >> 8U);  // pairs in the even bytes
  return (((x & 0x000000FF000000FFU) * 0x000F424000000064U) +
          (((x >> 16U) & 0x000000FF000000FFU) * 0x0000271000000001U)) >>
         32U;
}

bool all_eight_digits(std::uint64_t x) { return (((x + 0x46 * kOnes) | (x - kZeros)) & kHighs) == 0; }

/// A token of one to eight characters, which end at `end`; there are eight readable bytes in front of that.
inline void read_short(const char* end, std::uint32_t size, Token& t) {
  const unsigned unused = 8 * (8 - size);
  const std::uint64_t kept = ~std::uint64_t{0} << unused;
  const std::uint64_t x = load(end - 8) & kept;
  t.packed = x >> unused;
  std::uint64_t digits = x | (kZeros & ~kept);
  t.kind = Token::Kind::integer;
  t.decimals = 0;
  std::uint64_t point = find(digits, '.');
  bool number = true;
  if (point != 0) {
    // Close the gap: what stands in front of the point moves up.
    point &= ~point + 1;
    const std::uint64_t behind = ~(point << 1U) + 1;
    const std::uint64_t front = (point >> 7U) - 1;
    digits = (digits & behind) | ((digits & front) << 8U) | '0';
    t.decimals = static_cast<std::uint8_t>(7 - std::countr_zero(point) / 8);
    t.kind = Token::Kind::decimal;
    number = size > 1;
  }
  t.mantissa = eight_digits(digits);
  if (number && all_eight_digits(digits)) return;
  t.mantissa = 0;
  t.decimals = 0;
  t.kind = is_missing(t.text()) ? Token::Kind::missing : Token::Kind::other;
}

/// Any longer one.
void read_long(Token& t) {
  std::size_t point = t.size;
  bool number = true;
  t.mantissa = 0;
  for (std::size_t i = 0; i < t.size; ++i) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(t.begin[i])) - '0';
    if (digit < 10) {
      t.mantissa = t.mantissa * 10 + digit;
    } else if (t.begin[i] == '.' && point == t.size) {
      point = i;
    } else {
      number = false;
    }
  }
  const bool has_point = point != t.size;
  t.packed = 0;
  t.decimals = has_point ? static_cast<std::uint8_t>(t.size - point - 1) : std::uint8_t{0};
  number = number && t.size - (has_point ? 1U : 0U) <= kLongestNumber;
  t.kind = !number ? Token::Kind::other : has_point ? Token::Kind::decimal : Token::Kind::integer;
}

bool all_digits(const Token& t) { return t.kind == Token::Kind::integer; }

/// Of any length: serials have more than a number may.
bool are_digits(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool all_bits(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c == '0' || c == '1'; });
}

/// QPIWS: flags, and among the last some digits.
bool is_warning_word(std::string_view s) {
  constexpr std::size_t kFlags = 31, kShortest = 32, kLongest = 64;
  return s.size() >= kShortest && s.size() <= kLongest && all_bits(s.substr(0, kFlags)) &&
         std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// QFLAG: E, letters, D, letters; unknown letters are no letters at times.
bool is_flag_letters(std::string_view s) {
  return s.starts_with('E') && s.find('D') != std::string_view::npos &&
         std::none_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

int two_digits(std::string_view s, std::size_t at) { return (s[at] - '0') * 10 + (s[at + 1] - '0'); }

}  // namespace

std::string_view Token::significant() const {
  std::string_view s = text();
  while (s.size() > 1 && s[0] == '0') s.remove_prefix(1);
  return s;
}

inline void Tokens::add(std::size_t from, std::size_t to, const char* payload) {
  if (count_ == kMost) return;
  Token& t = tokens_[count_++];
  t.begin = payload + from;
  t.size = static_cast<std::uint32_t>(to - from);
  if (t.size != 0 && t.size <= kWord) {
    read_short(to >= kWord ? payload + to : head_.data() + kWord + to, t.size, t);
  } else {
    read_long(t);
    if (t.size == 0) t.kind = Token::Kind::missing;
  }
}

void Tokens::split(std::string_view payload, char separator) {
  count_ = 0;
  const char* p = payload.data();
  const std::size_t size = payload.size();
  // Eight bytes are read at a time, but never one that is not the payload's: its ends are copied.
  for (std::size_t i = 0; i < std::min(size, kWord); ++i) head_[kWord + i] = p[i];
  std::size_t from = 0;
  const auto cut = [&](std::size_t at, std::uint64_t word) {
    for (std::uint64_t found = find(word, separator); found != 0; found &= found - 1) {
      const std::size_t to = at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
      add(from, to, p);
      from = to + 1;
    }
  };
  std::size_t at = 0;
  for (; at + kWord <= size; at += kWord) cut(at, load(p + at));
  std::array<char, kWord> tail{};
  for (std::size_t i = at; i < size; ++i) tail[i - at] = p[i];
  cut(at, load(tail.data()));
  if (from < size) add(from, size, p);
}

std::string_view Tokens::joined(std::size_t first, std::size_t last) const {
  const char* begin = tokens_[first].begin;
  return {begin, static_cast<std::size_t>(tokens_[last].begin + tokens_[last].size - begin)};
}

bool is_date_time(std::string_view s) {
  constexpr std::size_t kSize = 14;
  if (s.size() != kSize || !std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  const auto within = [&](std::size_t at, int low, int high) {
    return two_digits(s, at) >= low && two_digits(s, at) <= high;
  };
  return within(0, 20, 20) && within(4, 1, 12) && within(6, 1, 31) && within(8, 0, 23) && within(10, 0, 59) &&
         within(12, 0, 59);
}

bool looks_like(const Tokens& tokens, std::string_view shape, std::size_t shortest, std::size_t longest) {
  const std::size_t n = std::min(shape.size(), tokens.size());
  for (std::size_t i = 0; i < n; ++i) {
    const Token& t = tokens[i];
    const bool missing = t.kind == Token::Kind::missing;
    bool good = true;
    switch (shape[i]) {
      case 'n': good = t.is_number() || missing; break;
      case 'f': good = t.kind == Token::Kind::decimal || missing; break;
      case 'i': good = all_digits(t) || missing; break;
      case 'b': good = t.size == 8 && all_bits(t.text()); break;
      case 'w': good = is_warning_word(t.text()); break;
      case 'a': good = t.size == 1 && t.begin[0] >= 'A' && t.begin[0] <= 'Z'; break;
      case 'd': good = are_digits(t.text()) && t.size >= shortest && t.size <= longest; break;
      case 'F': good = is_flag_letters(t.text()); break;
      case 'D': good = is_date_time(t.text()); break;
      default: break;
    }
    if (!good) return false;
  }
  return true;
}

}  // namespace mesura::axpert
