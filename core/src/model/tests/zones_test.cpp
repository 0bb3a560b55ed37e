// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/zones.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;

Zone zone(const std::string& name) {
  INFO(name);
  const auto z = Zone::find(name);
  REQUIRE(z);
  return *z;
}

Window seconds(std::int64_t start, std::int64_t end) { return {start * kSecond, end * kSecond}; }

LocalTime local(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  LocalTime t;
  t.year = year;
  t.month = month;
  t.day = day;
  t.hour = hour;
  t.minute = minute;
  t.second = second;
  return t;
}

TEST_CASE("zones are found by IANA name") {
  CHECK(zone("Europe/Brussels").name() == "Europe/Brussels");
  CHECK(Zone::utc().to_local(0).hour == 0);
  const auto names = Zone::names();
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(std::binary_search(names.begin(), names.end(), "Europe/Amsterdam"));

  for (const auto* name : {"Europe/Brusels", "europe/brussels", "", "CET+1", "../etc/passwd", "Europe"}) {
    INFO(name);
    Problem problem;
    CHECK_FALSE(Zone::find(name, &problem));
    CHECK(problem.message == "unknown time zone '" + std::string{name} + "'");
    CHECK(problem.expected == "an IANA zone name such as Europe/Brussels");
    CHECK(problem.got == name);
    CHECK_FALSE(problem.hint.empty());
  }
}

TEST_CASE("local time around a change of the clock") {
  const auto brussels = zone("Europe/Brussels");
  auto t = brussels.to_local(1761438600 * kSecond + 5);  // 2025-10-26T00:30:00Z
  CHECK(t.year == 2025);
  CHECK(t.month == 10);
  CHECK(t.day == 26);
  CHECK(t.hour == 2);
  CHECK(t.minute == 30);
  CHECK(t.second == 0);
  CHECK(t.nanosecond == 5);
  CHECK(t.offset_s == 7200);
  CHECK(t.summer);
  t = brussels.to_local(1761442200 * kSecond);  // an hour later, the same reading
  CHECK(t.hour == 2);
  CHECK(t.minute == 30);
  CHECK(t.offset_s == 3600);
  CHECK_FALSE(t.summer);
  t = brussels.to_local(-1);
  CHECK(t.year == 1970);
  CHECK(t.hour == 0);
  CHECK(t.minute == 59);
  CHECK(t.second == 59);
  CHECK(t.nanosecond == 999999999);
}

TEST_CASE("a wall clock reading means one instant, or one of two") {
  const auto brussels = zone("Europe/Brussels");
  CHECK(brussels.to_utc(local(2026, 6, 14, 14, 45, 1)) == 1781441101 * kSecond);
  CHECK(brussels.to_utc(local(2025, 10, 26, 2, 30)) == 1761438600 * kSecond);
  CHECK(brussels.to_utc(local(2025, 10, 26, 2, 30), Repeated::second) == 1761442200 * kSecond);
  // 02:30 on 29 March 2026 does not exist: the clock went from 02:00 to 03:00 at 01:00Z.
  CHECK(brussels.to_utc(local(2026, 3, 29, 2, 30)) == 1774746000 * kSecond);
  CHECK(brussels.to_utc(local(2026, 3, 29, 3, 0)) == 1774746000 * kSecond);
  auto fine = local(2026, 6, 14, 14, 45, 1);
  fine.nanosecond = 7;
  CHECK(brussels.to_utc(fine) == 1781441101 * kSecond + 7);

  CHECK_FALSE(brussels.to_utc(local(2026, 2, 29)));
  CHECK_FALSE(brussels.to_utc(local(2026, 13, 1)));
  CHECK_FALSE(brussels.to_utc(local(2026, 1, 1, 24)));
  CHECK_FALSE(brussels.to_utc(local(2026, 1, 1, 0, 60)));
  CHECK_FALSE(brussels.to_utc(local(2026, 1, 1, 0, 0, 60)));
  CHECK_FALSE(brussels.to_utc(local(1600, 1, 1)));
  CHECK_FALSE(brussels.to_utc(local(2300, 1, 1)));
}

