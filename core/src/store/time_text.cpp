// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/time_text.hpp"

#include "config/units.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace mesura::store {
namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
// Beyond, ns do not fit into 64 bits. The ends of spans must fit as well.
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;
constexpr std::int64_t kFirst = -9'214'560'000 * kSecond;
constexpr std::int64_t kEnd = 9'214'646'400 * kSecond;

constexpr char kNoTime[] = "is no time of the calendar";

/// The text as messages quote it: short, and without what would garble a terminal.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > 60 ? "...'" : "'");
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

struct Moment {
  std::int64_t start_ns;
  std::int64_t end_ns;  ///< the same for an instant
};

using Answer = std::optional<Moment>;

class Reader {
 public:
  Reader(std::int64_t now_ns, const model::Zone& zone) : now_ns_(now_ns), zone_(zone) {}

  /// Nullopt: not such a text, or one that is out of range (then `reason` says so).
  Answer read(std::string_view text) {
    if (text == "now") return instant(now_ns_);
    if (const Answer word = read_word(text); word || !reason.empty()) return word;
    if (text.starts_with("now") && text.size() > 3 && (text[3] == '-' || text[3] == '+')) text.remove_prefix(3);
    if (text.starts_with('-') || text.starts_with('+')) return read_relative(text);
    if (const Answer date = read_date(text); date || !reason.empty()) return date;
    if (text.find_first_not_of("0123456789.") == std::string_view::npos) return read_epoch(text);
    return read_time(text);
  }
  std::string reason;

 private:
  Answer instant(std::int64_t ns) {
    if (ns < kFirst || ns >= kEnd) return out_of_range();
    return Moment{ns, ns};
  }

