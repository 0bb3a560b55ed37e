// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/time_text.hpp"

#include <array>
#include <chrono>

namespace mesura::runtime {
namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

void put(char* at, std::int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// Takes what it reads off the front of a text; after a failure everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) value = value * 10 + digit();
    return value;
  }
  bool accept(std::string_view any_of) {
    if (text_.empty() || any_of.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(std::string_view any_of) { good_ = accept(any_of) && good_; }
  /// The decimals of a second as nanoseconds; at least one digit.
  std::int64_t fraction() {
    std::int64_t value = digit();
    int count = 1;
    for (; next_is_digit(); ++count) {
      const int d = digit();
      if (count < 9) value = value * 10 + d;
    }
    for (; count < 9; ++count) value *= 10;
    return value;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  [[nodiscard]] bool next_is_digit() const { return !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; }
  int digit() {
    good_ = good_ && next_is_digit();
    if (!good_) return 0;
    const int value = text_.front() - '0';
    text_.remove_prefix(1);
    return value;
  }

  std::string_view text_;
  bool good_ = true;
};

}  // namespace

void append_time(std::string& out, std::int64_t time_ns, Precision precision) {
  std::int64_t day_number = time_ns / kDay;
  std::int64_t in_day = time_ns % kDay;
  if (in_day < 0) {
    in_day += kDay;
    --day_number;
  }
  const year_month_day date{sys_days{days{day_number}}};
  const std::int64_t second = in_day / kSecond;

  std::array<char, 31> text{"0000-00-00T00:00:00.000000000Z"};
  put(text.data(), int{date.year()}, 4);
  put(&text[5], unsigned{date.month()}, 2);
  put(&text[8], unsigned{date.day()}, 2);
  put(&text[11], second / 3600, 2);
  put(&text[14], second / 60 % 60, 2);
  put(&text[17], second % 60, 2);
  put(&text[20], in_day % kSecond, 9);
  const auto decimals = static_cast<std::size_t>(precision);
  out.append(text.data(), decimals == 0 ? 19 : 20 + decimals);
  out += 'Z';
}

std::string format_time(std::int64_t time_ns, Precision precision) {
  std::string out;
  append_time(out, time_ns, precision);
  return out;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  Scanner in{text};
  const int y = in.digits(4);
  in.expect("-");
  const int mo = in.digits(2);
  in.expect("-");
  const int d = in.digits(2);
  in.expect("Tt ");
  const int h = in.digits(2);
  in.expect(":");
  const int mi = in.digits(2);
  in.expect(":");
  const int s = in.digits(2);
  const std::int64_t fraction = in.accept(".") ? in.fraction() : 0;
  int offset_minutes = 0;
  if (!in.accept("Zz")) {
    const bool west = in.accept("-");
    if (!west) in.expect("+");
    const int oh = in.digits(2);
    in.expect(":");
    const int om = in.digits(2);
    if (oh > 23 || om > 59) return std::nullopt;
    offset_minutes = (oh * 60 + om) * (west ? -1 : 1);
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!in.good() || !in.at_end() || !date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  // Outside these years the nanoseconds do not fit into 64 bits.
  if (y < 1678 || y > 2261) return std::nullopt;
  const std::int64_t day_number = sys_days{date}.time_since_epoch().count();
  return day_number * kDay + ((h * 60LL + mi - offset_minutes) * 60 + s) * kSecond + fraction;
}

}  // namespace mesura::runtime
