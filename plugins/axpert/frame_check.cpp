// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "frame_check.hpp"

#include <algorithm>
#include <cstring>

#include "crc.hpp"

namespace mesura::axpert {
namespace {

constexpr std::size_t kCrc = 2;
constexpr std::size_t kLongestAnswer = 7;  // "(ACK" with whatever firmware puts behind it
constexpr std::size_t kLengthDigits = 3;
constexpr std::size_t kInfiniHeader = 2 + kLengthDigits;  // ^D and the length

bool printable(std::string_view s) {
  // Eight at a time: a byte is good if it is neither below 0x20 nor above 0x7E.
  constexpr std::uint64_t kOnes = 0x0101010101010101U, kHighs = 0x8080808080808080U;
  std::uint64_t bad = 0;
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t x = 0;
    std::memcpy(&x, s.data() + i, sizeof x);
    bad |= ((x - kOnes * 0x20) & ~x) | x | ((x + kOnes) & ~x);
  }
  if ((bad & kHighs) != 0) return false;
  return std::all_of(s.begin() + static_cast<std::ptrdiff_t>(i), s.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

/// ACK and NAK of either kind of frame; `foreign` for everything else.
Verdict short_answer(std::string_view s) {
  if (s.size() > kLongestAnswer) return Verdict::foreign;
  if (s.starts_with("(ACK")) return Verdict::ack;
  if (s.starts_with("(NAK")) return Verdict::nak;
  if (s.size() > 2 + kCrc) return Verdict::foreign;
  if (s.starts_with("^1")) return Verdict::ack;
  if (s.starts_with("^0")) return Verdict::nak;
  return Verdict::foreign;
}

Checked check_sum(Bytes body) {
  Checked c;
  // LF or CR may be the sum itself: then the frame has been cut in front of it.
  const std::uint8_t whole = check_byte(body);
  const bool cut = whole == '\r' || whole == '\n';
  if (body.size() < 2) {
    c.verdict = Verdict::too_short;
    return c;
  }
  c.expected = check_byte(body.first(body.size() - 1));
  c.got = body.back();
  const bool fits = c.expected == c.got;
  if (!fits && !cut) {
    c.verdict = Verdict::crc_error;
    return c;
  }
  std::string_view payload = as_text(fits ? body.first(body.size() - 1) : body);
  if (payload.starts_with('(')) payload.remove_prefix(1);
  c.payload = payload;
  c.verdict = printable(payload) ? Verdict::reply : Verdict::not_printable;
  return c;
}

/// The number in front of a PI18 frame's data: how many bytes follow it, CR included.
bool length_fits(std::string_view frame) {
  std::size_t n = 0;
  for (const char c : frame.substr(2, kLengthDigits)) {
    if (c < '0' || c > '9') return false;
    n = n * 10 + static_cast<std::size_t>(c - '0');
  }
  return n == frame.size() - kInfiniHeader + 1;
}

}  // namespace

std::size_t find_start(Bytes body) {
  const auto found = std::find_if(body.begin(), body.end(), [](std::uint8_t b) { return b == '(' || b == '^'; });
  return static_cast<std::size_t>(found - body.begin());
}

Checked check(Bytes body, Check how) {
  Checked c;
  const std::string_view text = as_text(body);
  c.verdict = short_answer(text);
  if (c.verdict != Verdict::foreign) return c;
  if (how == Check::sum) return check_sum(body);
  if (body.empty() || (body[0] != '(' && body[0] != '^')) return c;
  const bool infini = body[0] == '^';
  if (body.size() <= kCrc + (infini ? kInfiniHeader : 1U)) {
    c.verdict = Verdict::too_short;
    return c;
  }
  c.expected = crc16(body.first(body.size() - kCrc));
  c.got = static_cast<std::uint16_t>((body[body.size() - 2] << 8U) | body[body.size() - 1]);
  if (!crc_fits(c.expected, c.got)) {
    c.expected = escaped(c.expected, Escape::esc3);
    c.verdict = Verdict::crc_error;
    return c;
  }
  c.payload = text.substr(0, text.size() - kCrc);
  if (!printable(c.payload)) {
    c.verdict = Verdict::not_printable;
  } else if (infini && (body[1] != 'D' || !length_fits(text))) {
    c.verdict = Verdict::bad_length;
  } else {
    c.payload.remove_prefix(infini ? kInfiniHeader : 1);
    c.separator = infini ? ',' : ' ';
    c.verdict = Verdict::reply;
  }
  return c;
}

}  // namespace mesura::axpert