  Answer out_of_range() {
    reason = fmt::format("is beyond the years {} to {}", kFirstYear, kLastYear);
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::int64_t> midnight(std::chrono::year_month_day date) const {
    model::LocalTime local;
    local.year = static_cast<int>(date.year());
    local.month = static_cast<int>(static_cast<unsigned>(date.month()));
    local.day = static_cast<int>(static_cast<unsigned>(date.day()));
    local.hour = 12;
    const auto noon = zone_.to_utc(local);
    return noon ? std::optional{zone_.day(*noon).start_ns} : std::nullopt;
  }

  Answer span(std::chrono::year_month_day from, std::chrono::year_month_day to) {
    // Within the edges both ends are exact.
    if (static_cast<int>(from.year()) < kFirstYear || static_cast<int>(to.year()) > kLastYear) return out_of_range();
    const auto start = midnight(from);
    const auto end = midnight(to);
    if (!start || !end) return std::nullopt;
    return Moment{*start, *end};
  }

  Answer read_word(std::string_view word) {
    using namespace std::chrono;
    const model::LocalTime local = zone_.to_local(now_ns_);
    const year_month_day today{year{local.year}, month{static_cast<unsigned>(local.month)},
                               day{static_cast<unsigned>(local.day)}};
    const auto days_from = [&](int first, int count) {
      const sys_days start = sys_days{today} + days{first};
      return span(start, start + days{count});
    };
    if (word == "today") return days_from(0, 1);
    if (word == "yesterday") return days_from(-1, 1);
    if (word == "tomorrow") return days_from(1, 1);
    const int back = word.starts_with("this_") ? 0 : word.starts_with("last_") ? 1 : -1;
    if (back < 0) return std::nullopt;
    const std::string_view unit = word.substr(5);
    if (unit == "hour") {
      // Of the clock on the wall, which some zones have half an hour off.
      const std::int64_t offset = std::int64_t{local.offset_s} * kSecond;
      const std::int64_t since = ((now_ns_ + offset) % kHour + kHour) % kHour;
      const std::int64_t start = now_ns_ - since - back * kHour;
      return Moment{start, start + kHour};
    }
    if (unit == "week") {
      const int since_monday = static_cast<int>(weekday{sys_days{today}}.iso_encoding()) - 1;
      return days_from(-since_monday - 7 * back, 7);
    }
    if (unit == "month") {
      const year_month_day first{today.year(), today.month(), day{1}};
      return span(first - months{back}, first - months{back - 1});
    }
    if (unit == "year") {
      const year y = today.year() - years{back};
      return span({y, January, day{1}}, {y + years{1}, January, day{1}});
    }
    return std::nullopt;
  }

  Answer read_relative(std::string_view text) {
    const auto length = config::parse_duration(text.substr(1));
    if (!length) {
      reason = "is no duration after its sign";
      return std::nullopt;
    }
    std::int64_t at = 0;
    if (text.front() == '-' ? __builtin_sub_overflow(now_ns_, length->count(), &at)
                            : __builtin_add_overflow(now_ns_, length->count(), &at))
      return out_of_range();
    return instant(at);
  }

  // A day, month or year.
  Answer read_date(std::string_view text) {
    const auto number = [&](std::size_t at, std::size_t size) {
      int value = -1;
      const std::string_view part = text.substr(at, size);
      if (is_digits(part)) std::from_chars(part.data(), part.data() + part.size(), value);
      return value;
    };
    using namespace std::chrono;
    const bool shape = (text.size() == 4 && is_digits(text)) || (text.size() == 7 && text[4] == '-') ||
                       (text.size() == 10 && text[4] == '-' && text[7] == '-');
    if (!shape) return std::nullopt;
    const int y = number(0, 4);
    const int m = text.size() >= 7 ? number(5, 2) : 1;
    const int d = text.size() >= 10 ? number(8, 2) : 1;
    const year_month_day first{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
    if (y < 0 || m < 1 || d < 1 || !first.ok()) {
      reason = "is no date of the calendar";
      return std::nullopt;
    }
    if (text.size() == 4) return span(first, {first.year() + years{1}, January, day{1}});
    if (text.size() == 7) return span(first, first + months{1});
    return span(first, sys_days{first} + days{1});
  }

  Answer read_epoch(std::string_view text) {
    const auto point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view decimals = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
    if (!is_digits(whole) || (point != std::string_view::npos && !is_digits(decimals))) return std::nullopt;
    std::int64_t value = 0;
    if (std::from_chars(whole.data(), whole.data() + whole.size(), value).ec != std::errc{}) return out_of_range();
    // Seconds of the years that count have up to 11 digits, milliseconds 12 (since 1973) to 14.
    const std::int64_t unit = point != std::string_view::npos || whole.size() < 12 ? kSecond
                              : whole.size() < 15                                  ? 1'000'000
                              : whole.size() < 18                                  ? 1'000
                                                                                   : 1;
    std::int64_t fraction = 0;
    std::int64_t scale = kSecond / 10;
    for (const char c : decimals.substr(0, 9)) {
      fraction += (c - '0') * scale;
      scale /= 10;
    }
    std::int64_t ns = 0;
    if (__builtin_mul_overflow(value, unit, &ns) || __builtin_add_overflow(ns, fraction, &ns)) return out_of_range();
    return instant(ns);
  }

  Answer read_time(std::string_view text) {
    if (text.size() < 16 || text[4] != '-' || text[7] != '-' || text[13] != ':') return std::nullopt;
    std::string full{text};
    // Seconds may be left out: 2026-06-14T14:45+02:00
    if (full.size() == 16 || full[16] != ':') full.insert(16, ":00");
    const std::string_view clock = std::string_view{full}.substr(10);
    const bool with_offset = clock.find_first_of("Zz+-") != std::string_view::npos;
    if (with_offset) {
      if (const auto time = runtime::parse_time(full)) return instant(*time);
      reason = kNoTime;
      return std::nullopt;
    }
    const auto as_utc = runtime::parse_time(full + "Z");
    if (!as_utc) {
      // A form or URL turns '+' into a blank.
      reason = clock.substr(1).find(' ') != std::string_view::npos ? "is no time; is its '+' sent as %2B?" : kNoTime;
      return std::nullopt;
    }
    model::LocalTime local = model::Zone::utc().to_local(*as_utc);
    const auto time = zone_.to_utc(local);
    if (!time) return std::nullopt;
    return instant(*time);
  }

  std::int64_t now_ns_;
  const model::Zone& zone_;
};

}  // namespace

std::optional<std::int64_t> parse_instant(std::string_view text, Bound bound, std::int64_t now_ns,
                                          const model::Zone& zone, model::Problem* problem) {
  Reader reader{now_ns, zone};
  if (const Answer moment = reader.read(text)) return bound == Bound::from ? moment->start_ns : moment->end_ns;
  if (problem != nullptr) {
    problem->message = fmt::format("{} {}", quoted(text), reader.reason.empty() ? "is no time" : reader.reason);
    problem->expected = "2026-06-14T14:45:01+02:00, 2026-06-14, 1781441101, -5m, now, today, this_month ...";
    problem->got = quoted(text);
    problem->hint = text.empty() ? "leave it out, or give a time" : "times without an offset are those of the site";
  }
  return std::nullopt;
}

std::optional<nanoseconds> parse_every(std::string_view text, model::Problem* problem) {
  using namespace std::chrono_literals;
  constexpr std::array<std::pair<std::string_view, nanoseconds>, 6> kWords{
      {{"minute", 1min}, {"15min", 15min}, {"quarter_hour", 15min}, {"hour", 1h}, {"day", 24h}, {"week", 168h}}};
  for (const auto& [word, length] : kWords)
    if (word == text) return length;
  const auto length = config::parse_duration(text);
  if (length && length->count() > 0) return *length;
  if (problem != nullptr) {
    problem->message = fmt::format("{} is no length of a window", quoted(text));
    problem->expected = "a number and a unit: 10s, 15m, 1h, 1d";
    problem->got = quoted(text);
    problem->hint = length.error == config::UnitError::no_unit ? "a number needs its unit: ms, s, m, h, d, w"
                    : text == "month" || text == "year"        ? "months and years are for energy"
                                                               : "days are those of the site, from midnight";
  }
  return std::nullopt;
}

std::optional<Resolution> parse_resolution(std::string_view text, model::Problem* problem) {
  for (const Resolution r :
       {Resolution::raw, Resolution::minute, Resolution::quarter_hour, Resolution::hour, Resolution::day})
    if (to_string(r) == text) return r;
  if (problem != nullptr && text != "auto") {
    problem->message = fmt::format("{} is no resolution", quoted(text));
    problem->expected = "auto, raw, 1m, 15m, 1h, 1d";
    problem->got = quoted(text);
    problem->hint = "leave it out for the one that fits";
  }
  return std::nullopt;
}

}  // namespace mesura::store
