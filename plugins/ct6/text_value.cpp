// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "text_value.hpp"

#include "number.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>

namespace mesura::ct6 {
namespace {

constexpr unsigned kFirstSurrogate = 0xD800, kFirstLowSurrogate = 0xDC00, kLastSurrogate = 0xDFFF;

unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, unsigned code) {
  const auto add = [&](unsigned b) { out += static_cast<char>(b); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0U | code >> 6U);
    add(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    add(0xE0U | code >> 12U);
    add(0x80U | (code >> 6U & 0x3FU));
    add(0x80U | (code & 0x3FU));
  } else {
    add(0xF0U | code >> 18U);
    add(0x80U | (code >> 12U & 0x3FU));
    add(0x80U | (code >> 6U & 0x3FU));
    add(0x80U | (code & 0x3FU));
  }
}

/// The four hex digits behind `\u` at `at`; -1: there are none.
int hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int code = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

/// A `\u` escape whose digits begin at `at`, which moves behind it.
bool append_unicode_escape(std::string_view text, std::size_t& at, std::string& out) {
  const int first = hex4(text, at);
  if (first < 0) return false;
  at += 4;
  auto code = static_cast<unsigned>(first);
  if (code >= kFirstSurrogate && code <= kLastSurrogate) {
    const bool pair = code < kFirstLowSurrogate && text.substr(at, 2) == "\\u";
    const int second = pair ? hex4(text, at + 2) : -1;
    if (second < static_cast<int>(kFirstLowSurrogate) || second > static_cast<int>(kLastSurrogate)) return false;
    at += 6;
    code = 0x10000U + ((code - kFirstSurrogate) << 10U) + (static_cast<unsigned>(second) - kFirstLowSurrogate);
  }
  append_utf8(out, code);
  return true;
}

std::optional<std::string> unescape(std::string_view text) {
  constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out += text[i++];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    const char escape = text[i++];
    if (escape == 'u') {
      if (!append_unicode_escape(text, i, out)) return std::nullopt;
      continue;
    }
    const std::size_t which = from.find(escape);
    if (which == std::string_view::npos) return std::nullopt;
    out += to[which];
  }
  return out;
}

/// As the user wrote it: the device made a float of the name `1`.
std::string plain_number(double value) {
  constexpr double kExact = 1e15;
  if (value == std::trunc(value) && std::abs(value) < kExact)
    return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

bool is_printable(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const unsigned char lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, i) & 0xC0U) != 0x80U) return 0;
  const unsigned char second = byte_at(text, 1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool beyond = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::optional<std::string> text_of_token(std::string_view token) {
  if (token.size() >= 2 && token.front() == '"' && token.back() == '"')
    return unescape(token.substr(1, token.size() - 2));
  if (token == "true" || token == "false") return std::string{token};
  if (token == "null") return std::string{};
  const auto number = parse_number(token);
  if (!number) return std::nullopt;
  return plain_number(*number);
}

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return is_utf8(out) && is_printable(out) ? out : std::string{text};
}

std::string excerpt(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty() && out.size() < limit) {
    const std::size_t length = utf8_length(text);
    const bool plain = length > 1 || (length == 1 && is_printable(text.substr(0, 1)));
    if (length > 0 && out.size() + length > limit) break;
    out.append(plain ? text.substr(0, length) : "?");
    text.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

}  // namespace mesura::ct6
