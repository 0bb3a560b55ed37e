// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace mesura::runtime {
namespace {

constexpr int kMaxDecimals = 17;
// 309 digits before the point of the largest double, sign, point, decimals.
constexpr std::size_t kNumberSize = 309 + 2 + kMaxDecimals;

template <class... Format>
void append_chars(std::string& out, Format... format) {
  std::array<char, kNumberSize> buffer;  // NOLINT: written by to_chars
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), format...).ptr;
  out.append(buffer.data(), end);
}

struct Sequence {
  std::size_t size;  ///< of the character, or of the invalid part
  bool valid;
};

/// The UTF-8 sequence at the front of `text`, which is not empty. Source: Unicode 15, table 3-7.
Sequence utf8_sequence(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {1, true};
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;   // overlong
    if (lead == 0xED) high = 0x9F;  // surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;   // overlong
    if (lead == 0xF4) high = 0x8F;  // beyond U+10FFFF
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || at(i) < low || at(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += digits[code >> 4];
  out += digits[code & 0xF];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto plain =
        static_cast<std::size_t>(std::find_if(text.begin(), text.end(),
                                              [](char c) {
                                                const auto code = static_cast<unsigned char>(c);
                                                return code < 0x20 || code >= 0x7F || c == '"' || c == '\\';
                                              }) -
                                 text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      append_escape(out, text.front());
      text.remove_prefix(1);
      continue;
    }
    const auto [size, valid] = utf8_sequence(text);
    out += valid ? text.substr(0, size) : std::string_view{"\xEF\xBF\xBD"};
    text.remove_prefix(size);
  }
  out += '"';
}

void append_fixed(std::string& out, double value, int decimals) {
  const std::size_t start = out.size();
  append_chars(out, value, std::chars_format::fixed, std::clamp(decimals, 0, kMaxDecimals));
  const bool zero = std::all_of(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
                                [](char c) { return c == '-' || c == '0' || c == '.'; });
  if (zero && out[start] == '-') out.erase(start, 1);
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  separate();
  append_chars(out_, value);
  return *this;
}

JsonWriter& JsonWriter::unsigned_integer(std::uint64_t value) {
  separate();
  append_chars(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  append_chars(out_, value);
  return *this;
}

JsonWriter& JsonWriter::fixed(double value, int decimals) {
  if (!std::isfinite(value)) return null();
  separate();
  append_fixed(out_, value, decimals);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

}  // namespace mesura::runtime
