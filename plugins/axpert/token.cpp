// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "token.hpp"

#include <algorithm>

namespace mesura::axpert {
namespace {

constexpr std::ptrdiff_t kLongestNumber = 18;  // so that the mantissa can't overflow
bool is_missing(std::string_view s) { return s.empty() || s == "NA" || s == "-" || s == "--"; }

/// Of '0' to '9' the digit, of anything else a number above 9.
unsigned digit(char c) { return static_cast<unsigned>(static_cast<unsigned char>(c)) - '0'; }

/// A token that is no number.
const char* scan_word(const char* p, const char* end, char separator, Token& t) {
  while (p != end && *p != separator) ++p;
  t.size = static_cast<std::uint32_t>(p - t.begin);
  t.mantissa = 0;
  t.decimals = 0;
  t.kind = is_missing(t.text()) ? Token::Kind::missing : Token::Kind::other;
  return p;
}

/// Reads one token and returns where it ends. Most are numbers of a few digits: a plain loop is the fastest for those.
/// `kStops`: what stands at `end` is no part of a number, so the loops need not look for the end.
template <bool kStops>
inline const char* scan(const char* p, const char* end, char separator, Token& t) {
  t.begin = p;
  std::uint64_t mantissa = 0;
  for (unsigned d = 0; (kStops || p != end) && (d = digit(*p)) < 10; ++p) mantissa = mantissa * 10 + d;
  std::ptrdiff_t digits = p - t.begin;
  t.kind = Token::Kind::integer;
  t.decimals = 0;
  if ((kStops || p != end) && *p == '.') {
    const char* point = ++p;
    for (unsigned d = 0; (kStops || p != end) && (d = digit(*p)) < 10; ++p) mantissa = mantissa * 10 + d;
    digits += p - point;
    t.decimals = static_cast<std::uint8_t>(p - point);
    t.kind = Token::Kind::decimal;
  }
  if ((p != end && *p != separator) || digits == 0 || digits > kLongestNumber) return scan_word(p, end, separator, t);
  t.size = static_cast<std::uint32_t>(p - t.begin);
  t.mantissa = mantissa;
  return p;
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

std::uint64_t Token::packed() const {
  std::uint64_t n = 0;
  for (const char c : text()) n = n << 8U | static_cast<unsigned char>(c);
  return n;
}

std::string_view Token::significant() const {
  std::string_view s = text();
  while (s.size() > 1 && s[0] == '0') s.remove_prefix(1);
  return s;
}

template <bool kStops>
void Tokens::split_up(const char* p, const char* end, char separator) {
  std::size_t count = 0;
  while (p != end && count < kMost) {
    p = scan<kStops>(p, end, separator, tokens_[count++]);
    if (p != end) ++p;
  }
  count_ = count;
}

void Tokens::split(std::string_view payload, char separator, bool followed) {
  const char* p = payload.data();
  const char* end = p + payload.size();
  if (followed && digit(*end) > 9 && *end != '.')
    split_up<true>(p, end, separator);
  else
    split_up<false>(p, end, separator);
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
