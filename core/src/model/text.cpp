// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace mesura::model {

namespace {

constexpr std::array<double, 10> kPowers{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr std::array<std::int64_t, 10> kIntegerPowers{1,      10,      100,      1000,      10000,
                                                      100000, 1000000, 10000000, 100000000, 1000000000};
/// Every integer below is a double of its own.
constexpr double kExact = 9007199254740992.0;

template <class T>
void append_plain(std::string& out, T value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

/// `digits` decimal digits of `value`, most significant first.
void put(char* to, std::uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    to[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// Length of the UTF-8 sequence at the start of `s`, or 0 if there is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view s) {
  const auto at = [s](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const auto in = [](unsigned c, unsigned low, unsigned high) { return c >= low && c <= high; };
  const auto tail = [&](std::size_t i) { return in(at(i), 0x80, 0xBF); };
  const unsigned c = at(0);
  if (c < 0x80) return 1;
  if (in(c, 0xC2, 0xDF)) return tail(1) ? 2 : 0;
  if (in(c, 0xE0, 0xEF)) {
    const unsigned low = c == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = c == 0xED ? 0x9F : 0xBF;
    return in(at(1), low, high) && tail(2) ? 3 : 0;
  }
  if (in(c, 0xF0, 0xF4)) {
    const unsigned low = c == 0xF0 ? 0x90 : 0x80;
    const unsigned high = c == 0xF4 ? 0x8F : 0xBF;
    return in(at(1), low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4U];
  out += kHex[c & 15U];
}

}  // namespace

void append_number(std::string& out, double value, int decimals) {
  const auto places = static_cast<std::size_t>(std::clamp(decimals, 0, 9));
  const double scaled = value * kPowers[places];
  if (!(std::abs(scaled) < kExact)) {
    append_plain(out, value);
    return;
  }
  const auto units = static_cast<std::int64_t>(std::llround(scaled));
  const std::int64_t magnitude = units < 0 ? -units : units;
  if (units < 0) out += '-';
  append_plain(out, magnitude / kIntegerPowers[places]);
  auto fraction = static_cast<std::uint32_t>(magnitude % kIntegerPowers[places]);
  if (fraction == 0) return;
  auto digits = static_cast<int>(places);
  for (; fraction % 10 == 0; fraction /= 10) --digits;
  std::array<char, 10> buffer;
  buffer[0] = '.';
  put(&buffer[1], fraction, digits);
  out.append(buffer.data(), static_cast<std::size_t>(digits) + 1);
}

void append_utc(std::string& out, std::int64_t time_ns) {
  using std::chrono::days, std::chrono::floor, std::chrono::nanoseconds, std::chrono::sys_time;
  const sys_time<nanoseconds> time{nanoseconds{time_ns}};
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date{day};
  // The first day of 1677 as ns would overflow, so the remainder is taken without building that instant.
  constexpr std::int64_t kDay = 86'400'000'000'000;
  const auto of_day = static_cast<std::uint64_t>((time_ns % kDay + kDay) % kDay);
  const auto seconds = static_cast<std::uint32_t>(of_day / 1'000'000'000);
  const auto fraction = static_cast<std::uint32_t>(of_day % 1'000'000'000);

  // 0123456789012345678 9
  // YYYY-MM-DDTHH:MM:SS.nnnnnnnnn
  std::array<char, 30> text{"0000-00-00T00:00:00.000000000"};
  put(&text[0], static_cast<std::uint32_t>(static_cast<int>(date.year())), 4);
  put(&text[5], static_cast<unsigned>(date.month()), 2);
  put(&text[8], static_cast<unsigned>(date.day()), 2);
  put(&text[11], seconds / 3600, 2);
  put(&text[14], seconds / 60 % 60, 2);
  put(&text[17], seconds % 60, 2);
  put(&text[20], fraction, 9);
  const std::size_t digits = fraction % 1'000'000 == 0 ? 3 : fraction % 1000 == 0 ? 6 : 9;
  out.append(text.data(), 20 + digits);
  out += 'Z';
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t clean = 0;  // length of what needs no change
  while (clean < text.size()) {
    const auto c = static_cast<unsigned char>(text[clean]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++clean;
      continue;
    }
    if (c >= 0x80) {
      const auto length = utf8_length(text.substr(clean));
      if (length != 0) {
        clean += length;
        continue;
      }
    }
    out.append(text.substr(0, clean));
    if (c >= 0x80) {
      out += "\xEF\xBF\xBD";
    } else {
      append_escape(out, c);
    }
    text.remove_prefix(clean + 1);
    clean = 0;
  }
  out.append(text);
  out += '"';
}

std::string printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      out += c;
    else
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace mesura::model
