// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/time_text.hpp"

#include "support/catch.hpp"

#include <limits>

using mesura::runtime::format_time;
using mesura::runtime::parse_time;
using mesura::runtime::Precision;

TEST_CASE("times are written in UTC") {
  CHECK(format_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(format_time(1'781'441'101'000'000'000) == "2026-06-14T12:45:01.000Z");
  CHECK(format_time(1'781'441'101'987'654'321, Precision::seconds) == "2026-06-14T12:45:01Z");
  CHECK(format_time(1'781'441'101'987'654'321) == "2026-06-14T12:45:01.987Z");
  CHECK(format_time(1'781'441'101'987'654'321, Precision::microseconds) == "2026-06-14T12:45:01.987654Z");
  CHECK(format_time(1'781'441'101'987'654'321, Precision::nanoseconds) == "2026-06-14T12:45:01.987654321Z");
  CHECK(format_time(-1, Precision::nanoseconds) == "1969-12-31T23:59:59.999999999Z");
  CHECK(format_time(std::numeric_limits<std::int64_t>::min(), Precision::nanoseconds) ==
        "1677-09-21T00:12:43.145224192Z");
  CHECK(format_time(std::numeric_limits<std::int64_t>::max(), Precision::nanoseconds) ==
        "2262-04-11T23:47:16.854775807Z");
}

TEST_CASE("times are read with any fraction and offset") {
  CHECK(parse_time("2026-06-14T12:45:01Z") == 1'781'441'101'000'000'000);
  CHECK(parse_time("2026-06-14t12:45:01.5z") == 1'781'441'101'500'000'000);
  CHECK(parse_time("2026-06-14 14:45:01.987654321+02:00") == 1'781'441'101'987'654'321);
  CHECK(parse_time("2026-06-14T12:45:01.98765432199Z") == 1'781'441'101'987'654'321);
  CHECK(parse_time("2026-06-14T07:15:01-05:30") == 1'781'441'101'000'000'000);
  CHECK(parse_time("1969-12-31T23:59:59.999999999Z") == -1);
  CHECK(parse_time("2024-02-29T00:00:00Z") == 1'709'164'800'000'000'000);
  CHECK(parse_time("2016-12-31T23:59:60Z") == 1'483'228'800'000'000'000);
}

TEST_CASE("what is no time is refused") {
  for (const char* text :
       {"", "2026-06-14", "2026-06-14T12:45:01", "2026-06-14T12:45:01.Z", "2026-6-14T12:45:01Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-06-14T24:00:00Z", "2026-06-14T12:60:00Z", "2026-06-14T12:45:61Z",
        "2026-06-14T12:45:01Z ", " 2026-06-14T12:45:01Z", "2026-06-14T12:45:01+2:00", "2026-06-14T12:45:01+24:00",
        "2026/06/14T12:45:01Z", "2026-06-14T12:45:+1Z", "1600-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}) {
    INFO(text);
    CHECK_FALSE(parse_time(text).has_value());
  }
}
