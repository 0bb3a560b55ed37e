// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/time_text.hpp"

#include "runtime/time_text.hpp"

#include "support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace mesura;
using namespace mesura::store;

namespace {

// 2026-10-25 (the clock goes back that night) 14:45:01.5 in Brussels, a Sunday.
constexpr std::int64_t kNow = 1'792'935'901'500'000'000;

std::string at(std::string_view text, Bound bound = Bound::from, std::string_view zone = "Europe/Brussels") {
  model::Problem problem;
  const auto ns = parse_instant(text, bound, kNow, *model::Zone::find(zone), &problem);
  return ns ? runtime::format_time(*ns) : "!" + problem.message;
}

}  // namespace

TEST_CASE("times: what people write", "[time]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"2026-06-14T14:45:01.5+02:00", "2026-06-14T12:45:01.500Z"},
      {"2026-06-14T12:45:01Z", "2026-06-14T12:45:01.000Z"},
      {"2026-06-14 12:45:01z", "2026-06-14T12:45:01.000Z"},
      {"2026-06-14T14:45+02:00", "2026-06-14T12:45:00.000Z"},
      {"2026-06-14T14:45:01", "2026-06-14T12:45:01.000Z"},
      {"2026-06-14 14:45", "2026-06-14T12:45:00.000Z"},
      {"2026-10-25T02:30", "2026-10-25T00:30:00.000Z"},  // the first of two
      {"2026-03-29T02:30", "2026-03-29T01:00:00.000Z"},  // skipped
      {"2026-06-14", "2026-06-13T22:00:00.000Z"},
      {"2026-06", "2026-05-31T22:00:00.000Z"},
      {"2026", "2025-12-31T23:00:00.000Z"},
      {"1781441101", "2026-06-14T12:45:01.000Z"},
      {"1781441101.25", "2026-06-14T12:45:01.250Z"},
      {"1781441101250", "2026-06-14T12:45:01.250Z"},
      {"1781441101250000", "2026-06-14T12:45:01.250Z"},
      {"1781441101250000000", "2026-06-14T12:45:01.250Z"},
      {"0", "1970-01-01T00:00:00.000Z"},
      {"now", "2026-10-25T13:45:01.500Z"},
      {"-5m", "2026-10-25T13:40:01.500Z"},
      {"+1h30m", "2026-10-25T15:15:01.500Z"},
      {"now-1d", "2026-10-24T13:45:01.500Z"},
      {"today", "2026-10-24T22:00:00.000Z"},
      {"yesterday", "2026-10-23T22:00:00.000Z"},
      {"this_hour", "2026-10-25T13:00:00.000Z"},
      {"this_week", "2026-10-18T22:00:00.000Z"},
      {"last_week", "2026-10-11T22:00:00.000Z"},
      {"this_month", "2026-09-30T22:00:00.000Z"},
      {"last_month", "2026-08-31T22:00:00.000Z"},
      {"this_year", "2025-12-31T23:00:00.000Z"},
      {"last_year", "2024-12-31T23:00:00.000Z"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(at(text) == expected);
  }
}

TEST_CASE("times: a span as an end is its end", "[time]") {
  CHECK(at("today", Bound::to) == "2026-10-25T23:00:00.000Z");  // 25 hours
  CHECK(at("2026-03-29", Bound::to) == "2026-03-29T22:00:00.000Z");
  CHECK(at("2026-02", Bound::to) == "2026-02-28T23:00:00.000Z");
  CHECK(at("2026", Bound::to) == "2026-12-31T23:00:00.000Z");
  CHECK(at("last_year", Bound::to) == "2025-12-31T23:00:00.000Z");
  CHECK(at("last_month", Bound::to) == at("this_month", Bound::from));
  CHECK(at("last_week", Bound::to) == at("this_week", Bound::from));
  CHECK(at("last_hour", Bound::to) == at("this_hour", Bound::from));
  CHECK(at("2026-06-14T12:00Z", Bound::to) == "2026-06-14T12:00:00.000Z");
  CHECK(at("this_hour", Bound::from, "Asia/Kolkata") == "2026-10-25T13:30:00.000Z");
}

TEST_CASE("times: what is none", "[time]") {
  for (const std::string text : {"",
                                 "  ",
                                 "tomorow",
                                 "2026-13-01",
                                 "2026-02-30",
                                 "2026-6-1",
                                 "-5",
                                 "-m",
                                 "+",
                                 "now-",
                                 "-5m ago",
                                 "1e9",
                                 "1.2.3",
                                 ".5",
                                 "2026-06-14T25:00Z",
                                 "2026-06-14T12:00 02:00",
                                 "9999",
                                 "9999-12-31",
                                 "9999-12-31T00:00:00Z",
                                 "0001",
                                 "99999999999999999999",
                                 "9223372036",
                                 "-300w1d292y",
                                 "this_",
                                 "last_decade",
                                 "\x1b[31m",
                                 "2026-06-14T14:45:01+"}) {
    INFO(text);
    CHECK(at(text).starts_with("!"));
    CHECK(at(text, Bound::to).find('\x1b') == std::string::npos);
  }
  CHECK_THAT(at("9999-12-31"), mesura::test::contains("1678 to 2261"));
  CHECK_THAT(at("99999999999"), mesura::test::contains("1678 to 2261"));
  CHECK_THAT(at("2026-06-14T12:00:00 02:00"), mesura::test::contains("%2B"));
}

TEST_CASE("windows: lengths", "[time]") {
  using namespace std::chrono_literals;
  CHECK(parse_every("15m") == 15min);
  CHECK(parse_every("day") == 24h);
  CHECK(parse_every("1h30m") == 90min);
  for (const char* text : {"", "15", "0s", "-1h", "1x", "month", "300y", "99999999999d"}) {
    model::Problem problem;
    INFO(text);
    CHECK_FALSE(parse_every(text, &problem));
    CHECK_FALSE(problem.message.empty());
  }
  CHECK(parse_resolution("15m") == Resolution::quarter_hour);
  CHECK(parse_resolution("raw") == Resolution::raw);
  model::Problem problem;
  CHECK_FALSE(parse_resolution("auto", &problem));
  CHECK(problem.message.empty());
  CHECK_FALSE(parse_resolution("2m", &problem));
  CHECK_THAT(problem.message, mesura::test::contains("2m"));
}
