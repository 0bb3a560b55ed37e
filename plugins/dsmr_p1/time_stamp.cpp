// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "time_stamp.hpp"

#include "text_value.hpp"

#include <date/tz.h>

#include <array>
#include <chrono>
#include <cstddef>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::size_t kStampDigits = 12;
constexpr std::size_t kCosemDigits = 24;
constexpr std::int64_t kHour = 3600;

struct Civil {
  int year, month, day, hour, minute, second;
};

/// Days since 1970-01-01 of a proleptic Gregorian date.
/// source  H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"
constexpr std::int64_t days_from_civil(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400;  // years here are never negative
  const int year_of_era = y - era * 400;
  const int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return std::int64_t{era} * 146'097 + day_of_era - 719'468;
}

int days_in_month(int year, int month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[static_cast<std::size_t>(month - 1)];
}

/// Nothing where a component is out of range: that is how "never set" is written.
std::optional<std::int64_t> seconds_of(const Civil& c) {
  if (c.year < 1970 || c.year > 2200) return std::nullopt;  // FFFFh: not given; and ns in 64 bits end in 2262
  if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > days_in_month(c.year, c.month)) return std::nullopt;
  if (c.hour > 23 || c.minute > 59 || c.second > 59) return std::nullopt;
  return days_from_civil(c.year, c.month, c.day) * 86'400 + c.hour * 3600 + c.minute * 60 + c.second;
}

int two_digits(std::string_view text, std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); }

bool all_digits(std::string_view text) {
  for (const char c : text)
    if (c < '0' || c > '9') return false;
  return true;
}

//  hex digit  0..3  4..5   6..7  8..9     10..11  12..13  14..15  16..17      18..21     22..23
//             year  month  day   weekday  hour    minute  second  hundredths  deviation  status
Stamp parse_cosem(std::string_view text) {
  std::array<int, kCosemDigits / 2> b{};
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = hex_byte(text[2 * i], text[2 * i + 1]);
  const auto seconds = seconds_of({b[0] * 256 + b[1], b[2], b[3], b[5], b[6], b[7]});
  if (!seconds) return {};
  const int hundredths = b[8] <= 99 ? b[8] : 0;  // FFh: not given
  const std::int64_t wall_ns = *seconds * kSecond + hundredths * (kSecond / 100);
  const auto deviation_min = static_cast<std::int16_t>(b[9] * 256 + b[10]);
  if (deviation_min == std::numeric_limits<std::int16_t>::min()) {  // 8000h: unknown
    return {(b[11] & 0x80) != 0 ? Stamp::Kind::summer : Stamp::Kind::zone, wall_ns};
  }
  return {Stamp::Kind::utc, wall_ns + deviation_min * 60 * kSecond};
}

}  // namespace

std::optional<Stamp> parse_stamp(std::string_view text) {
  if (text.size() == kCosemDigits && is_hex(text)) return parse_cosem(text);
  if (text.size() != kStampDigits && text.size() != kStampDigits + 1) return std::nullopt;
  if (!all_digits(text.substr(0, kStampDigits))) return std::nullopt;

  Stamp::Kind kind = Stamp::Kind::zone;
  if (text.size() > kStampDigits) {
    const char suffix = text[kStampDigits];
    if (suffix >= '0' && suffix <= '9') return std::nullopt;  // thirteen digits are a number
    if (suffix == 'S' || suffix == 's') kind = Stamp::Kind::summer;
    if (suffix == 'W' || suffix == 'w') kind = Stamp::Kind::winter;
  }
  const int yy = two_digits(text, 0);
  const auto seconds = seconds_of({yy >= 70 ? 1900 + yy : 2000 + yy, two_digits(text, 2), two_digits(text, 4),
                                   two_digits(text, 6), two_digits(text, 8), two_digits(text, 10)});
  if (!seconds) return Stamp{};
  return Stamp{kind, *seconds * kSecond};
}

StampClock::StampClock(std::int64_t standard_offset_s, std::string_view zone)
    : winter_ns_(standard_offset_s * kSecond),
      summer_ns_((standard_offset_s + kHour) * kSecond),
      zone_(date::locate_zone(std::string{zone})) {}

std::int64_t StampClock::utc(const Stamp& stamp, std::int64_t previous_ns, std::int64_t received_ns) const {
  switch (stamp.kind) {
    case Stamp::Kind::null: return kNoTime;
    case Stamp::Kind::winter: return stamp.wall_ns - winter_ns_;
    case Stamp::Kind::summer: return stamp.wall_ns - summer_ns_;
    case Stamp::Kind::utc: return stamp.wall_ns;
    case Stamp::Kind::zone: return by_zone(stamp.wall_ns, previous_ns, received_ns);
  }
  return kNoTime;
}

std::int64_t StampClock::by_zone(std::int64_t wall_ns, std::int64_t previous_ns, std::int64_t received_ns) const {
  const date::local_seconds local{std::chrono::seconds{wall_ns / kSecond}};
  const auto info = zone_->get_info(local);
  const std::int64_t first = wall_ns - info.first.offset.count() * kSecond;
  if (info.result != date::local_info::ambiguous) return first;

  const std::int64_t second = wall_ns - info.second.offset.count() * kSecond;
  if (previous_ns != kNoTime) return first >= previous_ns ? first : second;
  const auto distance = [&](std::int64_t ns) { return ns > received_ns ? ns - received_ns : received_ns - ns; };
  return distance(first) <= distance(second) ? first : second;
}

}  // namespace mesura::dsmr_p1