TEST_CASE("days are as long as the clock says") {
  const auto brussels = zone("Europe/Brussels");
  const auto autumn = seconds(1761429600, 1761519600);
  CHECK(autumn.end_ns - autumn.start_ns == 25 * kHour);
  CHECK(brussels.day(1761438600 * kSecond) == autumn);
  CHECK(brussels.day(autumn.start_ns) == autumn);
  CHECK(brussels.day(autumn.end_ns - 1) == autumn);
  CHECK(brussels.day(autumn.end_ns).start_ns == autumn.end_ns);
  const auto spring = seconds(1774738800, 1774821600);
  CHECK(spring.end_ns - spring.start_ns == 23 * kHour);
  CHECK(brussels.day(1774746000 * kSecond) == spring);
  CHECK(Zone::utc().day(1761438600 * kSecond) == seconds(1761436800, 1761523200));
  // Half-hour offset, and a date before 1970.
  CHECK(zone("Asia/Kolkata").day(1781441101 * kSecond).start_ns == 1781375400 * kSecond);
  CHECK(Zone::utc().day(-1) == seconds(-86400, 0));
}

TEST_CASE("days without a midnight, and with two") {
  // Beirut went from 00:00 to 01:00 on 28 March 2021: the day begins with the change.
  const auto beirut = zone("Asia/Beirut");
  const auto spring = beirut.day(1616900000 * kSecond);
  CHECK(spring.start_ns == 1616882400 * kSecond);
  CHECK(spring.end_ns - spring.start_ns == 23 * kHour);
  // Havana went back from 01:00 to 00:00 on 2 November 2025: the day begins with the first midnight.
  const auto havana = zone("America/Havana");
  const auto autumn = havana.day(1762063200 * kSecond);
  CHECK(autumn.start_ns == 1762056000 * kSecond);
  CHECK(autumn.end_ns - autumn.start_ns == 25 * kHour);
  CHECK(havana.day(1762059599 * kSecond) == autumn);
  CHECK(havana.day(1762059600 * kSecond) == autumn);
}

TEST_CASE("quarters of an hour") {
  const auto brussels = zone("Europe/Brussels");
  CHECK(brussels.quarter(1781441101 * kSecond) == seconds(1781441100, 1781442000));  // 14:45:01
  CHECK(brussels.quarter(1781441099 * kSecond) == seconds(1781440200, 1781441100));
  // 96 on a common day, 100 and 92 when the clock changes.
  const auto count = [&](std::int64_t in_day) {
    const auto day = brussels.day(in_day * kSecond);
    int n = 0;
    for (auto t = day.start_ns; t < day.end_ns; t = brussels.quarter(t).end_ns) ++n;
    return n;
  };
  CHECK(count(1781441101) == 96);
  CHECK(count(1761438600) == 100);
  CHECK(count(1774746000) == 92);
  // Nepal is 5:45 ahead, Chatham 12:45: their quarters are UTC's too.
  CHECK(zone("Asia/Kathmandu").quarter(1781441101 * kSecond) == seconds(1781441100, 1781442000));
  CHECK(zone("Europe/Brussels").quarter(-1) == seconds(-900, 0));
}

TEST_CASE("calendar months") {
  const auto brussels = zone("Europe/Brussels");
  const auto march = seconds(1772319600, 1774994400);
  CHECK(brussels.month(1774746000 * kSecond) == march);
  CHECK(brussels.month(march.start_ns) == march);
  CHECK(brussels.month(march.end_ns - 1) == march);
  CHECK(march.end_ns - march.start_ns == (31 * 24 - 1) * kHour);
  CHECK(brussels.month(1765000000 * kSecond) == seconds(1764543600, 1767222000));  // December into January
}

TEST_CASE("local time as text") {
  const auto brussels = zone("Europe/Brussels");
  CHECK(brussels.format(1781441101000000000) == "2026-06-14T14:45:01.000+02:00");
  CHECK(brussels.format(1761442200 * kSecond) == "2025-10-26T02:30:00.000+01:00");
  CHECK(brussels.format(1781441101213400000, TimeStyle::table) == "2026-06-14 14:45:01.213400");
  CHECK(Zone::utc().format(0) == "1970-01-01T00:00:00.000+00:00");
  CHECK(zone("America/St_Johns").format(1781441101 * kSecond) == "2026-06-14T10:15:01.000-02:30");
}

TEST_CASE("times at the ends of what ns can hold are taken as the nearest in range") {
  const auto brussels = zone("Europe/Brussels");
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  CHECK(brussels.to_local(kMin).year == 1677);
  CHECK(brussels.to_local(kMax).year == 2262);
  for (const auto t : {kMin, kMax}) {
    CHECK(brussels.quarter(t).end_ns - brussels.quarter(t).start_ns == 900 * kSecond);
    CHECK(brussels.day(t).end_ns > brussels.day(t).start_ns);
    CHECK(brussels.month(t).end_ns > brussels.month(t).start_ns);
  }
  CHECK(brussels.format(kMax).substr(0, 7) == "2262-03");
}

}  // namespace
}  // namespace mesura::model
