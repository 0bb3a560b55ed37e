// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "time_stamp.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace mesura::dsmr_p1;
using namespace std::chrono;

namespace {

constexpr std::int64_t ns(int year, unsigned month, unsigned day_of_month, int hour, int minute, int second) {
  const sys_days date = std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day_of_month};
  return (date.time_since_epoch() + hours{hour} + minutes{minute} + seconds{second}) / nanoseconds{1};
}

std::int64_t utc(const StampClock& clock, std::string_view text, std::int64_t previous = kNoTime,
                 std::int64_t received = 0) {
  const auto stamp = parse_stamp(text);
  REQUIRE(stamp);
  return clock.utc(*stamp, previous, received);
}

}  // namespace

TEST_CASE("the suffix fixes the offset from UTC") {
  const StampClock hour(3600, "Europe/Amsterdam");
  const StampClock two_hours(7200, "Europe/Vilnius");
  CHECK(utc(hour, "240115140000W") == ns(2024, 1, 15, 13, 0, 0));
  CHECK(utc(hour, "240701121507S") == ns(2024, 7, 1, 10, 15, 7));
  CHECK(utc(hour, "251026025959S") == ns(2025, 10, 26, 0, 59, 59));
  CHECK(utc(hour, "251026020000W") == ns(2025, 10, 26, 1, 0, 0));
  CHECK(utc(hour, "260329015959W") == ns(2026, 3, 29, 0, 59, 59));
  CHECK(utc(hour, "260329030000S") == ns(2026, 3, 29, 1, 0, 0));
  CHECK(utc(hour, "240715133000W") == ns(2024, 7, 15, 12, 30, 0));  // Sweden: winter time in July
  CHECK(utc(two_hours, "240214102015W") == ns(2024, 2, 14, 8, 20, 15));
  CHECK(utc(hour, "700101010000W") == 0);
  CHECK(utc(hour, "240701121507s") == ns(2024, 7, 1, 10, 15, 7));  // a Landis+Gyr 4.0 meter writes it small
}

TEST_CASE("two digits of a year reach from 1970 to 2069") {
  const StampClock clock(0, "UTC");
  CHECK(utc(clock, "991231235959W") == ns(1999, 12, 31, 23, 59, 59));
  CHECK(utc(clock, "000101000001W") == ns(2000, 1, 1, 0, 0, 1));
  CHECK(utc(clock, "691231000000W") == ns(2069, 12, 31, 0, 0, 0));
  CHECK(utc(clock, "240229120000W") == ns(2024, 2, 29, 12, 0, 0));
}

TEST_CASE("a component out of range means never set") {
  const StampClock clock(3600, "Europe/Amsterdam");
  for (const char* text : {"632525252525S", "000000000000W", "240001120000W", "240701250000S", "240230000000W",
                           "230229000000W", "240701126000S", "240701120060S", "FFFF010105000000FF800000"}) {
    INFO(text);
    CHECK(utc(clock, text) == kNoTime);
  }
}

TEST_CASE("what has neither shape is no stamp") {
  for (const char* text :
       {"", "240701", "2407011215070", "24070112150", "2407011215ABS", "003", "07E8061C050A2B2B00FF88"}) {
    INFO(text);
    CHECK_FALSE(parse_stamp(text));
  }
}

TEST_CASE("COSEM date-times carry their own deviation") {
  const StampClock clock(3600, "Europe/Amsterdam");
  CHECK(utc(clock, "07E8061C050A2B2B00FF8880") == ns(2024, 6, 28, 8, 43, 43));
  CHECK(utc(clock, "07E8061C050A2B2B32FF8880") == ns(2024, 6, 28, 8, 43, 43) + 500'000'000);
  CHECK(utc(clock, "07E8061C050A2B2B00800080") == ns(2024, 6, 28, 8, 43, 43));  // deviation unknown, summer
  CHECK(utc(clock, "07E8010F010E000000800000") == ns(2024, 1, 15, 13, 0, 0));  // deviation unknown, no summer: the zone
}

TEST_CASE("without a suffix the zone decides") {
  const StampClock clock(3600, "Europe/Amsterdam");
  CHECK(utc(clock, "240115140000") == ns(2024, 1, 15, 13, 0, 0));
  CHECK(utc(clock, "240701121507") == ns(2024, 7, 1, 10, 15, 7));
  CHECK(utc(clock, "240701121507T") == ns(2024, 7, 1, 10, 15, 7));  // an unknown suffix
}

TEST_CASE("in the repeated hour time does not go back") {
  const StampClock clock(3600, "Europe/Amsterdam");
  const std::int64_t summer = ns(2025, 10, 26, 0, 30, 0), winter = ns(2025, 10, 26, 1, 30, 0);
  CHECK(utc(clock, "251026023000", ns(2025, 10, 26, 0, 29, 0)) == summer);
  CHECK(utc(clock, "251026023000", ns(2025, 10, 26, 0, 59, 0)) == winter);
  // No stamp before: the clock of the host.
  CHECK(utc(clock, "251026023000", kNoTime, ns(2025, 10, 26, 0, 31, 0)) == summer);
  CHECK(utc(clock, "251026023000", kNoTime, ns(2025, 10, 26, 1, 31, 0)) == winter);
}

TEST_CASE("an unknown zone is named") {
  std::string message;
  try {
    const StampClock clock(3600, "Europe/Atlantis");
  } catch (const std::runtime_error& e) {
    message = e.what();
  }
  CHECK(message.find("Europe/Atlantis") != std::string::npos);
}

TEST_CASE("a quarter's end is rounded down") {
  CHECK(floor_quarter(ns(2024, 2, 5, 16, 45, 58)) == ns(2024, 2, 5, 16, 45, 0));
  CHECK(floor_quarter(ns(2024, 2, 5, 16, 45, 0)) == ns(2024, 2, 5, 16, 45, 0));
  CHECK(floor_quarter(ns(1969, 12, 31, 23, 50, 0)) == ns(1969, 12, 31, 23, 45, 0));
}
